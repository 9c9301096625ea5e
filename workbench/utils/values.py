"""Conversion of tensors, and of containers of tensors, to Python numbers and NumPy arrays."""

from __future__ import annotations

import copy
from collections import deque
from typing import Any

import numpy
import torch

from workbench.tensor.arrays import to_array

PLAIN = (float, int, bool, str)
"""Types whose values are returned unchanged, without further checks."""


def to_python(value: Any) -> Any:
    """Convert a tensor or array to a NumPy array, or to a Python number if it is a scalar.

    The array is a copy in main memory, so that training does not overwrite it. Dtypes that NumPy
    does not have, such as bfloat16, are converted to float32 or complex64 without loss of
    precision. Lists, tuples and dictionaries are copied with their contents. Sets, deques and
    bytearrays are copied without converting their items. All other objects are returned unchanged.

    Examples
    --------
    >>> to_python(torch.tensor(0.5, dtype=torch.bfloat16)), to_python(numpy.float32(2))
    (0.5, 2.0)
    >>> to_python(torch.tensor([0.5, 2.0], dtype=torch.bfloat16))
    array([0.5, 2. ], dtype=float32)
    >>> to_python("text"), to_python({"sizes": [torch.tensor(3)]})
    ('text', {'sizes': [3]})
    """
    return value if type(value) in PLAIN else _converted(value, {})


def _converted(value: Any, outer: dict[int, Any]) -> Any:
    """Convert a value; `outer` contains the copies of the lists and dictionaries around it."""
    if isinstance(value, torch.Tensor):
        return value.item() if value.ndim == 0 else to_array(value)
    if isinstance(value, numpy.generic) or (isinstance(value, numpy.ndarray) and value.ndim == 0):
        return value.item()
    if isinstance(value, (numpy.ndarray, set, bytearray, deque)):
        return value.copy()
    kind = type(value)
    if kind is tuple or (isinstance(value, tuple) and hasattr(kind, "_make")):
        items = [one if type(one) in PLAIN else _converted(one, outer) for one in value]
        return tuple(items) if kind is tuple else kind._make(items)  # a named tuple
    if not isinstance(value, (list, dict)):
        return value
    if id(value) in outer:  # it contains itself
        return outer[id(value)]
    copied: Any = kind() if kind in (list, dict) else copy.copy(value)
    outer[id(value)] = copied
    # Call the methods of the base class, since a subclass may change or refuse assignments.
    if isinstance(value, dict):
        for key, one in dict.items(value):
            dict.__setitem__(copied, key, _converted(one, outer))
    else:
        items = [one if type(one) in PLAIN else _converted(one, outer) for one in value]
        list.__setitem__(copied, slice(None), items)
    del outer[id(value)]
    return copied
