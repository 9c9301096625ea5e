"""The brick that a user picked, which all views of a session share.

A view that lets users pick a brick calls `pick`. The other views call `picked` when they are
refreshed. Therefore `Layers` and `Histogram` also show a brick that is picked on the canvas of an
editor.
"""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from itertools import count

from extensions_live.pump import pump
from extensions_live.widget import LiveWidget
from workbench.interfaces import Session


@dataclass(frozen=True)
class Pick:
    """A picked brick.

    Attributes
    ----------
    path : str
        The path of the brick, such as ``/mlp/linear_0``.
    place : int
        The number of earlier bricks that have the same path.
    number : int
        A number that increases with every pick.
    """

    path: str
    place: int
    number: int


_picked: weakref.WeakKeyDictionary[Session, Pick] = weakref.WeakKeyDictionary()
_numbers = count(1)


def pick(session: Session, path: str, place: int = 0) -> Pick:
    """Pick a brick of a session, and make all views of the session show this brick soon."""
    found = _picked[session] = Pick(path, place, next(_numbers))
    for view in pump.views:
        if isinstance(view, LiveWidget) and view.subject is session:
            pump.nudge(view)
    return found


def picked(session: Session) -> Pick | None:
    """Return the brick picked last in any view of a session, or None if no brick was picked."""
    return _picked.get(session)
