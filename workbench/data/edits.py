"""Edits to examples: examples that a stream omits, and values that it replaces during reading.

The edits belong to a stream and not to its dataset, whose arrays and files never change. `Edits` is
immutable. A `Drop` records the position where it starts to apply, so that an epoch with dropped
examples can be read again with the same batches, from any position.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from workbench.data.readonly import read_only
from workbench.data.schemes.base import IndexScheme, Indices, IterationScheme, Request
from workbench.data.schemes.indexed import (
    SequentialExampleScheme,
    SequentialScheme,
    ShuffledExampleScheme,
    ShuffledScheme,
    one_by_one,
    portions,
)

REFILLED = (SequentialScheme, ShuffledScheme, SequentialExampleScheme, ShuffledExampleScheme)
"""Schemes that replace dropped examples with later ones, so that batches stay full."""


@dataclass(frozen=True)
class Drop:
    """Examples that a stream omits.

    Attributes
    ----------
    examples : tuple of int
        The indices of the examples in the dataset.
    epoch : int or None
        The epoch whose first `taken` examples are not affected; None if there is no such
        epoch.
    taken : int
        The number of examples of that epoch that had been read before the drop.
    """

    examples: tuple[int, ...]
    epoch: int | None = None
    taken: int = 0

    def start(self, epoch: int) -> int:
        """Return how many examples at the start of an epoch are read despite the drop."""
        return self.taken if epoch == self.epoch else 0


@dataclass(frozen=True)
class Edits:
    """Examples to omit, and new values for examples.

    Attributes
    ----------
    drops : tuple of Drop
        The examples to omit, in the order they were dropped.
    values : mapping
        For each source, a mapping from the index of an example to its new value.

    Examples
    --------
    >>> edits = Edits().without([3], epoch=0, taken=0).with_value("targets", [1, 2], 7)
    >>> edits.dropped, edits.values
    ([3], {'targets': {1: 7, 2: 7}})
    >>> edits.replaced(("targets",), (np.array([0, 0]),), slice(2, 4))
    (array([7, 0]),)
    """

    drops: tuple[Drop, ...] = ()
    values: Mapping[str, Mapping[int, Any]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.drops or self.values)

    def __str__(self) -> str:
        count = len({index for values in self.values.values() for index in values})
        dropped = len(self.dropped)
        return f"{dropped} example{'s' * (dropped != 1)} dropped, {count} relabelled"

    @property
    def dropped(self) -> list[int]:
        """The indices of all omitted examples, in ascending order."""
        return sorted({index for drop in self.drops for index in drop.examples})

    def without(self, examples: Iterable[int], *, epoch: int, taken: int) -> Edits:
        """Return edits that also omit `examples`, except the first `taken` examples of `epoch`."""
        earlier = {i for d in self.drops if d.epoch not in (None, epoch) for i in d.examples}
        earlier.update(i for d in self.drops if d.epoch is None for i in d.examples)
        here = [drop for drop in self.drops if drop.epoch == epoch]
        new = Drop(tuple(sorted(set(examples))), epoch, taken)
        if here and here[-1].taken == taken:
            both = set(here.pop().examples) | set(new.examples)
            new = replace(new, examples=tuple(sorted(both)))
        before = [Drop(tuple(sorted(earlier)))] if earlier else []
        return replace(self, drops=(*before, *here, new))

    def with_value(self, source: str, examples: Iterable[int], value: Any) -> Edits:
        """Return edits that also set `source` to `value` for the given examples."""
        of_source = {**self.values.get(source, {}), **dict.fromkeys(examples, value)}
        return replace(self, values={**self.values, source: of_source})

    def everywhere(self) -> Edits:
        """Return the edits for reading outside training, where drops apply to all epochs."""
        dropped = self.dropped
        return replace(self, drops=(Drop(tuple(dropped)),) if dropped else ())

    def replaced(
        self, sources: Sequence[str], data: tuple[Any, ...], request: Request
    ) -> tuple[Any, ...]:
        """Return the data of a request, with new values written to copies."""
        tables = self._tables
        return tuple(
            [
                _replaced(entry, tables[name], self.values[name], request)
                if name in tables
                else entry
                for name, entry in zip(sources, data, strict=True)
            ]
        )

    @cached_property
    def _tables(self) -> dict[str, npt.NDArray[np.bool_]]:
        """Mapping from source to an array that is True for each example with a new value."""
        tables = {}
        for name, values in self.values.items():
            indices = np.fromiter(values, np.intp)
            tables[name] = np.zeros(indices.max(initial=-1) + 1, bool)
            tables[name][indices] = True
        return tables

    def iterate(
        self, dataset: Any, scheme: IterationScheme, epoch: int, start: int
    ) -> Iterator[tuple[Any, ...]]:
        """Read the edited batches of an epoch, starting with batch `start`."""
        edited = EditedScheme(scheme, self.drops)
        if not self.values:
            read: Iterator[tuple[Any, ...]] = dataset.iterate(edited, epoch, start)
            return read
        return self._replaced_batches(dataset, edited, epoch, start)

    def _replaced_batches(
        self, dataset: Any, scheme: EditedScheme, epoch: int, start: int
    ) -> Iterator[tuple[Any, ...]]:
        scheme.noted = deque()
        for data in dataset.iterate(scheme, epoch, start):
            yield self.replaced(dataset.sources, data, scheme.noted.popleft())

    def state_dict(self) -> dict[str, Any]:
        """Return the edits as plain values."""
        return {
            "drops": [[list(drop.examples), drop.epoch, drop.taken] for drop in self.drops],
            "values": {
                source: [list(values), [_plain(value) for value in values.values()]]
                for source, values in self.values.items()
            },
        }

    @classmethod
    def of(cls, state: Mapping[str, Any]) -> Edits:
        """Restore edits from the plain values that `state_dict` returned."""
        drops = tuple(Drop(tuple(examples), *where) for examples, *where in state["drops"])
        given = state["values"].items()
        return cls(drops, {name: dict(zip(*pairs, strict=True)) for name, pairs in given})


class EditedScheme(IterationScheme):
    """Scheme that returns the requests of another scheme, but omits some examples.

    If the other scheme is one of `REFILLED`, later examples move up, so that only the last batch of
    an epoch may be smaller. Otherwise the batches become smaller, since the scheme may group
    examples deliberately. A batch without examples is omitted.

    Parameters
    ----------
    scheme : IterationScheme
        A scheme whose requests are indices.
    drops : sequence of Drop
        The examples to omit.

    Examples
    --------
    >>> scheme = EditedScheme(SequentialScheme(6, batch_size=2), [Drop((1, 2))])
    >>> [indices.tolist() for indices in scheme.get_request_iterator()]
    [[0, 3], [4, 5]]
    >>> scheme = EditedScheme(SequentialScheme(6, batch_size=2), [Drop((0, 3), epoch=7, taken=2)])
    >>> [indices.tolist() for indices in scheme.get_request_iterator(epoch=7)]
    [[0, 1], [2, 4], [5]]
    """

    noted: deque[Request] | None = None

    def __init__(self, scheme: IterationScheme, drops: Sequence[Drop]) -> None:
        self.scheme = scheme
        self.drops = tuple(drops)
        self.requests_examples = scheme.requests_examples
        self.batch_size = scheme.batch_size
        self.num_examples, self.num_batches = self.lengths(None)

    @property
    def bounds(self) -> tuple[int, int] | None:
        return self.scheme.bounds

    def lengths(self, epoch: int | None) -> tuple[int | None, int | None]:
        """Return the numbers of examples and batches in `epoch`; None stands for later epochs.

        For a user's scheme both numbers are None, since reading the requests may change the scheme.
        """
        scheme = self.scheme
        if scheme.num_batches is None or not type(scheme).__module__.startswith("workbench."):
            return None, None
        at = -1 if epoch is None else epoch
        if type(scheme) in REFILLED:
            assert isinstance(scheme, IndexScheme)
            # the length of later epochs does not depend on their order
            order = scheme.indices if epoch is None else scheme._order(epoch)
            count = len(_kept(order, self.drops, at))
            return count, count if scheme.batch_size is None else -(-count // scheme.batch_size)
        sizes = [_size(request) for request in self._requests(at)]
        return sum(sizes), len(sizes)

    def get_request_iterator(self, epoch: int = 0, start: int = 0) -> Iterator[Request]:
        requests = self._requests(epoch, start)
        return requests if self.noted is None else self._note(requests)

    def _requests(self, epoch: int, start: int = 0) -> Iterator[Request]:
        scheme = self.scheme
        if not self.drops:
            return scheme.get_request_iterator(max(epoch, 0), start)
        if type(scheme) in REFILLED:
            assert isinstance(scheme, IndexScheme)
            order = _kept(scheme._order(epoch), self.drops, epoch)
            if scheme.batch_size is None:
                return one_by_one(order[start:])
            ascending = getattr(scheme, "sorted_indices", False)
            return portions(order, scheme.batch_size, start, ascending=ascending)
        requests = scheme.get_request_iterator(max(epoch, 0))
        for drop in self.drops:
            requests = _thinned(requests, drop.examples, drop.start(epoch))
        return islice(requests, start, None)

    def _note(self, requests: Iterator[Request]) -> Iterator[Request]:
        """Yield and record each request, so that the examples of each batch are known."""
        assert self.noted is not None
        for request in requests:
            self.noted.append(request)
            yield request

    def taken(self, epoch: int, position: int) -> int:
        """Return the number of examples in the first `position` requests of an epoch."""
        if self.requests_examples:
            return position
        return sum(map(_size, islice(self._requests(epoch), position)))

    def __repr__(self) -> str:
        count = len({index for drop in self.drops for index in drop.examples})
        return f"EditedScheme({self.scheme!r}, {count} example{'s' * (count != 1)} dropped)"


def indices_of(request: Request) -> npt.NDArray[np.intp]:
    """Return the indices that a request reads."""
    if isinstance(request, slice):
        return np.arange(request.start, request.stop)
    return np.atleast_1d(np.asarray(request, dtype=np.intp))


def _size(request: Request) -> int:
    return request.stop - request.start if isinstance(request, slice) else int(np.size(request))


def _kept(order: Indices, drops: Iterable[Drop], epoch: int) -> npt.NDArray[np.intp]:
    found = np.asarray(order, dtype=np.intp)
    for drop in drops:
        first, rest = np.split(found, [drop.start(epoch)])
        found = np.concatenate([first, rest[~np.isin(rest, drop.examples)]])
    return found


def _thinned(requests: Iterator[Request], examples: Sequence[int], taken: int) -> Iterator[Request]:
    """Yield the requests without the indices in `examples`, but keep the first `taken` indices."""
    for request in requests:
        indices = indices_of(request)
        first, rest = np.split(indices, [taken])
        taken -= len(first)
        gone = np.isin(rest, examples)
        if not gone.any():
            yield request
            continue
        kept = np.concatenate([first, rest[~gone]])
        if len(kept):
            yield kept


def _replaced(
    entry: Any, table: npt.NDArray[np.bool_], values: Mapping[int, Any], request: Request
) -> Any:
    """Return the data for one source of a request, with new values written to a copy."""
    if not isinstance(request, slice) and np.ndim(request) == 0:
        index = int(request)
        return as_entry(values[index], entry) if index in values else entry
    if isinstance(request, slice) and not table[request].any():
        return entry
    indices = indices_of(request)
    changed = table.take(indices, mode="clip") & (indices < len(table))
    if not changed.any():
        return entry
    rows = np.flatnonzero(changed).tolist()
    if isinstance(entry, torch.Tensor):
        copied: Any = entry.clone()
    else:
        copied = entry.copy() if isinstance(entry, np.ndarray) else list(entry)
    for row in rows:
        copied[row] = as_entry(values[int(indices[row])], entry[row])
    return read_only(copied) if isinstance(copied, np.ndarray) else copied


def as_entry(value: Any, old: Any) -> Any:
    """Convert a value to the type, dtype and shape of the value that it replaces."""
    if isinstance(old, torch.Tensor):
        return torch.as_tensor(value, dtype=old.dtype).reshape(old.shape)
    if isinstance(old, np.ndarray) and old.dtype != object:
        # the shape of a sequence may differ from example to example
        array = np.array(value, dtype=old.dtype)
        return read_only(array.reshape(old.shape) if array.size == old.size else array)
    return old.dtype.type(value) if isinstance(old, np.generic) else value


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, (np.ndarray, np.generic, torch.Tensor)) else value
