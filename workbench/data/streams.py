"""Data streams, which yield the batches of each epoch to main loops and monitors.

The method `iterate(epoch, start)` is a pure function: for the same arguments it always returns the
same batches, namely the batches of epoch `epoch` except the first `start`. The only state is the
epoch and the position in it, which the outermost stream stores. A transformer passes both numbers
to the stream that it transforms. Therefore saving a position, resuming from it and reading ahead in
another thread work in the same way for all streams.

To write your own stream, derive from `AbstractDataStream` and define `sources` and `iterate`.
"""

from __future__ import annotations

import operator
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, TypeVar, overload

from workbench.data.axes import BATCH, AxisLabels, Labelled, as_labels, changed
from workbench.data.fuel_hooks import STREAM_HOOKS, check_called, is_own, refuse_uncalled
from workbench.data.reader_copies import apart, check_reader
from workbench.data.readonly import explained
from workbench.data.schemes import IterationScheme
from workbench.data.seeds import with_fixed_draws
from workbench.data.shared_reading import shared_batches
from workbench.data.shares import Share
from workbench.data.traced import IN_ORDER, NO_INDICES, Origin, Traced
from workbench.errors import DataError
from workbench.hints import Hinted

Data: TypeAlias = tuple[Any, ...]
"""Batch with one array per source, or single example with one value per source."""

BatchT = TypeVar("BatchT")

_Place = tuple[tuple[int, int], "EpochIterator[Any] | None"]
"""Epoch and position of a starting point, and the epoch iterator, if any, that started there."""

_reader: ContextVar[Literal["training", "evaluation"] | None] = ContextVar("reader", default=None)
"""The reader of streams in the current context; ``None`` stands for the user."""


@contextmanager
def reading_for(reader: Literal["training", "evaluation"]) -> Iterator[None]:
    """Mark all reads of streams inside the ``with`` block as reads for training or evaluation.

    A stream has one position for training, and a second position for evaluation and the user's own
    reads. Evaluation therefore does not change the position of training.
    """
    token = _reader.set(reader)
    try:
        yield
    finally:
        _reader.reset(token)


