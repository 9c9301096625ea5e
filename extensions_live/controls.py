"""Control bar of a run, which shows its progress, control buttons and hyperparameters.

A click only queues a command on the session. The command takes effect between two batches; the bar
then shows the iteration. A command that arrives twice, on the kernel's control channel and
as a message of the widget, takes effect only once. Every button has an equivalent in Python, such
as ``session.pause()``.
"""

from __future__ import annotations

import traceback
from collections.abc import Collection, Iterable

import traitlets

from extensions_live.course import alerts
from extensions_live.log_values import latest
from extensions_live.messages import (
    CommandName,
    ControlsPayload,
    Failure,
    Outcome,
    WidgetMessage,
)
from extensions_live.progress import progress_of
from extensions_live.pump import pump
from extensions_live.requests import Requests, outcome
from extensions_live.run_view import display
from extensions_live.speed import Speed
from extensions_live.steer import Steer
from extensions_live.still_output import StillOutput
from extensions_live.widget import LiveWidget, asset
from workbench.hints import Hinted
from workbench.interfaces import Command, Session, State
from workbench.tensor import SharedVariable

PERIOD, SOON = 0.4, 0.03
"""Usual refresh interval in seconds, or the interval while a command waits for a batch to end."""

POSSIBLE: dict[State, list[CommandName]] = {
    State.RUNNING: ["pause", "stop", "train"],
    State.PAUSED: ["resume", "step", "stop", "train"],
    State.FINISHED: ["train"],
}
"""Buttons that are enabled in each state; in states that are not listed, no button is enabled."""

MOST_VALUES = 8


class Controls(Hinted, LiveWidget[Session, ControlsPayload]):
    """Control bar with the progress, latest log values, buttons and hyperparameters of a session.

    The section "Steer" has a row for every entry of `Session.hyperparameters`, and rows for the end
    of the run, snapshots, rewinds, forks and archives. The section also lists the branches and
    interventions. Every control has an equivalent in Python: a method of the session.

    Parameters
    ----------
    session : Session
        The session to control.
    hide : collection of str, optional
        The channels whose values are not shown, for instance because a plot next to the bar shows
        them.
    variables : iterable of SharedVariable or str, optional
        Additional shared variables, or their names, to show and change. Each must be a single
        number.
    title : str
        The text before the state, such as the name of the session.
    folded : bool
        True if the section "Steer" is initially closed, for example because there are several bars.

    Raises
    ------
    SessionError
        If one of the variables is not used in training or is not a single number.

    Examples
    --------
    In a notebook, ``Controls(session)`` as the last line of a cell shows the bar.

    >>> from workbench.main_loop import MainLoop
    >>> class Nothing:
    ...     def initialize(self): pass
    ...     def process_batch(self, batch): pass
    >>> session = MainLoop(Nothing(), [{"x": [1]}]).start()
    >>> controls = Controls(session)
    >>> controls.receive({"kind": "command", "name": "stop"})  # as a click does
    >>> session.wait()
    True
    >>> controls.close()
    """

    _esm = asset("controls.js")
    _css = asset("live.css") + asset("steer.css")

    title = traitlets.Unicode().tag(sync=True)
    folded = traitlets.Bool().tag(sync=True)

    def __init__(
        self,
        session: Session,
        *,
        hide: Collection[str] = (),
        variables: Iterable[SharedVariable | str] = (),
        title: str = "",
        folded: bool = False,
    ) -> None:
        self._hide = frozenset(hide)
        self._speed = Speed()
        self._requests = Requests()
        self._steer = Steer(session, self._requests, variables)
        self._shown: tuple[int, ControlsPayload] | None = None
        super().__init__(session, period=PERIOD, title=title, folded=folded)

    def snapshot(self, session: Session) -> ControlsPayload | None:
        last = session.commands[-1] if session.commands else None
        self.period = PERIOD if last is None or last.done else SOON
        command = self._last_outcome(last)
        waits = any(request.waiting for request in tuple(self._requests.recent))
        self.period = SOON if waits else self.period
        run, state = session.runs, session.state
        if self._shown is not None:
            shown_run, payload = self._shown
            if state.ended and payload["state"] == state and shown_run == run:
                # Another session may continue the main loop; this session keeps its last payload.
                receipts, note = self._steer.receipts(), session.note
                return {**payload, "command": command, "receipts": receipts, "note": note}
        facts = progress_of(session, self._speed)
        steer = self._steer.payload(session)  # first, since it updates the course for the receipts
        shown_alerts, alert_count = alerts(session.log)
        payload = {
            **facts,
            "possible": POSSIBLE.get(state, []),
            "values": self._values(session),
            "command": command,
            "receipts": self._steer.receipts(),
            "steer": steer,
            "alerts": shown_alerts,
            "alert_count": alert_count,
            "error": failure(session.exception),
            "note": session.note,
        }
        self._shown = run, payload
        return payload

    def settled(self, session: Session) -> bool:
        return session.state.ended

    def receive(self, content: WidgetMessage) -> None:
        session = self.subject
        if content["kind"] == "command" and session is not None:
            self._requests.handle(session, content)
            pump.nudge(self)

    def _ipython_display_(self) -> None:
        display(self, StillOutput)

    def _last_outcome(self, last: Command | None) -> Outcome | None:
        """Return the outcome of the last command, or of a later request that was refused."""
        recent = tuple(self._requests.recent)
        if recent and recent[-1].refusal and recent[-1].before >= (last.id if last else 0):
            return {"id": recent[-1].before, "text": recent[-1].refusal, "refused": True}
        return None if last is None else outcome(last)

    def _values(self, session: Session) -> list[list[str]]:
        found = [[name, value] for name, value in latest(session.log).items()]
        return [pair for pair in found if pair[0] not in self._hide][:MOST_VALUES]


def failure(exception: BaseException | None) -> Failure | None:
    """Return the message and traceback of the error that ended training, if any."""
    if exception is None:
        return None
    notes = "".join(f"\n{note}" for note in getattr(exception, "__notes__", ()))
    return {
        "message": f"{type(exception).__name__}: {exception}{notes}",
        "traceback": "".join(traceback.format_exception(exception)),
    }
