"""Data streams: what a main loop and a monitor iterate over, epoch after epoch.

A stream is a pure function: `iterate(epoch, start)` gives the batches of one epoch from number
`start` on, and asked again it gives the same. All the state there is are two integers, the epoch
and the position within it, and they belong to the outermost stream alone: a transformer asks the
stream below it by number. Saving a position, resuming from it and reading ahead in another thread
are therefore the same for every stream.

A stream of one's own derives from `AbstractDataStream` and defines `sources` and `iterate`.
"""

from __future__ import annotations

import operator
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Literal, Protocol, TypeAlias, TypeVar, overload

from workbench.data.axes import BATCH, AxisLabels, Labelled, as_labels, changed
from workbench.data.fuel_hooks import STREAM_HOOKS, check_called, is_own, refuse_uncalled
from workbench.data.reader_copies import Part, apart, claim
from workbench.data.readonly import explained
from workbench.data.schemes import IterationScheme
from workbench.errors import DataError
from workbench.hints import Hinted

Data: TypeAlias = tuple[Any, ...]
"""One array (or, for a single example, one value) a source."""

BatchT = TypeVar("BatchT")

_Place = tuple[tuple[int, int], "EpochIterator[Any] | None"]
"""An epoch and a position to begin at, and the epoch that was begun there."""

_reader: ContextVar[Literal["training", "evaluation"] | None] = ContextVar("reader", default=None)
"""Who asks a stream; ``None`` is a person."""


@contextmanager
def reading_for(reader: Literal["training", "evaluation"]) -> Iterator[None]:
    """Ask streams, in this context, for training, which has a place of its own, or to evaluate.

    Evaluation has the place of a person who asks, but cannot move training.
    """
    token = _reader.set(reader)
    try:
        yield
    finally:
        _reader.reset(token)