class AbstractDataStream(Hinted, Labelled, Traced, ABC):
    """Base class of all data streams.

    Attributes
    ----------
    sources : tuple of str
        The names of the batch entries, in order.
    num_batches, num_examples : int or None
        The numbers of batches and examples in an epoch, if known.
    first_batch : int or None
        The number of examples in the first batch of an epoch, if known without a scheme.
    batch_size : int or None
        The number of examples in each batch, if known; the last batch may be smaller.
    produces_examples : bool
        True if the stream yields single examples instead of batches.
    num_random : int
        The number of transformers in the stream that draw random numbers; for a `Merge`, the
        largest of these numbers among its streams.
    axis_labels : dict of str to tuple of str, or None
        The axis names of each source, where known.
    reads_once : bool
        True if the data can be read only once, for example from a generator. In this case there is
        only one epoch, and training cannot be rewound.
    reads_example_by_example : bool
        True if the stream is certain to read and change each example independently of the others in
        its batch, so that each of several processes can read its part of a batch.

    Examples
    --------
    >>> from workbench.data import DataStream, IndexableDataset, Mapping, SequentialScheme
    >>> dataset = IndexableDataset({"x": [[1.0], [2.0], [3.0]]})
    >>> stream = DataStream(dataset, iteration_scheme=SequentialScheme(3, 2))
    >>> doubled = Mapping(stream, lambda data: (2 * data[0],))
    >>> [isinstance(one, AbstractDataStream) for one in (stream, doubled)]
    [True, True]
    >>> stream.num_batches, stream.batch_size, doubled.sources
    (2, 2, ('x',))
    """

    sources: tuple[str, ...]
    num_batches: int | None = None
    num_examples: int | None = None
    batch_size: int | None = None
    first_batch: int | None = None
    produces_examples: bool = False
    num_random: int = 0
    reads_once: bool = False

    @property
    def reads_example_by_example(self) -> bool:
        """True if each example is read independently of the others; False by default."""
        return False

    _hooks = "iterate(self, epoch, start=0)"  # methods that a subclass defines

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if not is_own(cls, "iterate"):  # a user's `iterate` can call any method
            refuse_uncalled(cls, STREAM_HOOKS, cls._hooks)
        check_called(cls, "iterate", ("epoch", "start"), "it must accept both arguments")

    _here: _Place = ((0, 0), None)
    _trained: _Place | None = None
    _for_others: AbstractDataStream | None = None  # the copy for readers other than training

    if TYPE_CHECKING:

        def _base(self) -> DataStream: ...

        def _over(self, base: DataStream, size: int) -> AbstractDataStream: ...

    @abstractmethod
    def iterate(self, epoch: int, start: int = 0) -> Iterator[Data]:
        """Return an iterator over the batches of an epoch, omitting the first `start` batches.

        Epochs are counted from 0. The batches must depend only on `epoch` and `start`.
        """

    @overload
    def get_epoch_iterator(
        self, as_dict: Literal[False] = False, *, epoch: int | None = None
    ) -> EpochIterator[Data]: ...
    @overload
    def get_epoch_iterator(
        self, as_dict: Literal[True], *, epoch: int | None = None
    ) -> EpochIterator[dict[str, Any]]: ...
    @overload
    def get_epoch_iterator(
        self, as_dict: bool, *, epoch: int | None = None
    ) -> EpochIterator[Any]: ...
    def get_epoch_iterator(
        self, as_dict: bool = False, *, epoch: int | None = None
    ) -> EpochIterator[Any]:
        """Start the next epoch, or continue the epoch that `load_state_dict` restored.

        A main loop that trains on the stream has a separate position. Reading the stream elsewhere,
        before or during training, does not change the training data.

        Parameters
        ----------
        as_dict : bool
            If True, yield mappings from source to array instead of tuples.
        epoch : int, optional
            The epoch to read from its start, for inspection or monitoring. The position of the
            stream does not change.

        Returns
        -------
        EpochIterator
            The iterator over the batches of the epoch.
        """
        if epoch is not None:
            return EpochIterator(self, epoch, 0, as_dict)
        (first, position), running = self._place
        if running is not None:
            first, position = running.following
        started: EpochIterator[Any] = EpochIterator(self, first, position, as_dict)
        self._move(((first, position), started))
        return started

    @property
    def _place(self) -> _Place:
        """Starting point of the current reader."""
        if _reader.get() != "training":
            return self._here
        return (self._here[0], None) if self._trained is None else self._trained

    def _move(self, place: _Place) -> None:
        if _reader.get() == "training":
            self._trained = place
        else:
            # training has not started, and must start at the old position, not here
            self._trained = self._trained or (self._here[0], None)
            self._here = place

    def _read(self, epoch: int, start: int, training: bool) -> Iterator[Data]:
        """Read batches for training or for another reader; see `workbench.data.reader_copies`."""
        check_reader(self, "training" if training else "others")
        if training:
            return self.iterate(epoch, start)
        if self._for_others is None:
            self._for_others = apart(self)
        return self._for_others.iterate(epoch, start)

    def iterate_epochs(self, as_dict: bool = False) -> Iterator[EpochIterator[Any]]:
        """Yield an iterator over each epoch, endlessly.

        Parameters
        ----------
        as_dict : bool
            If True, yield mappings from source to array instead of tuples.

        Examples
        --------
        >>> from workbench.data import IndexableDataset
        >>> stream = DataStream(IndexableDataset([5, 7]))
        >>> for _, epoch in zip(range(2), stream.iterate_epochs()):
        ...     print([int(number) for (number,) in epoch])
        [5, 7]
        [5, 7]
        """
        while True:
            yield self.get_epoch_iterator(as_dict)

    def close(self) -> None:
        """Close files and stop processes; the next read opens or starts them again."""

    def state_dict(self) -> dict[str, int]:
        """Return a dictionary with the keys ``epoch`` and ``position``.

        The position is the number of batches that have been read in the epoch. A main loop has a
        separate position, which is part of its own state.
        """
        (epoch, position), running = self._place
        if running is not None:
            return running.state_dict()
        return {"epoch": epoch, "position": position}

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        """Restore a position from `state_dict`; the next epoch iterator continues there.

        A main loop that has not yet trained on the stream also starts at this position. Afterwards,
        only the main loop's own `load_state_dict` changes the position of the main loop.

        Raises
        ------
        DataError
            If `state` is not the state of a stream, or if its position is beyond the end of an
            epoch.
        """
        if set(state) != {"epoch", "position"}:
            raise DataError(
                "the state of a data stream must have the keys 'epoch' and 'position', not "
                f"{sorted(map(str, state))}"
            )
        try:
            epoch, position = operator.index(state["epoch"]), operator.index(state["position"])
        except TypeError:
            raise DataError(
                f"the values in the state of a data stream must be integers, not {state}"
            ) from None
        if min(epoch, position) < 0 or (
            self.num_batches is not None and position > self.num_batches
        ):
            raise DataError(
                f"the position must be within an epoch of {self!r} (number of batches: "
                f"{self.num_batches}), but is {dict(state)}; resume with the data and the batch "
                "size that were used when the position was saved"
            )
        self._move(((epoch, position), None))
        if _reader.get() is None and (self._trained is None or self._trained[1] is None):
            self._trained = None  # training has not started, and will start there


