"""Values of one example on the edges of a board, as numbers and small images."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

from extensions_live.editor.checking import TIMES
from extensions_live.example_images import as_images
from extensions_live.formatting import format_number
from extensions_live.messages import EdgeImage, EdgeValue

MOST_MAPS = 12
"""Maximum number of feature maps that are shown."""

LARGEST = 64
"""Maximum number of pixels along one side of an image; larger images are downsampled."""

LEAST = 3
"""Minimum number of rows and columns of a matrix that is shown as an image."""

MOST_BARS = 32
"""Maximum number of elements of a vector that is shown as bars."""

FEW = 4
"""Maximum number of values that are listed."""


def edge_value(value: torch.Tensor) -> EdgeValue:
    """Return the data that the page shows for the value of an edge.

    Examples
    --------
    >>> found = edge_value(torch.tensor([[0.0, 0.25, 1.0]]))
    >>> found["text"], found["note"]
    ('0 … 1', 'mean 0.417')
    >>> found["shape"], found["bars"], found["image"]
    ('1 × 3', [0.0, 0.25, 1.0], None)
    >>> edge_value(torch.tensor([7]))["text"]
    '7'
    """
    array = value.detach().cpu()
    array = array.float() if array.dtype == torch.bfloat16 else array
    shape = TIMES.join(map(str, array.shape)) or "one number"
    bare = array.squeeze()
    text, note, title = _texts(array)
    return {
        "text": text,
        "note": note,
        "title": f"{title}; shape {shape}",
        "shape": shape,
        "main": True,
        "image": image_of(bare),
        "bars": _bars(bare),
    }


def image_of(value: torch.Tensor) -> EdgeImage | None:
    """Return the pixels of a matrix, an image or several feature maps, or None for other values.

    Parameters
    ----------
    value : torch.Tensor
        The value of one example, without dimensions of size 1.

    Examples
    --------
    >>> image = image_of(torch.zeros(16, 5, 5))
    >>> image["count"], image["of"], image["width"], image["height"], len(image["pixels"])
    (12, 16, 5, 5, 300)
    """
    if value.ndim not in (2, 3) or min(value.shape[-2:]) < LEAST:
        return None
    array = value.numpy()
    is_one = value.ndim == 2 or len(array) == 3
    pixels = as_images(array[None] if is_one else array[:MOST_MAPS])
    if pixels is None:
        return None
    while max(pixels.shape[1:3]) > LARGEST:
        pixels = pixels[:, ::2, ::2]
    count, height, width, channels = pixels.shape
    return {
        "count": count,
        "of": 1 if is_one else len(array),
        "width": width,
        "height": height,
        "channels": channels,
        "pixels": np.ascontiguousarray(pixels).tobytes(),
    }


def _texts(array: torch.Tensor) -> tuple[str, str, str]:
    """Return three strings: a short description of the values, a note, and a long description."""
    if not array.numel():
        return "empty", "", "no values"
    values = array.reshape(-1)
    listed = ", ".join(_number(v) for v in values[:FEW].tolist())
    more = f", … ({values.numel():,} values)" if values.numel() > FEW else ""
    if values.numel() == 1:
        return listed, "", listed
    real = values.double()
    usable = real[real.isfinite()]
    broken = real.numel() - usable.numel()
    if not usable.numel():
        return "not finite", "", f"{listed}{more}; no value is finite"
    low, mean, high = (_number(float(v)) for v in (usable.min(), usable.mean(), usable.max()))
    text = f"{low} … {high}"
    title = f"lowest {low}, mean {mean}, highest {high}"
    if not broken:
        return text, f"mean {mean}", f"{title}; {listed}{more}"
    note = f"{broken:,} not finite"
    return text, note, f"{title}; {note}; {listed}{more}"


def _bars(value: torch.Tensor) -> list[float]:
    """Return the values of a short vector of finite floats, or an empty list for other values."""
    if value.ndim != 1 or not 2 <= len(value) <= MOST_BARS or not value.dtype.is_floating_point:
        return []
    found: list[float] = value.tolist()
    return found if all(map(math.isfinite, found)) else []


def _number(value: Any) -> str:
    if isinstance(value, (bool, int)):
        return str(value)
    return format_number(value) if abs(value) >= 1000 else f"{value:.3g}"
