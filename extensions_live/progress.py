"""`Progress`: the progress line of a session, without the buttons of the control bar.

`progress_of` returns the data that `frontend/src/progress.ts` draws, both here and in the control
bar.
"""

from __future__ import annotations

from collections.abc import Mapping

from extensions_live.formatting import format_duration
from extensions_live.messages import ProgressFacts, ProgressPayload
from extensions_live.run_view import display
from extensions_live.speed import Speed
from extensions_live.still_output import StillOutput
from extensions_live.widget import LiveWidget, asset
from workbench.hints import Hinted
from workbench.interfaces import Session, State

PERIOD = 0.25
"""Seconds between two refreshes."""


class Progress(Hinted, LiveWidget[Session, ProgressPayload]):
    """Progress line of a session: its state, progress, speed and remaining time.

    Parameters
    ----------
    session : Session
        The session to watch.

    Examples
    --------
    In a notebook, ``Progress(session)`` at the end of a cell shows the progress line.

    >>> from workbench.extensions import FinishAfter
    >>> from workbench.main_loop import MainLoop
    >>> class Nothing:
    ...     def initialize(self): pass
    ...     def process_batch(self, batch): pass
    >>> finish = FinishAfter(after_n_epochs=2)
    >>> session = MainLoop(Nothing(), [{"x": [1]}], extensions=[finish]).start()
    >>> session.wait()
    True
    >>> Progress(session)
    finished, iteration 2 of 2, epoch 2 of 2
    """

    _esm = asset("progress.js")
    _css = asset("live.css") + asset("table.css")

    def __init__(self, session: Session) -> None:
        self._speed = Speed()
        self._shown: tuple[int, ProgressPayload] | None = None
        super().__init__(session, period=PERIOD)

    def __repr__(self) -> str:
        session = self.subject
        if session is None:
            return "a run that no longer exists"
        now = progress_of(session, Speed())
        return ", ".join(filter(None, (now["state"], now["iteration"], now["epoch"])))

    def snapshot(self, session: Session) -> ProgressPayload | None:
        if self._shown is not None:
            run, payload = self._shown
            if session.state.ended and run == session.runs and payload["state"] == session.state:
                return payload  # another session may continue with the main loop
        error = session.exception
        payload = {
            **progress_of(session, self._speed),
            "failure": "" if error is None else problem(error),
        }
        self._shown = session.runs, payload
        return payload

    def settled(self, session: Session) -> bool:
        return session.state.ended

    def _ipython_display_(self) -> None:
        display(self, StillOutput)


def progress_of(session: Session, speed: Speed) -> ProgressFacts:
    """Return the progress of a session, as text and as a fraction.

    Parameters
    ----------
    session : Session
    speed : Speed
        The speed meter; each call adds the current iteration count to it.
    """
    state, status = session.state, session.log.status
    done, epoch = status["iterations_done"], status["epochs_done"]
    if not state.ended:
        epoch += 1
    planned = session.planned
    total, end = planned["batches"], planned["epochs"]
    speed.saw(done, moving=state is State.RUNNING)
    rate = None if state is State.PAUSED else speed.rate()
    share = None if not total else min(1.0, done / total)
    left = ""
    if total and state is State.RUNNING and rate and total > done:
        left = f"{format_duration((total - done) / rate)} left"
    return {
        "state": str(state),
        "iteration": f"iteration {done:,}" + (f" of {total:,}" if total else ""),
        "epoch": f"epoch {epoch:,}" + (f" of {end:,}" if end and epoch <= end else ""),
        "rate": rate_text(rate),
        "tier": tier(session.execution),
        "time_left": left,
        "fraction": 1.0 if state is State.FINISHED and share is None else share,
    }


def rate_text(rate: float | None) -> str:
    """Format a number of iterations per second; return an empty string if it is unknown.

    Examples
    --------
    >>> rate_text(1234.5), rate_text(0.123), rate_text(None)
    ('1,234 it/s', '0.12 it/s', '')
    """
    if rate is None:
        return ""
    return f"{rate:,.0f} it/s" if rate >= 10 else f"{rate:.2g} it/s"


def tier(execution: Mapping[str, str]) -> list[str]:
    """Return the tier that processes batches, and the reason; both are empty for the eager tier.

    Examples
    --------
    >>> tier({"tier": "compiled", "reason": "requested"})
    ['compiled', 'requested']
    >>> tier({"tier": "eager", "reason": "few calls so far"})
    ['', '']
    """
    name = execution["tier"]
    return ["", ""] if name in ("", "eager") else [name, execution["reason"]]


def problem(error: BaseException) -> str:
    """Return the class of an error and the first line of its message."""
    message = str(error).partition("\n")[0]
    return f"{type(error).__name__}: {message}"