class EpochIterator(Iterator[BatchT]):
    """Iterator over the batches of one epoch, with a position that can be saved at any time.

    `AbstractDataStream.get_epoch_iterator` creates this iterator. If reading a batch raises an
    error, the position does not advance, and the next call reads the batch again.

    Attributes
    ----------
    data_stream : AbstractDataStream
        The stream that is read.
    epoch : int
        The number of the epoch, counted from 0.
    position : int
        The number of batches read so far, which is also the number of the next batch.
    finished : bool
        True after the end of the epoch.
    share : Share or None
        The share of each batch to return, for one of several processes; None for whole batches.

    Examples
    --------
    >>> from workbench.data import DataStream, IndexableDataset, SequentialScheme
    >>> dataset = IndexableDataset({"x": [[1.0], [2.0], [3.0]]})
    >>> iterator = DataStream(dataset, iteration_scheme=SequentialScheme(3, 2)).get_epoch_iterator()
    >>> isinstance(iterator, EpochIterator), iterator.position
    (True, 0)
    >>> _ = next(iterator)
    >>> iterator.position, iterator.finished
    (1, False)
    """

    share: Share | None = None

    def __init__(
        self, data_stream: AbstractDataStream, epoch: int, position: int, as_dict: bool
    ) -> None:
        self.data_stream = data_stream
        self.epoch = epoch
        self.position = position
        self.finished = False
        self._sources = data_stream.sources if as_dict else None
        self._training = _reader.get() == "training"
        self._batches: Iterator[Any] | None = None

    def __next__(self) -> BatchT:
        if self._batches is None:
            if self.finished:
                raise StopIteration
            stream, training = self.data_stream, self._training
            read_on = partial(stream._read, self.epoch, self.position, training)
            self._batches = with_fixed_draws(read_on, None, self.epoch, self.position)
            if self.share is not None:
                read = stream if training or stream._for_others is None else stream._for_others
                self._batches = shared_batches(
                    read, self._batches, self.share, self.epoch, self.position
                )
        try:
            batch: Any = next(self._batches)
        except StopIteration:
            self.finished, self._batches = True, None
            raise
        except BaseException as error:
            explained(error)
            # after an error, a generator is exhausted, as at the end of the epoch
            self._batches = None
            raise
        self.position += 1
        if self._sources is not None and self.share is None:
            batch = dict(zip(self._sources, batch, strict=True))
        given: BatchT = batch
        return given

    @property
    def following(self) -> tuple[int, int]:
        """Epoch and position where the next epoch iterator starts."""
        started = self.finished or self.position > 0
        return self.epoch + started, 0

    def state_dict(self) -> dict[str, int]:
        """Return the position in the form that `AbstractDataStream.load_state_dict` accepts."""
        if self.finished:
            return {"epoch": self.epoch + 1, "position": 0}
        return {"epoch": self.epoch, "position": self.position}

    def __getstate__(self) -> dict[str, Any]:
        # batches are not pickled; an unpickled iterator opens the stream again at its position
        return {**self.__dict__, "_batches": None, "share": None}

    def __repr__(self) -> str:
        return (
            f"<epoch {self.epoch} of {self.data_stream!r}, batches read: {self.position}"
            f"{', finished' if self.finished else ''}>"
        )


