"""The range of a curve without outliers, so that one exploding value does not flatten the curve.

A value is an outlier if its distance from the range of the central 96 % of values exceeds ten
times the width of that range. At the start, where the cost of a healthy run is much higher than
later, the limit is a hundred times the width.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from extensions_live.downsampling import extremes
from extensions_live.formatting import format_number

Floats = NDArray[np.float64]
Range = tuple[float, float]

TAIL = 0.02
"""Share of the values on each side of the central range."""

REACH, START_REACH = 10.0, 100.0
"""Distances from the central range, in multiples of its width; values farther away are outliers.

The second distance applies to the first values of a curve: the fraction `TAIL` of all values, but
at least `FEWEST` values.
"""

FEWEST = 10
"""Minimum number of finite values needed to determine outliers."""

SAME = 1e-9
"""Maximum relative width of a range that is treated as a single value."""

ISOLATED = 3
"""Maximum number of successive outliers that have no weight in a smoothed curve."""

MARKED = 200
"""Approximate maximum number of outliers that are marked on a curve."""


class Outliers(NamedTuple):
    """Outliers of a curve: positions `x` and values `y` of shape (K,), from left to right."""

    x: Floats
    y: Floats

    def beyond(self, shown: Range) -> Outliers:
        """Return the outliers outside the range `shown`."""
        keep = (self.y < shown[0]) | (self.y > shown[1])
        return Outliers(self.x[keep], self.y[keep])

    def marked(self) -> Outliers:
        """Return at most about `MARKED` outliers, including the smallest and the largest."""
        kept = extremes(self.y, MARKED)
        return Outliers(self.x[kept], self.y[kept])

    def describe(self, name: str, label: str) -> str:
        """Describe the outliers of the curve `name`; `label` is the name of the x axis.

        Examples
        --------
        >>> Outliers(np.array([120.0]), np.array([1e30])).describe("cost", "iteration")
        'cost: 1 value is outside: 1e+30 at iteration 120'
        """
        count = len(self.y)
        if count <= 3:
            shown = [
                f"{format_number(value)} at {label} {place:,.6g}"
                for place, value in zip(self.x.tolist(), self.y.tolist(), strict=True)
            ]
            values = "value is" if count == 1 else "values are"
            return f"{name}: {count} {values} outside: {', '.join(shown)}"
        low, high = format_number(self.y.min()), format_number(self.y.max())
        size = f"all {low}" if low == high else f"from {low} to {high}"
        first, last = self.x[0], self.x[-1]
        where = f"between {label} {first:,.6g} and {last:,.6g}"
        return f"{name}: {count:,} values are outside, {size}, {where}"


def usual_range(values: Floats, *, log: bool = False) -> Range | None:
    """Return the smallest and largest values that are not outliers; None if there are no values.

    Parameters
    ----------
    values : ndarray of float64, shape (N,)
        The values of the curve in order; non-finite values are ignored.
    log : bool, optional
        True to measure distances between logarithms; values of 0 or less are then ignored.

    Examples
    --------
    >>> usual_range(np.array([*range(100), 1e30]))
    (0.0, 99.0)
    >>> usual_range(np.array([1.0, 1e30]))
    (1.0, 1e+30)
    """
    counted = np.isfinite(values) & (values > 0) if log else np.isfinite(values)
    found = values if counted.all() else values[counted]
    if not len(found):
        return None
    whole = float(found.min()), float(found.max())
    if len(found) < FEWEST:
        return whole
    # Halves, since the difference of the largest numbers would overflow.
    scaled = np.log(found) if log else found * 0.5
    low, high = np.quantile(scaled, [TAIL, 1 - TAIL], method="nearest").tolist()
    width = high - low
    if width <= SAME * max(abs(low), abs(high)):
        return whole
    reach = np.full(len(found), REACH)
    reach[: max(FEWEST, int(TAIL * len(found)))] = START_REACH
    inside = found[(scaled >= low - reach * width) & (scaled <= high + reach * width)]
    return float(inside.min()), float(inside.max())


def outside(values: Floats, usual: Range | None) -> NDArray[np.bool_]:
    """Return a mask that is True at each finite value outside a range.

    Examples
    --------
    >>> outside(np.array([1.0, np.inf, 9.0]), (0.0, 2.0)).tolist()
    [False, False, True]
    """
    if usual is None:
        return np.zeros(len(values), np.bool_)
    found: NDArray[np.bool_] = (values < usual[0]) | (values > usual[1])
    return found & np.isfinite(values)


def isolated(values: Floats, usual: Range | None) -> NDArray[np.bool_]:
    """Return a mask of the values that are outside a range, but between values inside it.

    At most `ISOLATED` finite values in succession are isolated. The first and last values are
    never isolated, since a run may start far from where it ends, and may diverge at its end.

    Examples
    --------
    >>> isolated(np.array([9.0, 1.0, 9.0, 1.0, 9.0]), (0.0, 2.0)).tolist()
    [False, False, True, False, False]
    """
    at = np.flatnonzero(np.isfinite(values))
    beyond = np.concatenate([[False], outside(values, usual)[at], [False]])
    edges = np.flatnonzero(beyond[1:] != beyond[:-1])
    starts, stops = edges[::2], edges[1::2]
    few = (stops - starts <= ISOLATED) & (starts > 0) & (stops < len(at))
    changes = np.zeros(len(at) + 1, np.int64)
    changes[starts[few]], changes[stops[few]] = 1, -1
    found = np.zeros(len(values), np.bool_)
    found[at] = np.cumsum(changes)[:-1] > 0
    return found


def union(ranges: Sequence[Range | None]) -> Range | None:
    """Return the smallest range that contains all `ranges`, or None if there is no range.

    Examples
    --------
    >>> union([(0.0, 1.0), None, (0.5, 3.0)])
    (0.0, 3.0)
    """
    known = [one for one in ranges if one is not None]
    if not known:
        return None
    return min(low for low, _ in known), max(high for _, high in known)


def padded(shown: Range, share: float, *, log: bool = False) -> Range:
    """Extend a range at both ends by a share of its width, on a log scale if `log` is True.

    Examples
    --------
    >>> padded((0.0, 10.0), 0.1), padded((1.0, 100.0), 0.5, log=True)
    ((-1.0, 11.0), (0.1, 1000.0))
    """
    low, high = shown
    if log:
        factor = (high / low) ** share if high > low else 2.0
        return low / factor, high * factor
    extra = share * (high - low) or 0.1 * abs(high) or 1.0
    return low - extra, high + extra
