"""A PNG image of a board for the saved notebook, drawn without a page.

`workbench.diagrams` determines the layout and the shapes; this module paints the shapes.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from PIL import Image, ImageDraw, ImageFont
from PIL.PngImagePlugin import PngInfo

from extensions_live.messages import BoardEdge, BoardNode, BoardPayload, SourceExample
from workbench.diagrams import Diagram, Edge, Node
from workbench.diagrams.columns import Point
from workbench.diagrams.diagram import UNKNOWN
from workbench.diagrams.layout import SMALL
from workbench.diagrams.shapes import Arrow, Curve, Rect, Shapes, Words, bends
from workbench.diagrams.shapes import draw as shapes_of

SCALE = 2
"""Ratio of the image size to the size of the board on the page."""

MOST_PIXELS = 30_000_000
"""Maximum number of pixels; a larger image is scaled down."""

STEPS = 12
"""Number of line segments in each part of a curve."""


def draw(payload: BoardPayload, examples: Mapping[str, SourceExample] | None = None) -> bytes:
    """Return a PNG image of a board; if the board has many nodes, its groups are closed.

    `examples` are the examples that the inputs show as text.
    """
    lines = {node: (f"e.g. {one['text']}",) for node, one in (examples or {}).items()}
    return to_png(shapes_of(diagram(payload, lines).folded()))


def to_png(drawing: Shapes, texts: PngInfo | None = None) -> bytes:
    """Return a drawing as a PNG image, with `texts` as its text chunks."""
    scale = min(SCALE, (MOST_PIXELS / (drawing.width * drawing.height)) ** 0.5)
    found = io.BytesIO()
    paint(drawing, scale).quantize(64).save(found, "PNG", optimize=True, pnginfo=texts)
    return found.getvalue()


def diagram(payload: BoardPayload, lines: Mapping[str, tuple[str, ...]] | None = None) -> Diagram:
    """Return a diagram of the nodes and edges that the page of a board shows.

    `lines` are lines of text below the titles of nodes.
    """
    below = lines or {}
    nodes = tuple(replace(_node(n), lines=below.get(n["id"], ())) for n in payload["nodes"])
    return Diagram("board", nodes, tuple(dict.fromkeys(_whole(payload["edges"]))))


def _whole(edges: Sequence[BoardEdge]) -> Iterator[Edge]:
    """Yield the edges of a board; pieces that meet at the border of a group become one edge."""
    into: dict[tuple[str, str], list[BoardEdge]] = {}
    out: dict[tuple[str, str], list[BoardEdge]] = {}
    for edge in edges:
        side = out if edge["to_inside"] else into
        side.setdefault((edge["target"], edge["input"]), []).append(edge)
    going_on = {(e["source"], e["output"]) for e in edges if e["from_inside"]}
    used = {(e["source"], e["output"]) for e in edges if not e["from_inside"]}
    for edge in edges:
        end = edge["target"], edge["input"]
        if end in (used if edge["to_inside"] else going_on):
            continue
        waiting = [edge]
        while waiting:
            first = waiting.pop()
            start = first["source"], first["output"]
            before = (into if first["from_inside"] else out).get(start, [])
            waiting += before
            if not before:
                shape = first["shape"] or UNKNOWN
                yield Edge(start[0], edge["target"], shape, start[1], edge["fault"])


def _node(node: BoardNode) -> Node:
    return Node(
        node["id"],
        node["title"],
        node["kind"],
        "" if node["type"] == "group" else node["type"],
        (),
        node["parent"],
        fault=node["fault"] is not None and node["fault"]["needs"] is None,
        parameters=node["parameters"],
        flops=node["flops"],
    )


def paint(drawing: Shapes, scale: float = SCALE, ground: str = "white") -> Image.Image:
    """Paint a drawing, and return the image."""
    size = max(1, round(drawing.width * scale)), max(1, round(drawing.height * scale))
    image = Image.new("RGB", size, ground)
    for shape in drawing.shapes:
        if isinstance(shape, Rect):
            _rectangle(image, shape, scale)
        elif isinstance(shape, Words):
            _words(image, shape, scale)
        elif isinstance(shape, Curve):
            points = [(x * scale, y * scale) for x, y in _straight(shape.points)]
            wide = max(1, round(1.5 * scale))
            ImageDraw.Draw(image).line(points, shape.colour, wide, joint="curve")
        else:
            _arrow(image, shape, scale)
    return image


def _rectangle(image: Image.Image, shape: Rect, scale: float) -> None:
    corners = [one * scale for one in (shape.x, shape.y, shape.x + shape.width,
                                       shape.y + shape.height)]  # fmt: skip
    side = min(shape.width, shape.height) * scale
    radius, line = min(shape.radius * scale, side / 2 - 1), shape.line or None
    pen = ImageDraw.Draw(image)
    fill: str | None = shape.fill
    if shape.opacity < 1:
        mask = Image.new("L", image.size, 0)
        strength = round(255 * shape.opacity)
        ImageDraw.Draw(mask).rounded_rectangle(corners, radius, strength)
        image.paste(Image.new("RGB", image.size, shape.fill), mask=mask)
        fill = None
    if radius < 1:
        pen.rectangle(corners, fill)
    else:
        pen.rounded_rectangle(corners, radius, fill, line, max(1, round(scale / 2)))


def _words(image: Image.Image, shape: Words, scale: float) -> None:
    font = ImageFont.load_default(shape.size * scale)
    anchor = "ms" if shape.centred else "ls"
    text = shape.text.replace("\N{MULTIPLICATION SIGN}", "x")  # the sign is missing from the font
    thick = scale / 4 if shape.bold else 0
    ImageDraw.Draw(image).text(
        (shape.x * scale, shape.y * scale), text, shape.colour, font, anchor,
        stroke_width=thick,
    )  # fmt: skip
    if shape.more:
        right = shape.x + font.getlength(text) / scale + 8
        _words(image, Words(right, shape.y, shape.more, SMALL, shape.more_colour), scale)


def _arrow(image: Image.Image, shape: Arrow, scale: float) -> None:
    x, y = shape.x * scale, shape.y * scale
    corners = [(x - 4 * scale, y - 8 * scale), (x + 4 * scale, y - 8 * scale), (x, y)]
    ImageDraw.Draw(image).polygon(corners, shape.colour)


def _straight(points: tuple[Point, ...]) -> list[Point]:
    """Return the points of the line segments that approximate a curve."""
    found = [points[0]]
    for end in points[1:]:
        start, bent = found[-1], bends(found[-1], end)
        if bent is not None:
            (a, b), (c, d) = bent
            for step in range(1, STEPS):
                t = step / STEPS
                weights = (1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3
                xs, ys = (start[0], a, c, end[0]), (start[1], b, d, end[1])
                found.append((
                    sum(w * x for w, x in zip(weights, xs, strict=True)),
                    sum(w * y for w, y in zip(weights, ys, strict=True)),
                ))  # fmt: skip
        found.append(end)
    return found


def as_text(payload: BoardPayload) -> str:
    """Return the nodes of a board as text, with one node on each line."""
    return diagram(payload).as_text() if payload["nodes"] else "an empty board"
