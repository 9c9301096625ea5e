"""A still picture of the curves, drawn without a browser.

PNG, because it is the one format that every reader of notebooks shows: an inline SVG is cut by
the sanitizers of hosting sites, and untrusted notebooks do not show it at all. Pillow, which Bokeh
needs anyway, draws at three times the size and shrinks, for smooth lines.
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from .curves import number
from .figures import MARK_COLOUR
from .reduction import Curve

WIDTH, HEIGHT = 900, 260
"""Size of a whole row, in pixels of a page; the picture has twice as many."""

SCALE = 4  # drawn so much larger than on the page
SHRINK = 2  # and shrunk by this much
TEXT, SOFT, GRID = "#374151", "#6b7280", "#e5e7eb"
LEFT, RIGHT, TOP, BOTTOM = 52, 14, 30, 34


class Line(NamedTuple):
    """One curve of a panel."""

    name: str
    colour: str
    curve: Curve


def draw(panels: Sequence[Sequence[Line]], *, columns: int = 2) -> bytes:
    """Return a PNG with one panel for each sequence of lines, row by row.

    Examples
    --------
    >>> x = np.arange(5.0)
    >>> draw([[Line("cost", "#3b82f6", Curve(x, x**2, x[:0]))]])[1:4]
    b'PNG'

    """
    columns = min(columns, len(panels))
    rows = -(-len(panels) // columns)
    image = Image.new("RGB", (WIDTH * SCALE, HEIGHT * rows * SCALE), "white")
    pen = ImageDraw.Draw(image)
    width = WIDTH / columns
    for index, lines in enumerate(panels):
        left, top = index % columns * width, index // columns * HEIGHT
        draw_panel(pen, lines, left, top, width)
    small = image.resize((image.width // SHRINK, image.height // SHRINK), Image.Resampling.LANCZOS)
    stream = io.BytesIO()
    small.quantize(64).save(stream, "PNG", optimize=True)
    return stream.getvalue()


def draw_panel(
    pen: ImageDraw.ImageDraw, lines: Sequence[Line], left: float, top: float, width: float
) -> None:
    """Draw axes, grid, legend and lines into the rectangle at (`left`, `top`)."""
    font = ImageFont.load_default(11 * SCALE)
    x0, x1 = left + LEFT, left + width - RIGHT
    y0, y1 = top + TOP, top + HEIGHT - BOTTOM

    def text(x: float, y: float, string: str, anchor: str, colour: str = SOFT) -> None:
        pen.text((x * SCALE, y * SCALE), string, colour, font=font, anchor=anchor)

    def stroke(points: list[tuple[float, float]], colour: str, thick: float) -> None:
        scaled = [(x * SCALE, y * SCALE) for x, y in points]
        if len(scaled) > 1:
            pen.line(scaled, colour, round(thick * SCALE), joint="curve")

    xs = np.concatenate([line.curve.x for line in lines] or [np.zeros(0)])
    ys = np.concatenate([line.curve.y for line in lines] or [np.zeros(0)])
    ys = ys[np.isfinite(ys)]
    low_x, high_x = span(xs, 0.0)
    low_y, high_y = span(ys, 0.06)

    def place(x: float, y: float) -> tuple[float, float]:
        across = (x - low_x) / (high_x - low_x)
        up = (y - low_y) / (high_y - low_y)
        return x0 + across * (x1 - x0), y1 - up * (y1 - y0)

    for tick in ticks(low_y, high_y, 5):
        _, y = place(low_x, tick)
        stroke([(x0, y), (x1, y)], GRID, 0.75)
        text(x0 - 6, y, f"{tick:.6g}", "rm")
    for tick in ticks(low_x, high_x, 6):
        x, _ = place(tick, low_y)
        stroke([(x, y0), (x, y1)], GRID, 0.75)
        text(x, y1 + 5, f"{tick:,.6g}", "mt")
    text((x0 + x1) / 2, y1 + 19, "iteration", "mt")

    at = x0
    for line in lines:
        stroke([(at, top + 16), (at + 16, top + 16)], line.colour, 3)
        finite = line.curve.y[np.isfinite(line.curve.y)]
        label = f"{line.name}  {number(float(finite[-1]))}" if len(finite) else line.name
        text(at + 22, top + 16, label, "lm", TEXT)
        at += 22 + font.getlength(label) / SCALE + 18
        thick = 1.2 if len(line.curve.x) > 300 else 1.8
        run: list[tuple[float, float]] = []
        for x, y in zip(line.curve.x.tolist(), line.curve.y.tolist(), strict=True):
            if math.isnan(y):
                stroke(run, line.colour, thick)
                run = []
            else:
                run.append(place(x, y))
        stroke(run, line.colour, thick)
        if len(line.curve.x) <= 60:
            for x, y in zip(line.curve.x.tolist(), line.curve.y.tolist(), strict=True):
                if not math.isnan(y):
                    px, py = place(x, y)
                    box = [(px - 3) * SCALE, (py - 3) * SCALE, (px + 3) * SCALE, (py + 3) * SCALE]
                    pen.ellipse(box, line.colour)
        for x in line.curve.marks.tolist():
            px, _ = place(x, low_y)
            stroke([(px - 3, y1 - 8), (px + 3, y1 - 2)], MARK_COLOUR, 1.5)
            stroke([(px - 3, y1 - 2), (px + 3, y1 - 8)], MARK_COLOUR, 1.5)


def span(values: np.ndarray, padding: float) -> tuple[float, float]:
    """Return the range of `values` with a share of it added at both ends, never empty."""
    if not len(values):
        return 0.0, 1.0
    low, high = float(values.min()), float(values.max())
    extra = padding * (high - low) or (0.0 if high > low else max(abs(high), 1.0) * 0.05)
    return low - extra, high + extra


def ticks(low: float, high: float, about: int) -> list[float]:
    """Return round numbers between `low` and `high`.

    Examples
    --------
    >>> ticks(0.0, 1.1, 5)
    [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]

    """
    rough = (high - low) / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = min((m for m in (1, 2, 5, 10)), key=lambda m: abs(m * power - rough)) * power
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    digits = max(0, 1 - math.floor(math.log10(step)))
    return [round(i * step, digits) for i in range(first, last + 1)]
