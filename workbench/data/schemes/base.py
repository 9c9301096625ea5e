"""Base classes of iteration schemes.

To write your own scheme, derive from `BatchScheme` or `IndexScheme` if it selects examples by
index, or from `BatchSizeScheme` if it returns numbers of examples, and define
`get_request_iterator`.
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
    """Base class of all schemes.

    Attributes
    ----------
    num_examples : int or None
        The number of examples in an epoch; None if an epoch ends when the data run out.
    num_batches : int or None
        The number of requests in an epoch, if known.
    batch_size : int or None
        The number of examples in each request; the last request may be smaller. None if requests
        are single examples or vary in size.
    requests_examples : bool
        True if each request is for one example instead of a batch.

    Examples
    --------
    >>> from workbench.data import SequentialScheme, ShuffledScheme
    >>> for scheme in (SequentialScheme(5, 2), ShuffledScheme(5, 2, seed=1)):
    ...     assert isinstance(scheme, IterationScheme)
    ...     print(scheme.num_batches, next(scheme.get_request_iterator()))
    3 slice(0, 2, None)
    3 [4 1]
    """

    requests_examples: bool = False
    num_examples: int | None = None
    num_batches: int | None = None
    batch_size: int | None = None

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        advice = "it must return the requests of epoch `epoch`, omitting the first `start` requests"
        check_called(cls, "get_request_iterator", ("epoch", "start"), advice)

    def _copied_whole(self, moves: bool) -> bool:
        return True  # a user's scheme may have state, such as a counter of calls

    @property
    def bounds(self) -> tuple[int, int] | None:
        """The smallest and largest requested index; None if requests are numbers of examples."""
        return None

    @abstractmethod
    def get_request_iterator(self, epoch: int = 0, start: int = 0) -> Iterator[Request]:
        """Return the requests of the given epoch, omitting the first `start` requests."""


class IndexScheme(IterationScheme):
    """Scheme whose requests are example indices.

    Parameters
    ----------
    examples : int or sequence of int
        The number of examples, or the indices to read.

    Examples
    --------
    >>> from workbench.data import SequentialExampleScheme
    >>> scheme = SequentialExampleScheme([4, 2, 7])
    >>> isinstance(scheme, IndexScheme), list(scheme.get_request_iterator()), scheme.bounds
    (True, [4, 2, 7], (2, 7))
    """

    num_examples: int
    num_batches: int

    def __init__(self, examples: int | Sequence[int] | npt.NDArray[np.integer]) -> None:
        self.indices = _indices(examples)
        self.num_examples = len(self.indices)
        self.num_batches = self.num_examples

    @property
    def bounds(self) -> tuple[int, int]:
        """The smallest and largest index."""
        if isinstance(self.indices, range):
            ends = self.indices[0], self.indices[-1]
            return min(ends), max(ends)
        return int(self.indices.min()), int(self.indices.max())

    def _order(self, epoch: int) -> Indices:
        """Return the indices in the order of an epoch; `workbench.data.edits` regroups them."""
        return self.indices


class BatchScheme(IndexScheme):
    """Scheme whose requests are the indices of the examples in a batch.

    Parameters
    ----------
    examples : int or sequence of int
        The number of examples, or the indices to read.
    batch_size : int
        The number of examples in a batch.

    Examples
    --------
    >>> class Backwards(BatchScheme):
    ...     def get_request_iterator(self, epoch=0, start=0):
    ...         indices = list(self.indices)[::-1]
    ...         requests = [indices[i : i + self.batch_size] for i in range(0, 5, self.batch_size)]
    ...         return iter(requests[start:])
    >>> list(Backwards(5, 2).get_request_iterator())
    [[4, 3], [2, 1], [0]]
    """

    batch_size: int

    def __init__(
        self, examples: int | Sequence[int] | npt.NDArray[np.integer], batch_size: int
    ) -> None:
        super().__init__(examples)
        self.batch_size = as_whole(batch_size, "batch_size", DataError, 1)
        self.num_batches = -(-self.num_examples // self.batch_size)


class BatchSizeScheme(IterationScheme):
    """Scheme whose requests are the numbers of examples to read next.

    Examples
    --------
    >>> class Growing(BatchSizeScheme):
    ...     def get_request_iterator(self, epoch=0, start=0):
    ...         return iter([1, 2, 4][start:])
    >>> list(Growing().get_request_iterator())
    [1, 2, 4]
    """

    @abstractmethod
    def get_request_iterator(self, epoch: int = 0, start: int = 0) -> Iterator[int]:
        """Return the batch sizes of the given epoch, omitting the first `start` sizes."""


def request_sizes(scheme: IterationScheme, epoch: int) -> Iterator[int]:
    """Yield the batch sizes that a scheme requests, after checking that they are whole numbers.

    Raises
    ------
    DataError
        While reading, if a request is not a whole number.
    """
    for size in scheme.get_request_iterator(epoch):
        yield as_whole(size, f"a request of {scheme!r}", DataError)


def _indices(examples: int | Sequence[int] | npt.NDArray[np.integer]) -> Indices:
    """Convert a number of examples, or a sequence of indices, to `Indices`."""
    indices: Indices
    if isinstance(examples, range):
        indices = examples
    elif isinstance(examples, (Sequence, np.ndarray)):
        array = np.asarray(examples)
        if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
            raise DataError(
                "examples of a scheme must be a number, or a one-dimensional list of integer "
                f"indices, not an array of shape {array.shape} and dtype {array.dtype}"
            )
        indices = array.astype(np.intp)
    else:
        indices = range(as_whole(examples, "examples", DataError))
    if not len(indices):
        raise DataError(f"a scheme must have at least one example, but examples is {examples!r}")
    return indices
