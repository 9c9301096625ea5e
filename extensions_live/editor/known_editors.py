"""A registry of the editors that started sessions, used to find the model of a session."""

from __future__ import annotations

import weakref
from typing import Any

from workbench.interfaces import Session

_known: weakref.WeakKeyDictionary[Session, weakref.ref[Any]] = weakref.WeakKeyDictionary()


def remember(session: Session, editor: object) -> None:
    """Record that a session trains the model of an editor; only weak references are kept."""
    _known[session] = weakref.ref(editor)


def editor_of(session: Session) -> Any:
    """Return the editor whose model a session trains, or None if no such editor exists."""
    found = _known.get(session)
    return None if found is None else found()
