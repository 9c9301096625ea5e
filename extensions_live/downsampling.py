"""Downsampling of a curve of any length to the resolution of a screen.

A screen has a few thousand columns of pixels, but a run may have a million iterations. Every bucket
of neighbouring points is replaced by its minimum and its maximum, each at its own iteration. A
spike of a single iteration is therefore visible at every zoom level. Values that are not finite
break the line; their iterations are returned separately, so that they can be marked. Outside the
visible range, fewer points are kept. Panning therefore shows a coarse curve until the page has
received more points.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from extensions_live.messages import CurveData

Floats = NDArray[np.float64]

POINTS = 2000
COARSE_POINTS = 200
MARKS = 200
SPARSE = 60  # a curve with at most this many points shows each of them as a dot


@dataclass(frozen=True)
class Curve:
    """Points of a curve, ready to be drawn.

    Attributes
    ----------
    x, y : ndarray of float64, shape (P,)
        The points of the line, from left to right; a NaN in `y` breaks the line.
    marks : ndarray of float64, shape (M,)
        Up to `MARKS` iterations whose value is infinite or NaN.
    smooth : tuple of two ndarrays of float64, or None
        `x` and `y` of the smoothed curve, if it is shown.
    """

    x: Floats
    y: Floats
    marks: Floats
    smooth: tuple[Floats, Floats] | None = None

    def dots(self) -> tuple[Floats, Floats]:
        """Return `x` and `y` of the points to draw as dots, each of shape (D,).

        If the curve has few points, all points are returned. Otherwise, only isolated points, which
        have no line to a neighbour, are returned.

        Examples
        --------
        >>> x, y = np.arange(90.0), np.full(90, np.nan)
        >>> y[[5, 7, 8]] = 1.0
        >>> Curve(x, y, x[:0]).dots()[0].tolist()
        [5.0]
        """
        shown = ~np.isnan(self.y)
        if len(self.x) > SPARSE:
            beside = np.pad(shown, 1)
            shown = shown & ~beside[:-2] & ~beside[2:]
        return self.x[shown], self.y[shown]


def packed(curve: Curve) -> CurveData:
    """Return the arrays of a curve as float64 bytes, for the page to draw."""
    dots_x, dots_y = curve.dots()
    data: CurveData = {
        "x": curve.x.tobytes(),
        "y": curve.y.tobytes(),
        "marks": curve.marks.tobytes(),
        "dots_x": dots_x.tobytes(),
        "dots_y": dots_y.tobytes(),
    }
    if curve.smooth is not None:
        smooth_x, smooth_y = curve.smooth
        data |= {"smooth_x": smooth_x.tobytes(), "smooth_y": smooth_y.tobytes()}
    return data


def downsample(
    x: NDArray[np.int64] | Floats,
    y: Floats,
    *,
    points: int = POINTS,
    start: float | None = None,
    stop: float | None = None,
    log_x: bool = False,
) -> Curve:
    """Return about `points` points that look like the whole curve when they are plotted.

    Parameters
    ----------
    x : ndarray, shape (N,)
        The iterations, in increasing order.
    y : ndarray of float64, shape (N,)
        The values, which may be NaN or infinite.
    points : int, optional
        The approximate maximum number of points in the visible range.
    start, stop : float, optional
        The visible range of `x`; by default the whole curve.
    log_x : bool, optional
        True if the scale of `x` is logarithmic; each decade then gets the same number of points.

    Returns
    -------
    Curve
        The downsampled curve. Inside the visible range, the minimum and maximum of every bucket are
        kept; each side of the range has at most about `COARSE_POINTS` points.

    Examples
    --------
    >>> x = np.arange(1_000_000)
    >>> y = np.zeros(1_000_000)
    >>> y[123_456] = 7.0
    >>> curve = downsample(x, y)
    >>> len(curve.x) <= 2002, curve.x[curve.y == 7.0].tolist()
    (True, [123456.0])
    """
    first, last = 0, len(x)
    if start is not None:
        first = max(int(np.searchsorted(x, start, "left")) - 1, 0)
    if stop is not None:
        last = min(int(np.searchsorted(x, stop, "right")) + 1, len(x))
    last = max(first, last)
    finite = np.isfinite(y)
    coarse = min(COARSE_POINTS, points // 20 + 2)
    cuts = decades(x, first, last) if log_x else [first, last]
    share = points // max(1, len(cuts) - 1)
    parts = [(0, first, coarse), (last, len(x), coarse)]
    parts[1:1] = [(low, high, share) for low, high in pairwise(cuts)]
    kept = np.concatenate(
        [low + extremes(y[low:high], n, finite[low:high]) for low, high, n in parts]
    )
    line = np.where(finite[kept], y[kept], np.nan)
    bad = np.flatnonzero(~finite)
    if len(bad) > MARKS:
        bad = bad[np.linspace(0, len(bad) - 1, MARKS).astype(np.int64)]
    return Curve(x[kept].astype(np.float64), line, x[bad].astype(np.float64))


def decades(x: NDArray[np.int64] | Floats, first: int, last: int) -> list[int]:
    """Return `first`, `last`, and the indices in between where `x` reaches 10, 100 and so on.

    Examples
    --------
    >>> decades(np.arange(2000), 0, 2000)
    [0, 10, 100, 1000, 2000]
    """
    if first >= last:
        return [first, last]
    top = max(float(x[last - 1]), 1.0)
    powers = 10.0 ** np.arange(1, int(np.log10(top)) + 1)
    inner = np.searchsorted(x[first:last], powers, "left") + first
    return sorted({first, last, *inner.tolist()})


def extremes(y: Floats, points: int, finite: NDArray[np.bool_] | None = None) -> NDArray[np.int64]:
    """Return the indices, in increasing order, of about `points` values that represent `y`.

    The result contains the first and the last value and, from each bucket, the minimum, the maximum
    and one non-finite value if the bucket contains any. To avoid computing ``np.isfinite(y)``
    again, pass it as `finite`.

    Examples
    --------
    >>> extremes(np.array([0.0, 5.0, 1.0, 1.0, -3.0, 1.0, 1.0, 1.0]), 4).tolist()
    [0, 1, 4, 5, 7]
    """
    count = len(y)
    if count <= points:
        return np.arange(count)
    if finite is None:
        finite = np.isfinite(y)
    whole = bool(finite.all())
    size = -(-count // (points // 2 if whole else points // 3))
    full = count - count % size
    kept = [_of_buckets(y[:full].reshape(-1, size), None if whole else finite[:full])]
    if full < count:
        kept.append(full + _of_buckets(y[None, full:], None if whole else finite[full:]))
    ordered = np.concatenate([[0], *kept, [count - 1]])
    return ordered[np.diff(ordered, prepend=-1) > 0]


def _of_buckets(table: Floats, finite: NDArray[np.bool_] | None) -> NDArray[np.int64]:
    """Return the extremes of each row of `table` as sorted indices into the flattened table.

    `finite` is None if all values are finite. Otherwise, if a row has non-finite values, the result
    also contains the index of one of them.
    """
    if finite is None:
        columns = [table.argmin(1), table.argmax(1)]
    else:
        good = finite.reshape(table.shape)
        columns = [
            np.where(good, table, np.inf).argmin(1),
            np.where(good, table, -np.inf).argmax(1),
            good.argmin(1),
        ]
    places: NDArray[np.int64] = np.sort(np.stack(columns, axis=1), axis=1)
    places += np.arange(len(table))[:, None] * table.shape[1]
    return places.ravel()
