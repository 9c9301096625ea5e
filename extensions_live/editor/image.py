"""An image of a board as a PNG, drawn without a page, for the saved notebook.

Nodes stand in columns, each to the right of what it needs; a long chain continues in the next row.
"""

from __future__ import annotations

import io
from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

from extensions_live.editor.checking import TIMES
from extensions_live.messages import BoardEdge, BoardNode, BoardPayload

SCALE = 2
"""Ratio of the size of the image to its size on the page."""

WIDE, HIGH, GAP, BETWEEN, MARGIN = 150, 46, 46, 18, 14
PER_ROW, MOST = 6, 150
TEXT, SOFT, LINE, BOX, FILL = "#1f2937", "#6b7280", "#9ca3af", "#94a3b8", "#f8fafc"
FAULT = "#b91c1c"


def draw(payload: BoardPayload) -> bytes:
    """Return the image of the outermost nodes of a board, at most `MOST` of them."""
    nodes = [node for node in payload["nodes"] if node["parent"] is None or _is_open(node, payload)]
    nodes = [node for node in nodes if not (node["kind"] == "group" and node["open"])][:MOST]
    shown = {node["id"] for node in nodes}
    edges = [e for e in payload["edges"] if {e["source"], e["target"]} <= shown]
    places = layout([node["id"] for node in nodes], edges)
    right = max((x for x, _ in places.values()), default=0) + WIDE + MARGIN
    below = max((y for _, y in places.values()), default=0) + HIGH + MARGIN
    image = Image.new("RGB", (round(right * SCALE), round(below * SCALE)), "white")
    pen = ImageDraw.Draw(image)
    for edge in edges:
        _edge(pen, places[edge["source"]], places[edge["target"]], edge)
    for node in nodes:
        _node(pen, places[node["id"]], node)
    found = io.BytesIO()
    image.quantize(32).save(found, "PNG", optimize=True)
    return found.getvalue()


def _is_open(node: BoardNode, payload: BoardPayload) -> bool:
    """Check whether a node is a member of an open group, not a part of a brick."""
    groups = {one["id"] for one in payload["nodes"] if one["kind"] == "group"}
    return node["parent"] in groups


def layout(nodes: Sequence[str], edges: Sequence[BoardEdge]) -> dict[str, tuple[float, float]]:
    """Return the corner of each node.

    Examples
    --------
    >>> edge = {"source": "a", "target": "b"}
    >>> layout(["a", "b"], [edge])
    {'a': (14.0, 14.0), 'b': (210.0, 14.0)}
    """
    columns: dict[str, int] = dict.fromkeys(nodes, 0)
    for _ in nodes:  # until nothing moves; there are no cycles
        before = dict(columns)
        for edge in edges:
            source, target = edge["source"], edge["target"]
            columns[target] = max(columns[target], min(columns[source] + 1, len(nodes)))
        if before == columns:
            break
    rows: dict[int, list[str]] = {}
    for node in nodes:
        rows.setdefault(columns[node], []).append(node)
    places: dict[str, tuple[float, float]] = {}
    top = float(MARGIN)
    for first in range(0, max(rows, default=-1) + 1, PER_ROW):
        band = {column: rows.get(column, []) for column in range(first, first + PER_ROW)}
        for column, members in band.items():
            for number, node in enumerate(members):
                x = MARGIN + (column - first) * (WIDE + GAP)
                places[node] = (float(x), top + number * (HIGH + BETWEEN))
        top += max(map(len, band.values())) * (HIGH + BETWEEN) + BETWEEN
    return places


def _edge(
    pen: ImageDraw.ImageDraw, start: tuple[float, float], end: tuple[float, float], edge: BoardEdge
) -> None:
    x, y = start[0] + WIDE, start[1] + HIGH / 2
    u, v = end[0], end[1] + HIGH / 2
    middle = (x + u) / 2 if u > x else x + GAP / 2
    points = [(x, y), (middle, y), (middle, v), (u, v)]
    if u <= x:  # the chain continues in the next row
        between = end[1] - BETWEEN / 2
        points = [(x, y), (middle, y), (middle, between), (u - 8, between), (u - 8, v), (u, v)]
    colour = FAULT if edge["fault"] else LINE
    pen.line([(a * SCALE, b * SCALE) for a, b in points], colour, SCALE)


def _node(pen: ImageDraw.ImageDraw, place: tuple[float, float], node: BoardNode) -> None:
    x, y = place
    corners = (x * SCALE, y * SCALE, (x + WIDE) * SCALE, (y + HIGH) * SCALE)
    outline = FAULT if node["fault"] else BOX
    pen.rounded_rectangle(corners, 6 * SCALE, FILL, outline, SCALE)
    shape = next((one["shape"] for one in node["outputs"] if one["shape"]), None)
    kind = "" if node["kind"] in ("input", "operation") else node["type"]
    below = " · ".join(text for text in (kind, (shape or "").replace(TIMES, " x ")) if text)
    lines = ((node["title"], TEXT, 12), (below, SOFT, 10))
    for number, (text, colour, size) in enumerate(lines):
        font = ImageFont.load_default(size * SCALE)
        _write(pen, (x + 9, y + 6 + 18 * number), text, colour, font)


def _write(
    pen: ImageDraw.ImageDraw, place: tuple[float, float], text: str, colour: str, font: object
) -> None:
    """Write text that is cut where the box ends."""
    most = (WIDE - 18) * SCALE
    while text and pen.textlength(text, font=font) > most:  # type: ignore[arg-type]
        text = f"{text[:-2]}…" if len(text) > 2 else ""
    pen.text((place[0] * SCALE, place[1] * SCALE), text, colour, font)  # type: ignore[arg-type]


def as_text(payload: BoardPayload) -> str:
    """Return the nodes of a board as aligned text, one a line."""
    rows = []
    for node in payload["nodes"]:
        if "/" in node["id"]:
            continue
        shape = next((one["shape"] for one in node["outputs"] if one["shape"]), "") or ""
        rows.append((node["title"], node["type"], shape))
    if not rows:
        return "an empty board"
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    return "\n".join(
        "  ".join(text.ljust(wide) for text, wide in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )
