"""Intervals: which numbers a shared variable may hold.

A learning rate is no less than 0, a decay rate lies between 0 and 1, and no setting is NaN. The
variable knows it, as its `SharedVariable.check`, so that it holds whichever way a value comes: from
a constructor, from `SharedVariable.set_value` and all that calls it (a session, a schedule), or
from a saved state. Updates that a function makes are not checked: they cost nothing so.
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
    """Finite numbers between two bounds; a check for `SharedVariable`.

    Parameters
    ----------
    low, high : float
        The bounds; without one, any finite number is allowed on that side.
    closed : {'both', 'left', 'right', 'neither'}
        Which of the bounds are themselves allowed.
    advice : str
        What to do instead, for those who go below or above; behind the text of the error.
    error : type
        The error to raise, one of `workbench.errors`.

    Examples
    --------
    >>> Interval(0, 1, closed="left").holds(1.0)
    False
    >>> from workbench import shared
    >>> rate = shared(0.1, "rate", check=Interval(0))
    >>> rate.set_value(-1)
    Traceback (most recent call last):
    ...
    workbench.errors.ArgumentError: rate is 0 or more, got -1
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
            Of the variable, for the text.
        value : torch.Tensor
            As the variable would hold it: in single precision 1e39 is infinite, 1e-50 is 0.
        given : object
            What it was made of, to be shown.
        """
        wrong = [number for number in value.flatten().tolist() if not self.holds(number)]
        if not wrong:
            return
        rounded = "" if _same(given, wrong[0]) else f", which is {wrong[0]!r} as {_short(value)}"
        if not math.isfinite(wrong[0]):
            raise self.error(f"{name} is a finite number, such as 0.1; got {given!r:.60}{rounded}")
        raise self.error(f"{name} {self}, got {given!r:.60}{rounded}{self.advice}")

    def holds(self, number: float) -> bool:
        """Return True if `number` is finite and lies in the interval."""
        above = number >= self.low if self.closed in ("both", "left") else number > self.low
        below = number <= self.high if self.closed in ("both", "right") else number < self.high
        return above and below and math.isfinite(number)

    def __str__(self) -> str:
        """What holds of a number in it, as in "is 0 or more"."""
        left, right = self.closed in ("both", "left"), self.closed in ("both", "right")
        if self.low == -math.inf and self.high == math.inf:
            return "is finite"
        if self.high == math.inf:
            return f"is {self.low:g} or more" if left else f"is greater than {self.low:g}"
        if self.low == -math.inf:
            return f"is {self.high:g} or less" if right else f"is less than {self.high:g}"
        without = [f"{b:g}" for b, inside in ((self.low, left), (self.high, right)) if not inside]
        excluded = f" ({' and '.join(without)} excluded)" if without else ""
        return f"lies between {self.low:g} and {self.high:g}{excluded}"


def _same(given: Any, number: float) -> bool:
    """Return True if what was given is this number, or is shown as it is anyway."""
    try:
        value = float(given)
    except (TypeError, ValueError, OverflowError):
        return True
    return value == number or math.isclose(value, number, rel_tol=1e-6) or value != value


def _short(value: torch.Tensor) -> str:
    return str(value.dtype).removeprefix("torch.")
