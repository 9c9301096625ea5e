"""Shapes that distinguish curves where neither colours nor dashes can be seen clearly.

The dashes of a dense curve cannot be seen, since the curve goes up and down within each dash.
Therefore, if a figure has several curves, each curve has a shape. The shape is drawn in the legend
and at a few places on the curve, far apart and beside the shapes of the other curves.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SHAPES = ("circle", "square", "triangle", "diamond", "inverted_triangle", "plus")
"""Names of Bokeh markers, in the order of the curves of a figure; if necessary, they repeat."""

REPEATS = 4
"""Number of places in the visible range where the shape of a curve is drawn."""

OUTLINE = "#ffffff"
"""Colour of the outline that makes a shape stand out from its own curve."""


def outline(shape: str) -> list[tuple[float, float]]:
    """Return the corners of a shape within a circle of radius 1, with y pointing down.

    Examples
    --------
    >>> outline("diamond")
    [(0.0, -1.0), (0.7, 0.0), (0.0, 1.0), (-0.7, 0.0)]
    """
    third = 1 / 3
    return {
        "circle": [(math.cos(a / 12 * math.pi), math.sin(a / 12 * math.pi)) for a in range(24)],
        "square": [(-0.8, -0.8), (0.8, -0.8), (0.8, 0.8), (-0.8, 0.8)],
        "triangle": [(0.0, -1.0), (1.0, 0.8), (-1.0, 0.8)],
        "diamond": [(0.0, -1.0), (0.7, 0.0), (0.0, 1.0), (-0.7, 0.0)],
        "inverted_triangle": [(-1.0, -0.8), (1.0, -0.8), (0.0, 1.0)],
        "plus": [
            (-third, -1.0), (third, -1.0), (third, -third), (1.0, -third), (1.0, third),
            (third, third), (third, 1.0), (-third, 1.0), (-third, third), (-1.0, third),
            (-1.0, -third), (-third, -third),
        ],
    }[shape]  # fmt: skip


def places(
    x: Floats, y: Floats, number: int, count: int, *, low: float, high: float, log_y: bool = False
) -> tuple[Floats, Floats]:
    """Return the points of a curve where its shape is drawn.

    The returned points are on the drawn line, possibly between two of the given points. No
    point is in a gap of the curve, before its start or after its end.

    Parameters
    ----------
    x, y : ndarray of float64, shape (P,)
        The points of the curve, from left to right.
    number, count : int
        The index of the curve in its figure, and the number of curves.
    low, high : float
        The visible range of `x`.
    log_y : bool
        True if the vertical axis is logarithmic.

    Returns
    -------
    tuple of two ndarrays of float64, each of shape (S,)
        The positions and the values.

    Examples
    --------
    >>> x = np.arange(9.0)
    >>> places(x, x**2, 0, 1, low=0.0, high=8.0)[0].tolist()
    [1.0, 3.0, 5.0, 7.0]
    >>> places(x, x**2, 1, 2, low=0.0, high=8.0)[0].tolist()
    [1.5, 3.5, 5.5, 7.5]
    """
    at = low + (high - low) * (np.arange(REPEATS) + (number + 0.5) / count) / REPEATS
    if len(x) < 2:
        return x[:0], y[:0]
    with np.errstate(divide="ignore", invalid="ignore"):
        scaled = np.log(y) if log_y else y
        right = np.clip(np.searchsorted(x, at), 1, len(x) - 1)
        share = (at - x[right - 1]) / (x[right] - x[right - 1])
        # No product with zero, which would be NaN next to an infinite value or a gap.
        value = np.where(share == 1, scaled[right], scaled[right - 1] * (1 - share))
        value = np.where((share > 0) & (share < 1), value + scaled[right] * share, value)
        value = np.exp(value) if log_y else value
    kept = np.isfinite(value) & (at >= x[0]) & (at <= x[-1])
    return at[kept], value[kept]
