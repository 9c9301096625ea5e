"""A protocol for objects whose log a plot can show, such as sessions."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Protocol

from workbench.interfaces import Session, State

if TYPE_CHECKING:
    from workbench.log import TrainingLogBase


class LogSource(Protocol):
    """Protocol for sessions and other objects whose log a view shows."""

    @property
    def log(self) -> TrainingLogBase | None:
        """The log, or None if it does not exist yet."""

    @property
    def state(self) -> State:
        """The state of the run; once the run has ended, views release the `LogSource`."""


_sessions: weakref.WeakKeyDictionary[type, bool] = weakref.WeakKeyDictionary()


def as_session(source: object) -> Session | None:
    """Return `source` if it is a session, otherwise None.

    Views call this function at every refresh. In Python 3.11, `isinstance` with a protocol reads
    every property of the object. Therefore the result is stored for each class.
    """
    kind = type(source)
    found = _sessions.get(kind)
    if found is None:
        found = _sessions[kind] = isinstance(source, Session)
    return source if found else None  # type: ignore[return-value]
