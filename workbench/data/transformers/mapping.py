"""Functions applied to batches: to change them, to sort them, to choose among them."""

from __future__ import annotations

from collections import abc
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np
import torch

from workbench.data.datasets import Data, check_sources
from workbench.data.readonly import Watched, read_only_batch
from workbench.data.streams import AbstractDataStream
from workbench.data.transformers.base import Transformer
from workbench.errors import DataError, SourceError
from workbench.hints import Hinted


class Mapping(Transformer):
    """Apply a function to each batch (or example).

    Parameters
    ----------
    data_stream : AbstractDataStream
        The stream below.
    mapping : callable
        Takes the tuple of a batch's arrays and returns a tuple of as many, or of as many as
        `add_sources` names. The arrays are read-only: writing into them would change the data.
    add_sources : sequence of str, optional
        Names under which the results are added behind the sources there are; without it they
        replace them.
    mapping_accepts : {tuple, list, dict}
        With `dict` the function takes a mapping from source to array, and returns one.

    Raises
    ------
    DataError
        If `mapping` is no function; while reading, if it returns another number of arrays.
    SourceError
        While reading, if a function that returns mappings returns other sources.

    Examples
    --------
    >>> from workbench.data import DataStream, IndexableDataset, SequentialScheme
    >>> stream = DataStream(IndexableDataset([1, 2, 3]), iteration_scheme=SequentialScheme(3, 3))
    >>> squared = Mapping(stream, lambda data: (data[0] ** 2,), add_sources=("squares",))
    >>> next(squared.get_epoch_iterator(as_dict=True))
    {'data': array([1, 2, 3]), 'squares': array([1, 4, 9])}
    >>> named = Mapping(stream, lambda batch: {"data": -batch["data"]}, mapping_accepts=dict)
    >>> next(named.get_epoch_iterator())
    (array([-1, -2, -3]),)
    """

    def __init__(
        self,
        data_stream: AbstractDataStream,
        mapping: Callable[[Any], Any],
        add_sources: Sequence[str] | None = None,
        mapping_accepts: type = tuple,
    ) -> None:
        super().__init__(data_stream)
        _check_function("mapping", mapping)
        self.mapping = mapping
        if not self.produces_examples:
            self.num_examples = None  # the function may change how many there are in a batch
        if mapping_accepts not in (tuple, list, dict):
            raise DataError(
                f"mapping_accepts is {mapping_accepts!r}; expected tuple, list or dict: what the "
                "function takes and returns"
            )
        self.mapping_accepts = mapping_accepts
        named = (add_sources,) if isinstance(add_sources, str) else add_sources
        self.add_sources = None if named is None else tuple(named)
        if self.add_sources is not None:
            for name in self.add_sources:
                if name in self.sources:
                    raise DataError(f"Mapping is to add the source {name!r}, which exists already")
            self.sources = self.sources + self.add_sources

    def transform(self, data: Data) -> Data:
        # what is handed on beside the results must not be changed by the function either
        given = data if self.add_sources is None else read_only_batch(data)
        names = self.sources if self.add_sources is None else self.add_sources
        if self.mapping_accepts is dict:
            image = self.mapping(dict(zip(self.data_stream.sources, given, strict=True)))
            image = self._in_order(image, names)
        else:
            image = self.mapping(list(given) if self.mapping_accepts is list else given)
        if not isinstance(image, (tuple, list)) or len(image) != len(names):
            got = f"{len(image)} entries" if isinstance(image, (tuple, list)) else repr(image)
            raise DataError(
                f"the function of a Mapping returned {got}; expected a tuple of {len(names)}, for "
                f"the sources {names}"
            )
        return tuple(image) if self.add_sources is None else (*data, *image)

    def _in_order(self, image: Any, names: Sequence[str]) -> tuple[Any, ...]:
        where = f"the mapping that the function of {type(self).__name__} returned"
        if not isinstance(image, abc.Mapping):
            raise DataError(
                f"the function of a Mapping with mapping_accepts=dict returned {image!r:.60}; "
                f"expected a mapping from source to array, with the sources {tuple(names)}"
            )
        check_sources(names, tuple(image), where)
        surplus = [name for name in image if name not in names]
        if surplus:
            raise SourceError(
                f"{where} has the source {surplus[0]!r}, which is none of {tuple(names)}; name "
                "those that are new in add_sources"
            )
        return tuple([image[name] for name in names])


class SortMapping(Hinted):
    """Sort the examples of a batch; for use in a `Mapping`.

    Parameters
    ----------
    key : callable
        Takes an example, the tuple of its sources, and returns what to sort by. Examples with
        equal keys keep their order.
    reverse : bool
        Whether the largest key comes first.

    Examples
    --------
    >>> from workbench.data import DataStream, IndexableDataset, SequentialScheme
    >>> words = IndexableDataset(["seven", "of", "nine"])
    >>> stream = DataStream(words, iteration_scheme=SequentialScheme(3, batch_size=3))
    >>> [batch] = Mapping(stream, SortMapping(lambda example: len(example[0]))).iterate(0)
    >>> batch[0].tolist()
    ['of', 'nine', 'seven']
    """

    def __init__(self, key: Callable[[Data], Any], reverse: bool = False) -> None:
        _check_function("key", key)
        self.key = key
        self.reverse = reverse

    def __call__(self, data: Data) -> Data:
        """Return the batch sorted, each source an array again."""
        examples = list(zip(*read_only_batch(data), strict=True))
        keys = [self.key(example) for example in examples]
        order = sorted(range(len(examples)), key=keys.__getitem__, reverse=self.reverse)
        return tuple([_taken(source, order) for source in data])

    def __repr__(self) -> str:
        return f"SortMapping({self.key!r}{', reverse=True' if self.reverse else ''})"


class Filter(Transformer):
    """Leave out the batches (or examples) that a function refuses.

    Resuming in the middle of an epoch reads again, and judges again, what came before.

    Parameters
    ----------
    data_stream : AbstractDataStream
        The stream below.
    predicate : callable
        Takes the tuple of a batch's arrays, or of an example's values, and says whether to keep it.

    Examples
    --------
    >>> from workbench.data import DataStream, IndexableDataset
    >>> stream = DataStream(IndexableDataset({"length": [3, 8], "word": ["cat", "elephant"]}))
    >>> list(Filter(stream, lambda data: data[0] > 4).iterate(0))
    [(np.int64(8), np.str_('elephant'))]
    """

    _hooks = AbstractDataStream._hooks

    def __init__(self, data_stream: AbstractDataStream, predicate: Callable[[Data], Any]) -> None:
        super().__init__(data_stream)
        _check_function("predicate", predicate)
        self.predicate = predicate
        self.num_batches = self.num_examples = None

    def iterate(self, epoch: int, start: int = 0) -> Iterator[Data]:
        kept = filter(Watched(self.predicate, self), self.data_stream.iterate(epoch))
        return islice(kept, start, None)

    def __repr__(self) -> str:
        return f"Filter({self.data_stream!r}, {self.predicate!r})"


def _taken(source: Any, order: list[int]) -> Any:
    if isinstance(source, (np.ndarray, torch.Tensor)):
        return source[order]
    return [source[index] for index in order]


def _check_function(name: str, given: object) -> None:
    if not callable(given):
        raise DataError(f"{name} is a function of a batch or an example, not {given!r}")
