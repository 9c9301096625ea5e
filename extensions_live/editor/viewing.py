"""`View`, a read-only drawing of a model.

Some models, such as an ONNX file or a torch module whose class does not store its settings, have no
specification. The canvas shows the nodes of such a model. Users can open and close groups and move
nodes, but all other operations are refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

import torch

from extensions_live.editor.board import Board
from extensions_live.editor.board_state import ONLY_MODULES, BoardState, Describable
from extensions_live.editor.checking import Check
from extensions_live.editor.diagram_nodes import Wiring, board_node
from extensions_live.editor.document import Document
from extensions_live.editor.image_file import ENDINGS
from extensions_live.editor.intents import NAMES
from extensions_live.editor.nodes import point
from extensions_live.messages import BoardNode, BoardPayload, CodeData
from workbench.builder import Built
from workbench.builder.drawing import Inputs, diagram_of
from workbench.diagrams import Diagram, Node
from workbench.errors import ArgumentError, BuilderError, WorkbenchError

VIEWED = "this module can be viewed, but not edited: {error}"

ONLY_VIEWS = (
    "{reason}; this canvas can show other torch modules, but not {model!r:.60}; pass it to a new "
    "Editor"
)

ONLY_SHOWN = "this canvas only shows modules; to edit this module, pass it to a new Editor"

EDITS = {*NAMES, "add_inputs", "disconnect"}
"""Operations of a board that a view refuses unless it defines them itself."""


def board_of(
    model: Describable | Iterable[Any] | str | Path | None, inputs: Inputs | None = None
) -> Board | View:
    """Return a board for a model or an image, or a read-only view if the model cannot be edited.

    Parameters
    ----------
    model : object
        See `Editor`.
    inputs : sequence or dict of shapes or tensors, optional
        The shapes or examples of the inputs of a torch module; see `workbench.builder.draw`.

    Raises
    ------
    BuilderError
        If the model cannot be described.
    ArgumentError
        If a file cannot be read, or a module cannot run on the given inputs.
    """
    if inputs is not None and not isinstance(model, torch.nn.Module):
        raise ArgumentError(ONLY_MODULES.format(model=model))
    if isinstance(model, (str, Path)):
        if Path(model).suffix.lower() in ENDINGS:
            return Board(Path(model))
        return View(diagram_of(model), "an ONNX file can be viewed, but not edited")
    try:
        return Board(model, inputs=inputs)
    except ArgumentError as error:
        raise ArgumentError(str(error).removeprefix("draw: ")) from None
    except WorkbenchError as error:
        if not isinstance(model, torch.nn.Module):
            raise
        return View(_diagram(model, inputs), VIEWED.format(error=error))


def _diagram(module: torch.nn.Module, inputs: Inputs | None) -> Diagram:
    try:
        return diagram_of(module, inputs)
    except ArgumentError as error:
        raise ArgumentError(str(error).removeprefix("draw: ")) from None


class View(BoardState):
    """Read-only drawing of a model.

    Parameters
    ----------
    diagram : Diagram
        The diagram to show, with all groups open.
    reason : str
        The reason why the model cannot be edited, used as the message whenever an edit is refused.

    Raises
    ------
    BuilderError
        If an operation that would change the model is called.
    """

    read_only = True

    def __init__(self, diagram: Diagram, reason: str) -> None:
        super().__init__()
        self._places: dict[str, tuple[float, float]] = {}
        self._hold(diagram, reason)

    def _hold(self, diagram: Diagram, reason: str) -> None:
        self.diagram = diagram
        self.reason = reason
        shown = diagram.folded()
        containers = {node.parent for node in diagram.nodes if node.parent is not None}
        opened = {node.id for node in shown.nodes if node.open}
        self._closed = containers - opened
        self._containers = containers

    def __getattr__(self, name: str) -> Any:
        """Return a function that refuses the operation `name` of a board."""
        if name in EDITS:
            return self._refuse
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def _refuse(self, *args: object, **kwargs: object) -> NoReturn:
        raise BuilderError(self.reason)

    @property
    def built(self) -> Built:
        raise BuilderError(self.reason)

    @property
    def code(self) -> str:
        return ""

    def has_code(self) -> bool:
        return True

    def show(self, model: Any, *, inputs: Inputs | None = None) -> None:
        """Show another torch module; nodes that exist in both modules keep their positions.

        Raises
        ------
        BuilderError
            If `model` is not a torch module.
        ArgumentError
            If the module cannot run on `inputs`.
        """
        if not isinstance(model, torch.nn.Module):
            raise BuilderError(ONLY_VIEWS.format(reason=self.reason, model=model))
        found = board_of(model, inputs)
        if isinstance(found, View):
            diagram, reason = found.diagram, found.reason
        else:
            diagram, reason = _diagram(model, inputs), ONLY_SHOWN
        with self._lock:
            self._hold(diagram, reason)
            self._changed()

    def undo(self) -> None:
        self._refuse()

    def redo(self) -> None:
        self._refuse()

    def open(self, node: str) -> None:
        """Show the contents of a group."""
        self._set_closed(self._closed - {self._group(node)})

    def close(self, node: str) -> None:
        """Hide the contents of a group."""
        self._set_closed(self._closed | {self._group(node)})

    def move(self, positions: Mapping[str, Sequence[float]]) -> None:
        """Move nodes; `positions` maps node ids to positions."""
        with self._lock:
            places = {node: point(place) for node, place in positions.items()}
            nodes = {node.id: node for node in self.diagram.nodes}
            for node in places:
                _found(node, nodes)
            self._places |= places
            self._changed()

    def arrange(self) -> None:
        """Remove all positions, so that the page arranges the nodes."""
        with self._lock:
            self._places.clear()
            self._changed()

    def flops(self, node: str) -> int | None:
        """Return the number of floating-point operations of a node for one example, if known."""
        return _found(node, {one.id: one for one in self.diagram.nodes}).flops

    def _group(self, node: str) -> str:
        if node not in self._containers:
            raise BuilderError(f"{node!r:.80} has no parts to show")
        return node

    def _set_closed(self, closed: set[str]) -> None:
        with self._lock:
            self._closed = closed
            self._changed()

    def _changed(self) -> None:
        self._drawn = None
        super()._changed()

    def payload(self, *, code: bool = True) -> BoardPayload:
        nothing: CodeData = {"text": "", "fault": {"line": 0, "text": self.reason}}
        return {**super().payload(code=False), "code": nothing}

    def draft(self) -> None:
        return None

    def _draw(self, document: Document, check: Check) -> BoardPayload:
        found = super()._draw(document, check)
        shown = self.diagram.closed(self._closed)
        wiring = Wiring(shown)
        nodes = [self._node(node, wiring) for node in shown.nodes]
        ends = [(edge["source"], edge["target"]) for edge in wiring.edges]
        shape = [(node["id"], node["open"]) for node in nodes], ends
        if shape != self._shape:
            self._shape = shape
            self._structure += 1
        if not self.diagram.edges and self.diagram.notes and nodes:
            note = self.diagram.notes[0]
            node = nodes[0]["id"]
            found["summary"]["fault"] = {"node": node, "text": note, "short": note, "needs": note}
        found["summary"]["parameters"] = self.diagram.parameters
        found["summary"]["flops"] = self.diagram.flops
        return {**found, "nodes": nodes, "edges": wiring.edges, "structure": self._structure}

    def _node(self, node: Node, wiring: Wiring) -> BoardNode:
        drawn = board_node(node, wiring)
        drawn["text"] = " · ".join((*node.lines, *self.diagram.notes))
        drawn["position"] = self._places.get(node.id)
        if node.id in self._containers:
            drawn["open"] = node.id not in self._closed
        return drawn


def _found(node: str, nodes: Mapping[str, Node]) -> Node:
    """Return the diagram node with this id, or raise an error."""
    if node not in nodes:
        raise BuilderError(f"there is no node {node!r:.80}")
    return nodes[node]
