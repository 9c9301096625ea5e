"""Information about a session, in the form that a process sends to a notebook."""

from __future__ import annotations

import pickle
import traceback
from typing import Any

import cloudpickle

from workbench.errors import SessionError
from workbench.session.command import Command
from workbench.session.probe import Probe
from workbench.session.remote.wire import Pickled, packed
from workbench.session.session import Session

NOT_SENT = (
    "the command was applied, but its result cannot be sent to this process ({error}); return "
    "plain values, arrays or tensors"
)
SENT_ELSEWHERE = (
    "the command was applied, but its result was sent only to the notebook that issued it; issue "
    "the command again here"
)
LONGEST_SHARED = 1000
"""Maximum length of a string that is sent to every notebook.

A longer string is sent only to the notebook that issued the command.
"""

REMOTE = "in the process that trains:\n{text}"


def facts_of(session: Session) -> dict[str, Any]:
    """Return the properties of a session that change during training."""
    rewinder = session._worker.rewinder
    branches = list(rewinder.history.branches)
    places = {id(branch): place for place, branch in enumerate(branches)}
    return {
        "state": session.state.value,
        "note": session.note,
        "runs": session.runs,
        "planned": dict(session.planned),
        "execution": dict(session.execution),
        "views": [dict(view) for view in session.views],
        "hyperparameters": session.hyperparameters,
        "branches": [[branch.name, branch.start, branch.end] for branch in branches],
        "snapshots": [
            [one.iteration, one.pin, places.get(id(one.branch))] for one in rewinder.taker.ring
        ],
        "uuid": session.log.h_uuid,
        "iterations_done": session.log.status["iterations_done"],
    }


def is_shared(result: object) -> bool:
    """Return True if a result is small enough to be sent to every notebook."""
    if isinstance(result, str):
        return len(result) <= LONGEST_SHARED
    return result is None or type(result) in (bool, int, float)


RELEASED = object()
"""Placeholder that replaces a large result after it was sent, to free memory."""


def release_result(command: Command) -> None:
    """Forget the result of a command that is done, if the result is large."""
    if not is_shared(command._result):
        command._result = RELEASED


def command_facts(command: Command, ticket: str | None, *, own: bool = True) -> dict[str, Any]:
    """Return a command's properties, for the notebook that issued it or for another notebook."""
    facts: dict[str, Any] = {
        "ended": command.ended,
        "done": command.done,  # read before the rest, which is final once this is True
        "id": command.id,
        "ticket": ticket,
        "kind": command.kind,
        "text": command.text,
        "by": command.by,
        "iteration": command.iteration,
        "reason": command.reason,
        "replaced_by": command.replaced_by,
        "unchanged": command.unchanged,
    }
    if command.exception is not None:
        facts["exception"] = portable(command.exception)
    if facts["ended"] and command._failure:
        facts["failure"] = command._failure
        facts["cause"] = None if command._cause is None else portable(command._cause)
    result = command._result if facts["done"] else None
    if result is RELEASED or (not own and not is_shared(result)):
        facts["unsent"] = SENT_ELSEWHERE
    elif result is not None:
        try:
            facts["result"] = packed(result)
        except Exception as error:
            facts["unsent"] = NOT_SENT.format(error=f"{type(error).__name__}: {error}")
    return facts


def probe_facts(probe: Probe) -> dict[str, Any]:
    """Return the answer to a probe."""
    answered = not probe.reason
    return {
        "iteration": probe.iteration,
        "reason": probe.reason,
        "seconds": probe.seconds,
        "processor_seconds": probe.processor_seconds,
        "batch": probe.batch,
        "stored": probe.stored,
        "values": probe.values if answered else {},
        "steps": probe.steps if answered else {},
    }


def portable(error: BaseException) -> Pickled:
    """Pickle an error, or a `SessionError` with the same text if the error cannot be pickled."""
    try:
        data = cloudpickle.dumps(error)
        if str(pickle.loads(data)) == str(error):
            return Pickled(error)
    except Exception:
        pass
    return Pickled(SessionError(f"{type(error).__name__}: {error}"))


def with_traceback(error: BaseException) -> Pickled:
    """Pickle an error, with its traceback added as a note."""
    text = "".join(traceback.format_exception(error))
    try:
        copy = pickle.loads(portable(error).data)
        copy.add_note(REMOTE.format(text=text.rstrip()))
        return Pickled(copy)
    except Exception:
        return Pickled(SessionError(text))
