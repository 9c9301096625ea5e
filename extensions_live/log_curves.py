"""Curves of a log for a static figure, downsampled and, if requested, smoothed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from extensions_live.downsampling import Curve, downsample
from extensions_live.robust_range import Outliers, Range, isolated, outside, usual_range
from extensions_live.smoothing import distance, smoothed
from workbench.errors import LogError, UnknownRecordError, nearest
from workbench.log.interventions import UNCHANGING, in_words, interventions_in
from workbench.log.records import listed
from workbench.utils.numbers import is_finite
from workbench.utils.texts import short

if TYPE_CHECKING:
    from workbench.log import TrainingLogBase

Floats = NDArray[np.float64]

POINTS = 6000
"""Maximum number of points in a curve; it is large, since more points cannot be loaded later."""

MOST_CHANGES, LONGEST = 200, 200
"""Maximum number of marked iterations, and of characters in the text for one iteration."""

NO_CHANNEL = "the log has no channel {name!r}{hint}"
NOTHING = "there is nothing to draw: the log has no numeric channels"
NO_EPOCHS = "x='epoch' requires at least one finished epoch; use x='iteration'"
NOT_SMOOTHING = "smoothing must be a number that is at least 0 and below 1, not {given!r}"
NOT_CHANNELS = "channels must be a list of names such as ['cost'], not {given!r}"


@dataclass(frozen=True)
class LogCurve:
    """One channel of a figure.

    Attributes
    ----------
    name : str
    curve : Curve
        The curve to draw, smoothed if requested.
    raw : Curve or None
        The curve as recorded, if `curve` is smoothed.
    count : int
        The number of records of the channel.
    usual : tuple of two floats, or None
        The range of the values without outliers; None if ``robust=False`` or if there are no
        values.
    outliers : Outliers
        The points outside this range, which a smoothed `curve` omits.
    """

    name: str
    curve: Curve
    raw: Curve | None
    count: int
    usual: Range | None = None
    outliers: Outliers = field(default_factory=lambda: Outliers(np.empty(0), np.empty(0)))


def read_curves(
    log: TrainingLogBase,
    channels: Sequence[str] | str | None = None,
    *,
    x: str = "iteration",
    smoothing: float = 0.0,
    log_y: bool = False,
    robust: bool = True,
    points: int = POINTS,
) -> list[LogCurve]:
    """Return the curves of some channels; `TrainingLogBase.plot` describes the options.

    Raises
    ------
    UnknownRecordError
        If one of `channels`, or `x`, is not in the log.
    LogError
        If a channel has no numbers, or an option is not valid.

    Examples
    --------
    >>> from workbench.log import TrainingLog
    >>> log = TrainingLog()
    >>> for i, cost in enumerate([4.0, float("nan"), 0.0]):
    ...     log[i]["cost"] = cost
    >>> [curve] = read_curves(log, smoothing=0.5)
    >>> curve.curve.y.round(2).tolist(), curve.curve.marks.tolist()
    ([4.0, nan, 0.8], [1.0])
    """
    if not is_finite(smoothing) or not 0 <= smoothing < 1:
        raise LogError(NOT_SMOOTHING.format(given=smoothing))
    names = number_channels(log) if channels is None else _checked(log, channels)
    if not names:
        raise LogError(NOTHING)
    curves = []
    for name in names:
        iterations, values = log.column(name)
        iterations, places, values = _places(log, x, iterations, values)
        if log_y:
            values = np.where(values > 0, values, np.nan)
        whole = downsample(places, values, points=points)
        usual = usual_range(values, log=log_y) if robust else None
        beyond = outside(values, usual)
        smooth, raw = whole, None
        if smoothing:
            # An outlier would raise the mean for a long time.
            # As in a live plot, the scale of the axis makes no difference.
            kept = ~isolated(values, usual_range(values) if robust else None)
            mean = smoothed(iterations[kept], values[kept], distance(smoothing))
            smooth, raw = downsample(places[kept], mean, points=points), whole
        found = Outliers(np.asarray(places[beyond], np.float64), values[beyond])
        curves.append(LogCurve(name, smooth, raw, len(values), usual, found))
    return curves


def number_channels(log: TrainingLogBase) -> list[str]:
    """Return the channels whose newest value is a number and not a Boolean."""
    return [
        name
        for name, value in log.latest().items()
        if isinstance(value, (int, float)) and not isinstance(value, bool) and _is_column(log, name)
    ]


def changes(log: TrainingLogBase) -> dict[int, str]:
    """Return a description of each iteration where interventions changed training.

    Examples
    --------
    >>> from workbench.log import TrainingLog
    >>> log = TrainingLog()
    >>> log[5]["interventions"] = (
    ...     {"command": "pause", "text": "pause"}, {"command": "set", "text": "set rate = 1"})
    >>> changes(log)
    {5: 'set rate = 1'}
    """
    found: dict[int, list[str]] = {}
    for iteration, record in interventions_in(log):
        if record.get("command") not in UNCHANGING:
            found.setdefault(iteration, []).append(in_words(record))
    last = list(found.items())[-MOST_CHANGES:]
    return {iteration: short("; ".join(texts), LONGEST) for iteration, texts in last}


def _is_column(log: TrainingLogBase, name: str) -> bool:
    try:
        log.column(name)
    except LogError:
        return False
    return True


def _checked(log: TrainingLogBase, channels: Any) -> list[str]:
    names = [channels] if isinstance(channels, str) else channels
    if not isinstance(names, Sequence) or not all(isinstance(name, str) for name in names):
        raise LogError(NOT_CHANNELS.format(given=channels))
    known = log.channels
    for name in names:
        if name not in known:
            hint = nearest(name, known) or listed(known)
            raise UnknownRecordError(NO_CHANNEL.format(name=name, hint=hint))
    return list(dict.fromkeys(names))


def _places(
    log: TrainingLogBase, x: str, iterations: NDArray[np.int64], values: Floats
) -> tuple[NDArray[np.int64], Any, Floats]:
    """Return the iterations with known horizontal positions, these positions, and the values."""
    if x == "iteration":
        return iterations, iterations, values
    if x == "epoch":
        return iterations, epochs_at(iterations, log.status["_epoch_ends"]), values
    [name] = _checked(log, x)
    at, places = log.column(name)
    _, mine, theirs = np.intersect1d(iterations, at, assume_unique=True, return_indices=True)
    known = np.isfinite(places[theirs])
    return iterations[mine][known], places[theirs][known], values[mine][known]


def epochs_at(iterations: NDArray[np.int64], ends: Sequence[int]) -> Floats:
    """Return the number of epochs completed at each iteration, including fractions of an epoch.

    Raises
    ------
    LogError
        If no epoch has ended.

    Examples
    --------
    >>> epochs_at(np.array([0, 2, 4, 5]), [4]).tolist()
    [0.0, 0.5, 1.0, 1.25]
    """
    if not len(ends):
        raise LogError(NO_EPOCHS)
    marks = np.array([0, *ends], np.float64)
    length = max(marks[-1] - marks[-2], 1.0)
    marks = np.append(marks, marks[-1] + 1e6 * length)
    numbers = np.append(np.arange(len(ends) + 1.0), len(ends) + 1e6)
    found: Floats = np.interp(iterations, marks, numbers)
    return found
