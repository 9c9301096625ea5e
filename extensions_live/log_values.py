"""Functions that read downsampled curves and the latest values from a log."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from extensions_live.downsampling import POINTS, Curve, downsample
from extensions_live.formatting import format_number
from extensions_live.plot_axes import ITERATIONS, Axis
from extensions_live.robust_range import isolated, usual_range
from extensions_live.smoothing import smoothed
from workbench.errors import LogError
from workbench.log.last_batch import MARK, of_last_batch

if TYPE_CHECKING:
    from workbench.log import TrainingLogBase

SMOOTH_SHARE = 3
"""Ratio of the points in a curve to the points in its smoothed curve, which has fewer extremes."""


def read_curve(
    log: TrainingLogBase,
    channel: str,
    *,
    start: float | None = None,
    stop: float | None = None,
    points: int = POINTS,
    axis: Axis = ITERATIONS,
    log_x: bool = False,
    over: float = 0.0,
) -> Curve | None:
    """Return the downsampled curve of `channel`, or None if the channel has no numbers.

    Parameters
    ----------
    log : TrainingLogBase
    channel : str
    start, stop : float, optional
        The limits of the visible range, in the units of `axis`.
    points : int, optional
        Approximate maximum number of points in the visible range, including the points of the
        smoothed curve.
    axis : Axis, optional
        The x axis; iterations by default.
    log_x : bool, optional
        True if the axis is logarithmic.
    over : float, optional
        The number of iterations that the smoothed curve averages over; 0 to omit this curve.
    """
    try:
        x, y = log.column(channel)
    except LogError:
        return None
    if not len(x):
        return None
    first, last = (
        None if place is None else float(axis.back(np.array([place]))[0]) for place in (start, stop)
    )
    few = points // SMOOTH_SHARE if over else 0
    curve = downsample(x, y, start=first, stop=last, points=points - few, log_x=log_x)
    smooth = None
    if over:
        # An outlier would raise the mean for a long time.
        kept = ~isolated(y, usual_range(y))
        at, values = (x, y) if kept.all() else (x[kept], y[kept])
        means = smoothed(at, values, over)
        mean = downsample(at, means, start=first, stop=last, points=few, log_x=log_x)
        smooth = axis.of(mean.x), mean.y
    return Curve(axis.of(curve.x), curve.y, axis.of(curve.marks), smooth)


def last_batch_of(log: TrainingLogBase) -> frozenset[str]:
    """Return the channels of a log that have a record for each batch."""
    columns = log.snapshot().columns
    return of_last_batch({name: len(one.values) for name, one in columns.items()}, log.status)


def latest(log: TrainingLogBase) -> dict[str, str]:
    """Return a mapping from each numeric channel to its latest value as text."""
    return {
        channel: format_number(value)
        for channel, value in log.latest().items()
        if isinstance(value, (int, float)) and not isinstance(value, bool)
    }


def marked_latest(log: TrainingLogBase) -> dict[str, str]:
    """Return the texts of `latest`, with a mark where a value describes only the last batch.

    There are no marks if all channels have a value for each batch.
    """
    texts, last_batch = latest(log), last_batch_of(log)
    if last_batch.issuperset(texts):
        return texts
    return {name: text + MARK if name in last_batch else text for name, text in texts.items()}
