"""The identity under which a log is stored in its database, and the events that change it.

A log adds records only under an identity that its own object has created, since another process can
continue any other identity. `TRANSITIONS` has the next state for every state and event; `forks` is
true if the log must take a new identity for that.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Final

from workbench.errors import LogError

READ_ONLY = "this log was opened with read_only=True; open it without read_only to write to it"


class Identity(Enum):
    """The relation of a log to its identity."""

    NEW = auto()
    """Its own identity; the database does not agree with memory yet."""
    OWN = auto()
    """Its own identity; the database agrees with memory, or will once the writer is done."""
    OPENED = auto()
    """An identity found in the database: notes are added to it, but a run needs another one."""
    LOADED = auto()
    """An identity of a loaded state: nothing is added to it."""
    HELD = auto()
    """As `OPENED` or `LOADED`, in a run whose records wait in memory until its first batch."""
    READING = auto()
    """An identity found in the database, which is only read."""


class Event(Enum):
    """An event that can change the identity of a log."""

    NOTE = auto()
    """A record or fact outside of a run."""
    START = auto()
    """A record or fact in a run, before its first batch is done."""
    BATCH = auto()
    """A record or fact in a run, later."""
    FLUSH = auto()
    """A request to write all records to the database."""
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
"""The next state for each state and event; None if the event is refused."""


def after(state: Identity, event: Event) -> Identity:
    """Return the state that follows `event`.

    Raises
    ------
    LogError
        If the log is only read, and the event would write to it.

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
    """Return True if `event` gives the log a new identity, which continues the present one."""
    return event is RESUME or (state in (OPENED, LOADED, HELD) and after(state, event) is OWN)
