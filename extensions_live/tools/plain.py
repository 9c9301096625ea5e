"""Conversion of a run's values to values that JSON can represent.

JSON cannot represent NaN or infinities. They are replaced by the strings ``"NaN"``, ``"Infinity"``
and ``"-Infinity"``. For a large array, only the shape and dtype are given. A long list, or an
object that JSON cannot represent, is replaced by the start of its ``repr``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from workbench.utils.texts import short

MOST_ITEMS = 1000
"""Maximum number of items of a list or an array that are listed."""


def plain(value: Any) -> Any:
    """Convert a value to a value that JSON can represent.

    Examples
    --------
    >>> plain({"cost": float("nan"), "sizes": (3, np.float32(0.5)), "top": -math.inf})
    {'cost': 'NaN', 'sizes': [3, 0.5], 'top': '-Infinity'}
    >>> plain(np.zeros((100, 100)))
    {'shape': [100, 100], 'dtype': 'float64'}
    """
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, (np.generic, np.ndarray)):
        if value.size > MOST_ITEMS:
            return {"shape": list(value.shape), "dtype": str(value.dtype)}
        return plain(value.tolist()) if value.dtype != object else text(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        if math.isnan(value):
            return "NaN"
        if math.isinf(value):
            return "Infinity" if value > 0 else "-Infinity"
        return float(value)
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value] if len(value) <= MOST_ITEMS else text(value)
    return text(value)


def text(value: object) -> str:
    """Return the first characters of an object's ``repr``."""
    return short(repr(value), 400)