class AbstractDataStream(Hinted, Labelled, Part, ABC):
    """What every stream offers.

    Attributes
    ----------
    sources : tuple of str
        The names of the entries of a batch, in order.
    num_batches, num_examples : int or None
        Batches and examples in an epoch, where they are known.
    first_batch : int or None
        How many examples the first batch of an epoch has, where that is known without a scheme.
    batch_size : int or None
        Examples in every batch but perhaps the last, where that is known.
    produces_examples : bool
        Whether what the stream gives are single examples rather than batches.
    num_random : int
        How many transformers that draw random numbers there are in the stream.
    axis_labels : dict of str to tuple of str, or None
        The names of the axes of each source, as far as they are known.
    reads_once : bool
        Whether the data come from a generator, so that there is one epoch and no going back.
    """

    sources: tuple[str, ...]
    num_batches: int | None = None
    num_examples: int | None = None
    batch_size: int | None = None
    first_batch: int | None = None
    produces_examples: bool = False
    num_random: int = 0
    reads_once: bool = False

    _hooks = "iterate(self, epoch, start=0)"  # what a subclass defines

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if not is_own(cls, "iterate"):  # with a loop of its own it may call what it likes
            refuse_uncalled(cls, STREAM_HOOKS, cls._hooks)
        check_called(cls, "iterate", ("epoch", "start"), "give it both")

    _here: _Place = ((0, 0), None)
    _trained: _Place | None = None
    _for_others: AbstractDataStream | None = None  # what all read but training

    @abstractmethod
    def iterate(self, epoch: int, start: int = 0) -> Iterator[Data]:
        """Return the batches of epoch `epoch`, leaving out the first `start`.

        Both count from 0. The result depends on nothing else.
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
        """Begin the next epoch, or go on with the one that `load_state_dict` has restored.

        A main loop that trains on the stream keeps a place of its own: whoever looks at the data,
        before or meanwhile, does not change what is trained on.

        Parameters
        ----------
        as_dict : bool
            Whether to give mappings from source to array instead of tuples.
        epoch : int, optional
            Read this epoch instead, from its beginning, and leave the stream's own position as
            it is: for looking at the data, and for monitoring.

        Returns
        -------
        EpochIterator
            An iterator over the batches of the epoch.
        """
        if epoch is not None:
            return EpochIterator(self, epoch, 0, as_dict)
        (first, position), running = self._place
        if running is not None:
            first, position = running.following
        begun: EpochIterator[Any] = EpochIterator(self, first, position, as_dict)
        self._move(((first, position), begun))
        return begun

    @property
    def _place(self) -> _Place:
        """Where whoever asks stands: a start, and the epoch that was begun last."""
        if _reader.get() != "training":
            return self._here
        return (self._here[0], None) if self._trained is None else self._trained

    def _move(self, place: _Place) -> None:
        if _reader.get() == "training":
            self._trained = place
        else:
            # Training, which has not begun, will begin where the stream was put, not here.
            self._trained = self._trained or (self._here[0], None)
            self._here = place

    def _read(self, epoch: int, start: int, training: bool) -> Iterator[Data]:
        """Read for training, or what does not move it; see `workbench.data.reader_copies`."""
        claim(self, "training" if training else "others")
        if training:
            return self.iterate(epoch, start)
        if self._for_others is None:
            self._for_others = apart(self)
        return self._for_others.iterate(epoch, start)

    def iterate_epochs(self, as_dict: bool = False) -> Iterator[EpochIterator[Any]]:
        """Begin one epoch after another, for ever.

        Parameters
        ----------
        as_dict : bool
            Whether to give mappings from source to array instead of tuples.

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
        """Let go of files and processes; reading opens or starts them again."""

    def state_dict(self) -> dict[str, int]:
        """Return where the stream stands: ``epoch`` and ``position``, the batches given of it.

        A main loop has a place of its own, which is part of its state.
        """
        (epoch, position), running = self._place
        if running is not None:
            return running.state_dict()
        return {"epoch": epoch, "position": position}

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        """Go back to where `state_dict` was called: the next epoch iterator continues there.

        So does a main loop that has not begun to train on the stream; one that has is moved by its
        own `load_state_dict` only.

        Raises
        ------
        DataError
            If `state` is not such a state, or lies beyond the end of this stream.
        """
        if set(state) != {"epoch", "position"}:
            raise DataError(
                f"the state of a data stream has the keys 'epoch' and 'position', not "
                f"{sorted(map(str, state))}"
            )
        try:
            epoch, position = operator.index(state["epoch"]), operator.index(state["position"])
        except TypeError:
            raise DataError(f"the state of a data stream is two integers, not {state}") from None
        if min(epoch, position) < 0 or (
            self.num_batches is not None and position > self.num_batches
        ):
            raise DataError(
                f"the saved position {dict(state)} does not lie within {self!r}, which has "
                f"{self.num_batches} batches in an epoch; resume with the data and the batch "
                "size that the position was saved with"
            )
        self._move(((epoch, position), None))
        if _reader.get() is None and (self._trained is None or self._trained[1] is None):
            self._trained = None  # training, which has not begun, is to begin there


class EpochIterator(Iterator[BatchT]):
    """The batches of one epoch, with a position that can be read and saved at any time.

    Made by `AbstractDataStream.get_epoch_iterator`. An error while reading leaves the position
    before the batch that failed, so that the next call tries that batch again.

    Attributes
    ----------
    data_stream : AbstractDataStream
        The stream it reads.
    epoch : int
        The number of the epoch, from 0.
    position : int
        The number of batches given so far; also the number of the next one.
    finished : bool
        Whether the end of the epoch has been reached.
    """

    def __init__(
        self, data_stream: AbstractDataStream, epoch: int, position: int, as_dict: bool
    ) -> None:
        self.data_stream = data_stream
        self.epoch = epoch
        self.position = position
        self.finished = False
        self._sources = data_stream.sources if as_dict else None
        self._training = _reader.get() == "training"
        self._batches: Iterator[Data] | None = None

    def __next__(self) -> BatchT:
        if self._batches is None:
            if self.finished:
                raise StopIteration
            stream, training = self.data_stream, self._training
            self._batches = stream._read(self.epoch, self.position, training)
        try:
            batch: Any = next(self._batches)
        except StopIteration:
            self.finished, self._batches = True, None
            raise
        except BaseException as error:
            explained(error)
            # a generator that has raised is dead and would look like the end of the epoch
            self._batches = None
            raise
        self.position += 1
        if self._sources is not None:
            batch = dict(zip(self._sources, batch, strict=True))
        given: BatchT = batch
        return given

    @property
    def following(self) -> tuple[int, int]:
        """Epoch and position where the next epoch iterator starts."""
        begun = self.finished or self.position > 0
        return self.epoch + begun, 0

    def state_dict(self) -> dict[str, int]:
        """Return the position, for `AbstractDataStream.load_state_dict`."""
        if self.finished:
            return {"epoch": self.epoch + 1, "position": 0}
        return {"epoch": self.epoch, "position": self.position}

    def __getstate__(self) -> dict[str, Any]:
        # a pickled iterator goes on from its position, with batches read anew
        return {**self.__dict__, "_batches": None}

    def __repr__(self) -> str:
        return (
            f"<epoch {self.epoch} of {self.data_stream!r}, {self.position} batches given"
            f"{', finished' if self.finished else ''}>"
        )


