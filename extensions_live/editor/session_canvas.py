"""The part of the editor that trains the model and changes the model of a session."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from time import monotonic
from typing import Any

import traitlets

from extensions_live.editor.board_state import BoardState
from extensions_live.editor.known_editors import remember
from extensions_live.editor.live_canvas import LiveCanvas
from extensions_live.editor.notebook_names import Streams, can_be_looked_at, misfit, sources_of
from extensions_live.editor.palette import STEP_RULES
from extensions_live.editor.session_status import PERIOD, status_of
from extensions_live.editor.surgery import Surgery
from extensions_live.plot import Plot
from extensions_live.pump import pump
from extensions_live.run_view import RunView
from extensions_live.view import view
from extensions_live.widget import LiveWidget
from workbench import algorithms
from workbench.algorithms import StepRule
from workbench.builder import Built, InputSpec
from workbench.builder.described import built_of
from workbench.builder.training import plotted, scalars, start_training
from workbench.data.streams import AbstractDataStream
from workbench.errors import BuilderError, WorkbenchError, nearest
from workbench.interfaces import Command, Session
from workbench.model import Model

STOPPING = 60.0
"""Maximum number of seconds to wait for an earlier session to end."""


class SessionCanvas(LiveCanvas):
    """Canvas for a model that can be trained or that belongs to a session.

    Several canvases can show the same board; they share the session of the first canvas.
    """

    training: Any = traitlets.List(help="the widgets that show the session").tag(sync=True)
    status = traitlets.Dict(help="the state of the session as a sentence").tag(sync=True)

    first: SessionCanvas
    _streams: Streams
    _surgery: Surgery

    run_view: RunView | None = None  # needed by `close` even if the model was refused
    elsewhere: Sequence[Session] = ()
    """Sessions whose views are shown beside this editor."""

    def __init__(self, drawing: BoardState, *, period: float, **traits: object) -> None:
        self._session: Session | None = None
        self._watched: object = None  # the drawing whose live values are shown
        self._shown_session: Session | None = None
        self._status_due = 0.0
        super().__init__(drawing, period=period, **traits)

    @property
    def session(self) -> Session | None:
        """The session that trains the model, or None if there is none."""
        return self.first._session

    @session.setter
    def session(self, session: Session | None) -> None:
        self.first._session = session
        if session is not None:
            remember(session, self.first)

    def train(
        self,
        stream: AbstractDataStream | Iterable[Any] | str,
        *,
        step_rule: StepRule | str | None = None,
        extensions: Sequence[Any] = (),
        epochs: int | None = None,
        restart: bool = False,
    ) -> Session:
        """Train the model in the background, and show the session below the canvas.

        Bricks that are not initialised yet are initialised. The cost and the monitored scalars are
        recorded after every batch and plotted.

        Parameters
        ----------
        stream : data stream, or str
            The training data. For each input, the stream must have a source with the same name;
            other sources are ignored. A string is the name of a variable in the notebook.
            The names ``"digits"`` and ``"digit images"`` select the digits that the package
            contains, as rows of 784 pixels or as images.
        step_rule : StepRule or str, optional
            The step rule or the name of its class; by default `Adam`.
        extensions : list of extensions, optional
            Additional extensions, for example to monitor a test set.
        epochs : int, optional
            The number of epochs; by default, training continues until it is stopped.
        restart : bool
            True to stop the session of this editor first, if it is still training. If the model has
            not changed, its current parameters are kept.

        Returns
        -------
        Session

        Raises
        ------
        BuilderError
            If the model has a fault or no cost, if the stream does not have a source, or if a
            session of this editor is still training and `restart` is False.
        """
        before = self.session if self._surgery.alive else None
        if before is not None and not restart:
            raise BuilderError(
                f"{before.name} still trains a model of this editor and is {before.state}; stop it "
                "with editor.session.stop(), or pass restart=True to stop it and start again"
            )
        if isinstance(stream, str):
            stream = self._streams.found(stream)
        rule, document, built = step_rule_of(step_rule), self.drawing.document, self.drawing.built
        if isinstance(stream, AbstractDataStream) and can_be_looked_at(stream):
            reason = misfit(sources_of(stream), self._needed(built))
            if reason is not None:
                raise BuilderError(reason)
            self._streams.use(stream)
        plots = [Plot(channels=plotted(built))] if built.cost is not None else []  # refused below
        if before is not None:
            before.stop()
            if not before.wait(STOPPING):
                raise BuilderError(
                    f"{before.name} did not stop within {STOPPING:.0f} s, so training cannot "
                    "start again; wait until it has ended (its state is shown below the canvas)"
                )
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

        Values that still fit are kept, as `Session.rebuild` describes, and the session stays
        paused. `Session.undo` returns to the earlier model.

        Parameters
        ----------
        copy_units : bool
            If True, the units that are added to a layer are copies of its existing units, so
            that the model computes the same function if possible.

        Returns
        -------
        Command
            The completed command. `Command.wait` returns what was kept.

        Raises
        ------
        BuilderError
            If there is no session, if the session is not paused, or if the model has a fault or
            has not changed.
        SessionError
            If the session refuses the model.
        """
        command = self._surgery.apply(copy_units=copy_units)
        self._watch_trained()
        pump.nudge(self)
        return command

    def return_to_session(self) -> None:
        """Show the model that the session trains; undo this operation to restore the edits.

        Raises
        ------
        BuilderError
            If there is no session.
        """
        self._surgery.return_to_session()
        pump.nudge(self)

    def pause_session(self) -> Command:
        """Pause the session, so that edits can be applied.

        Returns
        -------
        Command
            The command. `Command.wait` waits until the session is paused.

        Raises
        ------
        BuilderError
            If there is no session.
        """
        return self._surgery.pause_session()

    def _watch_trained(self) -> None:
        """Show live values of the trained model, after the session's model has been replaced."""
        session, document = self._surgery.session, self._surgery.trained
        if session is None or document is None or document is self.first._watched:
            return
        self.first._watched = document
        with suppress(WorkbenchError):  # the canvas shows why there are no values
            built = built_of(session)
            if built is None and document is self.drawing.document:
                built = self.drawing.built  # the session's model was not made from a specification
            if built is not None:
                self._watch(session, document, built)

    def _show_session(self) -> None:
        """Show the views of the session, even if another editor of the board started it."""
        before, session = self.run_view, self.session
        if session is None or session is self._shown_session:
            return
        self._shown_session = session
        self.run_view = None if session in self.elsewhere else view(session)
        self.training = [widget.ident for widget in self.inner]
        if before is not None:
            before.close()

    def _show_status(self) -> int:
        """Update the sentence about the session; return the number of messages sent."""
        session = self.session
        known = {} if session is None else {"session": session.name, "state": str(session.state)}
        same = known == {key: text for key, text in self.status.items() if key != "text"}
        if same and monotonic() < self._status_due:
            return 0
        self._status_due = monotonic() + PERIOD
        status: dict[str, Any] = {}
        with suppress(WorkbenchError):  # a log that cannot be read must not stop the canvas
            status = {} if session is None else dict(status_of(session))
        if status == self.status:
            return 0
        self.status = status
        return 1

    @property
    def inner(self) -> Sequence[LiveWidget[Any, Any]]:
        return () if self.run_view is None else self.run_view.widgets

    def _needed(self, built: Built) -> list[InputSpec]:
        """Return the inputs that the cost and the monitored scalars depend on."""
        outputs = [*([] if built.cost is None else [built.cost]), *scalars(built)]
        names = {one.name for one in Model(outputs).inputs} if outputs else set()
        return [given for given in self.drawing.document.spec.inputs if given.name in names]


def step_rule_of(given: StepRule | str | None) -> StepRule:
    """Return a step rule, with default settings if only its name is given.

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
