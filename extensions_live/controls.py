"""Control bar with the progress of a run, buttons that control it, and values to change.

A click only queues a command on the session. The command takes effect between two batches, and the
bar then shows the iteration. A command that arrives twice, on the kernel's control channel and as a
message of the widget, takes effect only once. Every button has an equivalent in Python, such as
``session.pause()``.
"""

from __future__ import annotations

import traceback
from collections.abc import Collection, Iterable, Mapping

import traitlets

from extensions_live import control_channel
from extensions_live.formatting import format_duration
from extensions_live.history import alerts
from extensions_live.log_values import latest
from extensions_live.messages import (
    CommandName,
    ControlsPayload,
    Failure,
    Outcome,
    WidgetMessage,
)
from extensions_live.pump import pump
from extensions_live.requests import Requests
from extensions_live.speed import Speed
from extensions_live.steer import Steer
from extensions_live.widget import LiveWidget, asset
from workbench.hints import Hinted
from workbench.interfaces import Command, Session, State
from workbench.tensor import SharedVariable

PERIOD, SOON = 0.25, 0.03
"""Seconds between two refreshes, normally and while a command waits for the end of a batch."""

POSSIBLE: dict[State, list[CommandName]] = {
    State.RUNNING: ["pause", "stop", "train"],
    State.PAUSED: ["resume", "step", "stop", "train"],
    State.FINISHED: ["train"],
}
"""Mapping from each state to its enabled buttons; in any other state no button is enabled."""

MOST_VALUES = 8


class Controls(Hinted, LiveWidget[Session, ControlsPayload]):
    """Control bar of a session with its progress, buttons, and the values of its algorithm.

    The part "Steer" has a row for every entry of `Session.hyperparameters`, the end of the run,
    snapshots, rewinds, forks and archives, and lists the branches and interventions. Everything
    has an equivalent in Python, a method of the session.

    Parameters
    ----------
    session : Session
        The session to control.
    hide : collection of str, optional
        The channels whose values are not shown, for instance because a plot next to the bar shows
        them.
    variables : iterable of SharedVariable or str, optional
        Further shared variables with one number to show and change, or their names.
    title : str
        The text before the state, such as the name of the session.

    Raises
    ------
    SessionError
        If training does not use one of the variables, or it is not a single number.

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

    def __init__(
        self,
        session: Session,
        *,
        hide: Collection[str] = (),
        variables: Iterable[SharedVariable | str] = (),
        title: str = "",
    ) -> None:
        self._hide = frozenset(hide)
        self._speed = Speed()
        self._requests = Requests()
        self._steer = Steer(session, self._requests, variables)
        self._shown: tuple[int, ControlsPayload] | None = None
        super().__init__(session, period=PERIOD, title=title)
        control_channel.register(self.ident, self)

    def snapshot(self, session: Session) -> ControlsPayload | None:
        last = session.commands[-1] if session.commands else None
        self.period = PERIOD if last is None or last.done else SOON
        command = self._last_outcome(last)
        waits = any(request.waiting for request in tuple(self._requests.recent))
        self.period = SOON if waits else self.period
        run, state, status = session.runs, session.state, session.log.status
        if self._shown is not None:
            shown_run, payload = self._shown
            if state.ended and payload["state"] == state and shown_run == run:
                # Another session can continue the main loop; this session keeps its last payload.
                return {**payload, "command": command, "receipts": self._steer.receipts()}
        done, epoch = status["iterations_done"], status["epochs_done"]
        if not state.ended:
            epoch += 1
        planned = session.planned
        total, end = planned["batches"], planned["epochs"]
        self._speed.saw(done, moving=state is State.RUNNING)
        steer = self._steer.payload(
            session
        )  # before the receipts, which depend on the same history
        shown_alerts, alert_count = alerts(session.log)
        share = None if not total else min(1.0, done / total)
        payload = {
            "state": str(state),
            "possible": POSSIBLE.get(state, []),
            "iteration": f"iteration {done:,}" + (f" of {total:,}" if total else ""),
            "epoch": f"epoch {epoch:,}" + (f" of {end:,}" if end and epoch <= end else ""),
            "rate": self._rate(),
            "tier": tier(session.execution),
            "time_left": self._left(total - done) if total and state is State.RUNNING else "",
            "fraction": 1.0 if state is State.FINISHED and share is None else share,
            "values": self._values(session),
            "command": command,
            "receipts": self._steer.receipts(),
            "steer": steer,
            "alerts": shown_alerts,
            "alert_count": alert_count,
            "error": failure(session.exception),
            "note": session.note,
            "control_channel": control_channel.connected(),
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

    def _last_outcome(self, last: Command | None) -> Outcome | None:
        """Return the outcome of the last command, or of a later request without a command."""
        recent = tuple(self._requests.recent)
        if recent and recent[-1].refusal and recent[-1].before >= (last.id if last else 0):
            return {"id": recent[-1].before, "text": recent[-1].refusal, "refused": True}
        return None if last is None else outcome(last)

    def _rate(self) -> str:
        rate = self._speed.rate()
        if rate is None:
            return ""
        return f"{rate:,.0f} it/s" if rate >= 10 else f"{rate:.2g} it/s"

    def _left(self, iterations: int) -> str:
        rate = self._speed.rate()
        return "" if not rate or iterations <= 0 else f"{format_duration(iterations / rate)} left"

    def _values(self, session: Session) -> list[list[str]]:
        found = [[name, value] for name, value in latest(session.log).items()]
        return [pair for pair in found if pair[0] not in self._hide][:MOST_VALUES]


def tier(execution: Mapping[str, str]) -> list[str]:
    """Return the tier that processes batches and the reason; both are empty for eager, the default.

    Examples
    --------
    >>> tier({"tier": "compiled", "reason": "requested"})
    ['compiled', 'requested']
    >>> tier({"tier": "eager", "reason": "few calls so far"})
    ['', '']
    """
    name = execution["tier"]
    return ["", ""] if name in ("", "eager") else [name, execution["reason"]]


def outcome(command: Command) -> Outcome:
    """Return the text that the bar shows about a command."""
    return {
        "id": command.id,
        "text": f"{command.text}: {command.state}",
        "refused": command.reason is not None,
    }


def failure(exception: BaseException | None) -> Failure | None:
    """Return the message and traceback of the error that ended training, or None."""
    if exception is None:
        return None
    notes = "".join(f"\n{note}" for note in getattr(exception, "__notes__", ()))
    return {
        "message": f"{type(exception).__name__}: {exception}{notes}",
        "traceback": "".join(traceback.format_exception(exception)),
    }
