"""What views read from a log: reduced curves, latest values, and numbers as text."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from extensions_live.downsampling import POINTS, Curve, downsample
from workbench.errors import LogError

if TYPE_CHECKING:
    from workbench.log import TrainingLogBase


def read_curve(
    log: TrainingLogBase,
    channel: str,
    *,
    start: float | None = None,
    stop: float | None = None,
    points: int = POINTS,
) -> Curve | None:
    """Return the reduced curve of `channel`, or None where the log has no numbers for it."""
    try:
        x, y = log.column(channel)
    except LogError:
        return None
    return downsample(x, y, start=start, stop=stop, points=points) if len(x) else None


def latest(log: TrainingLogBase) -> dict[str, str]:
    """Return the newest value of every channel that holds numbers, as text."""
    return {
        channel: format_number(value)
        for channel, value in log.latest().items()
        if isinstance(value, (int, float)) and not isinstance(value, bool)
    }


def format_number(value: float) -> str:
    """Return `value` with four digits.

    Examples
    --------
    >>> [format_number(v) for v in (0.25, 1234.5, 1e-7, float("nan"))]
    ['0.25', '1234', '1e-07', 'nan']
    """
    if math.isfinite(value) and 1e3 <= abs(value) < 1e6:
        return f"{value:.0f}"
    return f"{value:.4g}"


def format_duration(seconds: float) -> str:
    """Return a length of time in at most two units.

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