class Readable(Protocol):
    """Interface that data streams require of datasets; see `workbench.data.Dataset`."""

    sources: tuple[str, ...]
    reads_once: bool

    @property
    def num_examples(self) -> int | None:
        """Number of examples, or None if unknown."""

    @property
    def axis_labels(self) -> AxisLabels | None:
        """Names of the axes, or None if unknown."""

    def check_scheme(self, scheme: IterationScheme | None) -> IterationScheme | None:
        """Check that `scheme`, or the default scheme, fits the dataset, and return it."""

    def iterate(self, scheme: IterationScheme | None, epoch: int, start: int) -> Iterator[Data]:
        """Read the batches of an epoch, omitting the first `start` batches."""

    def apply_default_transformers(self, data_stream: AbstractDataStream) -> AbstractDataStream:
        """Wrap `data_stream` in the default transformers."""

    def close(self) -> None:
        """Close any open files."""


class DataStream(Origin, AbstractDataStream):
    """Data stream that reads a dataset in the order and in the batches that a scheme defines.

    Arrays that are views of the data, such as slices of consecutive examples, are read-only.

    Parameters
    ----------
    dataset : Dataset
        The dataset to read.
    iteration_scheme : IterationScheme, optional
        The scheme that chooses the examples of each batch. By default the stream yields single
        examples in order.
    axis_labels : mapping from source to sequence of str, optional
        The axis names of each source; by default the names that the dataset provides.

    Raises
    ------
    DataError
        If `dataset` is not a `Dataset`, or if it does not match the scheme, for instance because it
        does not contain examples that the scheme requests.

    Examples
    --------
    >>> from workbench.data import IndexableDataset, SequentialScheme
    >>> dataset = IndexableDataset({"x": [1, 2, 3], "y": [4, 5, 6]})
    >>> stream = DataStream(dataset, iteration_scheme=SequentialScheme(3, batch_size=2))
    >>> batches = stream.get_epoch_iterator(as_dict=True)
    >>> next(batches)
    {'x': array([1, 2]), 'y': array([4, 5])}
    >>> stream.state_dict()
    {'epoch': 0, 'position': 1}
    >>> next(batches)
    {'x': array([3]), 'y': array([6])}
    """

    if TYPE_CHECKING:  # functions that `workbench.data.making` installs

        @staticmethod
        def from_frame(
            frame: Any,
            target: str | Sequence[str],
            *,
            validation: Any = None,
            batch_size: int = 32,
            as_classes: bool | None = None,
            standardise: bool = True,
            seed: int | None = None,
        ) -> Any: ...

        @staticmethod
        def from_arrays(
            features: Any,
            targets: Any = None,
            *,
            validation: Any = None,
            batch_size: int = 32,
            as_classes: bool | None = None,
            indices: bool = False,
            seed: int | None = None,
        ) -> Any: ...

        @staticmethod
        def from_folder(
            folder: Any,
            *,
            validation: Any = None,
            batch_size: int = 32,
            size: tuple[int, int] | None = None,
            mode: str = "RGB",
            seed: int | None = None,
        ) -> Any: ...

    def __init__(
        self,
        dataset: Readable,
        *,
        iteration_scheme: IterationScheme | None = None,
        axis_labels: Mapping[str, Sequence[str] | None] | None = None,
    ) -> None:
        if isinstance(dataset, type) or not hasattr(dataset, "check_scheme"):
            raise DataError(
                f"dataset must be a Dataset, not {type(dataset).__name__}; put arrays into "
                "IndexableDataset({source: array}), and pass a torch DataLoader to as_stream"
            )
        if not hasattr(dataset, "sources"):
            raise DataError(
                f"{type(dataset).__name__} has no attribute sources yet; call super().__init__() "
                "in its __init__"
            )
        self.dataset: Readable = dataset
        self.sources = dataset.sources
        self.reads_once = dataset.reads_once
        scheme = dataset.check_scheme(iteration_scheme)
        self.iteration_scheme = scheme
        self.produces_examples = scheme is None or scheme.requests_examples
        self.num_examples, self.num_batches = epoch_lengths(scheme, dataset.num_examples)
        self.batch_size = None if scheme is None else scheme.batch_size
        self._labels_given = None if axis_labels is None else as_labels(axis_labels)

    def _inferred_labels(self) -> AxisLabels | None:
        labels = self._labels_given
        if labels is None:
            labels = self.dataset.axis_labels
        scheme = self.iteration_scheme
        if labels is None or scheme is None:  # these names are for a single example
            return labels
        if self.produces_examples:
            return changed(labels, lambda names: names[names[:1] == (BATCH,) :], tuple(labels))
        if scheme.bounds is None:
            return changed(
                labels, lambda names: names if BATCH in names else (BATCH, *names), tuple(labels)
            )
        return labels

    def close(self) -> None:
        self.dataset.close()

    @classmethod
    def default_stream(
        cls, dataset: Readable, *, iteration_scheme: IterationScheme | None = None
    ) -> AbstractDataStream:
        """Create a stream wrapped in the default transformers of the dataset.

        For images, these transformers convert pixels in the range 0..255 to floating-point numbers
        in [0, 1].
        """
        stream = cls(dataset, iteration_scheme=iteration_scheme)
        return dataset.apply_default_transformers(stream)

    def iterate(self, epoch: int, start: int = 0) -> Iterator[Data]:
        if self._edits is not None and self.iteration_scheme is not None:
            return self._edits.iterate(self.dataset, self.iteration_scheme, epoch, start)
        return self.dataset.iterate(self.iteration_scheme, epoch, start)

    @property
    def reads_example_by_example(self) -> bool:
        """True unless a subclass reads batches in its own way."""
        return type(self).iterate is DataStream.iterate

    def _base(self) -> DataStream:
        if type(self).iterate is not DataStream.iterate:
            raise DataError(NO_INDICES.format(stream=self))
        if self.iteration_scheme is None or self.iteration_scheme.bounds is None:
            raise DataError(IN_ORDER.format(dataset=self.dataset))
        return self

    def __repr__(self) -> str:
        scheme = "" if self.iteration_scheme is None else f", {self.iteration_scheme!r}"
        edited = "" if self._edits is None else f", {self._edits}"
        return f"DataStream({self.dataset!r}{scheme}{edited})"


def epoch_lengths(
    scheme: IterationScheme | None, available: int | None
) -> tuple[int | None, int | None]:
    """Return the numbers of examples and batches in an epoch, with None for unknown numbers.

    Parameters
    ----------
    scheme : IterationScheme or None
        The scheme that splits the epoch into batches; None stands for single examples.
    available : int or None
        The number of examples in the dataset, if known.
    """
    if scheme is None:
        return available, available
    fits = scheme.num_examples is not None and scheme.num_examples <= (available or 0)
    if scheme.bounds is not None or available is None or fits:
        return scheme.num_examples, scheme.num_batches
    size = scheme.batch_size
    return available, None if size is None else -(-available // size)
