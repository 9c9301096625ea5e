"""Formats for printing values: lines of limited width, and strict JSON."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

WIDTH = 60
"""The number of characters that a value is truncated to."""


def plain(value: Any) -> Any:
    """Convert `value` to JSON types, with strings for values that JSON cannot represent.

    Examples
    --------
    >>> plain({"cost": float("nan"), 3: (1, None)})
    {'cost': 'nan', '3': [1, None]}
    """
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else str(value)
        case list() | tuple():
            return [plain(item) for item in value]
        case dict():
            return {str(key): plain(item) for key, item in value.items()}
        case np.ndarray():
            return plain(value.tolist())
    return repr(value)


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, in the plural if necessary.

    Examples
    --------
    >>> counted(1, "epoch"), counted(2, "epoch")
    ('1 epoch', '2 epochs')
    """
    return f"{number:,} {noun}{'s' * (number != 1)}"


def progress(iterations: int, epochs: int) -> str:
    """Return the progress of a run as text.

    Examples
    --------
    >>> progress(1500, 1)
    '1,500 iterations, 1 epoch'
    """
    return f"{counted(iterations, 'iteration')}, {counted(epochs, 'epoch')}"


def short(value: Any) -> str:
    """Format `value` as one line of limited width."""
    text = f"{value:.7g}" if isinstance(value, float) else " ".join(repr(value).split())
    return text if len(text) <= WIDTH else f"{text[: WIDTH - 3]}..."
