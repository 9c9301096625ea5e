"""`Editor`, the widget in which users build and change models."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import traitlets

from extensions_live import control_channel
from extensions_live.editor import blocks
from extensions_live.editor.board import Board
from extensions_live.editor.board_state import BoardState, Describable
from extensions_live.editor.intents import Intents
from extensions_live.editor.known_editors import remember
from extensions_live.editor.live_canvas import LiveCanvas
from extensions_live.editor.notebook_names import (
    Streams,
    can_be_looked_at,
    misfit,
    names,
    register_classes,
    sources_of,
)
from extensions_live.editor.palette import STEP_RULES, palette
from extensions_live.editor.still import EditorStill
from extensions_live.editor.surgery import Surgery
from extensions_live.editor.viewing import View, board_of
from extensions_live.editor.warm_up import warm_up
from extensions_live.messages import BoardPayload, Intent, StreamData, WidgetMessage
from extensions_live.plot import Plot
from extensions_live.pump import pump
from extensions_live.run_view import RunView
from extensions_live.view import view
from extensions_live.widget import LiveWidget, asset
from workbench import algorithms
from workbench.algorithms import StepRule
from workbench.builder import Built, InputSpec, Spec
from workbench.builder.described import built_of
from workbench.builder.training import plotted, scalars, start_training
from workbench.data.streams import AbstractDataStream
from workbench.errors import BuilderError, WorkbenchError, nearest
from workbench.hints import Hinted
from workbench.interfaces import Command, Session
from workbench.model import Model

PERIOD = 0.1
"""Seconds between two checks for changes made by Python code."""


class Editor(Hinted, LiveCanvas):
    """Visual editor of a model; in a notebook, a cell that ends with an editor shows it.

    The canvas and Python work on the same board: each operation of the canvas is a method of
    `drawing`, and each change from Python is drawn immediately.

    Parameters
    ----------
    model : Spec, Brick, Variable, Model or torch.nn.Module, or a list of bricks and variables
        The initial model; by default, the canvas is empty. The path of an ONNX file, or a torch
        module that cannot be edited, gives a read-only view. If `model` is an editor, the new
        editor shows the same board and session, and both editors can be used.

    Raises
    ------
    BuilderError
        If the model cannot be described.

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

    fallback = "An editor of models. It needs a notebook with a running kernel."

    board = traitlets.Dict(help="the contents that the page draws").tag(sync=True)
    palette = traitlets.Dict(help="the entries that can be added to the canvas").tag(sync=True)
    outbox: Any = traitlets.List(help="the unanswered intents of a page").tag(sync=True)
    training: Any = traitlets.List(help="the widgets that show the session").tag(sync=True)
    surgery = traitlets.Dict(help="the board compared with the session's model").tag(sync=True)
    origin = traitlets.Unicode(help="an identifier shared by all editors of a board").tag(sync=True)

    run_view: RunView | None = None  # also if the model is refused, and the editor closed

    def __init__(
        self, model: Describable | Iterable[Any] | Editor | str | Path | None = None
    ) -> None:
        first: Editor = model.first if isinstance(model, Editor) else self
        self.first: Editor = first
        self.drawing: Board | View = first.drawing if isinstance(model, Editor) else board_of(model)
        self._intents: Intents = Intents(self.drawing, self) if first is self else first._intents
        self._streams: Streams = Streams() if first is self else first._streams
        self._surgery: Surgery = Surgery(self.drawing) if first is self else first._surgery
        self.elsewhere: Sequence[Session] = ()  # their views are shown beside this editor
        self._session: Session | None = None
        self._watched: object = None  # the drawing whose live values are shown
        self._shown_session: Session | None = None
        self._sent: object = None
        self._palette_of: object = None
        self._listed: list[StreamData] = []
        warm_up()
        blocks.saved.look()
        blocks.saved.warn()
        super().__init__(self.drawing, period=PERIOD)
        self._live = first._live
        self.origin = self.first.ident
        self.drawing.watchers.add(self)
        self.observe(self._hear_outbox, "outbox")
        control_channel.register(self.ident, self)

    # What a program uses.

    @property
    def session(self) -> Session | None:
        """The session that trains the model, or None."""
        return self.first._session

    @session.setter
    def session(self, session: Session | None) -> None:
        self.first._session = session
        if session is not None:
            remember(session, self.first)

    @property
    def model(self) -> Model:
        """The model on the canvas; the same object until the canvas changes.

        Raises
        ------
        BuilderError
            If the model has a fault.
        """
        return self.drawing.built.model

    @property
    def built(self) -> Built:
        """The bricks and variables of the model, rebuilt only after the canvas has changed."""
        return self.drawing.built

    @property
    def spec(self) -> Spec:
        """The specification of the model."""
        return self.drawing.spec

    @property
    def code(self) -> str:
        """The Python code that builds the model."""
        return self.drawing.code

    def show(self, model: Describable | Iterable[Any]) -> None:
        """Show another model; bricks whose paths exist in both models keep their positions.

        Raises
        ------
        BuilderError
            If the model cannot be described.
        """
        self.drawing.show(model)
        pump.nudge(self)

    def train(
        self,
        stream: AbstractDataStream | Iterable[Any] | str,
        *,
        step_rule: StepRule | str | None = None,
        extensions: Sequence[Any] = (),
        epochs: int | None = None,
    ) -> Session:
        """Train the model in the background, and show the session below the canvas.

        Bricks that have not been initialised are initialised first. The cost and the monitored
        scalars are recorded after every batch and plotted.

        Parameters
        ----------
        stream : data stream, or str
            The training data. The stream must have a source for each input, with the same name;
            other sources are ignored. A string is the name of a variable in the notebook, or
            ``"digits"`` or ``"digit images"`` for the digits that this package contains, as rows of
            784 pixels or as images.
        step_rule : StepRule or str, optional
            The step rule, or the name of its class; by default `Adam`.
        extensions : list of extensions, optional
            Additional extensions, for example to monitor a test set.
        epochs : int, optional
            The number of epochs; by default, training continues until it is stopped.

        Returns
        -------
        Session

        Raises
        ------
        BuilderError
            If the model has a fault or no cost, or if the stream lacks a source.
        """
        if isinstance(stream, str):
            stream = self._streams.found(stream)
        rule, document, built = step_rule_of(step_rule), self.drawing.document, self.built
        if isinstance(stream, AbstractDataStream) and can_be_looked_at(stream):
            reason = misfit(sources_of(stream), self._needed(built))
            if reason is not None:
                raise BuilderError(reason)
        plots = [Plot(channels=plotted(built))] if built.cost is not None else []  # refused below
        session = start_training(
            built,
            stream,
            step_rule=rule,
            extensions=[*extensions, *plots],
            frozen=document.frozen,
            epochs=epochs,
        )
        self._surgery.follow(session, document)
        self._watch(session, document, built)
        self._watched = document
        self.session = session
        self._show_session()
        return session

    def follow(self, session: Session) -> None:
        """Show the model that a session trains, so that it can be changed during training.

        Parameters
        ----------
        session : Session
            A session whose model can be described by a specification.

        Raises
        ------
        SessionError
            If the model cannot be described.
        """
        self._surgery.follow(session)
        self.session = session
        self._show_session()
        self._watch_trained()
        pump.nudge(self)

    def apply(self, *, copy_units: bool = True) -> Command:
        """Replace the model of the paused session with the model on the canvas.

        `Session.rebuild` documents which parts of the state are kept. `Session.undo` restores the
        earlier model.

        Parameters
        ----------
        copy_units : bool
            If True, the additional units of wider layers are copies of existing units, so that the
            model computes the same function if possible.

        Returns
        -------
        Command
            The executed command. `Command.wait` returns a description of what was kept.

        Raises
        ------
        BuilderError
            If there is no session, if it is not paused, or if the model has a fault.
        SessionError
            If the session refuses the model.
        """
        command = self._surgery.apply(copy_units=copy_units)
        self._watch_trained()
        pump.nudge(self)
        return command

    def return_to_session(self) -> None:
        """Show the model that the session trains; undoing this operation restores the edits.

        Raises
        ------
        BuilderError
            If there is no session.
        """
        self._surgery.return_to_session()
        pump.nudge(self)

    def pause_session(self) -> None:
        """Pause the session, so that edits can be applied.

        Raises
        ------
        BuilderError
            If there is no session.
        """
        self._surgery.pause_session()

    def _watch_trained(self) -> None:
        """Show live values of the session's model if the model has been replaced."""
        session, document = self._surgery.session, self._surgery.trained
        if session is None or document is None or document is self.first._watched:
            return
        self.first._watched = document
        built = built_of(session)
        if built is not None:
            with suppress(WorkbenchError):  # the canvas shows why there are no values
                self._watch(session, document, built)

    def _show_session(self) -> None:
        """Show the views of the session, even if another editor of the same board started it."""
        before, session = self.run_view, self.session
        if session is None or session is self._shown_session:
            return
        self._shown_session = session
        self.run_view = None if session in self.elsewhere else view(session)
        self.training = [widget.ident for widget in self.inner]
        if before is not None:
            before.close()

    @property
    def inner(self) -> Sequence[LiveWidget[Any, Any]]:
        return () if self.run_view is None else self.run_view.widgets

    def _needed(self, built: Built) -> list[InputSpec]:
        """Return the inputs on which the cost and the monitored scalars depend."""
        outputs = [*([] if built.cost is None else [built.cost]), *scalars(built)]
        names = {one.name for one in Model(outputs).inputs} if outputs else set()
        return [given for given in self.drawing.document.spec.inputs if given.name in names]

    def add_stream(self, stream: AbstractDataStream | str) -> list[str]:
        """Add the missing inputs for the sources of a data stream, and return their ids."""
        if isinstance(stream, str):
            stream = self._streams.found(stream)
        new = []
        for source in sources_of(stream):
            if source["name"] not in self.drawing.document.wires():
                new.append(self.drawing.add_input(source["name"], source["shape"], source["dtype"]))
        if not new:
            raise BuilderError(
                "there is nothing to add: the canvas already has an input for each "
                "source of the stream"
            )
        return new

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
        if self._is_carried:
            messages += self._live_view.refresh_if_due()
        state = self._state()
        if state == self._sent:
            if not self._again:
                return messages
            self._again = False
            self.send_state(["board", "palette", "problem", "training", "surgery", "live"])
            return messages + 1
        self._again = False
        if not self.drawing.has_code():  # the shapes of a large model need not wait for its code
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
        # The answers before the contents, so that the page never waits for what it already has.
        answers = self._intents
        acked, refused, made = answers.acked, answers.refused, answers.made
        return {
            **subject.payload(code=code),
            "acked": acked,
            "refused": refused,
            "made": made,
            "misfits": self._misfits(subject),
            "control_channel": control_channel.connected(),
        }

    def _misfits(self, board: BoardState) -> dict[str, str]:
        """Return a dictionary that maps unsuitable streams to the reasons why they do not fit."""
        needed = board.needed_inputs()
        found = {one["name"]: misfit(one["sources"], needed) for one in self._listed
                 if one["sources"]}  # fmt: skip
        return {name: reason for name, reason in found.items() if reason is not None}

    def _refresh_palette(self) -> int:
        given = names()
        if register_classes(given):
            self.drawing.refresh()
            self._palette_of = None
        inputs = self.drawing.document.spec.inputs
        streams = self._streams.listed()  # those first that fit
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
            target = threading.Thread(target=given.run, args=(self._take_now, intents), daemon=True)
            target.start()
            return
        self._take_now(intents)

    def _take_now(self, intents: Sequence[Intent]) -> None:
        self._intents.take(intents)
        pump.nudge(self)

    def _ipython_display_(self) -> None:
        RunView([self], EditorStill(self.drawing))._ipython_display_()

    def close(self) -> None:
        """Remove the editor and its view of the session from the page; the session continues."""
        if self.run_view is not None:
            self.run_view.close()
            self.run_view = None
        super().close()


def step_rule_of(given: StepRule | str | None) -> StepRule:
    """Return the given step rule, or create a step rule with default settings from its name.

    Raises
    ------
    BuilderError
        If there is no such step rule.

    Examples
    --------
    >>> step_rule_of("Momentum")
    Momentum(learning_rate=0.01, momentum=0.9)
    """
    if isinstance(given, StepRule):
        return given
    name = "Adam" if given is None else given
    if name not in STEP_RULES:
        raise BuilderError(
            f"there is no step rule {name!r:.60}{nearest(str(name), STEP_RULES)}; use one of "
            f"{', '.join(STEP_RULES)}, or pass a step rule from workbench.algorithms"
        )
    if name == "Momentum":
        return algorithms.Momentum(learning_rate=0.01, momentum=0.9)
    if name == "Scale":
        return algorithms.Scale(learning_rate=0.1)
    rule: StepRule = getattr(algorithms, name)()
    return rule
