"""Identity of a log in its database, and the events that change it.

A run adds records only under an identity that its log object has created, since another process may
be using any other identity. `TRANSITIONS` maps each state and event to the next state; `forks`
returns True if the log must first get a new identity.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Final

from workbench.errors import LogError

READ_ONLY = "this log was opened with read_only=True; open it without read_only to write to it"


class Identity(Enum):
    """State of a log's identity."""

    NEW = auto()
    """Identity created by this log; the database differs from the log in memory."""
    OWN = auto()
    """Identity created by this log; the database matches memory once all jobs are written."""
    OPENED = auto()
    """Identity found in the database; adding records in a run requires a new identity."""
    LOADED = auto()
    """Identity of a loaded state; adding a record or status item requires a new identity."""
    HELD = auto()
    """Identity as in `OPENED` or `LOADED`; records added by a run are still only in memory."""
    READING = auto()
    """Identity found in the database by a read-only log."""


class Event(Enum):
    """Event that may change the identity of a log."""

    NOTE = auto()
    """Adding a record or status item outside a run."""
    START = auto()
    """Adding a record or status item to a run whose first batch has not been completed."""
    BATCH = auto()
    """Adding a record or status item to a run whose first batch has been completed."""
    FLUSH = auto()
    """Requesting that all records be written to the database."""
    RESUME = auto()
    """Changing to a new identity that is derived from the current identity."""
    RESTORE = auto()
    """Loading an earlier state of the same identity."""
    LOAD = auto()
    """Loading a state of a different identity."""


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
"""Mapping from state and event to the next state, or to None if the event is not allowed."""


def after(state: Identity, event: Event) -> Identity:
    """Return the state after `event`.

    Raises
    ------
    LogError
        If the log is read-only and the event would change it.

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
    """Return True if `event` gives the log a new identity derived from its current identity."""
    return event is RESUME or (state in (OPENED, LOADED, HELD) and after(state, event) is OWN)
