"""Search for a clear fall in a noisy sequence of costs.

For each batch, the mean costs in two windows are compared: the first window ends before the batch,
and the second starts with the batch. `WIDEST` and `NARROWEST` limit the lengths of the windows. A
fall is clear if the difference exceeds several standard errors. The standard errors are computed
from the differences between consecutive costs, which depend on the noise but barely on the fall.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

WIDEST, NARROWEST = 5, 20
"""Divisors of the number of costs; the quotients are the longest and shortest window lengths.

The longest window contains at least 10 costs, and the shortest at least 5.
"""

CLEAR = 5.0
"""Number of standard errors that a clear fall exceeds.

The largest of many differences is chosen, so noise alone exceeds two standard errors in most tests.
In simulated tests of 20 to 2000 batches without a fall, noise exceeded five standard errors in less
than 1 % of cases. The noise had a normal, exponential, lognormal, Student's t or Cauchy
distribution.
"""

NOTICEABLE = 0.01
"""Smallest fall, relative to the mean before it, that can be considered clear.

Smaller falls may result from rounding.
"""


class Fall(NamedTuple):
    """Largest fall in a sequence of costs, relative to the standard error of the fall.

    Attributes
    ----------
    at : int
        The index of the first cost after the fall.
    size : float
        The mean in the window before `at` minus the mean in the window that starts at `at`.
    error : float
        The standard error of `size`.
    clear : bool
        True if neither noise nor rounding can explain the fall.
    """

    at: int
    size: float
    error: float
    clear: bool


def largest_fall(costs: Floats, end: int) -> Fall | None:
    """Return the fall that is largest relative to its error, or None if there is no fall.

    Parameters
    ----------
    costs : ndarray of float64, shape (N,)
    end : int
        The number of costs to search; later costs only affect the lengths of the windows.

    Examples
    --------
    >>> costs = np.array([2.0] * 20 + [1.0] * 20)
    >>> fall = largest_fall(costs, 40)
    >>> fall.at, fall.size, fall.clear
    (20, 1.0, True)
    >>> noise = np.random.default_rng(0).normal(size=100)
    >>> largest_fall(noise, 100).clear
    False
    """
    least, most = max(5, len(costs) // NARROWEST), max(10, len(costs) // WIDEST)
    at = np.arange(least, end + 1 - least)
    if not len(at):
        return None
    scale = float(np.abs(costs[:end]).max()) or 1.0  # costs near the largest float do not overflow
    part = costs[:end] / scale
    sums = np.concatenate([[0.0], np.cumsum(part - part[0])])
    first, last = np.maximum(at - most, 0), np.minimum(at + most, end)
    before = (sums[at] - sums[first]) / (at - first)
    size = before - (sums[last] - sums[at]) / (last - at)
    steps = np.diff(part)
    # A single high or low cost changes two differences, so the first and last one count twice.
    squares = np.concatenate([steps[:1], steps, steps[-1:]]) ** 2
    noise = float(np.sqrt(squares.mean() / 2))
    error = noise * np.sqrt(1 / (at - first) + 1 / (last - at))
    if not noise or size.max() <= 0:
        return None
    best = int((size / error).argmax())
    clear = size[best] > CLEAR * error[best]
    clear &= size[best] > NOTICEABLE * abs(before[best] + part[0])
    return Fall(int(at[best]), float(size[best] * scale), float(error[best] * scale), bool(clear))
