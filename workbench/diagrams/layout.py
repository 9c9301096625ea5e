"""Layout of the nodes, edges and labels of a diagram, starting with the innermost groups."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from workbench.diagrams.columns import Box, Link, Point, arrange
from workbench.diagrams.diagram import Diagram, Edge, Node
from workbench.diagrams.measure import cut, width

TITLE, SMALL, LABEL = 13.0, 11.0, 10.5
"""Font sizes in pixels: titles, lines below titles, and shapes on edges."""

PAD, HEAD, WIDEST = 16.0, 34.0, 300.0
"""Inner margin of a group, height of its title, and maximum width of text in a node."""

TALLEST, TALLEST_GROUP = 1050.0, 1500.0
"""Maximum heights of a column in a diagram and in a group."""

MARGIN = 12.0


@dataclass
class Label:
    """A label that shows the shape of an output, centred at `x`, with its upper edge at `y`."""

    text: str
    x: float
    y: float
    width: float


@dataclass
class Layout:
    """The positions of the nodes, edges and labels of a diagram.

    Attributes
    ----------
    boxes : dict of str to Box
        The box of each node, keyed by the id of the node.
    routes : list of pairs (Edge, list of points)
    labels : list of Label
    width, height : float
    """

    boxes: dict[str, Box]
    routes: list[tuple[Edge, list[Point]]] = field(default_factory=list)
    labels: list[Label] = field(default_factory=list)
    width: float = 0.0
    height: float = 0.0


def lay_out(diagram: Diagram) -> Layout:
    """Return the positions of the nodes, edges and labels of a diagram."""
    return Layouter(diagram).found()


class Layouter:
    """Object that computes the layout of one diagram.

    Parameters
    ----------
    diagram : Diagram
    """

    def __init__(self, diagram: Diagram) -> None:
        self.diagram = diagram
        self.nodes = {node.id: node for node in diagram.nodes}
        self.below: dict[str | None, list[str]] = defaultdict(list)
        for node in diagram.nodes:
            self.below[node.parent].append(node.id)
        self.around = {id: self._chain(id) for id in self.nodes}
        self.ports = self._ports()
        self.links: dict[str | None, dict[int, Link]] = defaultdict(dict)
        self.steps: list[list[str | None]] = []  # the containers that each edge goes through
        for number, edge in enumerate(diagram.edges):
            self.steps.append(self._through(number, edge))
        self.boxes = {id: Box(*self._size(node)) for id, node in self.nodes.items()}

    def _chain(self, id: str) -> list[str | None]:
        """Return a list: None (the whole diagram), the groups around a node, and the node."""
        found: list[str | None] = []
        here: str | None = id
        while here is not None:
            found.insert(0, here)
            here = self.nodes[here].parent
        return [None, *found]

    def _ports(self) -> dict[str, list[tuple[str, str]]]:
        """Return the output names and shapes of each node, without duplicates."""
        found: dict[str, dict[tuple[str, str], None]] = defaultdict(dict)
        for edge in self.diagram.edges:
            found[edge.source][edge.port, edge.shape] = None
        return {id: list(ports) for id, ports in found.items()}

    def _through(self, number: int, edge: Edge) -> list[str | None]:
        start, end = self.around[edge.source], self.around[edge.target]
        common = 0
        while common < min(len(start), len(end)) and start[common] == end[common]:
            common += 1
        steps: list[str | None] = []
        for depth in range(len(start) - 1, common, -1):  # out of the groups of the source
            self.links[start[depth - 1]][number] = Link(start[depth], None)
            steps.append(start[depth - 1])
        top = start[common - 1]
        self.links[top][number] = Link(
            start[common] if common < len(start) else None,
            end[common] if common < len(end) else None,
        )
        steps.append(top)
        for depth in range(common + 1, len(end)):  # into the groups of the target
            self.links[end[depth - 1]][number] = Link(None, end[depth])
            steps.append(end[depth - 1])
        return steps

    def _size(self, node: Node) -> tuple[float, float]:
        texts = [(node.title, TITLE, True), *((line, SMALL, False) for line in node.facts)]
        kind = 8 + width(node.type, SMALL) if node.type else 0.0
        widths = [width(*one) for one in texts]
        widths[0] += kind
        ports = self.ports.get(node.id, [])
        labels = max((min(width(shape, LABEL), 190) + 18 for _, shape in ports), default=0.0) * len(
            ports
        )
        wide = max(64.0, min(max(widths), WIDEST) + 30, labels)
        return wide, 32.0 + 16.0 * len(node.facts)

    def found(self) -> Layout:
        """Return the positions of all nodes, edges and labels."""
        wide, high = self._arrange(None)
        self._move(None, MARGIN, MARGIN)
        layout = Layout(self.boxes)
        for number, edge in enumerate(self.diagram.edges):
            layout.routes.append((edge, self._route(number, edge)))
        self._spread_ends(layout)
        layout.labels = self._labels(layout)
        right = [x for _, points in layout.routes for x, _ in points]
        right += [label.x + label.width / 2 for label in layout.labels]
        layout.width = max([wide + MARGIN, *right]) + MARGIN
        layout.height = high + 2 * MARGIN
        left = min([label.x - label.width / 2 for label in layout.labels], default=0.0)
        if left < 0:
            self._shift(layout, -left)
        return layout

    def _shift(self, layout: Layout, by: float) -> None:
        for box in layout.boxes.values():
            box.x += by
        layout.routes = [(e, [(x + by, y) for x, y in points]) for e, points in layout.routes]
        for label in layout.labels:
            label.x += by
        layout.width += by

    def _arrange(self, container: str | None) -> tuple[float, float]:
        """Set the positions of nodes and links within a container, and return their total size."""
        members = self.below.get(container, [])
        for id in members:
            if self.below.get(id):
                wide, high = self._arrange(id)
                title = self._size(self.nodes[id])[0]
                lines = 16.0 * len(self.nodes[id].facts)
                box = self.boxes[id]
                box.width = max(wide + 2 * PAD, title + PAD)
                box.height = high + HEAD + lines + PAD + 20
        links = self.links.get(container, {})
        for number, link in links.items():
            link.leave = 0.0 if link.source is None else self._leave(number, link.source)
            link.enter = 0.0 if link.target is None else self._enter(number, link.target)
        tallest = TALLEST if container is None else TALLEST_GROUP
        return arrange({id: self.boxes[id] for id in members}, list(links.values()), tallest)

    def _leave(self, number: int, id: str) -> float:
        """Return the distance from the left side of a box to the point where an edge leaves it."""
        edge, box = self.diagram.edges[number], self.boxes[id]
        if id != edge.source:
            return self._crossing(number, id, -1)
        ports = self.ports[id]
        return box.width * (ports.index((edge.port, edge.shape)) + 0.5) / len(ports)

    def _enter(self, number: int, id: str) -> float:
        edge, box = self.diagram.edges[number], self.boxes[id]
        return box.width / 2 if id == edge.target else self._crossing(number, id, 0)

    def _crossing(self, number: int, id: str, end: int) -> float:
        """Return how far from a group's left side an edge crosses the group's border."""
        link = self.links[id][number]
        if link.path:
            return self._inner(id) + link.path[end][0]
        inside = link.target if end == 0 else link.source
        assert inside is not None
        place = link.enter if end == 0 else link.leave
        return self._inner(id) + self.boxes[inside].x + place

    def _inner(self, id: str) -> float:
        """Return the distance between the left side of a group and its contents."""
        members = [self.boxes[one] for one in self.below[id]]
        used = max(box.x + box.width for box in members)
        paths = [x for link in self.links.get(id, {}).values() for x, _ in link.path]
        used = max([used, *paths])
        return max(PAD, (self.boxes[id].width - used) / 2)

    def _move(self, container: str | None, x: float, y: float) -> None:
        """Add the position of a container to the positions of its contents."""
        for link in self.links.get(container, {}).values():
            link.path = [(x + a, y + b) for a, b in link.path]
        for id in self.below.get(container, []):
            box = self.boxes[id]
            inner = self._inner(id) if self.below.get(id) else 0.0
            box.x, box.y = box.x + x, box.y + y
            if self.below.get(id):
                lines = 16.0 * len(self.nodes[id].facts)
                self._move(id, box.x + inner, box.y + HEAD + lines)

    def _route(self, number: int, edge: Edge) -> list[Point]:
        points: list[Point] = []
        steps = self.steps[number]
        inside = [self.links[step][number] for step in steps]
        if inside[0].source is None:  # begins at the upper border of the group around it
            box = self.boxes[edge.source]
            first = inside[0].path[:1] or [(box.x + box.width / 2, 0.0)]
            if not inside[0].path and inside[0].target is not None:
                inner = self.boxes[inside[0].target]
                first = [(inner.x + inside[0].enter, 0.0)]
            points.append((first[0][0], box.y + HEAD - 6))
        else:
            box = self.boxes[edge.source]
            points.append((box.x + inside[0].leave, box.y + box.height))
        for link, step in zip(inside, steps, strict=True):
            points += link.path
            if link.target is None and step is not None and step != edge.target:
                border = self.boxes[step]
                points.append((points[-1][0], border.y + border.height))
            elif link.target is not None and link.target != edge.target:
                border, next_ = self.boxes[link.target], self.links[link.target][number]
                lines = 16.0 * len(self.nodes[link.target].facts)
                x = next_.path[0][0] if next_.path else (
                    self.boxes[next_.target].x + next_.enter if next_.target else points[-1][0]
                )  # fmt: skip
                points += [(x, border.y), (x, border.y + HEAD + lines - 8)]
        box = self.boxes[edge.target]
        if inside[-1].target is None:  # ends at the lower border of the group around it
            points.append((points[-1][0], box.y + box.height))
        else:
            points.append((box.x + inside[-1].enter, box.y))
        return points

    def _spread_ends(self, layout: Layout) -> None:
        """Space out the ends of the edges that lead to the same node."""
        ending: dict[str, list[int]] = defaultdict(list)
        for number, (edge, _) in enumerate(layout.routes):
            if edge.target not in self.around[edge.source]:
                ending[edge.target].append(number)
        for id, numbers in ending.items():
            box = self.boxes[id]
            numbers.sort(key=lambda number: layout.routes[number][1][-2][0])
            room = min(box.width / (len(numbers) + 1), 36.0)
            for i, number in enumerate(numbers):
                x = box.x + box.width / 2 + room * (i - (len(numbers) - 1) / 2)
                layout.routes[number][1][-1] = (x, box.y)

    def _labels(self, layout: Layout) -> list[Label]:
        found: dict[tuple[float, float], Label] = {}
        for edge, points in layout.routes:
            if edge.source in self.around[edge.target]:
                continue
            text = cut(edge.shape, 190, LABEL)
            x, y = points[0]
            found.setdefault((x, y), Label(text, x, y + 5, width(text, LABEL) + 14))
        return list(found.values())
