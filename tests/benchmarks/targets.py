"""Targets, and the rows of results that say whether they are reached."""

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
    """A bound on what is measured.

    Parameters
    ----------
    bound : float
    at_least : bool
        Whether more is better.
    unit : str
        For the reader.
    """

    bound: float
    at_least: bool = False
    unit: str = ""

    def judge(self, value: float) -> Row:
        """The columns ``target`` and ``reached`` for a measured value."""
        reached = value >= self.bound if self.at_least else value <= self.bound
        sign = "≥" if self.at_least else "≤"
        text = f"{sign} {self.bound:g} {self.unit}".strip()
        return {"target": text, "reached": YES if reached else NO}


NO_TARGET: Row = {"target": "", "reached": ""}


def missed(rows: list[Row]) -> bool:
    """Whether a target among `rows` is not reached."""
    return any(row.get("reached") == NO for row in rows)


def exponent(sizes: Sequence[float], values: Sequence[float]) -> float:
    """The slope between the ends in a plot with two logarithmic axes: 1 is proportional."""
    return math.log(values[-1] / values[0]) / math.log(sizes[-1] / sizes[0])


def table(rows: list[Row]) -> str:
    """A Markdown table."""
    head = list(rows[0])
    lines = [head, ["---"] * len(head)]
    for row in rows:
        lines.append([f"{v:.3g}" if isinstance(v, float) else str(v) for v in row.values()])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
