"""Polling of conditions in tests, which never depend on how fast the machine is."""

import time

from workbench.interfaces import State

SOON = 20
"""Seconds after which a test fails that still waits."""

COMPILED = 300
"""The same for a run that is compiled first."""


def until(condition, what="", *, timeout=SOON):
    """Wait until `condition` returns a true value, and return it."""
    end = time.monotonic() + timeout
    while not (result := condition()):
        assert time.monotonic() < end, what or condition
        time.sleep(0.002)
    return result


def paused_at(session, iteration):
    """Wait until a session is paused at an iteration, and return the session."""

    def arrived():
        done = session.log.status["iterations_done"]
        return session.state is State.PAUSED and done == iteration

    until(arrived, session)
    return session
