"""Transformers that apply a function to change, sort or select batches."""

from __future__ import annotations

from collections import abc
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np
import torch

from workbench.data.datasets import check_sources
from workbench.data.readonly import Watched, read_only_batch
from workbench.data.streams import AbstractDataStream, Data
from workbench.data.transformers.base import Transformer
from workbench.errors import DataError, SourceError
from workbench.hints import Hinted


class Mapping(Transformer):
    """Transformer that applies a function to each batch (or example).

    Parameters
    ----------
    data_stream : AbstractDataStream
        The stream to transform.
    mapping : callable
        A function that receives the arrays of a batch as a tuple. It returns a tuple with one entry
        for each of `add_sources`, or by default for each existing source. The arrays are read-only
        because they may be views of the data.
    add_sources : sequence of str, optional
        The names of new sources for the results, which follow the existing sources. By default the
        results replace the existing sources.
    mapping_accepts : {tuple, list, dict}
        The type of the argument of `mapping`. With `dict` the function receives and returns a
        mapping from source to array.

    Raises
    ------
    DataError
        If an argument is not valid or, while reading, if the function returns the wrong number
        of arrays.
    SourceError
        While reading, if the function returns a mapping with the wrong sources.

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
            self.num_examples = None  # the function may change the batch size
        if mapping_accepts not in (tuple, list, dict):
            raise DataError(
                "mapping_accepts, the type of the function's argument, must be tuple, list or "
                f"dict, not {mapping_accepts!r}"
            )
        self.mapping_accepts = mapping_accepts
        named = (add_sources,) if isinstance(add_sources, str) else add_sources
        self.add_sources = None if named is None else tuple(named)
        if self.add_sources is not None:
            for name in self.add_sources:
                if name in self.sources:
                    raise DataError(
                        "add_sources of Mapping must contain the names of new sources, but "
                        f"{name!r} already exists"
                    )
            self.sources = self.sources + self.add_sources

    def transform(self, data: Data) -> Data:
        # the function must not change existing entries that are returned next to the results
        given = data if self.add_sources is None else read_only_batch(data)
        names = self.sources if self.add_sources is None else self.add_sources
        if self.mapping_accepts is dict:
            result = self.mapping(dict(zip(self.data_stream.sources, given, strict=True)))
            result = self._in_order(result, names)
        else:
            result = self.mapping(list(given) if self.mapping_accepts is list else given)
        if not isinstance(result, (tuple, list)) or len(result) != len(names):
            got = (
                f"one of length {len(result)}"
                if isinstance(result, (tuple, list))
                else repr(result)
            )
            raise DataError(
                f"the function of a Mapping must return a tuple with an entry for each of the "
                f"sources {names}, not {got}"
            )
        return tuple(result) if self.add_sources is None else (*data, *result)

    def _in_order(self, result: Any, names: Sequence[str]) -> tuple[Any, ...]:
        where = f"the mapping that the function of {type(self).__name__} returned"
        if not isinstance(result, abc.Mapping):
            raise DataError(
                "the function of a Mapping with mapping_accepts=dict must return a mapping from "
                f"source to array, with the sources {tuple(names)}, not {result!r:.60}"
            )
        check_sources(names, tuple(result), where)
        surplus = [name for name in result if name not in names]
        if surplus:
            raise SourceError(
                f"{where} must have only the sources {tuple(names)}, but has {surplus[0]!r}; name "
                "new sources in add_sources"
            )
        return tuple([result[name] for name in names])


class SortMapping(Hinted):
    """Function for `Mapping` that sorts the examples of a batch.

    Parameters
    ----------
    key : callable
        A function that receives an example (a tuple with one value per source) and returns its sort
        key. Examples with equal keys keep their order.
    reverse : bool
        If True, sort in descending order.

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
        """Sort the examples of a batch."""
        examples = list(zip(*read_only_batch(data), strict=True))
        keys = [self.key(example) for example in examples]
        order = sorted(range(len(examples)), key=keys.__getitem__, reverse=self.reverse)
        return tuple([_taken(source, order) for source in data])

    def __repr__(self) -> str:
        return f"SortMapping({self.key!r}{', reverse=True' if self.reverse else ''})"


class Filter(Transformer):
    """Transformer that keeps only the batches (or examples) that a function accepts.

    Resuming in the middle of an epoch reads and tests the earlier batches again.

    Parameters
    ----------
    data_stream : AbstractDataStream
        The stream to transform.
    predicate : callable
        A function that receives a batch (or example) as a tuple, and returns True to keep it.

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
        raise DataError(f"{name} must be a function of a batch (or example), not {given!r}")
