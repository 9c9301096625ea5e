"""Diagrams as SVG text.

Only presentation attributes are used, because GitHub removes styles, scripts, classes and
references from the SVG images on its pages.
"""

from __future__ import annotations

import html
import re

from workbench.diagrams.diagram import Diagram
from workbench.diagrams.layout import SMALL, Layout
from workbench.diagrams.shapes import Arrow, Curve, Rect, Shape, Words, bends, draw

FONT = "system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif"
NOT_XML = re.compile(r"[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\U00010000-\U0010FFFF]")
"""Characters that XML does not allow, even as character references."""


def to_svg(diagram: Diagram, layout: Layout | None = None, head: str = "") -> str:
    """Return a diagram as an SVG document.

    Parameters
    ----------
    diagram : Diagram
    layout : Layout, optional
        The positions of the nodes and edges; by default the result of `lay_out`.
    head : str
        Elements to insert before the shapes.

    Examples
    --------
    >>> from workbench.diagrams import Diagram, Edge, Node
    >>> text = to_svg(Diagram("net", (Node("x", "x", "input"),)))
    >>> text.startswith("<svg"), "<title>net</title>" in text
    (True, True)
    """
    drawing = draw(diagram, layout)
    wide, high = _number(drawing.width), _number(drawing.height)
    body = "\n".join(map(_element, drawing.shapes))
    title = escaped(diagram.title)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide}" height="{high}" '
        f'viewBox="0 0 {wide} {high}" role="img" font-family="{escaped(FONT)}">\n'
        f"<title>{title}</title>\n<desc>{escaped(diagram.as_text())}</desc>\n{head}{body}\n"
        "</svg>\n"
    )


def escaped(text: str) -> str:
    """Escape text for use as the content of an element or the value of an attribute."""
    return html.escape(NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text))


def _number(value: float) -> str:
    return f"{value:.1f}".rstrip("0").rstrip(".")


def _element(shape: Shape) -> str:
    if isinstance(shape, Rect):
        line = f' stroke="{shape.line}"' if shape.line else ""
        faint = f' fill-opacity="{shape.opacity}"' if shape.opacity < 1 else ""
        x, y, wide, high, radius = map(
            _number, (shape.x, shape.y, shape.width, shape.height, shape.radius)
        )
        return (
            f'<rect x="{x}" y="{y}" width="{wide}" height="{high}" rx="{radius}" '
            f'fill="{shape.fill}"{faint}{line}/>'
        )
    if isinstance(shape, Words):
        bold = ' font-weight="600"' if shape.bold else ""
        anchor = ' text-anchor="middle"' if shape.centred else ""
        more = ""
        if shape.more:
            more = (
                f'<tspan dx="8" fill="{shape.more_colour}" font-size="{_number(SMALL)}" '
                f'font-weight="400">{escaped(shape.more)}</tspan>'
            )
        return (
            f'<text x="{_number(shape.x)}" y="{_number(shape.y)}" fill="{shape.colour}" '
            f'font-size="{_number(shape.size)}"{bold}{anchor}>{escaped(shape.text)}{more}</text>'
        )
    if isinstance(shape, Arrow):
        corners = [(shape.x + a, shape.y + b) for a, b in ((-4, -8), (4, -8), (0, 0))]
        points = " ".join(f"{_number(a)},{_number(b)}" for a, b in corners)
        return f'<polygon points="{points}" fill="{shape.colour}"/>'
    return (
        f'<path d="{_path(shape)}" fill="none" stroke="{shape.colour}" stroke-width="1.5" '
        'stroke-linejoin="round"/>'
    )


def _path(curve: Curve) -> str:
    first, *rest = curve.points
    parts, here = [f"M{_number(first[0])},{_number(first[1])}"], first
    for point in rest:
        bent = bends(here, point)
        corners = [*(bent or ()), point]
        letters = "C" if bent else "L"
        parts.append(letters + " ".join(f"{_number(x)},{_number(y)}" for x, y in corners))
        here = point
    return "".join(parts)
