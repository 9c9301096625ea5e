"""`Diagram`, which describes the nodes and edges of a model as text, without positions.

Nodes can contain other nodes. A closed node hides the nodes inside it, and their edges begin or end
at the closed node.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import Literal

from workbench.hints import Hinted

Kind = Literal["input", "output", "brick", "operation", "cost", "group"]

MOST = 100
"""Maximum number of nodes to show initially; if there are more nodes, groups are closed."""

FEW = 8
"""Groups stay open if closing them would leave fewer than this number of visible nodes.

They are closed anyway if more than 2 * `MOST` nodes are visible.
"""

UNKNOWN = "?"
"""The text for an unknown shape or size."""


@dataclass(frozen=True)
class Node(Hinted):
    """A node of a diagram.

    Attributes
    ----------
    id : str
    title : str
    kind : str
        ``"input"``, ``"output"``, ``"brick"``, ``"operation"``, ``"cost"`` or ``"group"``.
    type : str
        The class of a brick or the name of an operation; empty if the title already shows it.
    lines : tuple of str
        Lines of text below the title: settings, parameters and roles.
    parent : str or None
        The id of the node that contains this node.
    open : bool
        True if the nodes inside this node are shown.
    fault : bool
    parameters, flops : int or None
        The number of parameters, and the number of floating-point operations.
    note : str
        The meaning of the counts, if it differs from the usual meaning.
    """

    id: str
    title: str
    kind: Kind = "brick"
    type: str = ""
    lines: tuple[str, ...] = ()
    parent: str | None = None
    open: bool = True
    fault: bool = False
    parameters: int | None = None
    flops: int | None = None
    note: str = ""

    @property
    def facts(self) -> tuple[str, ...]:
        """The lines below the title, followed by a line with the counts."""
        counts = []
        if self.parameters:
            counts.append(f"{self.parameters:,} parameter{'s' * (self.parameters != 1)}")
        if self.flops:
            counts.append(f"{self.flops:,} FLOPs")
        last = " · ".join([*counts, *([self.note] if self.note else [])])
        return (*self.lines, last) if last else self.lines


@dataclass(frozen=True)
class Edge(Hinted):
    """An edge of a diagram.

    Attributes
    ----------
    source, target : str
        The ids of two nodes. If one node contains the other, the edge begins or ends at the inner
        side of the outer node's border.
    shape : str
        The shape of the value that the edge carries, such as ``"batch × 784"``.
    port : str
        The name of the output, if the source has several outputs.
    fault : bool
    """

    source: str
    target: str
    shape: str = UNKNOWN
    port: str = ""
    fault: bool = False


@dataclass(frozen=True)
class Diagram(Hinted):
    """The nodes and edges of a model.

    Attributes
    ----------
    title : str
    nodes : tuple of Node
        The nodes; each node comes after the node that contains it.
    edges : tuple of Edge
    summary : str
        The totals as text, such as ``"397,510 parameters"``.
    notes : tuple of str
        Notes on what the diagram does not show, and why.
    parameters, flops : int or None
        The totals, if they are known.

    Examples
    --------
    >>> layer = Node("layer", "layer", type="Linear", parent="net")
    >>> diagram = Diagram(
    ...     "net",
    ...     (Node("x", "x", "input"), Node("net", "net", "group"), layer),
    ...     (Edge("x", "layer", "batch × 784"),),
    ... )
    >>> diagram.closed(["net"]).edges
    (Edge(source='x', target='net', shape='batch × 784', port='', fault=False),)
    """

    title: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...] = ()
    summary: str = ""
    notes: tuple[str, ...] = ()
    parameters: int | None = None
    flops: int | None = None

    def parents(self) -> dict[str, str | None]:
        """Return, for each node, the id of the node that contains it."""
        return {node.id: node.parent for node in self.nodes}

    def around(self, id: str) -> list[str]:
        """Return the ids of the nodes that contain a node, outermost first."""
        parents = self.parents()
        found: list[str] = []
        parent = parents[id]
        while parent is not None:
            found.insert(0, parent)
            parent = parents[parent]
        return found

    def folded(self, depth: int | None = None, most: int = MOST) -> Diagram:
        """Return the diagram with its inner groups closed.

        Parameters
        ----------
        depth : int, optional
            The number of levels of groups to open. By default, the innermost levels are closed, one
            by one, until at most `most` nodes are visible.
        most : int
        """
        levels = _levels(self.nodes)
        containers = {node.parent for node in self.nodes if node.parent is not None}
        if depth is not None:
            return self.closed(id for id in containers if levels[id] >= depth)
        deepest = max((levels[id] for id in containers), default=-1)
        found = self
        while deepest >= 0 and len(found.nodes) > most:
            closed = self.closed(id for id in containers if levels[id] >= deepest)
            if len(closed.nodes) < FEW and len(found.nodes) <= 2 * most:
                return found  # closing more would hide nearly all nodes
            found = closed
            deepest -= 1
        return found

    def closed(self, ids: Iterable[str]) -> Diagram:
        """Return the diagram with the given nodes closed and the nodes inside them removed."""
        closing = set(ids)
        shown: dict[str, str] = {}  # the visible node for each node
        for node in self.nodes:
            inside = node.parent is not None and (
                node.parent in closing or shown[node.parent] != node.parent
            )
            shown[node.id] = shown[node.parent] if inside and node.parent else node.id
        nodes = [
            replace(node, open=False, note=_inside(node.id, self.nodes))
            if node.id in closing
            else node
            for node in self.nodes
            if shown[node.id] == node.id
        ]
        moved = (replace(e, source=shown[e.source], target=shown[e.target]) for e in self.edges)
        edges = dict.fromkeys(edge for edge in moved if edge.source != edge.target)
        return replace(self, nodes=tuple(nodes), edges=tuple(edges))

    def as_text(self) -> str:
        """Return the nodes as text, one per line, indented to show which nodes contain them."""
        levels = _levels(self.nodes)
        shapes: dict[str, list[str]] = {}
        for edge in self.edges:
            shapes.setdefault(edge.source, []).append(edge.shape)
        lines = [self.title + (f" · {self.summary}" if self.summary else "")]
        for node in in_groups(self.nodes):
            given = " and ".join(dict.fromkeys(shapes.get(node.id, [])))
            arrow = f"-> {given}" if given else ""
            parts = (f"{node.title} {node.type}".strip(), *node.facts, arrow)
            lines.append("  " * (levels[node.id] + 1) + " · ".join(one for one in parts if one))
        return "\n".join([*lines, *self.notes])


def in_groups(nodes: Collection[Node]) -> list[Node]:
    """Return the nodes in depth-first order: each group is followed by the nodes inside it."""
    below: dict[str | None, list[Node]] = {}
    for node in nodes:
        below.setdefault(node.parent, []).append(node)
    found: list[Node] = []
    waiting = list(reversed(below.get(None, [])))
    while waiting:
        node = waiting.pop()
        found.append(node)
        waiting += reversed(below.get(node.id, []))
    return found


def _levels(nodes: Iterable[Node]) -> dict[str, int]:
    levels: dict[str, int] = {}
    for node in nodes:
        levels[node.id] = 0 if node.parent is None else levels[node.parent] + 1
    return levels


def _inside(id: str, nodes: Iterable[Node]) -> str:
    inside = {id}
    for node in nodes:
        if node.parent in inside:
            inside.add(node.id)
    count = len(inside) - 1
    return f"{count} node{'s' * (count != 1)} inside"
