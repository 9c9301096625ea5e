"""Checks of settings before a constructor is called, so that errors state the exact place."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, Protocol

from workbench.bricks import BoundApplication, Brick
from workbench.bricks.dimensions import COUNTS, check_count, check_size, is_dimension
from workbench.builder.kinds import Kind, kind_of_argument
from workbench.errors import BrickError, SpecError
from workbench.initialization import NdarrayInitialization


class Reading(Protocol):
    """Interface of an object that reads a specification."""

    def error(self, text: str, path: str, fix: object = None) -> SpecError:
        """Return an error at a place in the specification."""


def check_setting(
    reading: Reading, cls: type[Any], parameter: inspect.Parameter, value: Any, path: str
) -> None:
    """Raise `SpecError` if a value is invalid for an argument of a constructor."""
    if value is None:
        return
    kind = kind_of_argument(cls, parameter)
    if kind is not None:
        _check_kind(reading, kind, parameter.name, value, path)
    if not issubclass(cls, Brick):
        return
    if is_dimension(parameter.name):
        _check_sizes(reading, parameter.name, value, path)
    else:
        check = cls.setting_checks.get(parameter.name)
        if parameter.name in COUNTS:
            check = check_count
        if check is not None:
            _tried(reading, check, parameter.name, value, path)


def _check_kind(reading: Reading, kind: Kind, name: str, value: Any, path: str) -> None:
    if kind.many and kind.base in ("brick", "text"):
        if not isinstance(value, (list, tuple)):
            raise reading.error(f"{name} must be a list, not {value!r:.60}", path, [value])
        for i, one in enumerate(value):
            if one is not None or not kind.optional_parts:
                _check_one(reading, kind, name, one, f"{path}/{i}")
    elif not kind.many:
        _check_one(reading, kind, name, value, path)


WANTED: dict[str, tuple[tuple[type[Any], ...], str]] = {
    "scheme": ((NdarrayInitialization,), "an initialisation scheme"),
    "brick": ((Brick, BoundApplication), "a brick"),
    "text": ((str,), "a string"),
    "flag": ((bool,), "true or false"),
}
"""The types of values for some kinds of arguments, with descriptions for error messages."""


def _check_one(reading: Reading, kind: Kind, name: str, value: Any, path: str) -> None:
    if kind.base in WANTED:
        wanted, words = WANTED[kind.base]
        if not isinstance(value, wanted):
            raise reading.error(f"{name} must be {words}, not {value!r:.60}", path)
    elif kind.base in ("whole", "number"):
        types = (int,) if kind.base == "whole" else (int, float)
        if isinstance(value, bool) or not isinstance(value, types):
            words = "a whole number" if kind.base == "whole" else "a number"
            whole = isinstance(value, float) and value.is_integer()
            raise reading.error(
                f"{name} must be {words}, not {value!r:.60}", path, int(value) if whole else None
            )


def _check_sizes(reading: Reading, name: str, value: Any, path: str) -> None:
    """Check each size separately, so that the error states which size is invalid."""
    if isinstance(value, Mapping):
        for key, one in value.items():
            _check_sizes(reading, name, one, f"{path}/mapping/{key}")
    elif isinstance(value, (list, tuple)):
        inside = f"{path}/tuple" if isinstance(value, tuple) else path
        for i, one in enumerate(value):
            _check_sizes(reading, name, one, f"{inside}/{i}")
    else:
        _tried(reading, check_size, name, value, path)


def _tried(reading: Reading, check: Any, name: str, value: Any, path: str) -> None:
    try:
        check("", name, value)
    except BrickError as error:
        whole = isinstance(value, float) and value.is_integer()
        fix = int(value) if whole or (isinstance(value, str) and value.isdecimal()) else None
        # The original error is not kept as the cause, since its message does not contain the
        # brick's name.
        raise reading.error(str(error).removeprefix(": "), path, fix) from None
