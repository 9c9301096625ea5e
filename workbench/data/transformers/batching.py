"""Transformers that regroup data into batches or single examples.

If the batch sizes of the input stream are known, the position in that stream is computed when an
epoch is resumed in the middle. Otherwise the earlier data are read again.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from itertools import chain, islice
from typing import Any

import numpy as np
import torch

from workbench.data.axes import BATCH, AxisLabels, changed
from workbench.data.datasets import stack
from workbench.data.schemes import ConstantScheme, IterationScheme
from workbench.data.schemes.base import request_sizes
from workbench.data.streams import AbstractDataStream, Data, DataStream, epoch_lengths
from workbench.data.transformers.base import Transformer
from workbench.errors import DataError

MOVED_ROWS = (
    "{stream!r} does not know which examples of a dataset it has read, since {below!r} can change "
    "the order or the number of the examples in a batch, so individual examples cannot be "
    "changed. Apply the function of that transformer to individual examples, or to the final "
    "batches"
)


class Batch(Transformer):
    """Transformer that groups the examples of a stream into batches.

    Examples of different shapes become an array of objects; see `Padding`.

    Parameters
    ----------
    data_stream : AbstractDataStream
        The stream of examples.
    iteration_scheme : IterationScheme
        The scheme that requests the batch sizes, such as `ConstantScheme`.
    strictness : {0, 1, 2}
        What to do if too few examples remain for the last batch of an epoch: 0 returns a smaller
        batch, 1 omits the batch, and 2 raises an error.

    Raises
    ------
    DataError
        If the stream does not yield examples, or if the scheme does not request batch sizes.

    Examples
    --------
    >>> from workbench.data import ConstantScheme, DataStream, IterableDataset
    >>> stream = DataStream(IterableDataset(range(5)))
    >>> list(Batch(stream, ConstantScheme(2)).get_epoch_iterator())
    [(array([0, 1]),), (array([2, 3]),), (array([4]),)]
    """

    _hooks = AbstractDataStream._hooks

    def __init__(
        self,
        data_stream: AbstractDataStream,
        iteration_scheme: IterationScheme,
        strictness: int = 0,
    ) -> None:
        super().__init__(data_stream)
        if not data_stream.produces_examples:
            raise DataError(
                f"data_stream of Batch must yield examples, but {data_stream!r} yields batches"
            )
        if strictness not in (0, 1, 2):
            raise DataError(f"strictness of Batch must be 0, 1 or 2, not {strictness!r}")
        self.iteration_scheme = _sizes(iteration_scheme, "Batch")
        self.strictness = strictness
        self.produces_examples = False
        self.batch_size = iteration_scheme.batch_size
        available = data_stream.num_examples
        self.num_examples, self.num_batches = epoch_lengths(iteration_scheme, available)
        if strictness and (available is None or self.num_examples != iteration_scheme.num_examples):
            # the last batch is smaller, or may be
            self.num_examples = self.num_batches = None
            if available is not None and self.batch_size is not None:
                self.num_batches = available // self.batch_size
                self.num_examples = self.num_batches * self.batch_size

    def _inferred_labels(self) -> AxisLabels | None:
        labels = self.data_stream.axis_labels
        return changed(labels, lambda names: (BATCH, *names), tuple(labels or ()))

    def iterate(self, epoch: int, start: int = 0) -> Iterator[Data]:
        sizes = request_sizes(self.iteration_scheme, epoch)
        examples = self.data_stream.iterate(epoch, sum(islice(sizes, start)))
        for size in sizes:
            batch = list(islice(examples, size))
            if len(batch) < size and self.strictness:
                if batch and self.strictness == 2:
                    raise DataError(
                        f"{self!r}: the last batch must have {size} examples, but has "
                        f"{len(batch)}; use strictness=1 to omit it, or strictness=0 to "
                        "allow a smaller batch"
                    )
                return
            if batch:
                yield tuple([_stacked(source) for source in zip(*batch, strict=True)])
            if len(batch) < size:
                return

    _one_for_one = True

    def _taken(self, epoch: int, position: int) -> int:
        sizes = request_sizes(self.iteration_scheme, epoch)
        return self.data_stream._taken(epoch, sum(islice(sizes, position)))

    def _lengths(self, epoch: int | None) -> tuple[int | None, int | None]:
        available = self.data_stream._lengths(epoch)[0]
        examples, batches = epoch_lengths(self.iteration_scheme, available)
        if self.strictness and self.batch_size is not None and available is not None:
            batches = available // self.batch_size
            examples = batches * self.batch_size
        return examples, batches

    def _keeps_rows(self) -> bool:
        return self.data_stream._keeps_rows()

    def _over(self, base: DataStream, size: int) -> AbstractDataStream:
        new = copy.copy(self)
        new.data_stream = self.data_stream._over(base, size)
        new.iteration_scheme, new.strictness = ConstantScheme(size), 0
        return new

    def __repr__(self) -> str:
        strict = f", strictness={self.strictness}" if self.strictness else ""
        return f"Batch({self.data_stream!r}, {self.iteration_scheme!r}{strict})"


class Unpack(Transformer):
    """Transformer that splits the batches of a stream into single examples.

    Parameters
    ----------
    data_stream : AbstractDataStream
        The stream of batches.

    Raises
    ------
    DataError
        If the stream yields examples or, while reading, if the sources of a batch differ in their
        number of examples.

    Examples
    --------
    >>> from workbench.data import DataStream, IndexableDataset, SequentialScheme
    >>> dataset = IndexableDataset({"x": [1, 2, 3], "y": [4, 5, 6]})
    >>> stream = Unpack(DataStream(dataset, iteration_scheme=SequentialScheme(3, batch_size=2)))
    >>> [(int(x), int(y)) for x, y in stream.get_epoch_iterator()]
    [(1, 4), (2, 5), (3, 6)]
    """

    _hooks = AbstractDataStream._hooks

    def __init__(self, data_stream: AbstractDataStream) -> None:
        super().__init__(data_stream)
        if data_stream.produces_examples:
            raise DataError(
                f"data_stream of Unpack must yield batches, but {data_stream!r} yields examples"
            )
        self.produces_examples = True
        self.num_batches = self.num_examples

    def _inferred_labels(self) -> AxisLabels | None:
        labels = self.data_stream.axis_labels
        return changed(labels, lambda names: names[1:], tuple(labels or ()))

    def iterate(self, epoch: int, start: int = 0) -> Iterator[Data]:
        first, within = divmod(start, self.data_stream.batch_size or start + 1)
        batches = self.data_stream.iterate(epoch, first)
        return islice(chain.from_iterable(map(self._examples, batches)), within, None)

    _one_for_one = True

    def _taken(self, epoch: int, position: int) -> int:
        return _rows_taken(self, epoch, position)

    def _lengths(self, epoch: int | None) -> tuple[int | None, int | None]:
        examples = self.data_stream._lengths(epoch)[0]
        return examples, examples

    def _keeps_rows(self) -> bool:
        return self.data_stream._keeps_rows()

    def _examples(self, batch: Data) -> Iterator[Data]:
        check_even(batch, self.data_stream)
        return zip(*batch, strict=True)


class Cache(Transformer):
    """Transformer that splits large batches into smaller batches.

    Reading large chunks from a file is faster, but training needs small batches. A chunk stays in
    memory until all its examples have been used. A batch may contain examples from several chunks.

    Parameters
    ----------
    data_stream : AbstractDataStream
        The stream of large batches.
    iteration_scheme : IterationScheme
        The scheme that requests the batch sizes, such as `ConstantScheme`.

    Raises
    ------
    DataError
        If the stream does not yield batches, or if the scheme does not request batch sizes.

    Examples
    --------
    >>> from workbench.data import ConstantScheme, DataStream, IndexableDataset, SequentialScheme
    >>> chunks = DataStream(IndexableDataset(range(8)), iteration_scheme=SequentialScheme(8, 5))
    >>> list(Cache(chunks, ConstantScheme(3)).get_epoch_iterator())
    [(array([0, 1, 2]),), (array([3, 4, 5]),), (array([6, 7]),)]
    """

    _hooks = AbstractDataStream._hooks

    def __init__(self, data_stream: AbstractDataStream, iteration_scheme: IterationScheme) -> None:
        super().__init__(data_stream)
        if data_stream.produces_examples:
            raise DataError(
                f"data_stream of Cache must yield batches, but {data_stream!r} yields examples; "
                "use Batch instead"
            )
        self.iteration_scheme = _sizes(iteration_scheme, "Cache")
        self.batch_size = iteration_scheme.batch_size
        self.num_examples, self.num_batches = epoch_lengths(
            iteration_scheme, data_stream.num_examples
        )

    def iterate(self, epoch: int, start: int = 0) -> Iterator[Data]:
        sizes = request_sizes(self.iteration_scheme, epoch)
        skipped = sum(islice(sizes, start))
        first, used = divmod(skipped, self.data_stream.batch_size or skipped + 1)
        chunks = self.data_stream.iterate(epoch, first)
        chunk: Data | None = None
        for size in sizes:
            parts = []
            while size:
                if chunk is None or used >= len(chunk[0]):
                    used -= 0 if chunk is None else len(chunk[0])
                    chunk = next(chunks, None)
                    if chunk is None:
                        break
                    check_even(chunk, self.data_stream)
                    continue
                part = tuple([source[used : used + size] for source in chunk])
                parts.append(part)
                used += len(part[0])
                size -= len(part[0])
            if parts:
                yield tuple([joined(source) for source in zip(*parts, strict=True)])
            if size:
                return

    _one_for_one = True

    def _taken(self, epoch: int, position: int) -> int:
        sizes = request_sizes(self.iteration_scheme, epoch)
        return _rows_taken(self, epoch, sum(islice(sizes, position)))

    def _lengths(self, epoch: int | None) -> tuple[int | None, int | None]:
        return epoch_lengths(self.iteration_scheme, self.data_stream._lengths(epoch)[0])

    def _keeps_rows(self) -> bool:
        return self.data_stream._keeps_rows()

    def _over(self, base: DataStream, size: int) -> AbstractDataStream:
        new = copy.copy(self)
        new.data_stream = self.data_stream._over(base, size)
        new.iteration_scheme = ConstantScheme(size)
        return new

    def __repr__(self) -> str:
        return f"Cache({self.data_stream!r}, {self.iteration_scheme!r})"


def _rows_taken(stream: Unpack | Cache, epoch: int, rows: int) -> int:
    """Return the number of examples in the first `rows` rows of an epoch of the input stream."""
    below = stream.data_stream
    if not below._keeps_rows():
        raise DataError(MOVED_ROWS.format(stream=stream, below=below))
    count = below._base()._lengths(epoch)[0]
    return rows if count is None else min(rows, count)


def check_even(batch: Data, data_stream: AbstractDataStream) -> None:
    """Raise a `DataError` if the sources of a batch have different numbers of examples."""
    lengths = [len(source) for source in batch]
    if len(set(lengths)) > 1:
        raise DataError(
            f"the sources of a batch of {data_stream!r} must have the same number of examples, but "
            f"have {dict(zip(data_stream.sources, lengths, strict=True))}"
        )


def _sizes(scheme: IterationScheme, where: str) -> IterationScheme:
    if not isinstance(scheme, IterationScheme) or scheme.bounds is not None:
        raise DataError(
            f"iteration_scheme of {where} must request batch sizes, such as "
            f"ConstantScheme(batch_size), not {scheme!r}"
        )
    return scheme


def _stacked(examples: tuple[Any, ...]) -> Any:
    if isinstance(examples[0], torch.Tensor) and len({tuple(e.shape) for e in examples}) == 1:
        return torch.stack(list(examples))
    return stack(examples)


def joined(parts: tuple[Any, ...]) -> Any:
    """Concatenate parts of batches into one batch; a single part is returned unchanged."""
    if len(parts) == 1:
        return parts[0]
    if all(isinstance(part, torch.Tensor) for part in parts):
        return torch.cat(list(parts))
    arrays = [np.asarray(part) for part in parts]
    if len({array.shape[1:] for array in arrays}) == 1 and all(a.dtype != object for a in arrays):
        return np.concatenate(arrays)
    return stack([example for array in arrays for example in array])
