"""`Editor`, the widget for building and changing models."""

from __future__ import annotations

import contextlib
import contextvars
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, cast

import traitlets

from extensions_live import control_channel
from extensions_live.editor import blocks
from extensions_live.editor.board import Board
from extensions_live.editor.board_state import ONLY_MODULES, BoardState, Describable
from extensions_live.editor.intents import Intents
from extensions_live.editor.notebook_names import (
    Streams,
    misfit,
    names,
    register_classes,
    sources_of,
)
from extensions_live.editor.palette import palette
from extensions_live.editor.session_canvas import SessionCanvas
from extensions_live.editor.still import EditorStill
from extensions_live.editor.surgery import Surgery
from extensions_live.editor.viewing import View, board_of
from extensions_live.editor.warm_up import warm_up
from extensions_live.messages import BoardPayload, Intent, SourceExample, StreamData, WidgetMessage
from extensions_live.pump import pump
from extensions_live.run_view import RunView
from extensions_live.widget import asset
from workbench.builder import Built, Spec
from workbench.builder.drawing import Inputs
from workbench.data.streams import AbstractDataStream
from workbench.errors import ArgumentError, BuilderError
from workbench.hints import Hinted
from workbench.model import Model

PERIOD = 0.1
"""Seconds between two checks for changes made by Python code."""

RESENT = ["board", "palette", "problem", "training", "surgery", "live", "status"]
"""The traits that are sent again to a page that may have lost them."""


