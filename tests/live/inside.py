"""Runs and helpers for the tests of views that look inside a network."""

import time

from tests.support.runs import build


def started(**options):
    """Return a paused session, and its model."""
    main_loop = build(None, **options)
    session = main_loop.start(paused=True)
    while session.state != "paused":
        time.sleep(0.001)
    return session, main_loop.model


def train(session, batches):
    """Train a paused session on some batches."""
    end = session.log.status["iterations_done"] + batches
    session.step(batches)
    while session.log.status["iterations_done"] < end or session.state != "paused":
        time.sleep(0.001)


def shown(view, pump):
    """Refresh a view by the pump until it has seen what is asked for; return its payload."""
    end = time.monotonic() + 20
    while True:
        pump.serve(view)
        assert view.problem == ""
        if view._probe is None and view.payload:
            return view.payload
        assert time.monotonic() < end
        time.sleep(0.005)
