"""Lines, boxes and text that make up the image of a diagram.

The background is transparent. Every text has its own background, so that it can be read on light
and dark pages, and lines are drawn in a grey that is visible on both.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

from workbench.diagrams.columns import Box, Point
from workbench.diagrams.diagram import Diagram, Edge, Node, in_groups
from workbench.diagrams.layout import HEAD, LABEL, SMALL, TITLE, Layout, lay_out
from workbench.diagrams.measure import cut, width

CARD, TEXT, SOFT, BORDER = "#ffffff", "#111827", "#4b5563", "#94a3b8"
LINE, CHIP, CHIP_TEXT = "#64748b", "#e2e8f0", "#1e293b"
GROUP, GROUP_HEAD, GROUP_TEXT = "#64748b", "#475569", "#ffffff"
FAULT = "#b91c1c"
ACCENTS = {
    "input": "#2563eb",
    "output": "#15803d",
    "brick": "#7c3aed",
    "operation": "#6b7280",
    "cost": "#c2410c",
    "group": "#475569",
}
"""The colour of the left edge of a node, for each kind of node."""

MOST_LINES = 4
"""Maximum number of lines of a note."""


@dataclass(frozen=True)
class Rect:
    """A rectangle with rounded corners."""

    x: float
    y: float
    width: float
    height: float
    radius: float
    fill: str
    line: str = ""
    opacity: float = 1.0


@dataclass(frozen=True)
class Words:
    """Text with its baseline at `y`; `x` is the start of the text or, if `centred`, its middle.

    `more` is smaller text that follows in another colour.
    """

    x: float
    y: float
    text: str
    size: float
    colour: str
    bold: bool = False
    centred: bool = False
    more: str = ""
    more_colour: str = ""


@dataclass(frozen=True)
class Curve:
    """A line through points; segments that run diagonally downwards are curved."""

    points: tuple[Point, ...]
    colour: str


@dataclass(frozen=True)
class Arrow:
    """An arrowhead that points down to the point (`x`, `y`)."""

    x: float
    y: float
    colour: str


Shape = Rect | Words | Curve | Arrow


@dataclass(frozen=True)
class Shapes:
    """The shapes of a diagram in drawing order, and the size of the diagram."""

    shapes: tuple[Shape, ...]
    width: float
    height: float


def draw(diagram: Diagram, layout: Layout | None = None) -> Shapes:
    """Return the shapes that make up the image of a diagram.

    Parameters
    ----------
    diagram : Diagram
    layout : Layout, optional
        The positions of the nodes and edges; by default the result of `lay_out`.
    """
    layout = lay_out(diagram) if layout is None else layout
    containers = {node.parent for node in diagram.nodes}
    shapes: list[Shape] = []
    ordered = in_groups(diagram.nodes)
    for node in ordered:
        if node.id in containers:
            shapes += _frame(node, layout.boxes[node.id])
    for edge, points in layout.routes:
        shapes += _edge(edge, points, layout)
    for node in ordered:
        box = layout.boxes[node.id]
        shapes += _head(node, box) if node.id in containers else _card(node, box)
    for label in layout.labels:
        left = label.x - label.width / 2
        shapes.append(Rect(left, label.y, label.width, 16, 8, CHIP, BORDER))
        shapes.append(Words(label.x, label.y + 11.7, label.text, LABEL, CHIP_TEXT, centred=True))
    wide, high = _write_notes(diagram, layout, shapes)
    return Shapes(tuple(shapes), wide, high)


def _write_notes(diagram: Diagram, layout: Layout, shapes: list[Shape]) -> tuple[float, float]:
    """Add the notes below the diagram, and return the total width and height."""
    wide, y = layout.width, layout.height
    lines = [line for note in diagram.notes for line in textwrap.wrap(note, 90)[:MOST_LINES]]
    for line in lines:
        text = cut(line, 2 * width(line, SMALL), SMALL)
        shapes.append(Rect(8, y - 6, width(text, SMALL) + 16, 20, 4, CHIP))
        shapes.append(Words(16, y + 8, text, SMALL, CHIP_TEXT))
        wide, y = max(wide, width(text, SMALL) + 32), y + 20
    return wide, y + (4 if lines else 0)


def _frame(node: Node, box: Box) -> list[Shape]:
    colour = FAULT if node.fault else GROUP
    return [Rect(box.x, box.y, box.width, box.height, 10, GROUP, colour, 0.09)]


def _head(node: Node, box: Box) -> list[Shape]:
    """Return the shapes that draw the title of a group and its background."""
    title = cut(node.title, box.width - 24, TITLE, bold=True)
    wide = width(title, TITLE, bold=True)
    room = box.width - 40 - wide
    kind = cut(node.type, room, SMALL) if node.type and room > 24 else ""
    lines = [cut(line, box.width - 24, SMALL) for line in node.facts]
    full = max([wide + (8 + width(kind, SMALL) if kind else 0), *(width(t, SMALL) for t in lines)])
    shapes: list[Shape] = [
        Rect(box.x, box.y, min(full + 22, box.width), HEAD - 10 + 16 * len(lines), 10, GROUP_HEAD),
        Words(
            box.x + 11, box.y + 16.5, title, TITLE, GROUP_TEXT, bold=True,
            more=kind, more_colour=CHIP,
        ),
    ]  # fmt: skip
    for number, line in enumerate(lines):
        shapes.append(Words(box.x + 11, box.y + 33 + 16 * number, line, SMALL, CHIP))
    return shapes


def _card(node: Node, box: Box) -> list[Shape]:
    accent = FAULT if node.fault else ACCENTS[node.kind]
    round_ = box.height / 2 if node.kind in ("input", "output") and not node.facts else 7.0
    inner = box.width - 26
    title = cut(node.title, inner, TITLE, bold=True)
    wide = width(title, TITLE, bold=True)
    room = inner - wide - 8
    kind = cut(node.type, room, SMALL) if node.type and room > 20 else ""
    shapes: list[Shape] = [
        Rect(box.x, box.y, box.width, box.height, round_, CARD, accent),
        Rect(box.x + 6, box.y + 8, 4, box.height - 16, 2, accent),
        Words(
            box.x + 16, box.y + 20.5, title, TITLE, TEXT, bold=True, more=kind, more_colour=SOFT
        ),
    ]  # fmt: skip
    for number, line in enumerate(node.facts):
        text = cut(line, inner, SMALL)
        shapes.append(Words(box.x + 16, box.y + 37.5 + 16 * number, text, SMALL, SOFT))
    return shapes


def _edge(edge: Edge, points: list[Point], layout: Layout) -> list[Shape]:
    colour = FAULT if edge.fault else LINE
    x, y = points[-1]
    ends_inside = abs(y - (layout.boxes[edge.target].y + layout.boxes[edge.target].height)) < 0.5
    shortened = [*points[:-1], (x, y if ends_inside else y - 6)]
    shapes: list[Shape] = [Curve(tuple(shortened), colour)]
    if not ends_inside:
        shapes.append(Arrow(x, y, colour))
    return shapes


def bends(one: Point, other: Point) -> tuple[Point, Point] | None:
    """Return the control points of the curve between two points, or None for a straight line."""
    (x, y), (u, v) = one, other
    if v - y < 2 or abs(u - x) < 0.5:
        return None
    middle = (y + v) / 2
    return (x, middle), (u, middle)
