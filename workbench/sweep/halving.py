"""Successive halving, which determines when runs are compared and which of them continue.

All runs train up to the first milestone, which is a number of epochs. Only the best of them
continue to the next milestone; the others end. Most of the time is thus spent on the best settings.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Protocol, TypeVar


class Ranked(Protocol):
    """Protocol for runs that are compared."""

    number: int
    value: float | None


RankedT = TypeVar("RankedT", bound=Ranked)


def milestones(epochs: int, factor: int, n: int) -> list[int]:
    """Return the epoch counts at which `n` runs are compared, followed by `epochs`.

    Examples
    --------
    >>> milestones(9, 3, 9), milestones(9, 3, 3), milestones(2, 2, 100)
    ([1, 3, 9], [3, 9], [1, 2])
    """
    found = [epochs]
    while found[0] >= factor and factor ** len(found) <= n:
        found.insert(0, found[0] // factor)
    return found


def ranked(runs: Iterable[RankedT], *, lower: bool) -> list[RankedT]:
    """Return runs from best to worst; runs without a finite value are last.

    Among runs with equal values, the run with the lower number comes first.
    """

    def key(run: RankedT) -> tuple[bool, float, int]:
        value = run.value
        if value is None or not math.isfinite(value):
            return True, 0.0, run.number
        return False, value if lower else -value, run.number

    return sorted(runs, key=key)


def survivors(runs: Iterable[RankedT], factor: int, *, lower: bool) -> list[RankedT]:
    """Return the best runs: one in every `factor` runs, but at least one.

    Runs without a finite value are never returned, so the result may be empty.

    Examples
    --------
    >>> from types import SimpleNamespace as Run
    >>> runs = [Run(number=i, value=value) for i, value in enumerate([3.0, float("nan"), 1.0])]
    >>> [run.number for run in survivors(runs, 2, lower=True)]
    [2]
    """
    order = ranked(runs, lower=lower)
    count = max(1, len(order) // factor)
    return [run for run in order[:count] if run.value is not None and math.isfinite(run.value)]
