"""Batches that cannot be written to, so that no function changes the data set they came from.

A batch is often a view of the data themselves: a slice of an array, an example of a list, the rows
of a chunk. Writing into it would change every later epoch. What a stream hands out is therefore
read-only: arrays are views that refuse to be written to, which costs no copy, and what has no such
views, lists and tensors, is copied.

Torch ignores that an array is read-only: `torch.from_numpy` gives a tensor through which the data
can be changed. So a user's function is besides watched at some batches of each epoch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

from workbench.errors import DataError
from workbench.tensor.inputs import expect_read_only

NOTE = (
    "what a data stream hands out is read-only, for it may be a view of the data themselves; "
    "compute a new array (x = x / 255), or write into a copy (x = x.copy())"
)

WRITTEN = (
    "{user!r} wrote into the batch that it was given, through torch.from_numpy or torch.as_tensor, "
    "which ignore that the array is read-only; {effect}. Compute a new tensor (x = x * 2), or "
    "write into a copy: torch.tensor(x) makes one"
)


def read_only(value: Any) -> Any:
    """Return `value` in a form through which it cannot be changed.

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
    """Return some rows of an array, as a view that cannot be written to where there is one."""
    rows = array[part]
    if type(rows) is np.ndarray and rows.dtype != object:
        rows.flags.writeable = False  # a slice is a new view, so that nothing else is changed
        return rows
    return read_only(rows)


def read_only_batch(batch: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return a batch, or an example, whose entries cannot be changed."""
    return tuple([read_only(entry) for entry in batch])


class Watched:
    """A function of a batch, which is noticed if it writes into what it is given read-only.

    That takes a copy of the batch and a comparison, so that it is done at the calls number 0, 1, 2,
    4, 8 and so on. What a function does at every batch is noticed at the first, and undone.

    Parameters
    ----------
    function : callable
        Is given a batch, an example or an entry of one, and what else it was called with.
    user : object
        What errors name.

    Raises
    ------
    DataError
        From a call, if the function has written into the batch.
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
            effect = "the data are as before" if all(undone) else "the data may have been changed"
            raise DataError(WRITTEN.format(user=self.user, effect=effect))
        return given


def _arrays(value: Any) -> Iterator[np.ndarray[Any, Any]]:
    """The arrays of numbers in a batch."""
    if isinstance(value, np.ndarray) and value.dtype != object:
        yield value
    elif isinstance(value, (tuple, list, np.ndarray)):
        for each in value.flat if isinstance(value, np.ndarray) else value:
            yield from _arrays(each)


def _same(array: np.ndarray[Any, Any], before: np.ndarray[Any, Any]) -> bool:
    return bool(((array == before) | ((array != array) & (before != before))).all())


def _write(array: np.ndarray[Any, Any], values: np.ndarray[Any, Any]) -> bool:
    """Write into a read-only array in the way that has just been used; False if it cannot be."""
    expect_read_only()
    try:
        torch.from_numpy(array).copy_(torch.from_numpy(values))
    except (TypeError, ValueError, RuntimeError):
        return False
    return True


def explained(error: BaseException) -> None:
    """Add to an error of writing into what is read-only what to do instead."""
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
