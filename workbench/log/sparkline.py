"""Sparklines: small SVG curves that need no scripts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

WIDTH, HEIGHT = 120, 24
"""Size in pixels."""

LARGEST = 1e300  # the range of larger values could overflow


def sparkline(
    iterations: NDArray[np.int64],
    values: NDArray[np.float64],
    *,
    width: int = WIDTH,
    height: int = HEIGHT,
) -> str:
    """Return a curve as an SVG element, in the colour of the text around it.

    Every pixel column shows the smallest and the largest of its values, so that no spike is lost.
    Values that are not finite leave a gap.

    Parameters
    ----------
    iterations, values : ndarray, shape (N,)
    width, height : int, optional
        The size in pixels.

    Examples
    --------
    >>> sparkline(np.array([0, 1, 2]), np.array([0.0, 1.0, np.nan]), width=20, height=10)
    '<svg ... d="M1 9L10 1".../></svg>'
    """
    return (
        f'<svg class="wb-sparkline" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" role="img" aria-label="curve">'
        f'<path d="{path(iterations, values, width=width, height=height)}" fill="none" '
        'stroke="currentColor" stroke-width="1.25" stroke-linejoin="round" '
        'stroke-linecap="round"/></svg>'
    )


def path(
    iterations: NDArray[np.int64], values: NDArray[np.float64], *, width: int, height: int
) -> str:
    """Return the ``d`` attribute of a sparkline's path; it is empty if no value is finite."""
    finite = np.isfinite(values)
    if not finite.any():
        return ""
    clipped = np.clip(values, -LARGEST, LARGEST)
    shown = clipped[finite]
    low, high = float(shown.min()), float(shown.max())
    first, last = float(iterations[0]), float(iterations[-1])
    column = np.zeros(len(values), np.int64)
    if last > first:
        column = ((iterations - first) / (last - first) * (width - 2)).astype(np.int64)
    kept = _extremes(column, clipped, finite)
    # If all values are equal, the line is in the middle.
    up = (clipped - low) / (high - low) if high > low else np.full(len(values), 0.5)
    pieces, drawing = [], False
    for i in kept.tolist():
        if not finite[i]:
            drawing = False
            continue
        y = 1 + (1 - up[i]) * (height - 2)
        pieces.append(f"{'L' if drawing else 'M'}{column[i] + 1} {y:.3g}")
        drawing = True
    text = "".join(pieces)
    return text + "h0.01" if len(pieces) == 1 else text  # the round line cap draws a dot


def _extremes(
    column: NDArray[np.int64], values: NDArray[np.float64], finite: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """Return the indices of the values that each pixel column shows, in increasing order."""
    starts = np.flatnonzero(np.diff(column, prepend=-1))
    if len(values) == len(starts):
        return np.arange(len(values))
    ends = np.append(starts[1:], len(values))
    kept: set[int] = set()
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        part, good = values[start:end], finite[start:end]
        kept.add(start)
        if good.any():
            kept.add(start + int(np.where(good, part, np.inf).argmin()))
            kept.add(start + int(np.where(good, part, -np.inf).argmax()))
        if not good.all():
            kept.add(start + int(good.argmin()))
    return np.array(sorted(kept))
