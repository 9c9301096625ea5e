"""Pairs of numbers for height and width, and checks of inputs, for bricks on images."""

from __future__ import annotations

from typing import Any

import torch

from workbench.bricks.base import Brick
from workbench.bricks.checks import shown
from workbench.bricks.image_layer import shape_text
from workbench.bricks.lazy import is_set
from workbench.errors import BrickError, DtypeError, ShapeError
from workbench.tensor import Variable
from workbench.utils.numbers import is_whole

F: Any = torch.nn.functional  # it also takes variables, which its annotations do not include
Pair = tuple[int, int]
Size = tuple[int | None, int | None]


def pair(brick: Brick, setting: str, *, least: int) -> Pair:
    """Return a setting of a brick that has a number for the height and one for the width.

    Raises
    ------
    BrickError
        If it is not a pair of integers of at least `least`.
    """
    value = getattr(brick, setting)
    numbers = tuple(value) if isinstance(value, (tuple, list)) else ()
    if len(numbers) != 2 or not all(is_whole(n) and n >= least for n in numbers):
        kind = "positive integers" if least else "integers that are not negative"
        hint = f", such as ({value}, {value})" if is_whole(value) else ""
        raise BrickError(
            f"{brick.path()}: {setting} is {value!r}, but must be a pair of {kind}, one for the "
            f"height and one for the width{hint}"
        )
    height, width = map(int, numbers)
    return height, width


def size_of(brick: Brick, value: Any) -> Size:
    """Return height and width, each ``None`` where it is not known.

    Raises
    ------
    BrickError
        If it is not a pair of sizes.
    """
    if not is_set(value):
        return None, None
    sizes = value if isinstance(value, (tuple, list)) else ()
    if len(sizes) != 2 or not all(n is None or (is_whole(n) and n >= 0) for n in sizes):
        raise BrickError(
            f"{brick.path()}: image_size is {value!r}, but must be a pair, height and width, with "
            "None for an unknown size"
        )
    height, width = value
    return height, width


def check_images(brick: Brick, input_: Variable, dim: tuple[Any, ...]) -> None:
    """Check an input of ``apply`` against the shape of an example, as the brick is configured.

    Raises
    ------
    ShapeError, DtypeError
        The message names the brick, the shape and a remedy.
    """
    where = f"{brick.path()}.apply: input_"
    if input_.ndim != 4:
        raise ShapeError(
            f"{where} has shape {shown(input_)}, but images have four dimensions, (batch, "
            "channels, height, width); input_.unsqueeze(1) gives grey images a channel"
        )
    for axis, (size, expected) in enumerate(zip(input_.shape[1:], dim, strict=True), start=1):
        if isinstance(size, int) and isinstance(expected, int) and size != expected:
            wanted = shape_text((None, *dim))
            setting = "num_channels" if axis == 1 else "image_size"
            raise ShapeError(
                f"{where} has shape {shown(input_)}, but must have {wanted} because of "
                f"{setting}; set {setting}, or give it other images"
            )
    if not input_.dtype.is_floating_point:
        raise DtypeError(
            f"{where} is {str(input_.dtype).removeprefix('torch.')}, but must be floats; convert "
            "it, as in input_.float() / 255"
        )
