"""Transformers that cut sequences into windows, which become the inputs and targets of a model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from workbench.data.axes import AxisLabels
from workbench.data.readonly import read_only
from workbench.data.streams import AbstractDataStream, Data
from workbench.data.transformers.base import Transformer
from workbench.errors import DataError
from workbench.utils.numbers import as_whole


class Window(Transformer):
    """Transformer that cuts pairs of source and target windows from each sequence.

    The pair at position t has the source window ``sequence[t:t + source_window]`` and the target
    window ``sequence[t + offset:t + offset + target_window]``. A sequence that is too short yields
    no pairs.

    Resuming in the middle of an epoch reads the earlier sequences again.

    Parameters
    ----------
    data_stream : AbstractDataStream
        A stream of examples with a single source of sequences.
    offset : int
        The distance from the start of the source window to the start of the target window, at
        least 0.
    source_window, target_window : int
        The lengths of the source and target windows.
    overlapping : bool
        If True, the next pair starts one position later; if False, it starts at the end of the
        source window.
    target_source : str
        The name of the new source for the target windows; it follows the existing source.

    Raises
    ------
    DataError
        If the stream yields batches or has several sources, or if an argument is not valid.

    Examples
    --------
    >>> from workbench.data import DataStream, IterableDataset
    >>> stream = DataStream(IterableDataset({"features": [[1, 2, 3, 4, 5]]}))
    >>> windows = Window(stream, offset=1, source_window=2, target_window=2, overlapping=False)
    >>> windows.sources
    ('features', 'targets')
    >>> list(windows.get_epoch_iterator())
    [(array([1, 2]), array([2, 3])), (array([3, 4]), array([4, 5]))]
    """

    _hooks = AbstractDataStream._hooks

    def __init__(
        self,
        data_stream: AbstractDataStream,
        offset: int,
        source_window: int,
        target_window: int,
        overlapping: bool = True,
        target_source: str = "targets",
    ) -> None:
        name = type(self).__name__
        _stream_first(data_stream, name)
        super().__init__(data_stream)
        if not data_stream.produces_examples:
            raise DataError(
                f"data_stream of {name} must yield examples, but {data_stream!r} yields batches; "
                "wrap it in Unpack"
            )
        if len(data_stream.sources) != 1:
            raise DataError(
                f"data_stream of {name} must have one source, but {data_stream!r} has "
                f"{data_stream.sources}; select one with FilterSources"
            )
        if target_source in data_stream.sources:
            raise DataError(
                f"{name} cannot add the source {target_source!r}, which already exists; pass "
                "another target_source"
            )
        self.offset = as_whole(offset, "offset", DataError, 0)
        self.source_window = as_whole(source_window, "source_window", DataError, 1)
        self.target_window = as_whole(target_window, "target_window", DataError, 1)
        self.overlapping = overlapping
        self.sources = (*data_stream.sources, target_source)
        self.num_batches = self.num_examples = None

    def _inferred_labels(self) -> AxisLabels | None:
        labels = self.data_stream.axis_labels
        if labels is None:
            return None
        source, target = self.sources
        names = labels.get(source)
        return {**labels, target: names and self._target_labels(names)}

    def _target_labels(self, names: tuple[str, ...]) -> tuple[str, ...]:
        return names

    def iterate(self, epoch: int, start: int = 0) -> Iterator[Data]:
        step = 1 if self.overlapping else self.source_window
        reach = max(self.source_window, self.offset + self.target_window)
        for (example,) in self.data_stream.iterate(epoch):
            sequence = example if isinstance(example, torch.Tensor) else np.asarray(example)
            places = range(0, len(sequence) - reach + 1, step)
            for place in places[start:]:
                # windows overlap, so writing to one would change the next
                yield tuple([read_only(window) for window in self._pair(sequence, place)])
            start = max(0, start - len(places))

    def _pair(self, sequence: Any, place: int) -> Data:
        target = place + self.offset
        return (
            sequence[place : place + self.source_window],
            sequence[target : target + self.target_window],
        )

    def __repr__(self) -> str:
        return (
            f"Window({self.data_stream!r}, offset={self.offset}, "
            f"source_window={self.source_window}, target_window={self.target_window}, "
            f"overlapping={self.overlapping})"
        )


class NGrams(Window):
    """Transformer that yields the n-grams of each sequence, with the next word as the target.

    Parameters
    ----------
    data_stream : AbstractDataStream
        A stream of examples with a single source of sequences.
    ngram_order : int
        The number n of words used to predict the next word.
    target_source : str
        The name of the new source that contains the targets.

    Raises
    ------
    DataError
        If the stream yields batches or has several sources, or if an argument is not valid.

    Examples
    --------
    >>> from workbench.data import DataStream, IterableDataset
    >>> stream = DataStream(IterableDataset({"features": [[5, 6, 7, 8], [9]]}))
    >>> list(NGrams(stream, 2).get_epoch_iterator())
    [(array([5, 6]), np.int64(7)), (array([6, 7]), np.int64(8))]
    """

    def __init__(
        self, data_stream: AbstractDataStream, ngram_order: int, target_source: str = "targets"
    ) -> None:
        _stream_first(data_stream, "NGrams")
        self.ngram_order = as_whole(ngram_order, "ngram_order", DataError, 1)
        super().__init__(data_stream, ngram_order, ngram_order, 1, target_source=target_source)

    def _target_labels(self, names: tuple[str, ...]) -> tuple[str, ...]:
        return names[1:]

    def _pair(self, sequence: Any, place: int) -> Data:
        following = place + self.ngram_order
        return sequence[place:following], sequence[following]

    def __repr__(self) -> str:
        return f"NGrams({self.data_stream!r}, {self.ngram_order})"


def _stream_first(data_stream: object, name: str) -> None:
    if isinstance(data_stream, int):
        example = "NGrams(stream, 4)" if name == "NGrams" else "Window(stream, 1, 4, 4)"
        raise DataError(
            f"the first argument of {name} must be the data stream, as for all transformers, not "
            f"{data_stream!r}; write, for example, {example}"
        )
