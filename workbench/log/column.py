"""Column of a training log: typed arrays that grow with the records of a channel.

`workbench.log.TrainingLog` stores its records in columns. A column has the type of its first value
(float, int, bool or object). Ints and floats in one column are stored as floats if the conversion
is exact; any other mixture of types widens the column to object. An iteration and a number need
eight bytes each. Long arrays are at most a sixteenth larger than their contents. A record at a
later iteration is appended; a record at an earlier iteration is inserted, and the column is copied.

Readers receive views that never change: if a view of an array exists, the array is copied before an
edit.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from workbench.errors import StateError

NOT_VALUES = "the values of a channel must be a list or an array of numbers, not {given}"
NOT_ITERATIONS = (
    "the iterations of a channel must be in increasing order, one for each value, not {given}"
)

PLAIN: Final = frozenset({float, int, bool, str, type(None)})
"""Types of values that a log stores unchanged."""

MISSING: Final = object()
"""Placeholder for a record that does not exist."""

_DTYPES: Final = {
    float: np.dtype(np.float64),
    int: np.dtype(np.int64),
    bool: np.dtype(np.bool_),
    object: np.dtype(object),
}
_TYPES: Final = {dtype: kind for kind, dtype in _DTYPES.items() if kind is not object}
EXACT: Final = 2**53  # float64 represents all integers up to this one


def grown(array: NDArray[Any], used: int, more: int = 1) -> NDArray[Any]:
    """Return a copy of the first `used` items of `array` with space for at least `more` items."""
    room = max(16, used if used < 4096 else used // 16, more)
    larger = np.empty(used + room, array.dtype)
    larger[:used] = array[:used]
    return larger


def frozen(array: NDArray[Any]) -> NDArray[Any]:
    """Return a read-only view of `array`."""
    view = array[:]
    view.flags.writeable = False
    return view


def as_float(number: float) -> float:
    """Convert a number to a float; a number that is too large becomes infinite."""
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf


class Column:
    """Iterations in increasing order, with the value that was recorded at each iteration.

    Attributes
    ----------
    size : int
        The number of records.
    last : int
        The iteration of the latest record, or -1 if there are no records.
    edits : int
        The number of changes other than appending a record.
    """

    __slots__ = ("_exported", "_iterations", "_type", "_values", "edits", "last", "size")

    def __init__(self) -> None:
        self.size = 0
        self.last = -1
        self.edits = 0
        self._type: type = Column  # not the type of any value
        self._iterations: NDArray[Any] = np.empty(0, np.int64)
        self._values: NDArray[Any] = np.empty(0, np.float64)
        self._exported = False

    @classmethod
    def of(cls, iterations: NDArray[Any], values: NDArray[Any] | Sequence[Any]) -> Column:
        """Create a column with copies of `iterations` and `values`.

        Raises
        ------
        StateError
            If `iterations` is not an array of increasing integers, `values` is neither an array of
            numbers nor a list, or their lengths differ.
        """
        new = cls()
        if isinstance(values, list):
            new._type, new._values = object, np.empty(len(values), object)
            for i, value in enumerate(
                values
            ):  # one by one, since numpy would convert sequences to arrays
                new._values[i] = value
        elif isinstance(values, np.ndarray) and values.dtype in _TYPES:
            new._type, new._values = _TYPES[values.dtype], values.copy()
        else:
            raise StateError(NOT_VALUES.format(given=f"{values!r:.80}"))
        if (
            not isinstance(iterations, np.ndarray)
            or iterations.dtype != np.int64
            or iterations.shape != new._values.shape
            or (iterations[1:] <= iterations[:-1]).any()
            or (iterations[:1] < 0).any()
        ):
            raise StateError(NOT_ITERATIONS.format(given=f"{iterations!r:.80}"))
        new._iterations = iterations.copy()
        new.size = len(iterations)
        new.last = int(iterations[-1]) if new.size else -1
        return new

    def put(self, iteration: int, value: Any) -> None:
        """Record one value that `to_python` has converted."""
        if type(value) is not self._type:
            value = self._admit(value)
        if iteration <= self.last:
            self._revise(iteration, value)
            return
        size = self.size
        if size == len(self._values):
            self._iterations = grown(self._iterations, size)
            self._values = grown(self._values, size)
        self._iterations[size] = iteration
        self._values[size] = value
        self.last = iteration
        self.size = size + 1

    def extend(self, iterations: Sequence[int], values: Sequence[Any]) -> None:
        """Record several values that `to_python` has converted, in bulk if possible."""
        if not self._append(iterations, values):
            for iteration, value in zip(iterations, values, strict=True):
                self.put(iteration, value)

    def mark(self, iterations: Sequence[int]) -> None:
        """Record True at each of `iterations` that has no record."""
        if not self._append(iterations, [True] * len(iterations)):
            for iteration in iterations:
                if self.get(iteration) is MISSING:
                    self.put(iteration, True)

    def get(self, iteration: int) -> Any:
        """Return the value recorded at `iteration`, or `MISSING`."""
        if iteration >= self.last:
            return self._values.item(self.size - 1) if iteration == self.last >= 0 else MISSING
        at = self._position(iteration)
        return self._values.item(at) if self._iterations[at] == iteration else MISSING

    def remove(self, iteration: int) -> None:
        """Remove the record at `iteration`, which must exist."""
        at = self._position(iteration)
        self._iterations = np.delete(self._iterations[: self.size], at)
        self._values = np.delete(self._values[: self.size], at)
        self.size -= 1
        self.last = int(self._iterations[-1]) if self.size else -1
        self._edited()

    def entries(self) -> tuple[NDArray[np.int64], NDArray[Any]]:
        """Return the iterations and values as read-only views that never change."""
        self._exported = True
        return frozen(self._iterations[: self.size]), frozen(self._values[: self.size])

    def copy(self) -> Column:
        """Return an independent copy of the column."""
        new = Column()
        new.size, new.last, new.edits, new._type = self.size, self.last, self.edits, self._type
        new._iterations = self._iterations[: self.size].copy()
        new._values = self._values[: self.size].copy()
        return new

    def _append(self, iterations: Sequence[int], values: Sequence[Any]) -> bool:
        """Append `values` if they fit, and return True if so.

        Values fit if they have the type of the column, and if the iterations increase and are
        later than all iterations in the column.
        """
        if iterations[0] <= self.last or set(map(type, values)) != {self._type}:
            return False
        new = np.array(iterations, np.int64)
        if len(new) > 1 and not (new[1:] > new[:-1]).all():
            return False
        size, end = self.size, self.size + len(new)
        if end > len(self._values):
            self._iterations = grown(self._iterations, size, len(new))
            self._values = grown(self._values, size, len(new))
        self._iterations[size:end] = new
        self._values[size:end] = values
        self.size, self.last = end, iterations[-1]
        return True

    def _position(self, iteration: int) -> int:
        return int(self._iterations[: self.size].searchsorted(iteration))

    def _revise(self, iteration: int, value: Any) -> None:
        at = self._position(iteration)
        if self._iterations[at] == iteration:
            if self._exported:
                self._values = self._values.copy()
            self._values[at] = value
        else:
            # add an item at the end, and shift everything after `at` by one
            self._iterations = grown(self._iterations, self.size)
            self._values = grown(self._values, self.size)
            self.size += 1
            self._iterations[at + 1 : self.size] = self._iterations[at : self.size - 1].copy()
            self._values[at + 1 : self.size] = self._values[at : self.size - 1].copy()
            self._iterations[at], self._values[at] = iteration, value
        self._edited()

    def _edited(self) -> None:
        self.edits += 1
        self._exported = False

    def _admit(self, value: Any) -> Any:
        """Widen the column if the value has a new type, and return the value as it is stored."""
        kind = type(value) if type(value) in _DTYPES else object
        if kind is int and not -(2**63) <= value < 2**63:
            kind = object
        if self.size == 0:
            self._widen(kind)
        elif self._type is float and kind is int and abs(value) <= EXACT:
            return float(value)
        elif self._type is int and kind is float and self._largest() <= EXACT:
            self._widen(float)
        elif self._type is not kind:
            self._widen(object)
        return value

    def _largest(self) -> int:
        values = self._values[: self.size]
        return max(int(values.max()), -int(values.min()))

    def _widen(self, kind: type) -> None:
        if kind is self._type:
            return
        self._type = kind
        if self.size == 0:
            self._values = np.empty(len(self._values), _DTYPES[kind])
        else:
            self._values = self._values.astype(_DTYPES[kind])
            self._edited()
