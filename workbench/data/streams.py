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
from collections.abc import Iterator, Mapping
from typing import Any, Literal, TypeVar, overload

from workbench.data.datasets import Data, Dataset
from workbench.data.schemes import IterationScheme
from workbench.errors import DataError
from workbench.hints import Hinted

BatchT = TypeVar("BatchT")


class AbstractDataStream(Hinted, ABC):
    """What every stream offers.

    Attributes
    ----------
    sources : tuple of str
        The names of the entries of a batch, in order.
    num_batches, num_examples : int or None
        Batches and examples in an epoch, where they are known.
    batch_size : int or None
        Examples in every batch but perhaps the last, where that is known.
    produces_examples : bool
        Whether what the stream gives are single examples rather than batches.
    num_random : int
        How many transformers that draw random numbers there are in the stream.
    """

    sources: tuple[str, ...]
    num_batches: int | None = None
    num_examples: int | None = None
    batch_size: int | None = None
    produces_examples: bool = False
    num_random: int = 0

    _running: EpochIterator[Any] | None = None
    _start: tuple[int, int] = (0, 0)

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
        first, position = self._start if self._running is None else self._running.following
        self._running = EpochIterator(self, first, position, as_dict)
        return self._running

    def state_dict(self) -> dict[str, int]:
        """Return where the stream stands: ``epoch`` and ``position``, the batches given of it."""
        if self._running is not None:
            return self._running.state_dict()
        epoch, position = self._start
        return {"epoch": epoch, "position": position}

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        """Go back to where `state_dict` was called: the next epoch iterator continues there.

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
        self._running = None
        self._start = (epoch, position)


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
        self._batches: Iterator[Data] | None = None

    def __next__(self) -> BatchT:
        if self._batches is None:
            if self.finished:
                raise StopIteration
            self._batches = self.data_stream.iterate(self.epoch, self.position)
        try:
            batch: Any = next(self._batches)
        except StopIteration:
            self.finished, self._batches = True, None
            raise
        except BaseException:
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


class DataStream(AbstractDataStream):
    """The examples of a dataset, in the order and the portions of a scheme.

    Parameters
    ----------
    dataset : Dataset
        Where to read.
    iteration_scheme : IterationScheme, optional
        What to read next; one example after another if not given.

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
        self, dataset: Dataset, *, iteration_scheme: IterationScheme | None = None
    ) -> None:
        if not isinstance(dataset, Dataset):
            raise DataError(
                f"a DataStream reads a Dataset, not {type(dataset).__name__}; put arrays into "
                "IndexableDataset({source: array}), and give a torch DataLoader to as_stream"
            )
        self.dataset = dataset
        self.sources = dataset.sources
        scheme = dataset.check_scheme(iteration_scheme)
        self.iteration_scheme = scheme
        self.produces_examples = scheme is None or scheme.requests_examples
        self.num_examples, self.num_batches = epoch_lengths(scheme, dataset.num_examples)
        self.batch_size = None if scheme is None else scheme.batch_size

    @classmethod
    def default_stream(
        cls, dataset: Dataset, *, iteration_scheme: IterationScheme | None = None
    ) -> AbstractDataStream:
        """Make a stream with the dataset's default transformers around it.

        For pictures these bring the pixels from 0..255 to floating-point numbers in [0, 1].
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
