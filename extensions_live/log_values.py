"""Functions that read downsampled curves and latest values from a log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extensions_live.downsampling import POINTS, Curve, downsample
from extensions_live.formatting import format_number
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
    """Return the downsampled curve of `channel`, or None if the channel has no numbers."""
    try:
        x, y = log.column(channel)
    except LogError:
        return None
    return downsample(x, y, start=start, stop=stop, points=points) if len(x) else None


def latest(log: TrainingLogBase) -> dict[str, str]:
    """Return a mapping from each numeric channel to its latest value as text."""
    return {
        channel: format_number(value)
        for channel, value in log.latest().items()
        if isinstance(value, (int, float)) and not isinstance(value, bool)
    }
