"""Functions that format sessions as a line of text or an HTML table, for use without a view."""

from __future__ import annotations

import html
from collections.abc import Iterable

from workbench.interfaces import Session

WAITING = 5
"""Maximum number of waiting commands to show in the table."""


def line(session: Session) -> str:
    """Format the state, counts, latest values and error of a session as one line."""
    status = session.log.status
    facts = [
        session.state.value,
        f"iteration {status['iterations_done']}",
        f"{status['epochs_done']} epoch{'s' * (status['epochs_done'] != 1)} done",
        *(f"{name} {value}" for name, value in numbers(session, 3).items()),
    ]
    if session.note and not session.state.ended:
        facts.append(session.note)
    if session.exception is not None:
        facts.append(f"{type(session.exception).__name__}: {session.exception}")
    return f"<Session {session.name}: {', '.join(facts)}>"


def table(session: Session) -> str:
    """Format the state, latest values, error, waiting commands and note of a session as HTML."""
    status = session.log.status
    rows = {
        "state": f"<b>{session.state.value}</b>",
        "iteration": f"{status['iterations_done']:,}",
        "epochs done": f"{status['epochs_done']:,}",
        **{html.escape(name): value for name, value in numbers(session, 8).items()},
    }
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


def list_of(sessions: Iterable[Session]) -> str:
    """Return an HTML table with one row for each session."""
    rows = []
    for session in sessions:
        status, planned = session.log.status, session.planned["batches"]
        unready = session.note and not session.state.ended
        of = f" of {planned:,}" if planned else ""
        newest = ", ".join(f"{name} {value}" for name, value in numbers(session, 3).items())
        cells = [
            session.name,
            f"{session.state.value}: {session.note}" if unready else session.state.value,
            f"{status['iterations_done']:,}{of}",
            f"{status['epochs_done']:,}",
            newest,
        ]
        rows.append("".join(f"<td>{html.escape(cell)}</td>" for cell in cells))
    names = ("name", "state", "iteration", "epochs done", "newest values")
    head = "".join(f"<th>{name}</th>" for name in names)
    if not rows:
        return "<p>no sessions</p>"
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def numbers(session: Session, count: int) -> dict[str, str]:
    """Return the latest values of the first `count` numeric channels."""
    newest = session.log.latest().items()
    found = [(name, value) for name, value in newest if type(value) in (int, float)]
    return {name: f"{value:.5g}" for name, value in found[:count]}
