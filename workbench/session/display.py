"""Functions that format sessions as a line of text or an HTML table, for use without a view."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from workbench.errors import LogError
from workbench.interfaces import Session
from workbench.log import TrainingLogBase

WAITING = 5
"""Maximum number of waiting commands to show in the table."""

NO_LOG = "its log cannot be read"


class Facts(NamedTuple):
    """Counts and latest values of a run."""

    iterations: int
    epochs: int
    values: Mapping[str, Any]

    def numbers(self, count: int) -> dict[str, str]:
        """Return the first `count` values that are numbers, as text."""
        found = [(name, one) for name, one in self.values.items() if type(one) in (int, float)]
        return {name: f"{value:.5g}" for name, value in found[:count]}


def facts_of(log: TrainingLogBase) -> Facts:
    """Return the counts and latest values of a log."""
    return Facts(log.status["iterations_done"], log.status["epochs_done"], log.latest())


def _known(session: Session, last: Facts | None) -> Facts | None:
    """Return the facts to show; None if the log cannot be read, such as a removed database."""
    try:
        return last or facts_of(session.log)
    except LogError:
        return None


def line(session: Session, last: Facts | None = None) -> str:
    """Format the state, counts, latest values and error of a session as one line.

    The facts at the end of the session are `last`, if another session has continued the run.
    """
    now = _known(session, last)
    if now is None:
        return f"<Session {session.name}: {session.state.value}, {NO_LOG}>"
    facts = [
        session.state.value,
        f"iteration {now.iterations}",
        f"{now.epochs} epoch{'s' * (now.epochs != 1)} done",
        *(f"{name} {value}" for name, value in now.numbers(3).items()),
    ]
    if session.note and (last or not session.state.ended):
        facts.append(session.note)
    if session.exception is not None:
        facts.append(f"{type(session.exception).__name__}: {session.exception}")
    return f"<Session {session.name}: {', '.join(facts)}>"


def table(session: Session, last: Facts | None = None) -> str:
    """Format the state, latest values, error, waiting commands and note of a session as HTML."""
    now = _known(session, last)
    rows = {"state": f"<b>{session.state.value}</b>"}
    if now is None:
        rows["log"] = NO_LOG
    else:
        rows["iteration"] = f"{now.iterations:,}"
        rows["epochs done"] = f"{now.epochs:,}"
        rows |= {html.escape(name): value for name, value in now.numbers(8).items()}
    if session.exception is not None:
        text = html.escape(f"{type(session.exception).__name__}: {session.exception}")
        rows["error"] = f"{text}<br>The wait() method raises this error with its traceback."
    waiting = [command.text for command in session.commands if not command.done]
    if waiting:
        more = f" and {len(waiting) - WAITING} more" if len(waiting) > WAITING else ""
        rows["queued"] = html.escape(", ".join(waiting[:WAITING]) + more)
    if session.note:
        rows["note"] = html.escape(session.note)
    cells = "".join(f"<tr><th>{name}</th><td>{text}</td></tr>" for name, text in rows.items())
    return f"<table><caption>{html.escape(session.name)}</caption>{cells}</table>"


def list_of(sessions: Iterable[tuple[Session, Facts | None]]) -> str:
    """Return an HTML table with one row for each session; see `line` for the facts."""
    rows = []
    for session, last in sessions:
        now = _known(session, last)
        if now is None:
            name = html.escape(session.name)
            rows.append(f'<td>{name}</td><td colspan="4">{session.state.value}: {NO_LOG}</td>')
            continue
        planned = session.planned["batches"]
        noted = session.note and (last or not session.state.ended)
        of = f" of {planned:,}" if planned and not last else ""
        newest = ", ".join(f"{name} {value}" for name, value in now.numbers(3).items())
        cells = [
            session.name,
            f"{session.state.value}: {session.note}" if noted else session.state.value,
            f"{now.iterations:,}{of}",
            f"{now.epochs:,}",
            newest,
        ]
        rows.append("".join(f"<td>{html.escape(cell)}</td>" for cell in cells))
    names = ("name", "state", "iteration", "epochs done", "newest values")
    head = "".join(f"<th>{name}</th>" for name in names)
    if not rows:
        return "<p>no sessions</p>"
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
