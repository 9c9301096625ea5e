"""Still image of the curves as a PNG, drawn without a browser.

PNG is the only format that every notebook viewer shows; hosting sites remove inline SVG, and
untrusted notebooks do not show SVG. Pillow, a dependency of Bokeh, draws a larger image that is
then reduced, so that lines are smooth.
"""

from __future__ import annotations

import io
import math
from collections.abc import Collection, Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageColor, ImageDraw, ImageFont

from extensions_live.downsampling import Curve
from extensions_live.figures import MARK_COLOUR
from extensions_live.formatting import format_number
from extensions_live.shapes import OUTLINE, SHAPES, outline, places

WIDTH, HEIGHT = 900, 260
"""Width and height of a row of panels in CSS pixels; the image has twice this resolution."""

SCALE = 4  # ratio of the size of the drawing to the size on the page
SHRINK = 2  # factor that the drawing is reduced by
TEXT, SOFT, GRID = "#374151", "#6b7280", "#e5e7eb"
LEFT, RIGHT, TOP, BOTTOM = 52, 14, 30, 34
LEGEND, MOST_ROWS = 15, 4  # height of a row of the legend, and the maximum number of rows
MORE = "and more"
DENSE = 300  # curves with more points than this are drawn thinner
LARGEST, SMALLEST = 1e300, 1e-300  # other values would overflow when ranges are computed


class Line(NamedTuple):
    """Curve of a panel, with its name and colour."""

    name: str
    colour: str
    curve: Curve


