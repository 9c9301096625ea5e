"""Scaling of pixels from 0..255 to 0..1, for images in arrays and in datasets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from workbench.data.streams import AbstractDataStream
from workbench.data.transformers import ScaleAndShift

TOLERANCE = 1e-3
"""Amount by which scaled pixels may exceed 1, for example after interpolation."""


def to_unit(stream: AbstractDataStream, images: Sequence[str]) -> ScaleAndShift:
    """Return a stream whose sources `images` are scaled from 0..255 to 0..1."""
    return ScaleAndShift(stream, 1 / 255, 0, which_sources=tuple(images))


def is_to_unit(stream: Any) -> bool:
    """Return True if a stream scales pixels from 0..255 to 0..1."""
    if not isinstance(stream, ScaleAndShift):
        return False
    return bool(np.all(stream.scale == 1 / 255) and not np.any(stream.shift))


def kind_of(values: Any) -> str:
    """Return ``"f"`` for floats, ``"i"`` for integers except bytes, and ``"o"`` for other dtypes.

    `values` can be a tensor with a dtype that NumPy does not have, such as bfloat16.

    Examples
    --------
    >>> kind_of(torch.zeros(1, dtype=torch.bfloat16)), kind_of(np.zeros(1, np.uint8))
    ('f', 'o')
    """
    if values.dtype in (np.dtype(np.uint8), torch.uint8):
        return "o"
    if not isinstance(values, torch.Tensor):
        return {"f": "f", "i": "i", "u": "i"}.get(values.dtype.kind, "o")
    if values.is_floating_point():
        return "f"
    return "o" if values.is_complex() or values.dtype is torch.bool else "i"


def largest_beyond_unit(values: Any) -> float | None:
    """Return the largest value if it exceeds 1 by more than `TOLERANCE`, otherwise None."""
    most = values.max().item()
    return float(most) if most > 1 + TOLERANCE else None
