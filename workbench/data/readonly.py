"""Read-only batches, so that code that writes to a batch cannot change the dataset.

A batch is often a view of the data: a slice of an array, an example in a list, or the rows of a
chunk. Writing to such a batch would change all later epochs. Therefore streams return read-only
batches. Arrays become read-only views, without a copy; lists and tensors, which have no read-only
views, are copied.

Torch ignores the read-only flag of an array: `torch.from_numpy` returns a tensor that can change
the data. Therefore some calls to a user's function are also checked for changes to the data.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

from workbench.errors import DataError
from workbench.tensor.inputs import expect_read_only

NOTE = (
    "batches of a data stream are read-only because they can be views of the data; compute a new "
    "array (x = x / 255), or write to a copy (x = x.copy())"
)

WRITTEN = (
    "{user!r} must not write to the batch that it receives, but did so through torch.from_numpy or "
    "torch.as_tensor, which ignore the read-only flag of the array; {effect}. Compute a new tensor "
    "(x "
    "= x * 2), or write to a copy, such as torch.tensor(x)"
)


def read_only(value: Any) -> Any:
    """Return a read-only view of an array, or a copy of a list or tensor.

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
    """Return the rows of an array that `part` selects, as a read-only view if possible."""
    rows = array[part]
    if type(rows) is np.ndarray and rows.dtype != object:
        rows.flags.writeable = False  # the slice is a new view, so the array stays writable
        return rows
    return read_only(rows)


def read_only_batch(batch: tuple[Any, ...]) -> tuple[Any, ...]:
    """Apply `read_only` to each entry of a batch or example."""
    return tuple([read_only(entry) for entry in batch])


class Watched:
    """Wrapper that raises an error if the wrapped function writes to its batch.

    The check copies and compares the batch, so it runs only on calls 0, 1, 2, 4, 8 and so on. A
    function that writes to every batch is detected on the first call, and the change is undone if
    possible.

    Parameters
    ----------
    function : callable
        The function to wrap. It receives a batch, an example, or an entry of either, and additional
        arguments.
    user : object
        The owner of the function, shown in error messages.

    Raises
    ------
    DataError
        When called, if the function wrote to the batch.
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
    """Yield the numeric arrays in a batch."""
    if isinstance(value, np.ndarray) and value.dtype != object:
        yield value
    elif isinstance(value, (tuple, list, np.ndarray)):
        for each in value.flat if isinstance(value, np.ndarray) else value:
            yield from _arrays(each)


def _same(array: np.ndarray[Any, Any], before: np.ndarray[Any, Any]) -> bool:
    return bool(((array == before) | ((array != array) & (before != before))).all())


def _write(array: np.ndarray[Any, Any], values: np.ndarray[Any, Any]) -> bool:
    """Write to a read-only array through torch; return False if that fails."""
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
