"""What iteration schemes have in common; see the package for what they are.

A scheme of one's own derives from `BatchScheme` or `IndexScheme` where it says which examples to
read, from `BatchSizeScheme` where it says how many, and defines `get_request_iterator`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from workbench.data.fuel_hooks import check_called
from workbench.data.reader_copies import Part
from workbench.errors import DataError
from workbench.hints import Hinted
from workbench.utils.numbers import as_whole

Indices: TypeAlias = "range | npt.NDArray[np.intp]"
Request: TypeAlias = "int | slice | npt.NDArray[np.intp]"


class IterationScheme(Hinted, Part, ABC):
    """What every scheme offers.

    Attributes
    ----------
    num_examples : int or None
        Examples in an epoch; None if only the end of the data ends it.
    num_batches : int or None
        Requests in an epoch.
    batch_size : int or None
        Examples in every request but perhaps the last; None where requests are single examples or
        vary in size.
    requests_examples : bool
        Whether a request is for one example rather than for a batch.
    """

    requests_examples: bool = False
    num_examples: int | None = None
    num_batches: int | None = None
    batch_size: int | None = None

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        advice = "the requests of an epoch depend on its number, and begin with number `start`"
        check_called(cls, "get_request_iterator", ("epoch", "start"), advice)

    def _copied_whole(self, moves: bool) -> bool:
        return True  # it may count how often it was asked

    @property
    def bounds(self) -> tuple[int, int] | None:
        """The smallest and the largest index asked for; None where requests only say how many."""
        return None

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


class BatchScheme(IndexScheme):
    """A scheme whose requests are the indices of batches.

    Parameters
    ----------
    examples : int or sequence of int
        The number of examples, or the indices to read.
    batch_size : int
        Examples in a batch.
    """

    batch_size: int

    def __init__(
        self, examples: int | Sequence[int] | npt.NDArray[np.integer], batch_size: int
    ) -> None:
        super().__init__(examples)
        self.batch_size = as_whole(batch_size, "batch_size", DataError, 1)
        self.num_batches = -(-self.num_examples // self.batch_size)


class BatchSizeScheme(IterationScheme):
    """A scheme whose requests say how many examples to read next."""

    @abstractmethod
    def get_request_iterator(self, epoch: int = 0, start: int = 0) -> Iterator[int]:
        """Return the sizes of the batches of epoch `epoch`, leaving out the first `start`."""


def request_sizes(scheme: IterationScheme, epoch: int) -> Iterator[int]:
    """Return the requests of a scheme that says how many examples to read, as integers.

    Raises
    ------
    DataError
        While reading, if a request is something else.
    """
    for size in scheme.get_request_iterator(epoch):
        yield as_whole(size, f"a request of {scheme!r}", DataError)


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
        indices = range(as_whole(examples, "examples", DataError))
    if not len(indices):
        raise DataError(f"a scheme was given examples={examples!r}, so there is nothing to read")
    return indices
