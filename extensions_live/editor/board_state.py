"""The state of a board: its document, its undo history, and its shapes and faults."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import torch

from extensions_live.editor import checking, image_file, wiring
from extensions_live.editor import settings as settings_
from extensions_live.editor.adoption import adopted, complete
from extensions_live.editor.code import Code
from extensions_live.editor.document import Document, drawn, read, wires_of
from extensions_live.editor.nodes import with_nodes_for_bricks
from extensions_live.editor.payload import Drawing
from extensions_live.messages import BoardPayload
from workbench.bricks import Brick, TorchModule
from workbench.builder import Built, InputSpec, Spec, register, to_spec
from workbench.builder.drawing import Inputs, given_inputs
from workbench.builder.operations import flat
from workbench.builder.seeds import as_in_new_process
from workbench.config import config
from workbench.diagrams.of_module import shapes_of_input
from workbench.errors import ArgumentError, BuilderError, WorkbenchError
from workbench.graph import ComputationGraph
from workbench.hints import Hinted
from workbench.tensor import Variable, variable

Describable = Spec | Built | Brick | Variable | ComputationGraph | torch.nn.Module
"""The types of objects that a board can show, besides lists of bricks and variables."""

ONLY_MODULES = (
    "inputs can be passed only for a torch module, but the model is {model!r:.60}; omit inputs"
)
COUNT = "{given} inputs are given, but the arguments of forward are: {names}"

SMALL = 20
"""Maximum number of nodes on a board whose code is generated immediately."""

MOST_UNDO = 500
"""Number of edits that can be undone."""


class Watcher(Protocol):
    """Protocol for widgets that draw a board."""

    def board_changed(self) -> None:
        """Redraw the board soon."""


class BoardState(Hinted):
    """The state of a board, without the operations that change it."""

    read_only = False
    """True if the model cannot be edited, because it has no document."""

    def __init__(
        self,
        model: Describable | Iterable[Any] | Path | None = None,
        *,
        inputs: Inputs | None = None,
    ) -> None:
        self._lock = threading.RLock()
        self._document = Document()
        self._undo: list[tuple[str, Document]] = []
        self._redo: list[tuple[str, Document]] = []
        self._code = Code()
        self._built: tuple[Document, Built] | None = None
        self._drawn: tuple[Document, BoardPayload] | None = None
        self._last: tuple[Document, checking.Check] | None = None
        self._shape: Any = None
        self._structure = 0
        self.version = 0
        self.watchers: weakref.WeakSet[Watcher] = weakref.WeakSet()
        if isinstance(model, Path):
            self._document = with_nodes_for_bricks(read(image_file.document_in(model)))
        elif model is not None:
            self._document = drawn(described(model, inputs))
            self._document = adopted(self._document, self._document.spec)

    # The contents of the board.

    @property
    def document(self) -> Document:
        """The current document, which is immutable; an edit replaces it."""
        return self._document

    @property
    def spec(self) -> Spec:
        """The specification of the finished part: bricks, and calls whose inputs are connected."""
        return complete(self._document)

    @property
    def code(self) -> str:
        """The Python code of the finished part."""
        return self._code.of(self._document)["text"]

    @property
    def built(self) -> Built:
        """The bricks and variables of the model; they are rebuilt only after the board has changed.

        The bricks have the seeds that they would have if the board's code ran in a new process.

        Raises
        ------
        BuilderError
            If the model has a fault, or a node is unfinished.
        """
        with self._lock:
            if self._built is None or self._built[0] is not self._document:
                seed = self._code.default_seed(self._document)
                with nullcontext() if seed is None else config.override(default_seed=seed):
                    self._built = self._document, as_in_new_process(self.complete_spec())
            return self._built[1]

    def complete_spec(self) -> Spec:
        """Return the specification, after checking that no node is unfinished or has a fault.

        Raises
        ------
        BuilderError
            If the model has a fault, or a node is unfinished.
        """
        with self._lock:
            first = checking.summary(self._document, self._checked())["fault"]
            if first is not None:
                title, text = self._document.title(first["node"]), first["text"]
                if first["needs"] is not None:
                    raise BuilderError(f"{title} is unfinished: {first['needs']} ({text})")
                raise BuilderError(f"{title} has a fault: {text}")
            return complete(self._document)

    @property
    def undo_name(self) -> str | None:
        """The name of the edit that `undo` undoes, or None if there is nothing to undo."""
        return self._undo[-1][0] if self._undo else None

    @property
    def redo_name(self) -> str | None:
        """The name of the edit that `redo` repeats, or None if there is nothing to redo."""
        return self._redo[-1][0] if self._redo else None

    def fault(self, node: str) -> str | None:
        """Return the message of the error, if any, that Python would raise for a node."""
        self._document.check(node)
        found = self._checked().faults.get(node)
        return None if found is None else found.text

    def shape(self, node: str, output: str) -> str | None:
        """Return the shape of an output as text, such as ``batch × 784``, or None if unknown."""
        found, name = wiring.endpoint(self._document, node, output)
        wire = wiring.wire_of(self._document, found, name)
        return checking.shape_text(self._checked().wires.get(wire))["shape"]

    def flops(self, node: str) -> int | None:
        """Return the number of floating-point operations of a node for one example, if known.

        Products, convolutions and attention are counted; a multiplication and an addition
        count as two operations. The count of a group is the sum over its nodes.

        Raises
        ------
        BuilderError
            If there is no such node.

        Examples
        --------
        >>> from extensions_live.editor import Board
        >>> board = Board()
        >>> x = board.add_input("features", shape=[None, 784])
        >>> layer = board.add("Linear", after=x, settings={"output_dim": 10})
        >>> board.flops(layer)
        15680
        """
        top, below = settings_.split(self._document, node)
        return checking.flops_of(self._document, top, self._checked(), below)

    def needed_inputs(self) -> list[InputSpec]:
        """Return the inputs that the cost and the monitored scalars depend on.

        If the board has no cost, return all inputs.
        """
        document, wires = self._document, self._checked().wires
        if document.spec.cost is None:
            return list(document.spec.inputs)
        scalars = [w for w in wiring.monitored(document) if (k := wires.get(w)) and not k.shape]
        waiting, seen = [document.spec.cost, *scalars], set[str]()
        while waiting:
            wire = waiting.pop()
            if wire in seen or wire not in document.makers:
                continue
            seen.add(wire)
            call = document.calls.get(document.makers[wire][0])
            waiting += [] if call is None else wires_of(call)
        return [given for given in document.spec.inputs if given.name in seen]

    def has_code(self) -> bool:
        """Return True if the code is cached or can be generated quickly."""
        small = len(self._document.spec.calls) <= SMALL
        return small or self._code.is_current(self._document)

    def draft(self) -> BoardPayload | None:
        """Return the contents that are known before a slow check, or None if the check is quick.

        The page can then draw the nodes and edges of a large block at once, and add the shapes
        after the check.
        """
        with self._lock:
            document = self._document
            if self._drawn is not None and self._drawn[0] is document:
                return None
            before, check = self._last or (None, None)
            if before is document or checking.is_quick(document, before):
                return None
            return {
                **self._draw(document, checking.known_part(document, check)),
                "code": self._code.last(),
                "undo": self.undo_name,
                "redo": self.redo_name,
            }

    def payload(self, *, code: bool = True) -> BoardPayload:
        """Return the contents of the board for the page, without answers to the page's intents.

        Parameters
        ----------
        code : bool
            False to return the last generated code, which may be outdated; this is faster.
        """
        with self._lock:
            document = self._document
            if self._drawn is None or self._drawn[0] is not document:
                self._drawn = document, self._draw(document, self._checked())
            return {
                **self._drawn[1],
                "code": self._code.of(document) if code else self._code.last(),
                "version": self.version,
                "undo": self.undo_name,
                "redo": self.redo_name,
            }

    def save_image(self, path: str | Path) -> None:
        """Write an image file that `Board.load`, `Editor` and a page can open again.

        Nodes and groups are drawn as on the canvas: at their positions, open or closed. The image
        of a read-only view does not contain a model.

        Parameters
        ----------
        path : str or Path
            The file to write. Its suffix determines the format: ``.svg`` or ``.png``.

        Raises
        ------
        ArgumentError
            If the file name has a different suffix.

        Examples
        --------
        >>> import tempfile
        >>> from pathlib import Path
        >>> from extensions_live.editor import Board
        >>> board = Board()
        >>> layer = board.add("Linear", [40, 60], settings={"input_dim": 4, "output_dim": 3})
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "model.png")
        ...     board.save_image(path)
        ...     opened = Board(path)
        >>> opened.document == board.document
        True
        """
        image_file.write(self.payload(), path, document=not self.read_only)

    def refresh(self) -> None:
        """Check the document again after a class in the notebook has been redefined."""
        with self._lock:
            before, self._document = self._document, replace(self._document)
            self._code.edited(before, self._document)
            self._built = self._drawn = None
            self._code.forget()
            self._changed()

    def _draw(self, document: Document, check: checking.Check) -> BoardPayload:
        drawing = Drawing(document, check)
        ends = [(edge["source"], edge["target"]) for edge in drawing.edges]
        shape = [(node["id"], node["open"]) for node in drawing.nodes], ends
        if shape != self._shape:
            self._shape = shape
            self._structure += 1
        return {
            "version": self.version,
            "structure": self._structure,
            "acked": {},
            "refused": [],
            "made": [],
            "misfits": {},
            "shown_from": {},
            "nodes": drawing.nodes,
            "edges": drawing.edges,
            "summary": checking.summary(document, check),
            "undo": None,
            "redo": None,
            "code": self._code.last(),
            "document": document.to_json(),
            "control_channel": False,
        }

    def _checked(self) -> checking.Check:
        with self._lock:
            before, last = self._last or (None, None)
            if last is not None and before is self._document:
                return last
            found = checking.checked(self._document)
            if last is not None and found.faults:
                found = checking.with_labels(found, last)
            self._last = self._document, found
            return found

    def _edit(self, name: str, document: Document, *, keep_code: bool = True) -> None:
        """Replace the current document and record an undo step, unless the documents are equal.

        If `keep_code` is False, the new code does not contain any of the user's earlier code.
        """
        with self._lock:
            if document == self._document:
                return
            document.spec.check_names()
            if keep_code:
                self._code.edited(self._document, document)
            self._undo.append((name, self._document))
            del self._undo[:-MOST_UNDO]
            self._redo.clear()
            self._document = document
            self._changed()

    def _changed(self) -> None:
        self.version += 1
        for watcher in list(self.watchers):
            watcher.board_changed()

    def take(self, name: str, document: Document, built: Built | None = None) -> None:
        """Show another document, as an edit called `name` that can be undone."""
        with self._lock:
            self._edit(name, replace(document, opened=self._document.opened))
            self.adopt(self._document, built)

    def adopt(self, document: Document, built: Built | None) -> None:
        """Use `built` as the model of the board if `document` is the current document."""
        with self._lock:
            if built is not None and document is self._document:
                self._built = document, built

    def undo(self) -> None:
        """Undo the last edit."""
        self._restore(self._undo, self._redo, "undo")

    def redo(self) -> None:
        """Repeat the last edit that was undone."""
        self._restore(self._redo, self._undo, "redo")

    def _restore(
        self, source: list[tuple[str, Document]], target: list[tuple[str, Document]], verb: str
    ) -> None:
        with self._lock:
            if not source:
                raise BuilderError(f"there is nothing to {verb}")
            name, document = source.pop()
            target.append((name, self._document))
            self._document = document
            self._changed()

    # Texts.

    def _title(self, node: str) -> str:
        top, below = settings_.split(self._document, node)
        return f"{self._document.title(top)}/{below}" if below else self._document.title(top)

    def _titles(self, nodes: Sequence[str]) -> str:
        unique = list(dict.fromkeys(nodes))
        if len(unique) == 1:
            return self._document.title(unique[0])
        return f"{len(unique)} nodes"


def described(model: Any, inputs: Any = None) -> Spec:
    """Return the specification of a model or of any other object that a board can show.

    For a torch module, `inputs` can contain the shapes or examples of its inputs; see
    `workbench.builder.draw`.

    Raises
    ------
    BuilderError
        If the object cannot be described.
    """
    if inputs is not None and not isinstance(model, torch.nn.Module):
        raise ArgumentError(ONLY_MODULES.format(model=model))
    if isinstance(model, Spec):
        return model
    if isinstance(model, Built):
        shown = [] if model.cost is None else [model.cost]
        return to_spec(*model.bricks.values(), *shown, monitored=model.monitored)
    if isinstance(model, ComputationGraph):
        return to_spec(*model.outputs)
    if isinstance(model, torch.nn.Module):
        register(type(model))
        return _of_module(model, inputs)
    if isinstance(model, (Brick, Variable)):
        return to_spec(model)
    if isinstance(model, (list, tuple)):
        return to_spec(*model)
    raise BuilderError(
        "a board can show a specification, a model, bricks, variables or a torch module, not "
        f"{model!r:.60}"
    )


def ids(nodes: Any) -> list[str]:
    """Return `nodes` as a list; raise an error if it is not a nonempty list of ids."""
    if not isinstance(nodes, (list, tuple)) or not all(isinstance(one, str) for one in nodes):
        raise BuilderError(f"nodes must be a list of ids, not {nodes!r:.60}")
    if not nodes:
        raise BuilderError("no nodes are selected; select at least one node")
    return list(nodes)


def _of_module(module: torch.nn.Module, inputs: Any) -> Spec:
    """Describe a module; if possible, infer the shape of its input and apply the module."""
    brick = TorchModule(module)
    if inputs is not None:
        given = given_inputs(inputs, module)
        if len(given) != len(brick.input_names):
            raise ArgumentError(
                COUNT.format(given=len(given), names=", ".join(brick.input_names) or "none")
            )
        pairs = zip(brick.input_names, given, strict=True)
        variables = [variable(name, one.shape, one.dtype) for name, one in pairs]
        return to_spec(*flat([brick.apply(*variables)]))
    if len(brick.input_names) == 1:
        for shape, dtype in shapes_of_input(module):
            try:
                return to_spec(brick.apply(variable(brick.input_names[0], shape, dtype)))
            except WorkbenchError:
                brick = TorchModule(module)
    return to_spec(brick)
