"""Images of examples, as bytes for a page."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.errors import SessionError
from workbench.utils.numbers import is_count

MOST_BYTES = 120_000
"""Maximum total size in bytes of the images in one message."""

NOT_A_SHAPE = (
    "shape must be (height, width) or (channels, height, width), each a positive integer, not "
    "{shape!r}"
)

Bytes = npt.NDArray[np.uint8]

NO_IMAGE = (
    "{given} cannot be shown as images: an example must be a matrix, or have 1 or 3 channels "
    "along its first or last axis; pass shape=(height, width) for rows of pixels"
)


def as_images(values: Any, shape: Sequence[int] | None = None) -> Bytes | None:
    """Convert examples to images of shape ``(examples, height, width, channels)``.

    Values of types other than uint8 are rescaled. If all values are between 0 and 1, 0 becomes
    black and 1 white. Otherwise, the lowest value becomes black and the highest value white.

    Parameters
    ----------
    values : array
        The examples, along the first axis.
    shape : sequence of int, optional
        The shape of one example, if it is stored as a row of pixels.

    Returns
    -------
    array of uint8, or None if the examples do not look like images.

    Raises
    ------
    SessionError
        If `shape` is given and does not fit the examples.

    Examples
    --------
    >>> as_images(np.zeros((5, 1, 28, 28))).shape
    (5, 28, 28, 1)
    >>> as_images(np.zeros((5, 12)), (3, 4)).shape
    (5, 3, 4, 1)
    >>> as_images(np.zeros((5, 12)))
    """
    array = np.asarray(values)
    if shape is not None:
        size = array[0].size if len(array) else math.prod(shape)
        if math.prod(shape) != size:
            values = f"{size:,} value{'s' * (size != 1)}"
            raise SessionError(f"shape {tuple(shape)} does not fit examples of {values}")
        array = array.reshape(-1, *shape)
    if array.dtype.kind not in "biuf":
        return None
    if array.ndim == 3 and min(array.shape[1:]) > 1:
        array = array[..., None]
    elif array.ndim == 4 and array.shape[1] in (1, 3):
        array = np.moveaxis(array, 1, -1)
    elif array.ndim != 4 or array.shape[3] not in (1, 3):
        if shape is None:
            return None
        raise SessionError(NO_IMAGE.format(given=f"shape {tuple(shape)}"))
    return _stretched(array)


def checked_shape(shape: Sequence[int] | None) -> Sequence[int] | None:
    """Return the shape of an image, or raise an error if it is not valid.

    Raises
    ------
    SessionError
        If `shape` is not None and does not consist of two or three positive integers.
    """
    if shape is None:
        return None
    if isinstance(shape, Sequence) and len(shape) in (2, 3) and all(map(is_count, shape)):
        return shape
    raise SessionError(NOT_A_SHAPE.format(shape=shape))


def fitting(images: Bytes) -> Bytes:
    """Return images that fit into one message, halving their height and width as necessary."""
    while images.nbytes > MOST_BYTES and max(images.shape[1:3]) > 1:
        images = images[:, ::2, ::2]
    return np.ascontiguousarray(images)


def _stretched(array: npt.NDArray[Any]) -> Bytes:
    if array.dtype == np.uint8:
        return array
    finite = np.nan_to_num(array.astype(np.float64), posinf=0.0, neginf=0.0)
    low, high = (finite.min(), finite.max()) if finite.size else (0.0, 1.0)
    if low >= 0 and high <= 1:
        low, high = 0.0, 1.0
    scale = high - low or 1.0
    return np.round(255 * (finite - low) / scale).astype(np.uint8)
