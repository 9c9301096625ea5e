"""Intervals that restrict the values of shared variables.

For example, a learning rate must not be negative, and a decay rate must be between 0 and 1. NaN is
never allowed. An interval is used as the `SharedVariable.check` of a variable. It checks values
from the constructor, from `SharedVariable.set_value` and its callers (such as a session or a
schedule), and from saved states, but not the updates of a function, since a check would slow down
every call.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import torch

from workbench.errors import ArgumentError, WorkbenchError

Closed = Literal["both", "left", "right", "neither"]


@dataclass(frozen=True)
class Interval:
    """Finite numbers between two bounds, as a check for `SharedVariable`.

    Parameters
    ----------
    low, high : float
        The bounds; by default the interval is unbounded.
    closed : {'both', 'left', 'right', 'neither'}
        The bounds that are part of the interval.
    advice : str
        Text to append to the error message for a finite number outside the interval.
    error : type
        Class of the error to raise, from `workbench.errors`.

    Examples
    --------
    >>> Interval(0, 1, closed="left").holds(1.0)
    False
    >>> from workbench import shared
    >>> rate = shared(0.1, "rate", check=Interval(0))
    >>> rate.set_value(-1)
    Traceback (most recent call last):
    ...
    workbench.errors.ArgumentError: rate must be 0 or more, not -1
    """

    low: float = -math.inf
    high: float = math.inf
    closed: Closed = "both"
    advice: str = ""
    error: type[WorkbenchError] = ArgumentError

    def __call__(self, name: str, value: torch.Tensor, given: Any) -> None:
        """Raise `error` unless all elements of `value` lie in the interval.

        Parameters
        ----------
        name : str
            The name of the variable, for the error message.
        value : torch.Tensor
            The value in the dtype of the variable. In single precision, 1e39 is infinite and 1e-50
            is 0.
        given : object
            The original value, for the error message.
        """
        numbers = value.flatten().tolist() if value.ndim else [value.item()]
        wrong = [number for number in numbers if not self.holds(number)]
        if not wrong:
            return
        rounded = "" if _same(given, wrong[0]) else f", which is {wrong[0]!r} as {_short(value)}"
        if not math.isfinite(wrong[0]):
            text = f"{name} must be a finite number, such as 0.1, not {given!r:.60}{rounded}"
            raise self.error(text)
        raise self.error(f"{name} must be {self}, not {given!r:.60}{rounded}{self.advice}")

    def holds(self, number: float) -> bool:
        """Return True if `number` is finite and in the interval."""
        above = number >= self.low if self.closed in ("both", "left") else number > self.low
        below = number <= self.high if self.closed in ("both", "right") else number < self.high
        return above and below and math.isfinite(number)

    def __str__(self) -> str:
        """Return a description of the interval, such as "0 or more"."""
        left, right = self.closed in ("both", "left"), self.closed in ("both", "right")
        if self.low == -math.inf and self.high == math.inf:
            return "finite"
        if self.high == math.inf:
            return f"{self.low:g} or more" if left else f"greater than {self.low:g}"
        if self.low == -math.inf:
            return f"{self.high:g} or less" if right else f"less than {self.high:g}"
        without = [f"{b:g}" for b, inside in ((self.low, left), (self.high, right)) if not inside]
        excluded = f" ({' and '.join(without)} excluded)" if without else ""
        return f"between {self.low:g} and {self.high:g}{excluded}"


def _same(given: Any, number: float) -> bool:
    """Return True if `given` is close to `number`, or is not a single number.

    The error message then shows `given` without the rounded value.
    """
    try:
        value = float(given)
    except (TypeError, ValueError, OverflowError):
        return True
    return value == number or math.isclose(value, number, rel_tol=1e-6) or value != value


def _short(value: torch.Tensor) -> str:
    return str(value.dtype).removeprefix("torch.")
