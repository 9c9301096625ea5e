"""Waits for the end of a session, which say so if the session is paused."""

from __future__ import annotations

import time
from collections.abc import Callable

from workbench.interfaces import Session, State
from workbench.utils.notices import tell

SOON = 1.0
"""Number of seconds between two looks at the state of the session."""

PAUSED = (
    "{name} is paused at iteration {iteration:,}, so it does not end; wait() goes on until another "
    "thread or a button resumes it. Without these, interrupt the wait and call resume()"
)


def wait_for_end(
    session: Session, wait: Callable[[float | None], bool], timeout: float | None
) -> bool:
    """Call ``wait(timeout)``, and print a notice, once, if the session is found to be paused."""
    end = None if timeout is None else time.monotonic() + timeout

    def left() -> float | None:
        return None if end is None else end - time.monotonic()

    while (rest := left()) is None or rest > SOON:
        if wait(SOON):
            return True
        if session.state is State.PAUSED:
            iteration = session.log.status["iterations_done"]
            tell(PAUSED.format(name=session.name, iteration=iteration))
            return wait(left())
    return wait(rest)
