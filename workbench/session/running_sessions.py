"""List of the sessions in this process; running sessions are stopped when Python exits."""

from __future__ import annotations

import atexit
import os
import threading
import time
from collections.abc import Iterable, Sequence
from typing import overload

from workbench import interfaces
from workbench.errors import SessionError, nearest
from workbench.hints import hinted
from workbench.main_loop import lease
from workbench.session import display
from workbench.session.command import Command
from workbench.session.known_sessions import FINDERS, alive, known
from workbench.session.session import Session

NO_SESSION = "there is no session {name!r}; sessions: {known}{hint}"

EXIT_TIMEOUT = 5.0
"""Maximum number of seconds to wait for all sessions to stop when Python exits."""


@hinted
def running() -> dict[str, interfaces.Session]:
    """Return the running sessions, including paused sessions, keyed by name.

    Use this function to access a session whose variable was overwritten.

    Examples
    --------
    >>> for session in running().values():
    ...     _ = session.stop()
    """
    return {one.name: one for one in alive()}


class Sessions(Sequence[interfaces.Session]):
    """List of sessions, which a notebook shows as a table.

    Parameters
    ----------
    found : iterable of Session

    Examples
    --------
    >>> from workbench.session import sessions
    >>> isinstance(sessions(), Sessions), Sessions([])
    (True, no sessions)
    """

    def __init__(self, found: Iterable[interfaces.Session]) -> None:
        self._found = tuple(found)

    def __len__(self) -> int:
        return len(self._found)

    @overload
    def __getitem__(self, key: int | str) -> interfaces.Session: ...

    @overload
    def __getitem__(self, key: slice) -> Sessions: ...

    def __getitem__(self, key: int | str | slice) -> interfaces.Session | Sessions:
        """Return a session by its position or name, or the part of the list that a slice selects.

        Raises
        ------
        SessionError
            If there is no session with that name.
        """
        if isinstance(key, slice):
            return Sessions(self._found[key])
        if not isinstance(key, str):
            return self._found[key]
        for session in reversed(self._found):
            if session.name == key:
                return session
        names = [session.name for session in self._found]
        listed = ", ".join(map(repr, names)) or "none"
        raise SessionError(NO_SESSION.format(name=key, hint=nearest(key, names), known=listed))

    def __repr__(self) -> str:
        return "\n".join(map(repr, self._found)) or "no sessions"

    def _repr_html_(self) -> str:
        found = self._found
        return display.list_of(
            (one, one._worker.last if isinstance(one, Session) else None) for one in found
        )


@hinted
def sessions() -> Sessions:
    """Return all sessions of this process, including those that have ended, as a list.

    A session that has ended stays in the list as long as some variable, view or output refers to
    it. A running session is always in the list, even if no variable refers to it. The list also
    contains live runs in other processes that another kernel of the same user has started.

    Returns
    -------
    Sessions
        The sessions in the order of their creation; a name can also be used as an index. A
        notebook shows them as a table of names, states, iterations and latest values.

    Examples
    --------
    >>> from workbench.main_loop import MainLoop
    >>> class Nothing:
    ...     def initialize(self): pass
    ...     def process_batch(self, batch): pass
    >>> session = MainLoop(Nothing(), [{"x": [1]}]).start(name="first try", paused=True)
    >>> sessions()["first try"] is session
    True
    >>> session.stop().wait()
    """
    for find in FINDERS:
        find()
    return Sessions(known())


@atexit.register
def stop_all() -> None:
    """Stop all sessions, and wait up to `EXIT_TIMEOUT` seconds for them to end."""
    # The threads are daemons, so without this function Python would exit during a batch.
    deadline = time.monotonic() + EXIT_TIMEOUT
    sessions = [one for one in lease.sessions() if isinstance(one, Session)]
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
