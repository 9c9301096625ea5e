"""Alignment of nodes by an edge or by their centres, as offered in the page's menu."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, get_args

from extensions_live.editor.canvas_layout import on_canvas
from extensions_live.editor.document import Document
from extensions_live.editor.image import diagram
from extensions_live.editor.pushing import Place
from extensions_live.messages import BoardPayload
from workbench.diagrams.columns import Box
from workbench.errors import BuilderError, nearest

Side = Literal["left", "centre", "top", "middle"]

SIDES: tuple[Side, ...] = get_args(Side)
"""Edges and centre lines for aligning nodes, named as in the page's menu."""


def aligned(boxes: Mapping[str, Box], side: Side) -> dict[str, Place]:
    """Return positions that align the boxes by an edge or by their centres.

    Examples
    --------
    >>> boxes = {"a": Box(100, 50, 0, 0), "b": Box(60, 50, 200, 90)}
    >>> aligned(boxes, "left"), aligned(boxes, "centre")
    ({'a': (0, 0), 'b': (0, 90)}, {'a': (80, 0), 'b': (100, 90)})
    """
    left, top = min(box.x for box in boxes.values()), min(box.y for box in boxes.values())
    wide = max(box.x + box.width for box in boxes.values()) - left
    high = max(box.y + box.height for box in boxes.values()) - top
    places: dict[Side, Callable[[Box], Place]] = {
        "left": lambda box: (left, box.y),
        "centre": lambda box: (round(left + (wide - box.width) / 2), box.y),
        "top": lambda box: (box.x, top),
        "middle": lambda box: (box.x, round(top + (high - box.height) / 2)),
    }
    return {node: places[side](box) for node, box in boxes.items()}


def checked_side(side: object) -> Side:
    """Return `side`, or raise an error if it is not one of `SIDES`."""
    for known in SIDES:
        if side == known:
            return known
    raise BuilderError(
        f"side must be one of {', '.join(map(repr, SIDES))}, not {side!r:.60}"
        f"{nearest(str(side), SIDES)}"
    )


def boxes_of(document: Document, drawn: BoardPayload, nodes: Sequence[str]) -> dict[str, Box]:
    """Return the boxes of `nodes`, then of the other nodes in their group, keyed by id.

    A node without a position gets its position in an image of the board.

    Raises
    ------
    BuilderError
        If there are fewer than two nodes, or if they are in different groups.
    """
    chosen = [document.check(node) for node in dict.fromkeys(nodes)]
    groups = {document.parent(node) for node in chosen}
    if len(chosen) < 2:
        raise BuilderError("a single node cannot be aligned; pass at least two nodes")
    if len(groups) > 1:
        raise BuilderError("the nodes are in different groups; align the nodes of one group")
    known = document.spec.positions
    boxes = on_canvas(diagram(drawn), known).boxes
    (group,) = groups
    members = [node["id"] for node in drawn["nodes"] if node["parent"] == group]
    hidden = [node for node in chosen if node not in members]
    if hidden:
        raise BuilderError(
            f"{document.title(hidden[0])} is in a closed group; open the group first"
        )
    placed = [node for node in members if node in known]
    by = [
        sum(known[node][axis] - (boxes[node].x, boxes[node].y)[axis] for node in placed)
        / max(len(placed), 1)
        for axis in (0, 1)
    ]  # from positions in an image to positions on the canvas
    found = {}
    for node in [*chosen, *(one for one in members if one not in chosen)]:
        box = boxes[node]
        x, y = known.get(node, (box.x + by[0], box.y + by[1]))
        found[node] = Box(box.width, box.height, x, y)
    return found
