"""Functions that print the progress of a session, for commands that wait for the session."""

from __future__ import annotations

import click

from workbench.cli.shown import progress, short
from workbench.interfaces import Session, State

PERIOD = 1.0
"""Number of seconds between two lines; a line without new values is not printed."""


def line(session: Session) -> str:
    """Return the name, state, progress and latest numbers of a session."""
    status = session.log.status
    newest = session.log.latest().items()
    values = [f"{name} {short(one)}" for name, one in newest if type(one) is float]
    done = progress(status["iterations_done"], status["epochs_done"])
    return "  ".join([session.name, session.state.value, done, *values[:4]])


def follow(session: Session, *, every: float = PERIOD) -> None:
    """Print new values every `every` seconds until training pauses or ends.

    If training ended with an error, this error is raised.
    """
    before = None
    while not session.wait(every):
        now = line(session)
        if now != before:
            click.echo(now)
        before = now
        if session.state is State.PAUSED:
            return
    click.echo(line(session))
