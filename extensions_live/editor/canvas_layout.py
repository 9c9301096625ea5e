"""Layout of a diagram whose nodes have positions on a canvas.

Positions are relative to the group around a node. If no node in a group has a position, the
automatic layout of `workbench.diagrams` is used.
"""

from __future__ import annotations

from collections.abc import Mapping

from extensions_live.editor.grouping import INSIDE
from extensions_live.editor.pushing import GAP, Place, pushed
from workbench.diagrams import Diagram
from workbench.diagrams.columns import Box, Point
from workbench.diagrams.layout import HEAD, MARGIN, Layout, Layouter, lay_out

SIDE, BOTTOM = INSIDE[0], 44.0
"""Space within an open group beside and below its contents, as on the page."""

APART = 16.0
"""Minimum distance between a node without a position and other nodes."""

BELOW, ABOVE = 26.0, 18.0
"""Lengths of the vertical parts of an upward edge, below its source and above its target."""


def on_canvas(diagram: Diagram, positions: Mapping[str, Place]) -> Layout:
    """Return the layout of a diagram, with nodes at the given positions."""
    if not any(node.id in positions for node in diagram.nodes):
        return lay_out(diagram)
    return _CanvasLayouter(diagram, positions).found()


class _CanvasLayouter(Layouter):
    """Object that computes the layout of one diagram from positions and the automatic layout."""

    def __init__(self, diagram: Diagram, positions: Mapping[str, Place]) -> None:
        super().__init__(diagram)
        self.positions = positions

    def found(self) -> Layout:
        """Return the positions of all nodes, edges and labels."""
        closed = {id: (box.width, box.height) for id, box in self.boxes.items()}
        super().found()
        self._put(None, (0.0, 0.0), closed)
        self._add(None, (0.0, 0.0))
        layout = Layout(self.boxes)
        for number in range(len(self.diagram.edges)):
            layout.routes.append((self.diagram.edges[number], self._straight(number)))
        self._spread_ends(layout)
        layout.labels = self._labels(layout)
        self._trim(layout)
        return layout

    def _put(self, container: str | None, origin: Place, closed: Mapping[str, Place]) -> None:
        """Set the size of a container, and the positions of its contents relative to it."""
        members = self.below.get(container, [])
        before = {id: (self.boxes[id].x, self.boxes[id].y) for id in members}
        for id in members:
            if self.below.get(id):
                self._put(id, INSIDE, closed)
        sizes = {id: (self.boxes[id].width, self.boxes[id].height) for id in members}
        places = self._places(before, closed, origin)
        edges = [
            (link.source, link.target)
            for link in self.links.get(container, {}).values()
            if link.source and link.target
        ]
        for id, (x, y) in pushed(places, edges, closed, sizes).items():
            self.boxes[id].x, self.boxes[id].y = x, y
        if container is not None:
            inside = [self.boxes[id] for id in members]
            box = self.boxes[container]
            right = max(one.x + one.width for one in inside) + SIDE
            box.width = max(right, closed[container][0])
            box.height = max(one.y + one.height for one in inside) + BOTTOM

    def _places(
        self, before: Mapping[str, Place], closed: Mapping[str, Place], origin: Place
    ) -> dict[str, Place]:
        """Return the positions of nodes; nodes without a position are placed beside the others."""
        places = {id: self.positions[id] for id in before if id in self.positions}
        if not places:
            left, top = (min(place[axis] for place in before.values()) for axis in (0, 1))
            return {id: (x - left + origin[0], y - top + origin[1])
                    for id, (x, y) in before.items()}  # fmt: skip
        by = [
            sum(places[id][axis] - before[id][axis] for id in places) / len(places)
            for axis in (0, 1)
        ]  # the mean offset from the automatic layout
        for id, (x, y) in before.items():
            if id not in places:
                others = [Box(*closed[one], *place) for one, place in places.items()]
                places[id] = free_place(closed[id], (x + by[0], y + by[1]), others)
        return places

    def _add(self, container: str | None, origin: Place) -> None:
        """Add the position of a container to the positions of its contents."""
        for id in self.below.get(container, []):
            box = self.boxes[id]
            box.x, box.y = box.x + origin[0], box.y + origin[1]
            self._add(id, (box.x, box.y))

    def _straight(self, number: int) -> list[Point]:
        edge = self.diagram.edges[number]
        source, target = self.boxes[edge.source], self.boxes[edge.target]
        end = target.x + target.width / 2, target.y
        if edge.source in self.around[edge.target]:
            lines = 16.0 * len(self.nodes[edge.source].facts)
            return [(end[0], source.y + HEAD + lines - 6), end]
        start = source.x + self._leave(number, edge.source), source.y + source.height
        if edge.target in self.around[edge.source]:
            return [start, (start[0], target.y + target.height)]
        low, high = start[1] + BELOW, end[1] - ABOVE
        if low > high:  # the target is not below the source
            return [start, (start[0], low), (end[0], high), end]
        return [start, end]

    def _trim(self, layout: Layout) -> None:
        """Move the whole drawing to the upper left corner, and set its size."""
        boxes, labels = layout.boxes.values(), layout.labels
        left = min([*(b.x for b in boxes), *(one.x - one.width / 2 for one in labels)])
        top = min(box.y for box in boxes)
        right = max([*(b.x + b.width for b in boxes), *(one.x + one.width / 2 for one in labels)])
        bottom = max([*(b.y + b.height for b in boxes), *(one.y + 16 for one in labels)])
        x, y = MARGIN - left, MARGIN - top
        for box in boxes:
            box.x, box.y = box.x + x, box.y + y
        for label in labels:
            label.x, label.y = label.x + x, label.y + y
        layout.routes = [(e, [(a + x, b + y) for a, b in points]) for e, points in layout.routes]
        layout.width, layout.height = right - left + 2 * MARGIN, bottom - top + 2 * MARGIN


def free_place(size: Place, start: Place, boxes: list[Box]) -> Place:
    """Return the first place to the right of `start` where a box of this size overlaps no other.

    Examples
    --------
    >>> free_place((10, 10), (0, 0), [Box(50, 10)])
    (94.0, 0)
    """
    x, y = start
    for _ in boxes:
        hit = next(
            (
                box for box in boxes
                if x < box.x + box.width + APART and box.x < x + size[0] + APART
                and y < box.y + box.height + APART and box.y < y + size[1] + APART
            ),
            None,
        )  # fmt: skip
        if hit is None:
            break
        x = hit.x + hit.width + GAP[0]
    return x, y
