"""Iteration schemes: in which order, and in what portions, the examples of an epoch are read.

A scheme answers one question: which requests make up epoch `epoch`, from request `start` on? The
answer is a pure function of those two integers (and of the scheme's seed), so that a position
inside training is two plain integers and resuming from it is exact; no iterator is ever saved.

There are two kinds. An `IndexScheme` says *which* examples: as a slice where they are neighbours
(arrays then give views), as an array of indices otherwise, or one integer an example. A
`BatchSizeScheme` only says *how many*, for data that can be read in no order but their own.

In what follows N is the number of examples and B the batch size.
"""

from __future__ import annotations

import operator
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import ClassVar, TypeAlias

import numpy as np
import numpy.typing as npt

from workbench.errors import DataError

Indices: TypeAlias = "range | npt.NDArray[np.intp]"
Request: TypeAlias = "int | slice | npt.NDArray[np.intp]"
Rng: TypeAlias = "np.random.Generator | np.random.RandomState"


class IterationScheme(ABC):
    """What every scheme offers.

    Attributes
    ----------
    num_examples : int or None
        Examples in an epoch; None if only the end of the data ends it.
    num_batches : int or None
        Requests in an epoch.
    batch_size : int or None
        Examples in every request but perhaps the last; None where requests are single examples.
    requests_examples : bool
        Whether a request is for one example rather than for a batch.
    """

    requests_examples: ClassVar[bool] = False
    num_examples: int | None
    num_batches: int | None
    batch_size: int | None = None

    @abstractmethod
    def get_request_iterator(self, epoch: int = 0, start: int = 0) -> Iterator[Request]:
        """Return the requests of epoch `epoch`, leaving out the first `start`."""


class IndexScheme(IterationScheme):
    """A scheme whose requests are indices of examples.

    Parameters
    ----------
    examples : int or sequence of int
        The number of examples, or the indices to read.
    """

    num_examples: int
    num_batches: int

    def __init__(self, examples: int | Sequence[int] | npt.NDArray[np.integer]) -> None:
        self.indices = _indices(examples)
        self.num_examples = len(self.indices)
        self.num_batches = self.num_examples

    @property
    def bounds(self) -> tuple[int, int]:
        """The smallest and the largest index."""
        if isinstance(self.indices, range):
            ends = self.indices[0], self.indices[-1]
            return min(ends), max(ends)
        return int(self.indices.min()), int(self.indices.max())


