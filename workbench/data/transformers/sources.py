"""Transformers that rename, select and merge sources without changing the data."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from workbench.data.axes import AxisLabels
from workbench.data.datasets import check_sources
from workbench.data.streams import AbstractDataStream, Data
from workbench.data.transformers.base import Transformer
from workbench.errors import DataError, SourceError


class Rename(Transformer):
    """Transformer that renames sources, for instance to the names of a model's inputs.

    Parameters
    ----------
    data_stream : AbstractDataStream
        The stream to transform.
    names : mapping of str to str
        A mapping from old to new names. Two sources can swap names.
    on_non_existent : {'raise', 'ignore', 'warn'}
        What to do if the stream does not have a source in `names`.

    Raises
    ------
    SourceError
        If a source does not exist and `on_non_existent` is 'raise'.
    DataError
        If two sources would get the same name, or if `on_non_existent` is not valid.

    Examples
    --------
    >>> from workbench.data import DataStream, IndexableDataset
    >>> stream = DataStream(IndexableDataset({"X": [1, 2], "y": [3, 4]}))
    >>> Rename(stream, {"X": "features", "y": "targets"}).sources
    ('features', 'targets')
    """

    _never_writes = True

    def __init__(
        self,
        data_stream: AbstractDataStream,
        names: Mapping[str, str],
        on_non_existent: Literal["raise", "ignore", "warn"] = "raise",
    ) -> None:
        super().__init__(data_stream)
        if on_non_existent not in ("raise", "ignore", "warn"):
            raise DataError(
                "on_non_existent of Rename must be 'raise', 'ignore' or 'warn', not "
                f"{on_non_existent!r}"
            )
        self.names = dict(names)
        self.batch_size = data_stream.batch_size
        if on_non_existent != "ignore":
            try:
                check_sources(self.names, data_stream.sources, repr(data_stream))
            except SourceError as error:
                if on_non_existent == "raise":
                    raise
                warnings.warn(f"Rename: {error}", stacklevel=2)
        self.sources = tuple([self.names.get(name, name) for name in data_stream.sources])
        _check_unique(self.sources, "Rename")

    def _inferred_labels(self) -> AxisLabels | None:
        labels = self.data_stream.axis_labels
        if labels is None:
            return None
        return {self.names.get(source, source): names for source, names in labels.items()}

    def transform(self, data: Data) -> Data:
        return data

    def _keeps_rows(self) -> bool:
        return self.data_stream._keeps_rows()

    @property
    def reads_example_by_example(self) -> bool:
        """True if the transformed stream reads each example independently."""
        return self.data_stream.reads_example_by_example

    def _source_below(self, name: str) -> str:
        place = self.sources.index(name) if name in self.sources else None
        return super()._source_below(name if place is None else self.data_stream.sources[place])

    def __repr__(self) -> str:
        return f"Rename({self.data_stream!r}, {self.names})"


class FilterSources(Transformer):
    """Transformer that selects some of the sources, in the given order.

    Parameters
    ----------
    data_stream : AbstractDataStream
        The stream to transform.
    sources : sequence of str
        The sources to keep.

    Raises
    ------
    SourceError
        If one of the sources is missing from the stream.
    DataError
        If `sources` contains a source twice.

    Examples
    --------
    >>> from workbench.data import DataStream, IndexableDataset
    >>> stream = DataStream(IndexableDataset({"x": [1, 2], "y": [3, 4], "z": [5, 6]}))
    >>> list(FilterSources(stream, ("z", "x")).iterate(0))
    [(np.int64(5), np.int64(1)), (np.int64(6), np.int64(2))]
    """

    _never_writes = True

    def __init__(self, data_stream: AbstractDataStream, sources: Sequence[str]) -> None:
        super().__init__(data_stream)
        self.batch_size = data_stream.batch_size
        self.sources = (sources,) if isinstance(sources, str) else tuple(sources)
        check_sources(self.sources, data_stream.sources, repr(data_stream))
        _check_unique(self.sources, "FilterSources")
        self._kept = [data_stream.sources.index(name) for name in self.sources]

    def _inferred_labels(self) -> AxisLabels | None:
        labels = self.data_stream.axis_labels
        if labels is None:
            return None
        return {source: labels[source] for source in self.sources if source in labels}

    def transform(self, data: Data) -> Data:
        return tuple([data[index] for index in self._kept])

    def _keeps_rows(self) -> bool:
        return self.data_stream._keeps_rows()

    @property
    def reads_example_by_example(self) -> bool:
        """True if the transformed stream reads each example independently."""
        return self.data_stream.reads_example_by_example

    def __repr__(self) -> str:
        return f"FilterSources({self.data_stream!r}, {self.sources})"


class Merge(AbstractDataStream):
    """Data stream that merges the sources of several streams.

    It combines data that are stored separately, such as the two languages of a parallel corpus.

    Parameters
    ----------
    data_streams : sequence of AbstractDataStream
        The streams to merge. Either all must yield batches, or all must yield examples. An epoch
        must have the same number of batches or examples in all streams.
    sources : sequence of str, optional
        New names for the sources of all streams, in the order of the streams. By default the
        sources keep their names, which must all be different.

    Raises
    ------
    DataError
        If the streams do not match or, while reading, if one stream ends before the others.

    Examples
    --------
    >>> from workbench.data import DataStream, IterableDataset
    >>> english = DataStream(IterableDataset(["good morning", "thanks"]))
    >>> french = DataStream(IterableDataset(["bonjour", "merci"]))
    >>> stream = Merge([english, french], ("english", "french"))
    >>> list(stream.get_epoch_iterator())
    [('good morning', 'bonjour'), ('thanks', 'merci')]
    """

    def __init__(
        self, data_streams: Sequence[AbstractDataStream], sources: Sequence[str] | None = None
    ) -> None:
        self.data_streams = tuple(data_streams)
        for stream in self.data_streams:
            if not isinstance(stream, AbstractDataStream):
                raise DataError(
                    f"data_streams of Merge must be data streams, not {type(stream).__name__}; "
                    "create one with DataStream or as_stream"
                )
        if not self.data_streams:
            raise DataError("Merge must have at least one stream, but data_streams is empty")
        own = tuple([name for stream in self.data_streams for name in stream.sources])
        self.sources = own if sources is None else tuple(sources)
        if len(self.sources) != len(own):
            raise DataError(
                f"sources of Merge is {self.sources}, but must have one name for each source "
                f"in {own}"
            )
        _check_unique(self.sources, "Merge")
        if len({stream.produces_examples for stream in self.data_streams}) > 1:
            raise DataError(
                "data_streams of Merge must all yield batches or all yield examples; wrap the "
                "streams of examples in Batch, or the streams of batches in Unpack"
            )
        self.produces_examples = self.data_streams[0].produces_examples
        self.num_random = max(stream.num_random for stream in self.data_streams)
        self.reads_once = any(stream.reads_once for stream in self.data_streams)
        known = {stream.num_batches for stream in self.data_streams} - {None}
        if len(known) > 1:
            raise DataError(
                "data_streams of Merge must have the same number of batches, but "
                + ", ".join(f"{stream!r} has {stream.num_batches}" for stream in self.data_streams)
            )
        # a stream of unknown length may end before the others, which iterate() detects
        self.num_batches = next(iter(known), None)
        for stream in self.data_streams:
            self.num_examples = self.num_examples or stream.num_examples
            self.batch_size = self.batch_size or stream.batch_size

    def _inferred_labels(self) -> AxisLabels | None:
        known = [(stream.sources, stream.axis_labels or {}) for stream in self.data_streams]
        names = [labels.get(source) for sources, labels in known for source in sources]
        if all(each is None for each in names):
            return None
        return dict(zip(self.sources, names, strict=True))

    def close(self) -> None:
        for stream in self.data_streams:
            stream.close()

    def iterate(self, epoch: int, start: int = 0) -> Iterator[Data]:
        streams = [stream.iterate(epoch, start) for stream in self.data_streams]
        while True:
            read = [next(stream, None) for stream in streams]
            entries = [entry for entry in read if entry is not None]
            if not entries:
                return
            if len(entries) < len(read):
                ended = [entry is None for entry in read]
                early, late = ended.index(True), ended.index(False)
                raise DataError(
                    "data_streams of Merge must have the same number of batches, but "
                    f"{self.data_streams[early]!r} ended before {self.data_streams[late]!r}"
                )
            yield tuple([value for entry in entries for value in entry])

    def __repr__(self) -> str:
        return f"Merge({list(self.data_streams)}, {self.sources})"


def _check_unique(sources: tuple[str, ...], where: str) -> None:
    twice = [name for name, count in Counter(sources).items() if count > 1]
    if twice:
        raise DataError(
            f"{where} must return sources with different names, but {twice[0]!r} would occur twice "
            f"in {sources}; rename one of them"
        )
