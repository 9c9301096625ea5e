"""The identity under which a log comes to its database, and the events that change it.

A log may add records only under an identity that its own object began, since another process may
go on under any other one. `TRANSITIONS` says what follows for every state and event; `forks` says
when the log must take a new identity on the way.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Final

from workbench.errors import LogError

READ_ONLY = "this log was opened to be read only; open it without read_only=True to write to it"


class Identity(Enum):
    """The relation of a log to the identity that it has."""

    NEW = auto()
    """Its own identity; the database does not agree with memory yet."""
    OWN = auto()
    """Its own identity; the database agrees with memory, or will once the writer is done."""
    OPENED = auto()
    """An identity found in the database: notes are added to it, a run goes on under another."""
    LOADED = auto()
    """An identity that came with a loaded state: nothing is added to it."""
    HELD = auto()
    """As `OPENED` or `LOADED`, in a run whose first records wait in memory for a new identity."""
    READING = auto()
    """An identity found in the database, to be read only."""


class Event(Enum):
    """An event that may change the identity of a log."""

    NOTE = auto()
    """A record or fact outside of a run."""
    START = auto()
    """A record or fact in a run, before its first batch is done."""
    BATCH = auto()
    """A record or fact in a run, later."""
    FLUSH = auto()
    """A request that everything recorded be in the database."""
    RESUME = auto()
    """A new identity, as the continuation of the present one."""
    RESTORE = auto()
    """An earlier state of the same identity was loaded."""
    LOAD = auto()
    """The state of another identity was loaded."""


NEW, OWN, OPENED, LOADED, HELD, READING = Identity
RESUME: Final = Event.RESUME
_ROWS: Final[dict[Identity, tuple[Identity | None, ...]]] = {
    #         NOTE    START  BATCH FLUSH    RESUME RESTORE LOAD
    NEW:     (OWN,    OWN,   OWN,  NEW,     OWN,   NEW,    LOADED),
    OWN:     (OWN,    OWN,   OWN,  OWN,     OWN,   NEW,    LOADED),
    OPENED:  (OPENED, HELD,  OWN,  OPENED,  OWN,   LOADED, LOADED),
    LOADED:  (OWN,    HELD,  OWN,  LOADED,  OWN,   LOADED, LOADED),
    HELD:    (OWN,    HELD,  OWN,  OWN,     OWN,   LOADED, LOADED),
    READING: (None,   None,  None, READING, None,  None,   None),
}  # fmt: skip
TRANSITIONS: Final[dict[tuple[Identity, Event], Identity | None]] = {
    (state, event): target
    for state, row in _ROWS.items()
    for event, target in zip(Event, row, strict=True)
}
"""State and event to the state that follows; None where the event is refused."""


def after(state: Identity, event: Event) -> Identity:
    """Return the state that follows `event`.

    Raises
    ------
    LogError
        If the log is to be read only, and the event would write to it.

    Examples
    --------
    >>> after(Identity.OPENED, Event.START), after(Identity.OPENED, Event.BATCH)
    (<Identity.HELD: 5>, <Identity.OWN: 2>)
    """
    target = TRANSITIONS[state, event]
    if target is None:
        raise LogError(READ_ONLY)
    return target


def forks(state: Identity, event: Event) -> bool:
    """Return True if the log must take a new identity, as a continuation of the present one."""
    return event is RESUME or (state in (OPENED, LOADED, HELD) and after(state, event) is OWN)
