"""Registry of the running sessions of this process; they are stopped when Python exits."""

from __future__ import annotations

import atexit
import os
import threading
import time

from workbench.hints import hinted
from workbench.main_loop import lease
from workbench.session.command import Command
from workbench.session.session import Session

EXIT_TIMEOUT = 5.0
"""Maximum number of seconds to wait for all sessions to stop when Python exits."""


@hinted
def running() -> dict[str, Session]:
    """Return the running sessions, including paused sessions, by name.

    Use this function to access a session whose variable was overwritten.

    Examples
    --------
    >>> for session in running().values():
    ...     _ = session.stop()
    """
    return {one.name: one for one in lease.sessions() if isinstance(one, Session)}


@atexit.register
def stop_all() -> None:
    """Stop all sessions, and wait up to `EXIT_TIMEOUT` seconds for them to end."""
    # The threads are daemons, so without this function Python would exit during a batch.
    deadline = time.monotonic() + EXIT_TIMEOUT
    sessions = running().values()
    for session in sessions:
        session.stop()
    for session in sessions:
        session._worker.ended.wait(max(0.0, deadline - time.monotonic()))


def leave_to_the_parent() -> None:
    """Remove all sessions in a forked process, which does not have their threads."""
    Command._lock = threading.Lock()
    for session in lease.forget():
        if isinstance(session, Session):
            session._worker.leave_to_the_parent()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=leave_to_the_parent)
