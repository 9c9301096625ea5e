"""Checks of the inputs of image bricks, and of settings that contain a height and a width."""

from __future__ import annotations

from typing import Any

import torch

from workbench.bricks.base import Brick
from workbench.bricks.checks import shown
from workbench.bricks.image_layer import shape_text
from workbench.bricks.lazy import is_set
from workbench.errors import BrickError, DtypeError, Fix, ShapeError, about
from workbench.tensor import Variable
from workbench.utils.numbers import is_whole

F: Any = torch.nn.functional  # Any, since torch's annotations exclude variables
Pair = tuple[int, int]
Size = tuple[int | None, int | None]


def pair(brick: Brick, setting: str, *, least: int) -> Pair:
    """Return a brick's setting, after checking that it is a pair of integers (height, width).

    Raises
    ------
    BrickError
        If the setting is not a pair of integers that are at least `least`.
    """
    value = getattr(brick, setting)
    numbers = tuple(value) if isinstance(value, (tuple, list)) else ()
    if len(numbers) != 2 or not all(is_whole(n) and n >= least for n in numbers):
        kind = "positive integers" if least else "non-negative integers"
        alone = is_whole(value) and value >= least
        hint = f", such as ({value}, {value})" if alone else ""
        error = BrickError(
            f"{brick.path()}: {setting} is {value!r}, but must be a pair of {kind}, for the height "
            f"and the width{hint}"
        )
        raise about(
            error, brick.path(), Fix(brick.path(), setting, (value, value)) if alone else None
        )
    height, width = map(int, numbers)
    return height, width


def size_of(brick: Brick, value: Any) -> Size:
    """Return `value` as height and width, each ``None`` if unknown.

    Raises
    ------
    BrickError
        If `value` is not a pair of sizes.
    """
    if not is_set(value):
        return None, None
    sizes = value if isinstance(value, (tuple, list)) else ()
    if len(sizes) != 2 or not all(n is None or (is_whole(n) and n >= 0) for n in sizes):
        raise BrickError(
            f"{brick.path()}: image_size is {value!r}, but must be a pair (height, width), with "
            "None for an unknown size"
        )
    height, width = value
    return height, width


def check_images(brick: Brick, input_: Variable, dim: tuple[Any, ...]) -> None:
    """Check that an input of ``apply`` consists of float images of shape `dim`.

    Raises
    ------
    ShapeError, DtypeError
        If the shape or the dtype is wrong. The message names the brick and suggests a remedy.
    """
    where = f"{brick.path()}.apply: input_"
    if input_.ndim != 4:
        raise ShapeError(
            f"{where} has shape {shown(input_)}, but must have four dimensions, (batch, channels, "
            "height, width); input_.unsqueeze(1) adds a channel to grey images"
        )
    for axis, (size, expected) in enumerate(zip(input_.shape[1:], dim, strict=True), start=1):
        if isinstance(size, int) and isinstance(expected, int) and size != expected:
            wanted = shape_text((None, *dim))
            setting = "num_channels" if axis == 1 else "image_size"
            raise ShapeError(
                f"{where} has shape {shown(input_)}, but must have shape {wanted} because of "
                f"{setting}; set {setting}, or pass images of this shape"
            )
    if not input_.dtype.is_floating_point:
        raise DtypeError(
            f"{where} has dtype {str(input_.dtype).removeprefix('torch.')}, but must have a float "
            "dtype; convert it, as in input_.float() / 255"
        )