def draw(
    panels: Sequence[Sequence[Line]],
    *,
    columns: int = 2,
    label: str = "iteration",
    log_y: Collection[int] = (),
    y_ranges: Mapping[int, tuple[float, float] | None] | None = None,
) -> bytes:
    """Draw a PNG with one panel for each sequence of lines, row by row.

    Panels whose index is in `log_y` have a logarithmic vertical axis and do not show values of 0 or
    less. `y_ranges` are the vertical ranges of panels, keyed by index; by default a panel
    shows all values. Values outside the range are drawn at its edge.

    Examples
    --------
    >>> x = np.arange(5.0)
    >>> draw([[Line("cost", "#3b82f6", Curve(x, x**2, x[:0]))]])[1:4]
    b'PNG'
    """
    columns = min(columns, len(panels))
    rows = -(-len(panels) // columns)
    image = Image.new("RGB", (WIDTH * SCALE, HEIGHT * rows * SCALE), "white")
    pen, width = ImageDraw.Draw(image), WIDTH / columns
    for index, lines in enumerate(panels):
        lines = logarithmic(lines) if index in log_y else lines
        left, top = index % columns * width, index // columns * HEIGHT
        shown = (y_ranges or {}).get(index)
        panel = Panel(pen, lines, left, top, width, log=index in log_y, shown=shown)
        panel.draw_axes(label)
        for line in lines:
            panel.draw_line(line)
        panel.draw_shapes()
        panel.draw_legend()
    colours = dict.fromkeys(line.colour for lines in panels for line in lines)
    small = image.reduce(SHRINK).quantize(
        palette=palette([TEXT, SOFT, GRID, MARK_COLOUR, *colours]), dither=Image.Dither.NONE
    )
    stream = io.BytesIO()
    small.save(stream, "PNG")
    return stream.getvalue()


def palette(colours: Sequence[str]) -> Image.Image:
    """Return an image whose palette contains white and blends of white with each colour.

    The palette is fixed, because a search for the best colours would take longer than the drawing.
    """
    steps = max(1, min(16, 255 // len(colours)))
    blends = [
        [round(255 + (part - 255) * step / steps) for part in rgb]
        for rgb in (ImageColor.getrgb(colour)[:3] for colour in colours[:255])
        for step in range(1, steps + 1)
    ]
    # Pillow does not distinguish colours that differ by a few levels; white must stay white.
    distinct = [part for blend in blends if min(blend) < 255 - 8 for part in blend]
    image = Image.new("P", (1, 1))
    image.putpalette([255, 255, 255, *distinct])
    return image


class Panel:
    """Axes with curves; `width` is in pixels, and (`left`, `top`) is the top left corner.

    If `log` is True, the curves contain the base-10 logarithms of the values, but the vertical
    range `shown` contains the values themselves.
    """

    def __init__(
        self,
        pen: ImageDraw.ImageDraw,
        lines: Sequence[Line],
        left: float,
        top: float,
        width: float,
        *,
        log: bool = False,
        shown: tuple[float, float] | None = None,
    ) -> None:
        self.pen, self.lines, self.log = pen, lines, log
        self.font = ImageFont.load_default(11 * SCALE)
        self.left, self.right = left + LEFT, left + width - RIGHT
        self.legend = self._arrange_legend()
        rows = 1 + max(row for row, _, _ in self.legend)
        self.top, self.bottom = top + TOP + LEGEND * (rows - 1), top + HEIGHT - BOTTOM
        self.xs = span(np.concatenate([line.curve.x for line in lines]), padding=0.0)
        ys = np.concatenate([line.curve.y for line in lines]) if shown is None else np.array(shown)
        self.ys = span(np.log10(ys) if log and shown is not None else ys, padding=0.06)

    def draw_axes(self, label: str) -> None:
        """Draw the grid, the tick labels and the label of the horizontal axis."""
        for tick in powers(*self.ys) if self.log else ticks(*self.ys, 5):
            _, y = self._place(self.xs[0], tick)
            self._stroke([(self.left, y), (self.right, y)], GRID, 0.75)
            self._text(self.left - 6, y, f"{10**tick if self.log else tick:.6g}", "rm")
        for tick in ticks(*self.xs, 6):
            x, _ = self._place(tick, self.ys[0])
            self._stroke([(x, self.top), (x, self.bottom)], GRID, 0.75)
            self._text(x, self.bottom + 5, f"{tick:,.6g}", "mt")
        self._text((self.left + self.right) / 2, self.bottom + 19, label, "mt")

    def draw_legend(self) -> None:
        """Draw the colour, shape, name and last value of each line that fits in the legend."""
        rows = 1 + max(row for row, _, _ in self.legend)
        for number, (row, x, label) in enumerate(self.legend):
            y = self.top - 14 - LEGEND * (rows - 1 - row)
            if label != MORE:
                self._stroke([(x, y), (x + 16, y)], self.lines[number].colour, 3)
                if len(self.lines) > 1:
                    self._shape(number, x + 8, y)
            self._text(x + 22, y, label, "lm", TEXT)

    def draw_shapes(self) -> None:
        """Draw the shape of each line at a few places on the line, if there are several lines."""
        count = len(self.lines)
        for number, (_, _, curve) in enumerate(self.lines if count > 1 else ()):
            for x, y in zip(
                *places(curve.x, curve.y, number, count, low=self.xs[0], high=self.xs[1]),
                strict=True,
            ):
                self._shape(number, *self._place(x, y))

    def _shape(self, number: int, x: float, y: float) -> None:
        """Draw the shape of a line at a pixel."""
        corners = outline(SHAPES[number % len(SHAPES)])
        for size, colour in ((6.0, OUTLINE), (4.5, self.lines[number].colour)):
            self.pen.polygon(
                [((x + size * a) * SCALE, (y + size * b) * SCALE) for a, b in corners], colour
            )

    def _arrange_legend(self) -> list[tuple[int, float, str]]:
        """Return the row, position and text of each entry; `MORE` stands for omitted entries."""
        found: list[tuple[int, float, str]] = []
        row, x = 0, self.left
        for name, _, curve in self.lines:
            finite = curve.y[np.isfinite(curve.y)]
            last = float(finite[-1]) if len(finite) else 0.0
            value = format_number(10**last if self.log else last)
            label = f"{name}  {value}" if len(finite) else name
            width = 22 + self.font.getlength(label) / SCALE
            if x > self.left and x + width > self.right:
                row, x = row + 1, self.left
            if row == MOST_ROWS:
                found[-1] = (*found[-1][:2], MORE)
                break
            found.append((row, x, label))
            x += width + 18
        return found

    def draw_line(self, line: Line) -> None:
        """Draw a curve: lines, the dots of `Curve.dots`, and marks at non-finite values."""
        points = list(zip(line.curve.x.tolist(), line.curve.y.tolist(), strict=True))
        thick = 1.2 if len(points) > DENSE else 1.8
        for finite, piece in groupby(points, key=lambda point: not math.isnan(point[1])):
            if finite:
                self._stroke([self._place(x, y) for x, y in piece], line.colour, thick)
        for dot in zip(*line.curve.dots(), strict=True):
            x, y = self._place(*dot)
            corners = (x - 3, y - 3, x + 3, y + 3)
            self.pen.ellipse([c * SCALE for c in corners], line.colour)
        for place in line.curve.marks.tolist():
            x, y = self._place(place, self.ys[0])
            self._stroke([(x - 3, y - 8), (x + 3, y - 2)], MARK_COLOUR, 1.5)
            self._stroke([(x - 3, y - 2), (x + 3, y - 8)], MARK_COLOUR, 1.5)

    def _place(self, x: float, y: float) -> tuple[float, float]:
        across = (x - self.xs[0]) / (self.xs[1] - self.xs[0])
        up = (min(max(y, self.ys[0]), self.ys[1]) - self.ys[0]) / (self.ys[1] - self.ys[0])
        return (
            self.left + across * (self.right - self.left),
            self.bottom - up * (self.bottom - self.top),
        )

    def _stroke(self, points: Sequence[tuple[float, float]], colour: str, thick: float) -> None:
        if len(points) > 1:
            scaled = [(x * SCALE, y * SCALE) for x, y in points]
            self.pen.line(scaled, colour, round(thick * SCALE), joint="curve")

    def _text(self, x: float, y: float, text: str, anchor: str, colour: str = SOFT) -> None:
        self.pen.text((x * SCALE, y * SCALE), text, colour, font=self.font, anchor=anchor)


def span(values: NDArray[np.float64], *, padding: float) -> tuple[float, float]:
    """Return the range of the finite values, padded at both ends.

    The padding at each end is the fraction `padding` of the length. If all values are equal, the
    padding is a small amount, so that the range is never empty.

    Examples
    --------
    >>> span(np.array([0.0, 4.0, np.nan]), padding=0.25), span(np.array([2.0]), padding=0.25)
    ((-1.0, 5.0), (1.9, 2.1))
    """
    values = np.clip(values[np.isfinite(values)], -LARGEST, LARGEST)
    if not len(values):
        return 0.0, 1.0
    low, high = float(values.min()), float(values.max())
    if high - low >= SMALLEST:
        extra = padding * (high - low)
    else:
        extra = max(0.05 * (abs(high) or 1.0), SMALLEST)
    return low - extra, high + extra


def logarithmic(lines: Sequence[Line]) -> list[Line]:
    """Convert the values of lines to base-10 logarithms, or to NaN if they are 0 or less."""
    result = []
    for name, colour, curve in lines:
        y = np.log10(np.where(curve.y > 0, curve.y, np.nan))
        result.append(Line(name, colour, Curve(curve.x, y, curve.marks)))
    return result


def powers(low: float, high: float) -> list[float]:
    """Return exponents between `low` and `high`: integers, or finer steps if there are too few.

    Examples
    --------
    >>> powers(-2.1, 0.3), [round(10**e, 3) for e in powers(-0.5, 0.1)]
    ([-2.0, -1.0, 0.0], [0.5, 1.0])
    """
    whole = [float(e) for e in range(math.ceil(low), math.floor(high) + 1)]
    step = -(-len(whole) // 6) or 1
    if len(whole) > 1:
        return whole[::step]
    finer = [e + math.log10(m) for e in range(math.floor(low), math.ceil(high)) for m in (1, 2, 5)]
    found = [e for e in [*finer, *whole[-1:]] if low <= e <= high]
    return sorted(set(found)) or ticks(low, high, 3)


def ticks(low: float, high: float, about: int) -> list[float]:
    """Return round numbers between `low` and `high`.

    Examples
    --------
    >>> ticks(0.0, 1.1, 5)
    [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    """
    rough = (high - low) / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = min((1, 2, 5, 10), key=lambda m: abs(m * power - rough)) * power
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    digits = max(0, 1 - math.floor(math.log10(step)))
    return [round(i * step, digits) for i in range(first, last + 1)]
