"""A sentence below the canvas of an editor, about the session that trains its model."""

from __future__ import annotations

from extensions_live.messages import SessionStatus
from extensions_live.progress import problem
from workbench.interfaces import Session, State

PERIOD = 0.5
"""Minimum number of seconds between two sentences that differ only in the iteration."""

SENTENCES: dict[State, str] = {
    State.CREATED: "{name} is starting",
    State.RUNNING: "{name} is training: iteration {done:,}",
    State.PAUSED: "{name} is paused at iteration {done:,}",
    State.STOPPING: "{name} is stopping at iteration {done:,}",
    State.FINISHED: "{name} finished at iteration {done:,}",
    State.STOPPED: "{name} stopped at iteration {done:,}",
    State.FAILED: "{name} failed at iteration {done:,}",
}


def status_of(session: Session) -> SessionStatus:
    """Return the state of a session as a sentence; if training failed, the sentence says why.

    Examples
    --------
    >>> from workbench.extensions import FinishAfter
    >>> from workbench.main_loop import MainLoop
    >>> class Nothing:
    ...     def initialize(self): pass
    ...     def process_batch(self, batch): pass
    >>> finish = FinishAfter(after_n_epochs=2)
    >>> loop = MainLoop(Nothing(), [{"x": [1]}], extensions=[finish])
    >>> session = loop.start(name="status example")
    >>> session.wait()
    True
    >>> status_of(session)["text"]
    'status example finished at iteration 2'
    """
    state, error = session.state, session.exception
    done = session.log.status["iterations_done"]
    text = SENTENCES[state].format(name=session.name, done=done)
    if state is State.FAILED and error is not None:
        text = f"{text}: {problem(error)}"
    return {"session": session.name, "state": str(state), "text": text}
