"""Checks of settings before a constructor is called, so that errors state the exact place."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from typing import Any, Protocol

import torch

from workbench.bricks import BoundApplication, Brick
from workbench.bricks.dimensions import COUNTS, check_count, check_size, is_dimension
from workbench.builder import registry
from workbench.builder.kinds import Kind, kind_of_argument
from workbench.errors import BrickError, SpecError, WorkbenchError
from workbench.initialization import NdarrayInitialization
from workbench.utils.numbers import is_whole
from workbench.utils.texts import short

LARGEST_SIZE = 2**31 - 1
"""Largest dimension of a brick."""

FORM = re.compile(r"\bint\b")
"""Regular expression for the annotation of a dimension that is a number or a list of numbers."""

AMOUNTS = re.compile(r"features|channels|(^|_)num_|layers|_size$")
"""Regular expression for the names of settings that cannot be negative."""

TOO_LARGE = re.compile(
    r"overflow|too large|too big|allocate|out of memory|out of bounds for storage|maximum size"
    r"|2GB|would exceed",
    re.IGNORECASE,
)
"""Regular expression for messages of torch and NumPy about sizes that are too large."""

LONGEST = 400
"""Maximum number of characters of a message from torch."""


def text_of(error: Exception, what: str) -> str:
    """Return the message of an error raised in `what`, on one line unless workbench raised it.

    Examples
    --------
    >>> text_of(OverflowError("int too big to convert"), "reshape")
    'reshape: the sizes are too large'
    """
    if isinstance(error, WorkbenchError):
        return str(error)
    text = str(error).strip().split("\n")[0]
    if isinstance(error, (OverflowError, MemoryError)) or TOO_LARGE.search(text):
        text = "the sizes are too large"
    return f"{what}: {short(text or type(error).__name__, LONGEST)}"


class Reading(Protocol):
    """Interface of an object that reads a specification."""

    def error(self, text: str, path: str, fix: object = None) -> SpecError:
        """Return an error that contains its location in the specification."""


def check_setting(
    reading: Reading, cls: type[Any], parameter: inspect.Parameter, value: Any, path: str
) -> None:
    """Raise `SpecError` if a value is invalid for an argument of a constructor."""
    kind = kind_of_argument(cls, parameter)
    # Argument names of a user's class may mean anything, so its constructor checks the values.
    known = cls.__module__.partition(".")[0] in ("workbench", "torch")
    if value is None:
        if known:
            _check_unset(reading, cls, kind, parameter, path)
        return
    if kind is not None:
        _check_kind(reading, kind, parameter.name, value, path)
    if issubclass(cls, Brick) and is_dimension(parameter.name):
        _check_form(reading, parameter, value, path)
        _check_sizes(reading, parameter.name, value, path)
    elif issubclass(cls, Brick):
        check = cls.setting_checks.get(parameter.name)
        if parameter.name in COUNTS:
            check = check_count
        if check is not None:
            _tried(reading, check, parameter.name, value, path)
    if known:
        _check_largest(reading, parameter.name, value, path)


def _check_largest(reading: Reading, name: str, value: Any, path: str) -> None:
    """Check that the whole numbers in a setting are neither too small nor too large."""
    parts = value if isinstance(value, (list, tuple)) else [value]
    least = 0 if AMOUNTS.search(name) else None
    if least is not None and (low := [one for one in parts if is_whole(one) and one < least]):
        raise reading.error(f"{name} is {low[0]}, but must be at least {least}", path)
    wrong = next((one for one in parts if is_whole(one) and one > LARGEST_SIZE), None)
    if wrong is not None and "seed" not in name:
        raise reading.error(f"{name} is {wrong}, but must be at most {LARGEST_SIZE:,}", path)


def _check_unset(
    reading: Reading, cls: type[Any], kind: Kind | None, parameter: inspect.Parameter, path: str
) -> None:
    """Raise `SpecError` if a setting is None, but must have a value before the constructor runs."""
    needed = kind is not None and not kind.optional and parameter.default is not None
    if needed and not (issubclass(cls, Brick) and parameter.name in registry.lazy_settings(cls)):
        raise reading.error(f"{parameter.name} must have a value, not null", path)


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
    "module": ((torch.nn.Module,), "a torch module"),
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


def _check_form(reading: Reading, parameter: inspect.Parameter, value: Any, path: str) -> None:
    """Raise `SpecError` if a dimension has a wrong form, such as a list instead of a number."""
    annotation = str(parameter.annotation)
    if not FORM.search(annotation):
        return
    many = "Sequence" in annotation
    parts = list(value) if many and isinstance(value, (list, tuple)) else [value]
    wrong = next((one for one in parts if isinstance(one, (list, tuple, Mapping))), None)
    if wrong is not None:
        words = "whole numbers" if many else "a whole number"
        raise reading.error(f"{parameter.name} must be {words}, not {value!r:.60}", path)


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
        if is_whole(value) and value > LARGEST_SIZE:
            raise reading.error(
                f"{name} is {value}, but dimensions must be at most {LARGEST_SIZE:,}", path
            )


def _tried(reading: Reading, check: Any, name: str, value: Any, path: str) -> None:
    try:
        check("", name, value)
    except BrickError as error:
        whole = isinstance(value, float) and value.is_integer()
        fix = int(value) if whole or (isinstance(value, str) and value.isdecimal()) else None
        # The original error is not kept as the cause, since its message does not contain the
        # brick's name.
        raise reading.error(str(error).removeprefix(": "), path, fix) from None