class SequentialScheme(IndexScheme):
    """Batches of B examples in their own order; the last may be smaller.

    Parameters
    ----------
    examples : int or sequence of int
        The number of examples, or the indices to read, in this order.
    batch_size : int
        Examples in a batch.

    Examples
    --------
    >>> list(SequentialScheme(5, batch_size=2).get_request_iterator())
    [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """

    batch_size: int

    def __init__(
        self, examples: int | Sequence[int] | npt.NDArray[np.integer], batch_size: int
    ) -> None:
        super().__init__(examples)
        self.batch_size = _positive(batch_size, "batch_size")
        self.num_batches = -(-self.num_examples // self.batch_size)

    def get_request_iterator(self, epoch: int = 0, start: int = 0) -> Iterator[Request]:
        return _portions(self.indices, self.batch_size, start)

    def __repr__(self) -> str:
        return f"SequentialScheme({self.num_examples} examples, batch_size={self.batch_size})"


class ShuffledScheme(IndexScheme):
    """Batches of B examples, in another random order every epoch; the last may be smaller.

    The order of epoch k depends on the seed and on k alone.

    Parameters
    ----------
    examples : int or sequence of int
        The number of examples, or the indices to read.
    batch_size : int
        Examples in a batch.
    rng : numpy.random.Generator or numpy.random.RandomState, optional
        Where to draw the seed from, once, now.
    seed : int, optional
        The seed itself; `config.default_seed` if neither is given.
    sorted_indices : bool
        Whether the indices within a batch ascend, which files read faster.

    Examples
    --------
    >>> scheme = ShuffledScheme(6, batch_size=4, seed=1)
    >>> whole = np.concatenate(list(scheme.get_request_iterator(epoch=3)))
    >>> sorted(whole.tolist())
    [0, 1, 2, 3, 4, 5]
    >>> [rest] = scheme.get_request_iterator(epoch=3, start=1)
    >>> bool((rest == whole[4:]).all())
    True
    """

    batch_size: int

    def __init__(
        self,
        examples: int | Sequence[int] | npt.NDArray[np.integer],
        batch_size: int,
        *,
        rng: Rng | None = None,
        seed: int | None = None,
        sorted_indices: bool = False,
    ) -> None:
        super().__init__(examples)
        self.batch_size = _positive(batch_size, "batch_size")
        self.num_batches = -(-self.num_examples // self.batch_size)
        self.seed = _seed(rng, seed)
        self.sorted_indices = sorted_indices

    def get_request_iterator(self, epoch: int = 0, start: int = 0) -> Iterator[Request]:
        order = _shuffled(self.indices, self.seed, epoch)
        return _portions(order, self.batch_size, start, ascending=self.sorted_indices)

    def __repr__(self) -> str:
        return (
            f"ShuffledScheme({self.num_examples} examples, batch_size={self.batch_size}, "
            f"seed={self.seed})"
        )


class SequentialExampleScheme(IndexScheme):
    """One example at a time, in their own order.

    Parameters
    ----------
    examples : int or sequence of int
        The number of examples, or the indices to read, in this order.

    Examples
    --------
    >>> list(SequentialExampleScheme([5, 3, 8]).get_request_iterator())
    [5, 3, 8]
    """

    requests_examples: ClassVar[bool] = True

    def get_request_iterator(self, epoch: int = 0, start: int = 0) -> Iterator[Request]:
        return _one_by_one(self.indices[start:])

    def __repr__(self) -> str:
        return f"SequentialExampleScheme({self.num_examples} examples)"


class ShuffledExampleScheme(IndexScheme):
    """One example at a time, in another random order every epoch.

    Parameters
    ----------
    examples : int or sequence of int
        The number of examples, or the indices to read.
    rng : numpy.random.Generator or numpy.random.RandomState, optional
        Where to draw the seed from, once, now.
    seed : int, optional
        The seed itself; `config.default_seed` if neither is given.

    Examples
    --------
    >>> sorted(ShuffledExampleScheme(4, seed=0).get_request_iterator(epoch=2))
    [0, 1, 2, 3]
    """

    requests_examples: ClassVar[bool] = True

    def __init__(
        self,
        examples: int | Sequence[int] | npt.NDArray[np.integer],
        *,
        rng: Rng | None = None,
        seed: int | None = None,
    ) -> None:
        super().__init__(examples)
        self.seed = _seed(rng, seed)

    def get_request_iterator(self, epoch: int = 0, start: int = 0) -> Iterator[Request]:
        return _one_by_one(_shuffled(self.indices, self.seed, epoch)[start:])

    def __repr__(self) -> str:
        return f"ShuffledExampleScheme({self.num_examples} examples, seed={self.seed})"


class BatchSizeScheme(IterationScheme):
    """A scheme whose requests say how many examples to read next."""

    @abstractmethod
    def get_request_iterator(self, epoch: int = 0, start: int = 0) -> Iterator[int]:
        """Return the sizes of the batches of epoch `epoch`, leaving out the first `start`."""


class ConstantScheme(BatchSizeScheme):
    """Batches of always the same size, for data that can only be read in their own order.

    Parameters
    ----------
    batch_size : int
        Examples in a batch.
    num_examples : int, optional
        Examples in an epoch; the last batch is smaller where B does not divide it.
    times : int, optional
        Batches in an epoch. At most one of the two may be given; with neither, an epoch lasts as
        long as the data.

    Examples
    --------
    >>> list(ConstantScheme(4, num_examples=10).get_request_iterator())
    [4, 4, 2]
    """

    batch_size: int

    def __init__(
        self, batch_size: int, num_examples: int | None = None, times: int | None = None
    ) -> None:
        self.batch_size = _positive(batch_size, "batch_size")
        self.num_examples = self.num_batches = None
        if num_examples is not None and times is not None:
            raise DataError(
                f"ConstantScheme was given num_examples={num_examples} and times={times}; "
                "either of them fixes the length of an epoch: give one"
            )
        if num_examples is not None:
            self.num_examples = _positive(num_examples, "num_examples")
            self.num_batches = -(-self.num_examples // self.batch_size)
        elif times is not None:
            self.num_batches = _positive(times, "times")
            self.num_examples = self.num_batches * self.batch_size

    def get_request_iterator(self, epoch: int = 0, start: int = 0) -> Iterator[int]:
        if self.num_examples is None:
            while True:
                yield self.batch_size
        for first in range(start * self.batch_size, self.num_examples, self.batch_size):
            yield min(self.batch_size, self.num_examples - first)

    def __repr__(self) -> str:
        length = "" if self.num_examples is None else f", num_examples={self.num_examples}"
        return f"ConstantScheme({self.batch_size}{length})"


def _indices(examples: int | Sequence[int] | npt.NDArray[np.integer]) -> Indices:
    """Bring a count, a range or a list of indices to one of the two forms schemes work on."""
    indices: Indices
    if isinstance(examples, range):
        indices = examples
    elif isinstance(examples, (Sequence, np.ndarray)):
        array = np.asarray(examples)
        if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
            raise DataError(
                f"a scheme was given an array of shape {array.shape} and dtype {array.dtype} as "
                "examples; expected their number, or a one-dimensional list of integer indices"
            )
        indices = array.astype(np.intp)
    else:
        indices = range(_integer(examples, "examples"))
    if not len(indices):
        raise DataError(f"a scheme was given examples={examples!r}, so there is nothing to read")
    return indices


def _integer(value: object, name: str) -> int:
    try:
        if isinstance(value, bool):
            raise TypeError
        return operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise DataError(f"{name} is {value!r}; expected an integer") from None


def _positive(value: object, name: str) -> int:
    number = _integer(value, name)
    if number < 1:
        raise DataError(f"{name} is {number}; expected at least 1")
    return number


def _seed(rng: Rng | None, seed: int | None) -> int:
    if rng is not None and seed is not None:
        raise DataError(
            "a scheme was given both rng and seed; the seed is drawn from rng: give one"
        )
    if isinstance(rng, np.random.RandomState):
        return int(rng.randint(2**31))
    if rng is not None:
        return int(rng.integers(2**63))
    if seed is None:
        from workbench.config import config

        seed = config.default_seed
    number = _integer(seed, "seed")
    if number < 0:
        raise DataError(f"seed is {number}; expected an integer that is not negative")
    return number


def _shuffled(indices: Indices, seed: int, epoch: int) -> npt.NDArray[np.intp]:
    # spawn_key keeps (seed, epoch) apart from every other pair, which adding them would not
    sequence = np.random.SeedSequence(seed, spawn_key=(epoch,))
    return np.random.default_rng(sequence).permutation(np.asarray(indices, dtype=np.intp))


def _portions(
    indices: Indices, size: int, start: int, *, ascending: bool = False
) -> Iterator[Request]:
    """Cut `indices` into portions of `size`, beginning with portion number `start`."""
    for first in range(start * size, len(indices), size):
        portion = indices[first : first + size]
        if not isinstance(portion, range):
            yield np.sort(portion) if ascending else portion
        elif portion.step == 1 and portion.start >= 0:
            yield slice(portion.start, portion.stop)
        else:
            yield np.asarray(portion, dtype=np.intp)


def _one_by_one(indices: Indices) -> Iterator[int]:
    return iter(indices) if isinstance(indices, range) else iter(indices.tolist())
