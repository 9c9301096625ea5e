"""Smoothing of a curve by a weighted mean of its current and past values.

The weight of a value decreases by a factor of e over a given distance. The weighted sum is divided
by the sum of the weights, so that the first values are not biased towards zero. All plots measure
the distance in iterations. Therefore, a distance that smooths a curve with one value per batch
hardly changes a curve with one value per epoch. On a page, the user chooses the distance. In
`TrainingLogBase.plot`, `smoothing` is a weight from 0 to 1, as in other tools; `distance` converts
this weight to a distance.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

BLOCK = 300.0
"""Length of a block in multiples of `over`; exp(300) is far below the largest float."""


def smoothed(x: NDArray[np.int64] | Floats, y: Floats, over: float) -> Floats:
    """Return the weighted mean of the values up to each point; weights decrease with distance.

    Parameters
    ----------
    x : ndarray, shape (N,)
        Positions, such as iterations, in increasing order.
    y : ndarray of float64, shape (N,)
        The values. A non-finite value has no weight, and the result at its position is NaN.
    over : float
        The distance over which a weight decreases by a factor of e.

    Returns
    -------
    ndarray of float64, shape (N,)

    Notes
    -----
    Cumulative sums are computed in blocks that are short enough to keep the weights within the
    range of floats. The last sum of a block is carried over to the next block. Each mean is limited
    to the range of the values that it depends on, so that rounding errors cannot make a constant
    curve wavy.

    Examples
    --------
    >>> smoothed(np.arange(3), np.array([0.0, 1.0, 1.0]), 1e9).round(4).tolist()
    [0.0, 0.5, 0.6667]
    """
    finite = np.isfinite(y)
    largest = float(np.abs(y[finite]).max()) if finite.any() else 0.0
    if not largest:
        return np.where(finite, 0.0, np.nan)
    values = np.where(finite, y / largest, 0.0)
    t = (np.asarray(x, np.float64) - float(x[0])) / over
    block = np.floor(t / BLOCK)
    starts = np.concatenate([[0], np.flatnonzero(np.diff(block)) + 1, [len(t)]])
    growth = np.exp(t - block * BLOCK)
    weighted, weights = values * growth, finite * growth
    sums, totals = np.empty_like(t), np.empty_like(t)
    before, before_total, at = 0.0, 0.0, 0.0
    for low, high in zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True):
        part = slice(low, high)
        own, own_total = np.cumsum(weighted[part]), np.cumsum(weights[part])
        carry = np.exp(at - block[low] * BLOCK)
        sums[part], totals[part] = own + before * carry, own_total + before_total * carry
        at = t[high - 1]
        scale = 1.0 / growth[high - 1]
        before, before_total = sums[high - 1] * scale, totals[high - 1] * scale
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = sums / totals * largest
    low = np.minimum.accumulate(np.where(finite, y, np.inf))
    high = np.maximum.accumulate(np.where(finite, y, -np.inf))
    return np.where(finite, np.clip(mean, low, high), np.nan)


def distance(weight: float) -> float:
    """Convert the weight that a value keeps from one iteration to the next into a distance.

    Parameters
    ----------
    weight : float
        A number above 0 and below 1.

    Returns
    -------
    float
        The number of iterations until the weight of a value has decreased by a factor of e.

    Examples
    --------
    >>> [round(distance(weight), 1) for weight in (0.5, 0.9, 0.99)]
    [1.4, 9.5, 99.5]
    """
    return -1.0 / math.log(weight)
