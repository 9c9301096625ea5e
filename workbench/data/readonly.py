"""Batches that cannot be written to, so that no function changes the data set they came from.

A batch is often a view of the data themselves: a slice of an array, an example of a list, the rows
of a chunk. Writing into it would change every later epoch. What a stream hands out is therefore
read-only: arrays are views that refuse to be written to, which costs no copy, and what has no such
views, lists and tensors, is copied.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

NOTE = (
    "what a data stream hands out is read-only, for it may be a view of the data themselves; "
    "compute a new array (x = x / 255), or write into a copy (x = x.copy())"
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
