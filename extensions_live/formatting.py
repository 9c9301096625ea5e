"""Formatting of numbers and durations for views."""

from __future__ import annotations

import math

from workbench.log.column import as_float


def format_number(value: float) -> str:
    """Format `value` with four significant digits, or as an integer from 1000 to a million.

    Examples
    --------
    >>> [format_number(v) for v in (0.25, 1234.5, 1e-7, float("nan"))]
    ['0.25', '1234', '1e-07', 'nan']
    """
    value = as_float(value)
    if math.isfinite(value) and 1e3 <= abs(value) < 1e6:
        return f"{value:.0f}"
    return f"{value:.4g}"


def format_duration(seconds: float) -> str:
    """Format a duration with at most two units.

    Examples
    --------
    >>> [format_duration(s) for s in (0.2, 59.4, 61, 7260, 200000)]
    ['1 s', '59 s', '1 min 1 s', '2 h 1 min', '2 d 7 h']
    """
    left = max(1, round(seconds))
    for unit, name, below, below_name in (
        (86400, "d", 3600, "h"),
        (3600, "h", 60, "min"),
        (60, "min", 1, "s"),
    ):
        if left >= unit:
            rest = left % unit // below
            return f"{left // unit} {name}" + (f" {rest} {below_name}" if rest else "")
    return f"{left} s"
