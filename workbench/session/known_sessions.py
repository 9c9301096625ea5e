"""The sessions of this process and their names."""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Callable

from workbench.errors import SessionError
from workbench.interfaces import Session, State
from workbench.main_loop import lease

TAKEN = (
    "another running session is named {name!r}; choose another name, or end that session first: "
    "workbench.session.running()[{name!r}].stop()"
)

FINDERS: list[Callable[[], object]] = []
"""Functions that find new runs in other processes, and remember their sessions."""

_numbers = itertools.count(1)
_known: list[weakref.ReferenceType[Session]] = []


def new_name() -> str:
    """Return the next numbered name for a session."""
    return f"session-{next(_numbers)}"


def check_name(name: object) -> None:
    """Raise an error if a name is empty, not a string, or the name of a running session.

    Raises
    ------
    SessionError
    """
    if name is not None and (not isinstance(name, str) or not name):
        raise SessionError(f"the name of a session must be non-empty text, not {name!r}")
    for session in alive():
        if name == session.name:
            raise SessionError(TAKEN.format(name=name))


def alive() -> list[Session]:
    """Return the running and paused sessions, in the order they were started."""
    leased = lease.sessions()
    started = (State.RUNNING, State.PAUSED, State.STOPPING)
    return [*leased, *(one for one in known() if one.state in started and one not in leased)]


def remember(session: Session) -> None:
    """Add a session to the known sessions for as long as it exists."""
    if not any(one() is session for one in tuple(_known)):
        _known.append(weakref.ref(session, _known.remove))


def forget(session: Session) -> None:
    """Remove a session from the known sessions, because this process no longer observes its run."""
    _known[:] = [one for one in _known if one() is not session]


def known() -> list[Session]:
    """Return the sessions that still exist, in the order of their creation."""
    return [session for one in tuple(_known) if (session := one()) is not None]
