"""Dimensions: settings of bricks that are sizes, which are checked when they are set.

A setting is a dimension if its name says so: ``dim``, ``dims``, or anything that ends in ``_dim``
or ``_dims``. It holds a number, or a sequence or a dictionary of numbers where an input has several
axes or a brick several inputs; an unknown one is ``None`` or a `LazyNone`. A few other settings
hold one whole number, such as the number of filters. A class can check further settings; see
`Brick.setting_checks`.
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
"""Settings that hold one whole number, and the smallest allowed one."""


def is_dimension(name: str) -> bool:
    """Check whether the setting of this name is a dimension."""
    return name in ("dim", "dims") or name.endswith(("_dim", "_dims"))


def check_count(where: str, name: str, value: Any) -> None:
    """Check one of `COUNTS`, if it is known.

    Raises
    ------
    BrickError
        If it is not a whole number, or too small.
    """
    least = COUNTS[name]
    if is_set(value) and not (_is_size(value) and value >= least):
        hint = (
            f"; {int(value)} would be one" if _reads_as_whole(value) and int(value) >= least else ""
        )
        raise BrickError(
            f"{where}: {name} is {value!r}, but must be a whole number of {least} or more{hint}"
        )


def check_size(where: str, name: str, value: Any) -> None:
    """Check that a setting holds sizes, as far as they are known.

    Parameters
    ----------
    where : str
        The brick, for the error message.
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
        f"{where}: {name} is {value!r}{of}, but dimensions must be whole numbers of 0 or more{hint}"
    )


def check_epsilon(where: str, name: str, value: Any) -> None:
    """Check a number that is added to a variance.

    Raises
    ------
    BrickError
        If it is not a finite number of 0 or more.
    """
    if not isinstance(value, Real) or not 0 <= float(value) < math.inf:
        raise BrickError(
            f"{where}: {name} is {value!r}, but must be a small number of 0 or more, such as 1e-5; "
            "it is added before the square root is taken"
        )


def check_probability(where: str, name: str, value: Any) -> None:
    """Check the probability of dropping an element.

    Raises
    ------
    BrickError
        If it is not a probability, or if it is 1, which would drop everything.
    """
    if not isinstance(value, Real) or not 0 <= float(value) < 1:
        raise BrickError(f"{where}: {name} is {value!r}, but must be a number in [0, 1)")


def check_finite(where: str, name: str, value: Any) -> None:
    """Check a setting that can be any finite number.

    Raises
    ------
    BrickError
        If it is not a finite number.
    """
    if not is_finite(value):
        raise BrickError(f"{where}: {name} is {value!r}, but must be a finite number")


def _parts(value: Any) -> list[Any]:
    """Return the numbers in a setting, or the values in their place."""
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
