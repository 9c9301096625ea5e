"""Parts of a session as plain values, such as its state, log, commands and branches."""

from __future__ import annotations

import inspect
from collections.abc import Collection
from typing import Any

import numpy as np

from extensions_live.requests import NAMES
from extensions_live.tools.plain import plain
from workbench.errors import LogError, nearest
from workbench.interfaces import Command, Session
from workbench.log.records import listed

MOST_ROWS = 10_000
"""Maximum number of log rows in one answer."""


def state(session: Session) -> dict[str, Any]:
    """Return the state of a session: counts, plan, newest values, and the error if it failed.

    The item ``log`` is the identity of the log; see `log`.
    """
    status, error = session.log.status, session.exception
    return {
        "session": session.name,
        "log": session.log.h_uuid,
        "state": str(session.state),
        "iterations_done": status["iterations_done"],
        "epochs_done": status["epochs_done"],
        "planned": dict(session.planned),
        "latest": plain(session.log.latest()),
        "execution": dict(session.execution),
        "note": session.note,
        "exception": None if error is None else problem(error),
        "last_command": receipt(session.commands[-1]) if session.commands else None,
    }


def problem(error: BaseException) -> dict[str, str]:
    """Return the class and the message of an error."""
    return {"type": type(error).__name__, "message": str(error)}


def receipt(command: Command) -> dict[str, Any]:
    """Return a command and its outcome so far."""
    return {
        "id": command.id,
        "name": command.kind,
        "text": command.text,
        "by": command.by,
        "state": command.state,
        "done": command.done,
        "refused": command.reason is not None,
        "iteration": command.iteration,
        "reason": command.reason,
    }


def log(
    session: Session,
    *,
    since: int = 0,
    limit: int = MOST_ROWS,
    channels: Collection[str] | None = None,
) -> dict[str, Any]:
    """Return the rows of the log from an iteration onwards, grouped by channel.

    Parameters
    ----------
    session : Session
    since : int
        The first iteration.
    limit : int
        The maximum number of rows, at most `MOST_ROWS`.
    channels : collection of str, optional
        The channel names; by default all channels.

    Returns
    -------
    dict
        A dictionary whose item ``channels`` contains the ``iterations`` and ``values`` of each
        channel. Pass the item ``next`` as `since` to get the rows that follow. The newest row of
        the log is then returned again, because more records may be added to it. The item ``log``
        is the identity of the log, which changes with a rewind and when the run is resumed. Rows
        that were read before this change may no longer belong to the run, so start again with
        `since` 0.

    Raises
    ------
    LogError
        If a channel does not exist.
    """
    # Read the identity first, so that rows of a discarded branch never get the new identity.
    identity = session.log.h_uuid
    known = session.log.channels
    for name in channels or ():
        if name not in known:
            hint = nearest(name, known) or listed(known)
            raise LogError(f"the log has no channel {name!r}{hint}")
    snapshot = session.log.snapshot(None if channels is None else tuple(channels))
    rows = snapshot.rows[np.searchsorted(snapshot.rows, since) :]
    limit = min(limit, MOST_ROWS)
    complete = len(rows) <= limit
    rows = rows[:limit]
    last = int(rows[-1]) if len(rows) else since - 1
    found = {}
    for name, entries in snapshot.columns.items():
        first, end = np.searchsorted(entries.iterations, [since, last + 1])
        if first < end or channels is not None:
            found[name] = {
                "iterations": entries.iterations[first:end].tolist(),
                "values": [plain(value) for value in entries.values[first:end].tolist()],
            }
    return {
        "log": identity,
        "since": since,
        "next": max(since, last) if complete else last + 1,
        "complete": complete,
        "channels": found,
    }


def hyperparameters(session: Session) -> list[dict[str, Any]]:
    """Return the hyperparameters that can be changed, with their bounds."""
    names = ("path", "name", "value", "low", "high", "scale", "driven_by", "held")
    return [{name: plain(getattr(one, name)) for name in names} for one in session.hyperparameters]


def branches(session: Session) -> list[dict[str, Any]]:
    """Return the branches of the run; training continues on the last branch."""
    names = ("name", "start", "end", "difference")
    return [{name: getattr(one, name) for name in names} for one in session.branches]


def snapshots(session: Session) -> list[dict[str, Any]]:
    """Return the iteration and the `pin` attribute of each snapshot in memory."""
    return [{"iteration": one.iteration, "pin": one.pin} for one in session.snapshots]


def commands() -> dict[str, dict[str, Any]]:
    """Return the commands of a session, with their arguments and descriptions.

    Examples
    --------
    >>> commands()["step"]
    {'arguments': '(n: int = 1)', 'does': 'Train on `n` batches and then pause.'}
    """
    found: dict[str, dict[str, Any]] = {}
    for name in NAMES:
        method = getattr(Session, name)
        signature = inspect.signature(method)
        arguments = [one for one in signature.parameters.values() if one.name != "self"]
        shown = signature.replace(parameters=arguments, return_annotation=inspect.Signature.empty)
        does = (inspect.getdoc(method) or "").partition("\n")[0]
        found[name] = {"arguments": str(shown).replace("'", ""), "does": does}
    return found
