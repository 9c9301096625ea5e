"""The nodes and edges inside a brick that wraps a torch module."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

import torch

from extensions_live.editor.diagram_nodes import Wiring, board_node
from extensions_live.messages import BoardEdge, BoardNode
from workbench.bricks.inference import Kind
from workbench.diagrams import Diagram, Edge, Node
from workbench.diagrams.of_module import of_module
from workbench.diagrams.probes import Given
from workbench.errors import ArgumentError


def inside_of(module: torch.nn.Module, kinds: Mapping[str, Kind], outputs: list[str]) -> Diagram:
    """Return a diagram of a module's contents, in a group with the id ``""``.

    Parameters
    ----------
    module : torch.nn.Module
    kinds : dict of str to Kind
        The kinds of the module's inputs, in order, keyed by the input ports of the group.
    outputs : list of str
        The names of the group's output ports.

    Raises
    ------
    ArgumentError
        If the module cannot run on inputs of these kinds.
    """
    given = [
        Given(tuple(n if isinstance(n, int) else None for n in kind.shape), kind.dtype)
        for kind in kinds.values()
    ]
    try:
        found = of_module(module, given)
    except ArgumentError:
        found = of_module(module)  # a size that is unknown here may have to be a certain number
        if not found.edges:
            raise
    ends = {"input": list(kinds), "output": outputs}
    ports: dict[str, str] = {}
    nodes = [Node("", "", "group")]
    for node in found.nodes:
        names = ends.get(node.kind, [])
        if names:
            taken = [one for one in found.nodes if one.kind == node.kind].index(node)
            ports[node.id] = names[min(taken, len(names) - 1)]
        else:
            parent = "" if node.parent is None else _id(node.parent)
            nodes.append(replace(node, id=_id(node.id), parent=parent))
    edges = []
    for edge in found.edges:
        source = "" if edge.source in ports else _id(edge.source)
        target = "" if edge.target in ports else _id(edge.target)
        port = ports.get(edge.source) or ports.get(edge.target) or edge.port
        if source != target:
            edges.append(Edge(source, target, edge.shape, port))
    return Diagram(found.title, tuple(nodes), tuple(edges))


def _id(path: str) -> str:
    return path.replace("/", "_").replace(".", "/")


def drawn(
    diagram: Diagram, owner: str, opened: Collection[str]
) -> tuple[list[BoardNode], list[BoardEdge]]:
    """Return the nodes and edges of a result of `inside_of`; only groups in `opened` are open."""

    def named(id: str) -> str:
        return f"{owner}/{id}" if id else owner

    nodes = tuple(
        replace(n, id=named(n.id), parent=None if n.parent is None else named(n.parent))
        for n in diagram.nodes
    )
    edges = tuple(replace(e, source=named(e.source), target=named(e.target)) for e in diagram.edges)
    containers = {node.parent for node in nodes if node.parent is not None} - {owner}
    shown = Diagram(diagram.title, nodes, edges).closed(containers - set(opened))
    wiring = Wiring(shown)
    found = []
    for node in shown.nodes[1:]:
        board = board_node(node, wiring)
        if node.id in containers:
            board["open"] = node.id in opened
            board["kind"] = "brick"
        found.append(board)
    return found, wiring.edges
