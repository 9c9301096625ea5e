"""Targets, and rows of results that show if they are reached."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

YES, NO = "yes", "**no**"

Row = dict[str, Any]
"""A row of a table of results, by columns."""


@dataclass(frozen=True)
class Target:
    """A bound on a measured value.

    Parameters
    ----------
    bound : float
    at_least : bool
        True if more is better.
    unit : str
        The unit, for display.
    """

    bound: float
    at_least: bool = False
    unit: str = ""

    def judge(self, value: float) -> Row:
        """Return the columns ``target`` and ``reached`` for a measured value."""
        reached = value >= self.bound if self.at_least else value <= self.bound
        sign = "≥" if self.at_least else "≤"
        text = f"{sign} {self.bound:g} {self.unit}".strip()
        return {"target": text, "reached": YES if reached else NO}


NO_TARGET: Row = {"target": "", "reached": ""}


def missed(rows: list[Row]) -> bool:
    """Return True if a target in `rows` is not reached."""
    return any(row.get("reached") == NO for row in rows)


def exponent(sizes: Sequence[float], values: Sequence[float]) -> float:
    """Return the slope between the ends in a log-log plot: 1 means proportional."""
    return math.log(values[-1] / values[0]) / math.log(sizes[-1] / sizes[0])


def table(rows: list[Row]) -> str:
    """Return a Markdown table."""
    head = list(rows[0])
    lines = [head, ["---"] * len(head)]
    for row in rows:
        lines.append([f"{v:.3g}" if isinstance(v, float) else str(v) for v in row.values()])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
