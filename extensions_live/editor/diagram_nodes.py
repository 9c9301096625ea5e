"""The nodes and edges of a read-only diagram, as data that a page can draw."""

from __future__ import annotations

from typing import Any

from extensions_live.editor.icons import icon
from extensions_live.messages import BoardEdge, BoardNode
from workbench.diagrams import Diagram, Edge, Node
from workbench.diagrams.diagram import UNKNOWN


def board_node(node: Node, wiring: Wiring) -> BoardNode:
    """Return the data that the page needs to show a diagram node and its ports."""
    kind: Any = "operation" if node.kind == "output" else node.kind
    return {
        "id": node.id,
        "kind": kind,
        "type": node.type or node.kind,
        "title": node.title,
        "text": " · ".join(node.lines),
        "icon": icon(kind, node.type),
        "parent": node.parent,
        "position": None,
        "inputs": [
            {"name": name, "many": False, "optional": False, "constant": None}
            for name in wiring.inputs.get(node.id, {})
        ],
        "outputs": [
            {"name": name, "shape": shape, "dtype": None, "wire": ""}
            for name, shape in wiring.outputs.get(node.id, {}).items()
        ],
        "methods": [],
        "method": None,
        "settings": [],
        "fields": [],
        "parameters": node.parameters,
        "flops": node.flops,
        "fault": None,
        "open": None,
        "editable": False,
        "cost": None,
        "monitored": [],
        "frozen": False,
    }


class Wiring:
    """The edges of a diagram, split at the borders of groups.

    If an edge connects a group to a node inside the group, `Edge.port` is the name of the group's
    port.

    Attributes
    ----------
    edges : list of BoardEdge
    inputs, outputs : dict of str to dict
        For each node, a dictionary that maps the names of its ports to the shapes of their values.
    """

    def __init__(self, diagram: Diagram) -> None:
        self.edges: list[BoardEdge] = []
        self.inputs: dict[str, dict[str, str | None]] = {}
        self.outputs: dict[str, dict[str, str | None]] = {}
        self._around = {node.id: [*diagram.around(node.id), node.id] for node in diagram.nodes}
        self._names: dict[tuple[str, str, str], str] = {}
        self._made: set[str] = set()
        titles = {node.id: node.title for node in diagram.nodes}
        for edge in diagram.edges:
            self._add(edge, titles[edge.source])

    def _add(self, edge: Edge, title: str) -> None:
        start, end = self._around[edge.source], self._around[edge.target]
        shape = None if edge.shape == UNKNOWN else edge.shape
        if edge.source in end:
            self._enter([edge.source, *end[len(start) :]], edge.port, shape)
            return
        name = self._name(edge, title)
        if edge.target in start:
            inner = [*start[len(end) :]][::-1]
            self._leave(inner, name, shape)
            self._piece(inner[-1], edge.target, name, shape, input=edge.port, to_inside=True)
            return
        common = 0
        while common < min(len(start), len(end)) - 1 and start[common] == end[common]:
            common += 1
        leaving = start[common:][::-1]  # from the node outwards
        entering = end[common:]
        self._leave(leaving, name, shape)
        self._piece(leaving[-1], entering[0], name, shape)
        self.inputs.setdefault(entering[0], {})[name] = shape
        self._enter(entering, name, shape)

    def _leave(self, nodes: list[str], name: str, shape: str | None) -> None:
        for number, node in enumerate(nodes):
            self.outputs.setdefault(node, {})[name] = shape
            if number:
                self._piece(nodes[number - 1], node, name, shape, to_inside=True)

    def _enter(self, nodes: list[str], name: str, shape: str | None) -> None:
        for number, node in enumerate(nodes[1:]):
            self.inputs.setdefault(node, {})[name] = shape
            self._piece(nodes[number], node, name, shape, from_inside=True)

    def _name(self, edge: Edge, title: str) -> str:
        """Return the name of the ports that carry an output through the borders of groups."""
        own = edge.target in self._around[edge.source]
        key = (edge.source, "" if own else edge.port, edge.shape)
        if key not in self._names:
            wish, number = f"{title} {key[1]}".strip(), 1
            name = wish
            while name in self._names.values():
                number += 1
                name = f"{wish} {number}"
            self._names[key] = name
        return self._names[key]

    def _piece(
        self,
        source: str,
        target: str,
        name: str,
        shape: str | None,
        *,
        input: str | None = None,
        from_inside: bool = False,
        to_inside: bool = False,
    ) -> None:
        id = f"{source} {target} {name}" + (".in" if from_inside else ".out" if to_inside else "")
        if id in self._made:
            return
        self._made.add(id)
        self.edges.append({
            "id": id,
            "source": source,
            "output": name,
            "target": target,
            "input": input or name,
            "index": None,
            "shape": shape,
            "dtype": None,
            "fault": False,
            "from_inside": from_inside,
            "to_inside": to_inside,
        })  # fmt: skip
