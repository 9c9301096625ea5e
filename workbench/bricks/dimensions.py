"""Dimensions: the settings of a brick that are sizes, checked when they are given.

A setting is a dimension if its name says so: ``dim``, ``dims``, or anything that ends in ``_dim``
or ``_dims``. It holds a number, or a sequence or a dictionary of numbers where an input has several
axes or a brick several inputs; what is not known yet is ``None`` or a `LazyNone`. A few other names
are those of one whole number, such as a number of filters. A class may say of further settings
which values make sense; see `Brick.setting_checks`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from numbers import Real
from typing import Any

from workbench.bricks.lazy import is_set
from workbench.errors import BrickError
from workbench.utils.numbers import is_finite, is_whole

COUNTS = {
    "num_filters": 1, "num_channels": 1, "num_heads": 1, "num_pieces": 1,
    "num_outputs": 1, "length": 1,
}  # fmt: skip
"""Settings that hold one whole number, and the least that makes sense."""


def is_dimension(name: str) -> bool:
    """Whether the setting of this name is a dimension."""
    return name in ("dim", "dims") or name.endswith(("_dim", "_dims"))


def check_count(where: str, name: str, value: Any) -> None:
    """Check one of `COUNTS`, where it is known.

    Raises
    ------
    BrickError
        If it is no whole number, or too small.
    """
    least = COUNTS[name]
    if is_set(value) and not (_is_size(value) and value >= least):
        hint = (
            f"; {int(value)} would be one" if _reads_as_whole(value) and int(value) >= least else ""
        )
        raise BrickError(
            f"{where}: {name} is {value!r}, but must be a whole number from {least} up{hint}"
        )


def check_size(where: str, name: str, value: Any) -> None:
    """Check that a setting holds sizes, as far as they are known.

    Parameters
    ----------
    where : str
        The brick, for the error.
    name : str
        The setting.
    value : object

    Raises
    ------
    BrickError
        If it holds something else, or a negative number.
    """
    wrong = next((part for part in _parts(value) if not _is_size(part)), None)
    if wrong is None:
        return
    of = "" if wrong is value else f", with {wrong!r} in it"
    hint = f"; {int(wrong)} would be one" if _reads_as_whole(wrong) else ""
    raise BrickError(
        f"{where}: {name} is {value!r}{of}, but dimensions are whole numbers from 0 up{hint}"
    )


def check_epsilon(where: str, name: str, value: Any) -> None:
    """Check what is added to a variance.

    Raises
    ------
    BrickError
        If it is no finite number from 0 up.
    """
    if not isinstance(value, Real) or not 0 <= float(value) < math.inf:
        raise BrickError(
            f"{where}: {name} is {value!r}, but must be a small number from 0 up, such as 1e-5; it "
            "is added to what a root is taken of"
        )


def check_probability(where: str, name: str, value: Any) -> None:
    """Check the probability of dropping an element.

    Raises
    ------
    BrickError
        If it is none, or 1, with which nothing would be left.
    """
    if not isinstance(value, Real) or not 0 <= float(value) < 1:
        raise BrickError(f"{where}: {name} is in [0, 1), got {value!r}")


def check_finite(where: str, name: str, value: Any) -> None:
    """Check a setting that may be any number.

    Raises
    ------
    BrickError
        If it is none, or not finite.
    """
    if not is_finite(value):
        raise BrickError(f"{where}: {name} is {value!r}, but must be a finite number")


def _parts(value: Any) -> list[Any]:
    """The numbers, or whatever stands in their place."""
    if isinstance(value, Mapping):
        value = list(value.values())
    if not isinstance(value, (list, tuple)):
        return [value] if is_set(value) else []
    return [part for piece in value for part in _parts(piece)]


def _is_size(part: object) -> bool:
    return is_whole(part) and bool(part >= 0)


def _reads_as_whole(part: object) -> bool:
    if isinstance(part, str):
        return part.isdecimal()
    return isinstance(part, float) and part.is_integer() and part >= 0
