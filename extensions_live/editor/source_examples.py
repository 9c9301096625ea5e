"""Examples of the sources of a stream, as short strings and small images for the page."""

from __future__ import annotations

import base64
import io
import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from extensions_live.example_images import as_images
from extensions_live.formatting import format_number
from extensions_live.messages import SourceExample
from workbench.utils.texts import short

Array = npt.NDArray[Any]

TARGETS = "targets"
"""The source whose values are class indices."""

FEW = 4
"""Maximum number of values that are listed."""

LONGEST = 20
"""Maximum number of characters of a value that is listed."""

LARGEST = 64
"""Maximum number of pixels along one side of an image; larger images are downsampled."""

LEAST = 3
"""Minimum number of rows and columns of an image."""

LEAST_SQUARE = 8
"""Minimum height of a square image that is stored as one row of pixels."""

SMOOTH = 0.75
"""Maximum roughness of pixels; the roughness of unrelated numbers is about 1."""


def source_examples(
    example: Mapping[str, Array], classes: Sequence[Any] | None = None
) -> dict[str, SourceExample]:
    """Return the data that the page shows for one example of a stream, keyed by source.

    Parameters
    ----------
    example : dict of str to array
        The values of the example, without the batch axis.
    classes : sequence of str, optional
        The names of the classes of the targets.

    Examples
    --------
    >>> found = source_examples({"targets": np.array([7]), "x": np.arange(5) / 2}, list("abcdefgh"))
    >>> found["targets"]
    {'text': '7 (h)', 'image': None}
    >>> found["x"]["text"]
    '0, 0.5, 1, 1.5, …'
    """
    names = list(classes or ())
    return {
        name: source_example(value, names if name == TARGETS else ())
        for name, value in example.items()
    }


def source_example(value: Array, classes: Sequence[Any] = ()) -> SourceExample:
    """Return a source's value for one example as text, with an image if it looks like one."""
    image = None if classes else image_of(value)
    if image is not None:
        height, width = image.shape[:2]
        return {"text": f"an image of {height} × {width} pixels", "image": as_url(image)}
    text = ", ".join(map(_text, itertools.islice(value.flat, FEW)))
    text += ", …" if value.size > FEW else ""
    if value.size == 1 and value.dtype.kind in "iu" and 0 <= int(value.flat[0]) < len(classes):
        name = str(classes[int(value.flat[0])])
        text = name if name == text else f"{text} ({name})"
    return {"text": text or "empty", "image": None}


def image_of(value: Array) -> Array | None:
    """Return the pixels of an example that looks like an image, or None.

    A row of numbers looks like an image if it becomes a smooth square of nonnegative numbers.

    Examples
    --------
    >>> image_of(np.zeros((1, 28, 28))).shape, image_of(np.zeros(10))
    ((28, 28, 1), None)
    >>> x, y = np.mgrid[:8, :8]
    >>> image_of((x + y).ravel()).shape
    (8, 8, 1)
    >>> image_of(np.random.default_rng(1).random(64))
    """
    if value.dtype.kind not in "biuf":
        return None
    if value.ndim == 1:
        side = round(value.size**0.5)
        if side < LEAST_SQUARE or side**2 != value.size or not _is_smooth(value, side):
            return None
        value = value.reshape(side, side)
    pixels = as_images(value[None]) if value.ndim in (2, 3) else None
    if pixels is None or min(pixels.shape[1:3]) < LEAST:
        return None
    image: Array = pixels[0]
    return image


def _is_smooth(value: Array, side: int) -> bool:
    square = value.reshape(side, side).astype(np.float64)
    if not np.isfinite(square).all() or square.min() < 0:
        return False
    rough = np.mean(np.diff(square, axis=0) ** 2) / 2
    return 0 < float(rough) < SMOOTH * float(square.var())


def as_url(pixels: Array) -> str:
    """Encode an image as a PNG data URL."""
    from PIL import Image

    while max(pixels.shape[:2]) > LARGEST:
        pixels = pixels[::2, ::2]
    squeezed = np.ascontiguousarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    found = io.BytesIO()
    Image.fromarray(squeezed).save(found, "PNG")
    return f"data:image/png;base64,{base64.b64encode(found.getvalue()).decode()}"


def _text(value: Any) -> str:
    if not isinstance(value, (float, np.floating)):
        return short(str(value), LONGEST)
    number = float(value)
    return format_number(number) if abs(number) >= 1000 else f"{number:.3g}"
