"""Base classes of transformers."""

from __future__ import annotations

import copy
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from workbench.data.axes import AxisLabels
from workbench.data.datasets import check_sources, stack
from workbench.data.fuel_hooks import check_called
from workbench.data.readonly import Watched
from workbench.data.streams import AbstractDataStream, Data, DataStream
from workbench.errors import DataError

UNKNOWN_ITEMS = (
    "{stream!r} might not return one item for each item that it reads, so individual examples "
    "cannot be changed; derive the class from SourcewiseTransformer, or define transform instead "
    "of iterate"
)
MADE = (
    "the source {name!r} of {stream!r} does not come from the dataset, but is computed from "
    "{below}; edit a source of the dataset, and pass a value in the format of the dataset"
)


class Transformer(AbstractDataStream):
    """Data stream that transforms the batches of another stream.

    A subclass defines either `transform`, which processes one batch (or example) at a time, or
    `iterate`. `transform` receives read-only arrays. It may change the number of examples in a
    batch, so the batch size of a transformer is unknown.

    Parameters
    ----------
    data_stream : AbstractDataStream
        The stream to transform.
    produces_examples : bool, optional
        True if the stream yields single examples; by default the same as for `data_stream`.
    axis_labels : mapping from source to sequence of str, optional
        Names of the axes; by default inferred from `data_stream`.

    Examples
    --------
    >>> from workbench.data import DataStream, IndexableDataset, SequentialScheme
    >>> class Positive(Transformer):
    ...     def transform(self, data):
    ...         return tuple(array[array > 0] for array in data)
    >>> dataset = IndexableDataset({"x": [-1, 2, -3, 4]})
    >>> stream = Positive(DataStream(dataset, iteration_scheme=SequentialScheme(4, 2)))
    >>> list(stream.get_epoch_iterator())
    [(array([2]),), (array([4]),)]
    """

    _hooks = "transform(self, data)"
    _never_writes = False  # True if `transform` certainly does not write to its arguments

    def __init__(
        self,
        data_stream: AbstractDataStream,
        produces_examples: bool | None = None,
        *,
        axis_labels: Mapping[str, Sequence[str] | None] | None = None,
    ) -> None:
        if not isinstance(data_stream, AbstractDataStream):
            raise DataError(
                f"data_stream of {type(self).__name__} must be a data stream, not "
                f"{type(data_stream).__name__}; create one with DataStream or as_stream"
            )
        self.data_stream = data_stream
        self.sources = data_stream.sources
        self.num_random = data_stream.num_random
        self.reads_once = data_stream.reads_once
        self.num_batches = data_stream.num_batches
        self.num_examples = data_stream.num_examples
        self.produces_examples = data_stream.produces_examples
        if produces_examples is not None:
            self.produces_examples = produces_examples
        if axis_labels is not None:
            self.axis_labels = axis_labels

    def _inferred_labels(self) -> AxisLabels | None:
        return self.data_stream.axis_labels

    def close(self) -> None:
        self.data_stream.close()

    def transform(self, data: Data) -> Data:
        """Transform a batch (or example), and return one entry per source."""
        raise DataError(
            f"{type(self).__name__} must define transform, or iterate if the number of batches "
            "changes"
        )

    def iterate(self, epoch: int, start: int = 0) -> Iterator[Data]:
        batches = self.data_stream.iterate(epoch, start)
        return map(self.transform if self._never_writes else Watched(self.transform, self), batches)

    _one_for_one = False  # True if `iterate` returns one item for each item that it reads

    def _check_items(self) -> None:
        iterate = type(self).iterate
        known = self._one_for_one and iterate.__module__.startswith("workbench.")
        if not known and iterate is not Transformer.iterate:
            raise DataError(UNKNOWN_ITEMS.format(stream=self))

    def _base(self) -> DataStream:
        self._check_items()
        return self.data_stream._base()

    def _taken(self, epoch: int, position: int) -> int:
        self._check_items()
        return self.data_stream._taken(epoch, position)

    def _lengths(self, epoch: int | None) -> tuple[int | None, int | None]:
        examples, items = self.data_stream._lengths(epoch)
        return None if self.num_examples is None else examples, items

    def _keeps_rows(self) -> bool:
        return self.data_stream.produces_examples and self.data_stream._keeps_rows()

    def _source_below(self, name: str) -> str:
        if name not in self.data_stream.sources:
            below = ", ".join(map(repr, self.data_stream.sources))
            raise DataError(MADE.format(name=name, stream=self, below=below))
        return self.data_stream._source_below(name)

    def _over(self, base: DataStream, size: int) -> AbstractDataStream:
        new = copy.copy(self)
        new.data_stream = self.data_stream._over(base, size)
        return new

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.data_stream!r})"


