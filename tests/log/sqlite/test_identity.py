"""The identity of a log as a table: every state and every event."""

import pytest

from workbench.errors import LogError
from workbench.log.sqlite.identity import TRANSITIONS, Event, Identity, after, forks

NEW, OWN, OPENED, LOADED, HELD, READING = Identity
NOTE, START, BATCH, FLUSH, RESUME, RESTORE, LOAD = Event

# state, event, next state (None: refused), and True if a new identity is taken
TABLE = [
    (NEW, NOTE, OWN, False),
    (NEW, START, OWN, False),
    (NEW, BATCH, OWN, False),
    (NEW, FLUSH, NEW, False),
    (NEW, RESUME, OWN, True),
    (NEW, RESTORE, NEW, False),
    (NEW, LOAD, LOADED, False),
    (OWN, NOTE, OWN, False),
    (OWN, START, OWN, False),
    (OWN, BATCH, OWN, False),
    (OWN, FLUSH, OWN, False),
    (OWN, RESUME, OWN, True),
    (OWN, RESTORE, NEW, False),
    (OWN, LOAD, LOADED, False),
    (OPENED, NOTE, OPENED, False),
    (OPENED, START, HELD, False),
    (OPENED, BATCH, OWN, True),
    (OPENED, FLUSH, OPENED, False),
    (OPENED, RESUME, OWN, True),
    (OPENED, RESTORE, LOADED, False),
    (OPENED, LOAD, LOADED, False),
    (LOADED, NOTE, OWN, True),
    (LOADED, START, HELD, False),
    (LOADED, BATCH, OWN, True),
    (LOADED, FLUSH, LOADED, False),
    (LOADED, RESUME, OWN, True),
    (LOADED, RESTORE, LOADED, False),
    (LOADED, LOAD, LOADED, False),
    (HELD, NOTE, OWN, True),
    (HELD, START, HELD, False),
    (HELD, BATCH, OWN, True),
    (HELD, FLUSH, OWN, True),
    (HELD, RESUME, OWN, True),
    (HELD, RESTORE, LOADED, False),
    (HELD, LOAD, LOADED, False),
    (READING, NOTE, None, None),
    (READING, START, None, None),
    (READING, BATCH, None, None),
    (READING, FLUSH, READING, False),
    (READING, RESUME, None, None),
    (READING, RESTORE, None, None),
    (READING, LOAD, None, None),
]


def test_the_table_has_every_state_and_event():
    pairs = [(state, event) for state, event, *_ in TABLE]
    assert pairs == [(state, event) for state in Identity for event in Event]
    assert TRANSITIONS.keys() == set(pairs)


@pytest.mark.parametrize(("state", "event", "target", "fork"), TABLE)
def test_an_event_leads_from_one_state_to_the_next(state, event, target, fork):
    if target is None:
        with pytest.raises(LogError, match="opened with read_only=True; open it without"):
            after(state, event)
    else:
        assert (after(state, event), forks(state, event)) == (target, fork)


def test_nothing_is_added_under_the_identity_of_another_object_but_a_note():
    added = {(s, e): after(s, e) for s in (OPENED, LOADED, HELD) for e in (NOTE, START, BATCH)}
    assert {k for k, target in added.items() if target not in (OWN, HELD)} == {(OPENED, NOTE)}
