"""Checks that run when settings of bricks, mainly dimensions, are assigned.

A setting is a dimension if its name is ``dim`` or ``dims``, or ends in ``_dim`` or ``_dims``. Its
value is a whole number, or a sequence or dictionary of whole numbers if an input has several axes
or a brick has several inputs. An unknown dimension is ``None`` or a `LazyNone`. The values of a few
other settings, such as the number of filters, are single whole numbers. A class can check
additional settings; see `Brick.setting_checks`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from numbers import Real
from typing import Any

from workbench.bricks.lazy import is_set
from workbench.errors import BrickError, Fix, about
from workbench.tensor import SharedVariable
from workbench.utils.numbers import is_finite, is_whole

COUNTS = {
    "num_filters": 1, "num_channels": 1, "num_heads": 1, "num_pieces": 1,
    "num_outputs": 1, "length": 1,
}  # fmt: skip
"""Settings whose value is a single whole number, each with its smallest allowed value."""


def is_dimension(name: str) -> bool:
    """Return True if the setting with this name is a dimension."""
    return name in ("dim", "dims") or name.endswith(("_dim", "_dims"))


def check_count(where: str, name: str, value: Any) -> None:
    """Check the value of a setting in `COUNTS` if it is set.

    Raises
    ------
    BrickError
        If the value is not a whole number, or is less than the smallest allowed value.
    """
    least = COUNTS[name]
    if is_set(value) and not (_is_size(value) and value >= least):
        better = int(value) if _reads_as_whole(value) and int(value) >= least else None
        hint = "" if better is None else f"; pass {better} instead"
        raise about(
            BrickError(
                f"{where}: {name} is {value!r}, but must be a whole number >= {least}{hint}"
            ),
            where,
            None if better is None else Fix(where, name, better),
        )


def check_size(where: str, name: str, value: Any) -> None:
    """Check that a setting contains only sizes, or values that are not set yet.

    Parameters
    ----------
    where : str
        The path of the brick, for the error message.
    name : str
        The name of the setting.
    value : object

    Raises
    ------
    BrickError
        If an element is not a whole number >= 0.
    """
    wrong = next((part for part in _parts(value) if not _is_size(part)), None)
    if wrong is None:
        return
    of = "" if wrong is value else f", which contains {wrong!r}"
    fix = Fix(where, name, _wholes(value)) if all(map(_could_be_size, _parts(value))) else None
    hint = f"; pass {int(wrong)} instead" if _reads_as_whole(wrong) else ""
    raise about(
        BrickError(
            f"{where}: {name} is {value!r}{of}, but dimensions must be whole numbers >= 0{hint}"
        ),
        where,
        fix,
    )


def check_epsilon(where: str, name: str, value: Any) -> None:
    """Check a number that is added to a variance or mean square.

    Raises
    ------
    BrickError
        If the value is not a finite number >= 0.
    """
    if not isinstance(value, Real) or not 0 <= float(value) < math.inf:
        raise BrickError(
            f"{where}: {name} is {value!r}, but must be a small number >= 0, such as 1e-5; it is "
            "added to a variance or mean square"
        )


def check_probability(where: str, name: str, value: Any) -> None:
    """Check the probability of dropping an element.

    Raises
    ------
    BrickError
        If the value is neither a number in [0, 1) nor a scalar shared variable with a value in
        this range. A probability of 1 would drop every element.
    """
    if isinstance(value, SharedVariable):
        where, value = f"{where}: the value of {value}", value.get_value()
        if value.ndim == 0 and value.dtype.kind == "f":
            value = value.item()
    if not isinstance(value, Real) or not 0 <= float(value) < 1:
        raise BrickError(f"{where}: {name} is {value!r}, but must be a number in [0, 1)")


def check_finite(where: str, name: str, value: Any) -> None:
    """Check a setting whose value may be any finite number.

    Raises
    ------
    BrickError
        If the value is not a finite number.
    """
    if not is_finite(value):
        raise BrickError(f"{where}: {name} is {value!r}, but must be a finite number")


def _parts(value: Any) -> list[Any]:
    """Return the elements of a setting as a flat list, without elements that are not set yet."""
    if isinstance(value, Mapping):
        value = list(value.values())
    if not isinstance(value, (list, tuple)):
        return [value] if is_set(value) else []
    return [part for piece in value for part in _parts(piece)]


def _is_size(part: object) -> bool:
    return is_whole(part) and bool(part >= 0)


def _could_be_size(part: object) -> bool:
    return _is_size(part) or _reads_as_whole(part)


def _wholes(value: Any) -> Any:
    """Return a setting with floats and strings converted to integers."""
    if isinstance(value, Mapping):
        return {key: _wholes(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(map(_wholes, value))
    return int(value) if is_set(value) else value


def _reads_as_whole(part: object) -> bool:
    if isinstance(part, str):
        return part.isdecimal()
    return isinstance(part, float) and part.is_integer() and part >= 0