class Editor(Hinted, SessionCanvas):
    """Visual editor for a model.

    A notebook shows the editor if the editor is the last expression in a cell.

    The canvas and Python work on the same board: each operation of the canvas is a method of
    `drawing`, and each change from Python is drawn immediately.

    Parameters
    ----------
    model : Spec, Brick, Variable, Model or torch.nn.Module, a list of bricks and variables, or Path
        The initial model; by default, the canvas is empty. If `model` is the path of an image
        that an editor has saved, the model in the image is shown. An ONNX file (given by its path)
        or a torch module that cannot be edited is shown in a read-only view. If `model` is an
        editor, the new editor shows the same board and session, and both editors can be used.
    inputs : sequence or dict of shapes or tensors, optional
        The shapes or examples of the inputs of a torch module, in order, as in
        ``inputs=[(None, 3, 224, 224)]``, or keyed by the arguments of ``forward``. By default, the
        shapes are derived from the first layer if possible.

    Raises
    ------
    BuilderError
        If the model cannot be described.
    ArgumentError
        If a file cannot be read, or `inputs` do not fit the model.

    Examples
    --------
    >>> from workbench.bricks import MLP, Tanh
    >>> from workbench import tensor
    >>> mlp = MLP([Tanh(), None], [784, 100, 10])
    >>> editor = Editor(mlp.apply(tensor.matrix("features")))
    >>> editor.drawing.set("mlp", "dims", [784, 50, 10])
    >>> print(editor.code)
    from workbench import tensor
    from workbench.bricks import MLP, Tanh
    <BLANKLINE>
    features = tensor.variable("features", (None, 784))
    <BLANKLINE>
    mlp = MLP([Tanh(), None], [784, 50, 10])
    mlp_output = mlp.apply(features)
    <BLANKLINE>
    >>> editor.model.get_top_bricks()
    [<MLP mlp: 784 -> 10>]
    >>> editor.close()
    """

    _esm = asset("editor.js")
    _css = asset("live.css") + asset("editor.css")

    fallback = "An editor for models. It needs a notebook with a running kernel."

    board = traitlets.Dict(help="what the page draws").tag(sync=True)
    palette = traitlets.Dict(help="what can be added").tag(sync=True)
    outbox: Any = traitlets.List(help="the unanswered intents of a page").tag(sync=True)
    surgery = traitlets.Dict(help="the board compared with the session's model").tag(sync=True)
    origin = traitlets.Unicode(help="an identifier shared by all editors of a board").tag(sync=True)

    def __init__(
        self,
        model: Describable | Iterable[Any] | Editor | str | Path | None = None,
        *,
        inputs: Inputs | None = None,
    ) -> None:
        first: Editor = model.first if isinstance(model, Editor) else self
        self.first: Editor = first
        if isinstance(model, Editor):
            if inputs is not None:
                raise ArgumentError(ONLY_MODULES.format(model=model))
            self.drawing: Board | View = first.drawing
        else:
            self.drawing = board_of(model, inputs)
        self._intents: Intents = Intents(self.drawing, self) if first is self else first._intents
        self._streams: Streams = Streams() if first is self else first._streams
        self._surgery: Surgery = Surgery(self.drawing) if first is self else first._surgery
        self._sent: object = None
        self._palette_of: object = None
        self._listed: list[StreamData] = []
        warm_up()
        blocks.saved.look()
        blocks.saved.warn()
        super().__init__(self.drawing, period=PERIOD, **self._at_once())
        self._live = first._live
        self.origin = self.first.ident
        self.drawing.watchers.add(self)
        self.observe(self._hear_outbox, "outbox")

    def _at_once(self) -> dict[str, Any]:
        """Return the traits that let the page draw the nodes of a large model at once.

        The streams, which may have to be read first, and the shapes follow in later messages.
        """
        with contextlib.suppress(Exception):  # the first refresh reports it
            draft = self.drawing.draft()
            if draft is not None:
                return {"board": {**draft, **self._answers()}, "palette": dict(palette())}
        return {}

    # What a program uses.

    @property
    def model(self) -> Model:
        """The model on the canvas. The same object is returned until the canvas changes.

        Raises
        ------
        BuilderError
            If the model has a fault.
        """
        return self.drawing.built.model

    @property
    def built(self) -> Built:
        """The bricks and variables of the model, rebuilt whenever the canvas has changed."""
        return self.drawing.built

    @property
    def spec(self) -> Spec:
        """The specification of the model."""
        return self.drawing.spec

    @property
    def code(self) -> str:
        """The Python code that builds the model."""
        return self.drawing.code

    def show(self, model: Describable | Iterable[Any], *, inputs: Inputs | None = None) -> None:
        """Show another model; bricks whose paths exist in both models keep their positions.

        Parameters
        ----------
        model : object
            See `Editor`.
        inputs : sequence or dict of shapes or tensors, optional
            The shapes or examples of the inputs of a torch module.

        Raises
        ------
        BuilderError
            If the model cannot be described.
        ArgumentError
            If `inputs` do not fit the model.
        """
        self.drawing.show(model, inputs=inputs)
        pump.nudge(self)

    def save_image(self, path: str | Path) -> None:
        """Write an image of the canvas to a file; an editor can open the model in the image.

        The image shows nodes at their positions and groups open or closed, as on the canvas. To
        open it, pass its path to `Editor` or drop the file on a canvas. The image of a read-only
        view does not contain a model.

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
        >>> from workbench import tensor
        >>> from workbench.bricks import Linear
        >>> editor = Editor(Linear(4, 3).apply(tensor.matrix("features")))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "model.svg")
        ...     editor.save_image(path)
        ...     opened = Editor(path)
        >>> opened.code == editor.code
        True
        >>> opened.close()
        >>> editor.close()
        """
        self.drawing.save_image(path)

    def add_stream(self, stream: AbstractDataStream | str) -> list[str]:
        """Add the missing inputs for the sources of a data stream, and return their ids."""
        if isinstance(stream, str):
            stream = self._streams.found(stream)
        known = self.drawing.document.wires()
        new = [source for source in sources_of(stream) if source["name"] not in known]
        if not new:
            raise BuilderError(
                "there is nothing to add: the canvas already has an input for each "
                "source of the stream"
            )
        return self.drawing.add_inputs(new)

    def _stream(self, name: str) -> AbstractDataStream:
        return self._streams.found(name)

    # What the page and the pump use.

    def board_changed(self) -> None:
        pump.nudge(self)

    def settled(self, subject: BoardState) -> bool:
        return False

    def watched(self) -> bool:
        waiting = self._sent is not None and self._sent != self._state()
        return self.audience.looking() or (waiting and not self.audience.answered)

    def _state(self) -> object:
        surgery = self._surgery.state()
        return self.drawing.version, self._intents.count, control_channel.connected(), surgery

    def refresh(self) -> int:
        self._show_session()
        messages = self._refresh_palette()
        self._surgery.look()
        self._watch_trained()
        messages += self._show_status()
        if self._is_carried:
            messages += self._live_view.refresh_if_due()
        state = self._state()
        if state == self._sent:
            if not self._again:
                return messages
            self._again = False
            self.send_state(RESENT)
            return messages + 1
        self._again = False
        draft = self.drawing.draft()
        if draft is not None:  # the page shows the nodes before their shapes
            self.board = {
                **draft, **self._answers(), "shown_from": self._shown_from(self.drawing)
            }  # fmt: skip
            messages += 1
        if not self.drawing.has_code():  # the page shows a large model before its code
            self.board = dict(self.snapshot(self.drawing, code=False))
            messages += 1
        payload = self.snapshot(self.drawing)
        with self.hold_sync():
            self.board = dict(payload)
            self.surgery = dict(self._surgery.payload())
            self.problem = ""
        self._sent = state
        return messages + 1

    def snapshot(self, subject: BoardState, *, code: bool = True) -> BoardPayload:
        # The answers first, so that the contents include the effects of all acknowledged intents.
        answers = self._answers()
        payload = subject.payload(code=code)
        misfits, shown_from = self._misfits(subject), self._shown_from(subject)
        found = {**payload, **answers, "misfits": misfits, "shown_from": shown_from}
        return cast(BoardPayload, found)

    def _answers(self) -> dict[str, Any]:
        """Return the answers to intents, to include them in the data for the page."""
        found = self._intents
        return {
            "acked": found.acked,
            "refused": found.refused,
            "made": found.made,
            "control_channel": control_channel.connected(),
        }

    def _misfits(self, board: BoardState) -> dict[str, str]:
        """Return a dictionary that maps unsuitable streams to the reasons why they do not fit."""
        needed = board.needed_inputs()
        found = {one["name"]: misfit(one["sources"], needed) for one in self._listed
                 if one["sources"]}  # fmt: skip
        return {name: reason for name, reason in found.items() if reason is not None}

    def _shown_from(self, board: BoardState) -> dict[str, str]:
        """Return the names of the streams whose examples are shown, keyed by input."""
        document = board.document
        inputs = {node: document.input(node) for node in document.inputs}
        return self._streams.shown_from(self._listed, inputs)

    def _examples(self) -> dict[str, SourceExample]:
        """Return the examples that inputs show, keyed by the ids of the inputs."""
        known = {one["name"]: one["examples"] for one in self._listed}
        inputs = self.drawing.document.inputs
        shown = self._shown_from(self.drawing)
        return {node: known[stream][inputs[node]] for node, stream in shown.items()}

    def _refresh_palette(self) -> int:
        given = names()
        if register_classes(given):
            self.drawing.refresh()
            self._palette_of = None
        inputs = self.drawing.document.spec.inputs
        streams = self._streams.listed()  # suitable streams first
        self._listed = streams
        streams.sort(key=lambda one: bool(inputs) and misfit(one["sources"], inputs) is not None)
        state = streams, blocks.version()
        if state == self._palette_of:
            return 0
        self.palette = dict(palette(streams))
        self._palette_of = state
        return 1

    def receive(self, content: WidgetMessage) -> None:
        if content["kind"] == "intents":
            self._take(content["intents"])

    def _hear_outbox(self, change: Any) -> None:
        self._take(change["new"])

    def _take(self, intents: Sequence[Intent]) -> None:
        slow = [one for one in intents if one["name"] in ("train", "apply")]
        if slow:  # compiling takes seconds, which the page must not wait for
            given = contextvars.copy_context()
            # Not a daemon: torch crashes if the interpreter ends while a thread infers shapes.
            threading.Thread(target=given.run, args=(self._take_now, intents)).start()
            return
        self._take_now(intents)

    def _take_now(self, intents: Sequence[Intent]) -> None:
        self._intents.take(intents)
        pump.nudge(self)

    def _ipython_display_(self) -> None:
        RunView([self], EditorStill(self.drawing, self._examples))._ipython_display_()

    def close(self) -> None:
        """Remove the editor and its view of the session from the page; the session continues."""
        if self.run_view is not None:
            self.run_view.close()
            self.run_view = None
        super().close()
