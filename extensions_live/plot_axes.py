"""X axes of a plot: iterations, epochs, elapsed time or examples.

A log counts iterations. The other axes are interpolated between a few known points, which are
computed from data in the log: the ends of epochs, times, and the number of examples in an epoch.
After the last known point, an axis is extrapolated linearly.
"""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from extensions_live.messages import AxisName
from workbench.errors import LogError
from workbench.log.elapsed import READ_TOTAL, TRAIN_TOTAL, accumulated

if TYPE_CHECKING:
    from workbench.log import TrainingLogBase

Floats = NDArray[np.float64]

REASONS: dict[AxisName, str] = {
    "iteration": "the log has no iterations",
    "epoch": "no epoch has ended yet",
    "time": "the log has no times yet; they are recorded at the end of each epoch",
    "examples": "the number of examples in an epoch is not known, or no epoch has ended yet",
}

EPOCH_TIMES, EPOCH_EXAMPLES = "_epoch_times", "_epoch_examples"
TOTALS = (READ_TOTAL, TRAIN_TOTAL)
TIMESTAMP = "timestamp"
KNOTS = 300


class Axis(NamedTuple):
    """Map from iterations to positions on an x axis.

    Attributes
    ----------
    kind : str
        ``iteration``, ``epoch``, ``time`` or ``examples``.
    iterations, values : ndarray of float64, shape (K,)
        Coordinates of the known points, in non-decreasing order. Both arrays are empty if `kind` is
        ``iteration``.
    """

    kind: AxisName
    iterations: Floats
    values: Floats

    def of(self, iterations: NDArray[np.int64] | Floats) -> Floats:
        """Return the position of each iteration on the axis.

        Examples
        --------
        >>> epochs = Axis("epoch", np.array([0.0, 10.0]), np.array([0.0, 1.0]))
        >>> epochs.of(np.array([0, 5, 25])).tolist()
        [0.0, 0.5, 2.5]
        """
        places = np.asarray(iterations, np.float64)
        if self.kind == "iteration":
            return places
        return continued(places, self.iterations, self.values)

    def back(self, places: Floats) -> Floats:
        """Return the iteration at each position on the axis."""
        if self.kind == "iteration":
            return places
        return continued(places, self.values, self.iterations)


ITERATIONS = Axis("iteration", np.empty(0), np.empty(0))


def continued(places: Floats, x: Floats, y: Floats) -> Floats:
    """Return `y` at `places`, interpolated linearly, and extrapolated after the last point."""
    result = np.interp(places, x, y)
    earlier = np.flatnonzero(x < x[-1])
    if len(earlier):
        before = earlier[-1]
        slope = (y[-1] - y[before]) / (x[-1] - x[before])
        beyond = places > x[-1]
        result[beyond] = y[-1] + slope * (places[beyond] - x[-1])
    return result


def axis_of(log: TrainingLogBase, kind: AxisName) -> Axis | None:
    """Return an x axis of a log, or None if the required data is missing from the log.

    Examples
    --------
    >>> from workbench.log import TrainingLog
    >>> log = TrainingLog()
    >>> axis_of(log, "epoch") is None
    True
    >>> log.status["_epoch_ends"] = [10, 20]
    >>> axis_of(log, "epoch").of(np.array([15, 30])).tolist()
    [1.5, 3.0]
    """
    if kind == "iteration":
        return ITERATIONS
    if kind == "time":
        found = clock(log)
        return None if found is None else Axis(kind, *thinned(*found))
    ends = np.array(list(log.status["_epoch_ends"]), np.float64)
    size = 1.0 if kind == "epoch" else float(log.status.get(EPOCH_EXAMPLES) or 0)
    if not len(ends) or not size:
        return None
    counts = size * np.arange(len(ends) + 1, dtype=np.float64)
    return Axis(kind, *thinned(np.concatenate([[0.0], ends]), counts))


def clock(log: TrainingLogBase) -> tuple[Floats, Floats] | None:
    """Return iterations and the training time in seconds at each, or None if there are no times."""
    times = np.array(list(log.status.get(EPOCH_TIMES) or ()), np.float64)
    ends = np.array([0, *log.status["_epoch_ends"]], np.float64)
    if 1 < len(times) == len(ends):
        return ends, accumulated(times - times[0])
    names = log.channels
    try:
        if all(name in names for name in TOTALS):
            read, train = (log.column(name) for name in TOTALS)
            if len(read[0]) == len(train[0]):
                return from_zero(train[0].astype(np.float64), accumulated(read[1] + train[1]))
        if TIMESTAMP in names:
            iterations, texts = log.entries(TIMESTAMP)
            stamps = [datetime.datetime.fromisoformat(str(text)).timestamp() for text in texts]
            seconds = np.array(stamps, np.float64)
            if len(seconds) > 1:
                # The elapsed time does not decrease if the clock is set back, for example by NTP.
                steps = np.maximum(np.diff(seconds, prepend=seconds[0]), 0.0)
                return iterations.astype(np.float64), np.cumsum(steps)
    except (LogError, ValueError):
        return None
    return None


def from_zero(iterations: Floats, values: Floats) -> tuple[Floats, Floats]:
    """Return the points, preceded by a point at iteration 0 if there is no such point."""
    if iterations[0] == 0:
        return iterations, values
    return np.concatenate([[0.0], iterations]), np.concatenate([[0.0], values])


def thinned(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Return at most `KNOTS` of the points, including the first point and the last two points."""
    if len(x) <= KNOTS:
        return x, y
    kept = np.unique(np.append(np.linspace(0, len(x) - 1, KNOTS - 1).astype(np.int64), len(x) - 2))
    return x[kept], y[kept]