class SourcewiseTransformer(Transformer):
    """Transformer that processes each source separately.

    A subclass defines `transform_source_batch` and `transform_source_example`. If the examples of a
    batch differ in shape, the batch is an array of objects, and each example is processed
    separately.

    Parameters
    ----------
    data_stream : AbstractDataStream
        The stream to transform.
    produces_examples : bool, optional
        True if the stream yields single examples; by default the same as for `data_stream`.
    which_sources : sequence of str, optional
        The sources to change; by default all.
    axis_labels : mapping from source to sequence of str, optional
        Names of the axes; by default inferred from `data_stream`.

    Raises
    ------
    SourceError
        If one of the sources is missing from the stream.

    Examples
    --------
    >>> from workbench.data import DataStream, IndexableDataset, SequentialScheme
    >>> class Doubled(SourcewiseTransformer):
    ...     def transform_source_batch(self, source_batch, source_name):
    ...         return 2 * source_batch
    ...     def transform_source_example(self, source_example, source_name):
    ...         return 2 * source_example
    >>> dataset = IndexableDataset({"x": [[1], [2]], "y": [[3], [4]]})
    >>> stream = DataStream(dataset, iteration_scheme=SequentialScheme(2, 2))
    >>> next(Doubled(stream, which_sources=("x",)).get_epoch_iterator(as_dict=True))
    {'x': array([[2],
           [4]]), 'y': array([[3],
           [4]])}
    """

    _hooks = (
        "transform_source_batch(self, source_batch, source_name), "
        "transform_source_example(self, source_example, source_name) or transform(self, data)"
    )

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        for kind in ("batch", "example"):
            called = (f"source_{kind}", "source_name")
            check_called(cls, f"transform_source_{kind}", called, "it must accept both arguments")

    def __init__(
        self,
        data_stream: AbstractDataStream,
        produces_examples: bool | None = None,
        *,
        which_sources: Sequence[str] | None = None,
        axis_labels: Mapping[str, Sequence[str] | None] | None = None,
    ) -> None:
        super().__init__(data_stream, produces_examples, axis_labels=axis_labels)
        self.batch_size = data_stream.batch_size
        self.which_sources = chosen_sources(data_stream, which_sources)
        self._changed = [
            (index, name) for index, name in enumerate(self.sources) if name in self.which_sources
        ]

    @abstractmethod
    def transform_source_batch(self, source_batch: Any, source_name: str) -> Any:
        """Transform one source of a batch, an array with one row per example."""

    @abstractmethod
    def transform_source_example(self, source_example: Any, source_name: str) -> Any:
        """Transform one source of a single example."""

    def transform(self, data: Data) -> Data:
        entries = list(data)
        for index, name in self._changed:
            entry = entries[index]
            if self.produces_examples:
                entries[index] = self.transform_source_example(entry, name)
            elif isinstance(entry, np.ndarray) and entry.dtype == object:
                entries[index] = stack([self.transform_source_example(e, name) for e in entry])
            else:
                entries[index] = self.transform_source_batch(entry, name)
        return tuple(entries)

    def _keeps_rows(self) -> bool:
        return self.data_stream._keeps_rows()

    @property
    def reads_example_by_example(self) -> bool:
        """True if this class is part of workbench and its input reads examples independently."""
        known = type(self).__module__.startswith("workbench.")
        return known and self.data_stream.reads_example_by_example


def chosen_sources(
    data_stream: AbstractDataStream, wanted: Sequence[str] | None
) -> tuple[str, ...]:
    """Check that the sources in `wanted` exist, and return them; by default return all sources."""
    if wanted is None:
        return data_stream.sources
    names = (wanted,) if isinstance(wanted, str) else tuple(wanted)
    check_sources(names, data_stream.sources, repr(data_stream))
    return names
