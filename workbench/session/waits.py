"""Waits for the end of a session, which say so if the session is paused."""

from __future__ import annotations

from collections.abc import Callable

from workbench.interfaces import Session, State
from workbench.utils.notices import tell

SOON = 1.0
"""Number of seconds until a session that stays paused is reported."""

PAUSED = (
    "{name} is paused at iteration {iteration:,}, so it does not end; wait() goes on until another "
    "thread or a button resumes it. Without these, interrupt the wait and call resume()"
)


def wait_for_end(
    session: Session, wait: Callable[[float | None], bool], timeout: float | None
) -> bool:
    """Call ``wait(timeout)``, and print a notice if the session was already paused and stays so."""
    if session.state is not State.PAUSED or (timeout is not None and timeout <= SOON):
        return wait(timeout)
    if wait(SOON):
        return True
    if session.state is State.PAUSED:
        iteration = session.log.status["iterations_done"]
        tell(PAUSED.format(name=session.name, iteration=iteration))
    return wait(None if timeout is None else timeout - SOON)
