"""Checks of numbers in arguments, with the same rules and error messages for all packages.

The `is_...` functions return True or False. The `as_...` and `check_...` functions raise an error
of the class that the caller passes, since each package has its own error classes. Unlike in Python,
a bool does not count as a number, except in `is_single`.
"""

from __future__ import annotations

import math
import operator
from numbers import Integral, Real
from typing import TypeGuard

import torch

from workbench.errors import WorkbenchError

NOT_WHOLE = "{name} must be a whole number{least}, not {value!r}"
NOT_FINITE = "{name} must be a finite number, not {value!r}"


def is_whole(number: object) -> TypeGuard[int]:
    """Return True if `number` is a Python or NumPy integer and not a bool.

    Examples
    --------
    >>> is_whole(3), is_whole(3.0), is_whole(True)
    (True, False, False)
    """
    return isinstance(number, Integral) and not isinstance(number, bool)


def is_count(number: object, least: int = 1) -> TypeGuard[int]:
    """Return True if `number` is a whole number of at least `least`.

    Examples
    --------
    >>> is_count(1), is_count(0), is_count(0, least=0)
    (True, False, True)
    """
    return is_whole(number) and number >= least


def is_finite(number: object) -> TypeGuard[float]:
    """Return True if `number` is a finite real Python or NumPy number and not a bool.

    An integer that is too large for a float is not considered finite.

    Examples
    --------
    >>> is_finite(3), is_finite(float("nan")), is_finite("3")
    (True, False, False)
    """
    if isinstance(number, bool) or not isinstance(number, Real):
        return False
    try:
        return math.isfinite(number)
    except OverflowError:
        return False


def is_single(value: object) -> bool:
    """Return True if `value` is a real number, or a zero-dimensional real array or tensor.

    Examples
    --------
    >>> is_single(0.1), is_single(torch.tensor(0.1)), is_single([0.1]), is_single(1j)
    (True, True, False, False)
    """
    try:
        number = torch.as_tensor(value)
    except (TypeError, ValueError, RuntimeError):  # torch raises all three
        return False
    return number.ndim == 0 and not number.is_complex()


def as_whole(
    value: object, name: str, error: type[WorkbenchError], least: int | None = None
) -> int:
    """Convert an integer, or a zero-dimensional integer array or tensor, to an int.

    Parameters
    ----------
    value : object
        The value to check.
    name : str
        The name of the argument, for the error message.
    error : type
        The class of error to raise for all other values, such as a float or a number below `least`.
    least : int, optional
        The smallest allowed number.

    Examples
    --------
    >>> from workbench.errors import DataError
    >>> as_whole(0, "batch_size", DataError, 1)
    Traceback (most recent call last):
    ...
    workbench.errors.DataError: batch_size must be a whole number >= 1, not 0
    """
    try:
        number = None if isinstance(value, bool) else operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        number = None
    if number is None or (least is not None and number < least):
        bound = "" if least is None else f" >= {least}"
        raise error(NOT_WHOLE.format(name=name, least=bound, value=value))
    return number


def check_finite(value: object, name: str, error: type[WorkbenchError]) -> None:
    """Raise `error` unless `value` is a finite real number.

    Examples
    --------
    >>> from workbench.errors import ArgumentError
    >>> check_finite("fast", "rate", ArgumentError)
    Traceback (most recent call last):
    ...
    workbench.errors.ArgumentError: rate must be a finite number, not 'fast'
    """
    if not is_finite(value):
        raise error(NOT_FINITE.format(name=name, value=value))
