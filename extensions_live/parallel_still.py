"""Still image of parallel coordinates as a PNG, drawn without a browser."""

from __future__ import annotations

import io

from PIL import Image, ImageDraw, ImageFont

from extensions_live.parallel_coordinates import BEST, OTHERS, UNKNOWN, axes_of, lines_of
from extensions_live.still_image import SCALE, SHRINK, SOFT, TEXT, WIDTH, palette
from workbench.interfaces import Sweep

HEIGHT = 280
LEFT, RIGHT, TOP, BOTTOM = 40, 90, 36, 18
"""Margins in CSS pixels; the right margin contains the labels of the last axis."""


def draw_sweep(sweep: Sweep) -> bytes:
    """Draw the runs of a sweep, and return the image as a PNG."""
    axes = axes_of(sweep)
    image = Image.new("RGB", (WIDTH * SCALE, HEIGHT * SCALE), "white")
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(11 * SCALE)
    step = (WIDTH - LEFT - RIGHT) / max(1, len(axes) - 1)

    def place(axis: int, height: float) -> tuple[float, float]:
        y = HEIGHT - BOTTOM - height * (HEIGHT - TOP - BOTTOM)
        return (LEFT + axis * step) * SCALE, y * SCALE

    for line in lines_of(sweep, axes):
        points = [place(i, height) for i, height in enumerate(line.heights)]
        if len(points) > 1:
            pen.line(points, blend(line.colour, line.alpha), round(line.width * SCALE), "curve")
    for i, axis in enumerate(axes):
        pen.line([place(i, 0), place(i, 1)], SOFT, SCALE)
        x, y = place(i, 1)
        anchor = "lm" if i == 0 else "mm"
        pen.text((x, y - 16 * SCALE), axis.name, TEXT, font, anchor)
        for height, text in axis.ticks:
            x, y = place(i, height)
            pen.text(
                (x + 5 * SCALE, y),
                text,
                TEXT,
                font,
                "lm",
                stroke_width=2 * SCALE,
                stroke_fill="white",
            )
    colours = palette([TEXT, SOFT, BEST, OTHERS, UNKNOWN])
    small = image.reduce(SHRINK).quantize(palette=colours, dither=Image.Dither.NONE)
    stream = io.BytesIO()
    small.save(stream, "PNG")
    return stream.getvalue()


def blend(colour: str, alpha: float) -> tuple[int, int, int]:
    """Mix a colour with white; `alpha` is the fraction of the colour.

    Examples
    --------
    >>> blend("#000000", 0.2)
    (204, 204, 204)
    """
    parts = [int(colour[place : place + 2], 16) for place in (1, 3, 5)]
    red, green, blue = (round(255 + (part - 255) * alpha) for part in parts)
    return red, green, blue
