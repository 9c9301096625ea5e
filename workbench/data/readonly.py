"""Read-only batches, so that no function changes the data set that they come from.

A batch is often a view of the data themselves: a slice of an array, an example of a list, the rows
of a chunk. Writing to it would change all later epochs. Therefore streams return read-only batches:
arrays are read-only views, which cost no copy; lists and tensors, for which no such views exist,
are copied.

Torch ignores that an array is read-only: `torch.from_numpy` returns a tensor through which the data
can be changed. Therefore a user's function is also checked at some batches of each epoch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

from workbench.errors import DataError
from workbench.tensor.inputs import expect_read_only

NOTE = (
    "batches of a data stream are read-only, because they can be views of the data themselves; "
    "compute a new array (x = x / 255), or write to a copy (x = x.copy())"
)

WRITTEN = (
    "{user!r} wrote to the batch that it was given, through torch.from_numpy or torch.as_tensor, "
    "which ignore that the array is read-only; {effect}. Compute a new tensor (x = x * 2), or "
    "write to a copy: torch.tensor(x) makes one"
)


def read_only(value: Any) -> Any:
    """Return a read-only view of `value`, or a copy.

    Examples
    --------
    >>> pixels = np.array([2.0, 4.0])
    >>> read_only(pixels)[0] = 3.0
    Traceback (most recent call last):
    ...
    ValueError: assignment destination is read-only
    """
    if isinstance(value, np.ndarray):
        if not value.flags.writeable:
            return value
        view = value.view() if value.dtype != object else _of_objects(value)
        view.flags.writeable = False
        return view
    if isinstance(value, torch.Tensor):
        return value.detach().clone()
    copied = _COPIED.get(type(value))
    return value if copied is None else copied(value)


def read_only_slice(array: Any, part: slice) -> Any:
    """Return some rows of an array, as a read-only view if possible."""
    rows = array[part]
    if type(rows) is np.ndarray and rows.dtype != object:
        rows.flags.writeable = False  # a slice is a new view, so that this affects no other array
        return rows
    return read_only(rows)


def read_only_batch(batch: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return a batch or an example with read-only entries."""
    return tuple([read_only(entry) for entry in batch])


class Watched:
    """Wrapper of a function that raises if the function writes to its read-only batch.

    The check copies and compares the batch; therefore it runs only at the calls number 0, 1, 2, 4,
    8 and so on. A function that writes to every batch is detected at the first call, and the change
    is undone.

    Parameters
    ----------
    function : callable
        Receives a batch, an example or an entry of one, and further arguments.
    user : object
        The owner of the function, for errors.

    Raises
    ------
    DataError
        From a call, if the function has written to the batch.
    """

    def __init__(self, function: Callable[..., Any], user: object) -> None:
        self.function = function
        self.user = user
        self.calls = 0

    def __call__(self, data: Any, *others: Any) -> Any:
        data = read_only_batch(data) if isinstance(data, tuple) else read_only(data)
        number = self.calls
        self.calls += 1
        if number & (number - 1):
            return self.function(data, *others)
        pairs = [(array, array.copy()) for array in _arrays(data)]
        given = self.function(data, *others)
        written = [(array, before) for array, before in pairs if not _same(array, before)]
        if written:
            undone = [_write(array, before) for array, before in written]
            effect = "the change was undone" if all(undone) else "the data may have been changed"
            raise DataError(WRITTEN.format(user=self.user, effect=effect))
        return given


def _arrays(value: Any) -> Iterator[np.ndarray[Any, Any]]:
    """Yield the arrays of numbers in a batch."""
    if isinstance(value, np.ndarray) and value.dtype != object:
        yield value
    elif isinstance(value, (tuple, list, np.ndarray)):
        for each in value.flat if isinstance(value, np.ndarray) else value:
            yield from _arrays(each)


def _same(array: np.ndarray[Any, Any], before: np.ndarray[Any, Any]) -> bool:
    return bool(((array == before) | ((array != array) & (before != before))).all())


def _write(array: np.ndarray[Any, Any], values: np.ndarray[Any, Any]) -> bool:
    """Write to a read-only array through torch; return False if that is not possible."""
    expect_read_only()
    try:
        torch.from_numpy(array).copy_(torch.from_numpy(values))
    except (TypeError, ValueError, RuntimeError):
        return False
    return True


def explained(error: BaseException) -> None:
    """Add advice to an error that was raised by writing to a read-only array."""
    if (
        isinstance(error, ValueError)
        and "read-only" in str(error)
        and NOTE not in getattr(error, "__notes__", ())
    ):
        error.add_note(NOTE)


def _of_objects(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    objects = np.empty(array.shape, dtype=object)
    for index, value in enumerate(array.flat):
        objects.flat[index] = read_only(value)
    return objects


_COPIED: dict[type, Callable[[Any], Any]] = {
    list: lambda value: [read_only(each) for each in value],
    tuple: lambda value: tuple([read_only(each) for each in value]),
    dict: lambda value: {key: read_only(each) for key, each in value.items()},
    set: set,
    bytearray: bytearray,
}