class Readable(Protocol):
    """A dataset, as streams read it; `workbench.data.Dataset` is one."""

    sources: tuple[str, ...]
    reads_once: bool

    @property
    def num_examples(self) -> int | None:
        """The number of examples, where it is known."""

    @property
    def axis_labels(self) -> AxisLabels | None:
        """Names of the axes, where they are known."""

    def check_scheme(self, scheme: IterationScheme | None) -> IterationScheme | None:
        """Return the scheme that a stream will use."""

    def iterate(self, scheme: IterationScheme | None, epoch: int, start: int) -> Iterator[Data]:
        """Read the batches of an epoch."""

    def apply_default_transformers(self, data_stream: AbstractDataStream) -> AbstractDataStream:
        """Return `data_stream` with the default transformers around it."""

    def close(self) -> None:
        """Let go of files."""


class DataStream(AbstractDataStream):
    """The examples of a dataset, in the order and the portions of a scheme.

    Arrays that are views of the data, such as those of neighbouring examples, are read-only.

    Parameters
    ----------
    dataset : Dataset
        Where to read.
    iteration_scheme : IterationScheme, optional
        What to read next; one example after another if not given.
    axis_labels : mapping from source to sequence of str, optional
        Names of the axes of a batch, instead of those that the dataset has.

    Raises
    ------
    DataError
        If the scheme does not fit the dataset: it reads by index what has none, or beyond the end.

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

    def __init__(
        self,
        dataset: Readable,
        *,
        iteration_scheme: IterationScheme | None = None,
        axis_labels: Mapping[str, Sequence[str] | None] | None = None,
    ) -> None:
        if isinstance(dataset, type) or not hasattr(dataset, "check_scheme"):
            raise DataError(
                f"a DataStream reads a Dataset, not {type(dataset).__name__}; put arrays into "
                "IndexableDataset({source: array}), and give a torch DataLoader to as_stream"
            )
        if not hasattr(dataset, "sources"):
            raise DataError(
                f"{type(dataset).__name__} has no sources yet; call super().__init__() in its "
                "__init__"
            )
        self.dataset = dataset
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
        if labels is None or scheme is None:  # such data sets name the axes of examples
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
        """Make a stream with the dataset's default transformers around it.

        For images these bring the pixels from 0..255 to floating-point numbers in [0, 1].
        """
        stream = cls(dataset, iteration_scheme=iteration_scheme)
        return dataset.apply_default_transformers(stream)

    def iterate(self, epoch: int, start: int = 0) -> Iterator[Data]:
        return self.dataset.iterate(self.iteration_scheme, epoch, start)

    def __repr__(self) -> str:
        scheme = "" if self.iteration_scheme is None else f", {self.iteration_scheme!r}"
        return f"DataStream({self.dataset!r}{scheme})"


def epoch_lengths(
    scheme: IterationScheme | None, available: int | None
) -> tuple[int | None, int | None]:
    """Return the examples and the batches of an epoch, where they are known.

    Parameters
    ----------
    scheme : IterationScheme or None
        What cuts the epoch into batches; None gives single examples.
    available : int or None
        How many examples there are to read.
    """
    if scheme is None:
        return available, available
    fits = scheme.num_examples is not None and scheme.num_examples <= (available or 0)
    if scheme.bounds is not None or available is None or fits:
        return scheme.num_examples, scheme.num_batches
    size = scheme.batch_size
    return available, None if size is None else -(-available // size)
