"""Image of a learning rate range test: the costs over the logarithm of the rate, as SVG."""

from __future__ import annotations

import html
import math
import statistics
from collections.abc import Sequence

WIDTH, HEIGHT = 640, 240
LEFT, RIGHT, TOP, BOTTOM = 56, 12, 14, 40
ACCENT, MARK = "#3b82f6", "#f97316"
FIRST, ROOM = 10, 2.0
"""Costs of the first batches, and the multiple of the median, that are shown of a divergence."""


def as_svg(
    rates: Sequence[float],
    costs: Sequence[float],
    smoothed: Sequence[float],
    suggestion: float | None,
) -> str:
    """Return an image of costs and smoothed costs over the rates, in the colours of the page.

    Parameters
    ----------
    rates, costs, smoothed : sequence of float
        Positive rates in growing order, two or more, and the costs of each.
    suggestion : float or None
        The rate to mark.

    Examples
    --------
    >>> image = as_svg([0.01, 0.1, 1.0], [2.0, 1.0, 3.0], [2.0, 1.5, 2.0], 0.1)
    >>> image.startswith("<svg"), "suggestion 0.1" in image
    (True, True)
    """
    low = min(smoothed)
    high = min(max(smoothed), max(*costs[:FIRST], ROOM * statistics.median(costs)))
    margin = (high - low or abs(high) or 1.0) * 0.06
    low, high = low - margin, high + margin
    first, last = math.log10(rates[0]), math.log10(rates[-1])

    def x(rate: float) -> float:
        part = (math.log10(rate) - first) / (last - first)
        return LEFT + part * (WIDTH - LEFT - RIGHT)

    def y(cost: float) -> float:
        part = (min(max(cost, low), high) - low) / (high - low)
        return HEIGHT - BOTTOM - part * (HEIGHT - TOP - BOTTOM)

    def curve(values: Sequence[float], style: str) -> str:
        points = " ".join(f"{x(a):.1f},{y(b):.1f}" for a, b in zip(rates, values, strict=True))
        return f'<polyline points="{points}" fill="none" stroke="{ACCENT}" {style}/>'

    def text(left: float, top: float, words: str, anchor: str = "middle") -> str:
        return (
            f'<text x="{left:.1f}" y="{top:.1f}" text-anchor="{anchor}" font-size="11" '
            f'fill="currentColor" opacity="0.75">{html.escape(words)}</text>'
        )

    def line(x1: float, y1: float, x2: float, y2: float, style: str) -> str:
        return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" {style}/>'

    bottom, faint = HEIGHT - BOTTOM, 'stroke="currentColor" opacity="0.15"'
    parts = []
    for decade in range(math.ceil(first), math.floor(last) + 1):
        at = x(10.0**decade)
        parts += [line(at, TOP, at, bottom, faint), text(at, bottom + 15, f"{10.0**decade:g}")]
    for part in (0.0, 0.5, 1.0):
        cost = low + margin + part * (high - low - 2 * margin)
        parts += [line(LEFT, y(cost), WIDTH - RIGHT, y(cost), faint)]
        parts += [text(LEFT - 6, y(cost) + 4, f"{cost:.3g}", "end")]
    parts += [curve(costs, 'opacity="0.3"'), curve(smoothed, 'stroke-width="2"')]
    if suggestion is not None:
        at, dashed = x(suggestion), f'stroke="{MARK}" stroke-width="1.5" stroke-dasharray="5 3"'
        right = at > WIDTH / 2
        words = f"suggestion {suggestion:.3g}"
        parts += [line(at, TOP, at, bottom, dashed)]
        parts += [text(at - 6 if right else at + 6, TOP + 8, words, "end" if right else "start")]
    parts += [text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 6, "learning rate")]
    parts += [text(LEFT, 10, "cost of each batch (faint) and its average", "start")]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="costs over learning rates" style="max-width:{WIDTH}px;width:100%">'
        f"{''.join(parts)}</svg>"
    )
