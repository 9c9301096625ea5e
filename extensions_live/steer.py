"""Steering part of the control bar: hyperparameters, planned end, branches and interventions."""

from __future__ import annotations

import math
from collections.abc import Iterable

from extensions_live.course import Course, snapshots
from extensions_live.messages import EndRow, NumberRow, Receipt, SteerPayload
from extensions_live.requests import Request, Requests
from workbench.interfaces import Hyperparameter, Session, State
from workbench.log.column import as_float
from workbench.tensor import SharedVariable

STEERABLE = (State.RUNNING, State.PAUSED)
"""The states that allow changes to hyperparameters and the planned end."""

TAKEN_BACK = frozenset({"set", "hold", "release", "set_end", "train", "relabel", "drop", "rebuild"})
"""Commands whose effects are undone if training is rewound to an earlier iteration."""

USUAL_HIGH = {"momentum": 1.0}
"""The largest usual values of hyperparameters without an upper bound, for their sliders."""

FIRST = ("learning_rate", "momentum")
"""Names of the hyperparameters that are listed first for each step rule."""


class Steer:
    """Contents of the steering part of the control bar, for one session.

    Parameters
    ----------
    session : Session
    requests : Requests
        The requests of the widget.
    variables : iterable of SharedVariable or str
        Variables to show besides the hyperparameters; see `Session.describe`.
    """

    def __init__(
        self,
        session: Session,
        requests: Requests,
        variables: Iterable[SharedVariable | str],
    ) -> None:
        self._requests = requests
        self._course = Course()
        self._given = [session.describe(variable).path for variable in variables]

    def payload(self, session: Session) -> SteerPayload:
        """Return the current contents."""
        course = self._course
        course.look(session)
        return {
            "able": session.state in STEERABLE,
            "session": session.name,
            "default_path": session.default_path,
            "last_path": self._last_path(),
            "numbers": self._numbers(session),
            "end": end(session),
            "branches": course.branches(session),
            "more_branches": course.more_branches(session),
            "snapshots": snapshots(session),
            "interventions": course.interventions(),
            "more_interventions": course.left_out,
        }

    def _numbers(self, session: Session) -> list[NumberRow]:
        found = {one.path: one for one in session.hyperparameters}
        for path in self._given:
            if path not in found:
                found[path] = session.describe(path)
        last = {request.about: request for request in tuple(self._requests.recent)}
        return [
            {
                "path": one.path,
                "name": one.name,
                "owner": one.owner,
                "value": finite(one.value),
                "low": finite(one.low),
                "high": finite(min(one.high, USUAL_HIGH.get(one.name, math.inf))),
                "scale": one.scale,
                "driven_by": one.driven_by,
                "held": one.held,
                "receipt": self._receipt(one.path, last.get(one.path)),
            }
            for one in _in_order(found.values())
        ]

    def receipts(self) -> list[Receipt]:
        """Return the outcomes of requests; those that a rewind has undone have no text."""
        return [self._present(request) for request in tuple(self._requests.recent)]

    def _present(self, request: Request) -> Receipt:
        receipt, command = request.receipt, request.command
        if receipt["state"] == "refused":
            since = request.before if command is None else command.id
            return {**receipt, "text": ""} if self._course.went_back(since) else receipt
        if command is None or command.iteration is None or command.kind not in TAKEN_BACK:
            return receipt
        gone = self._course.took_back(command.id)
        return {**receipt, "text": "", "code": ""} if gone else receipt

    def _receipt(self, path: str, request: Request | None) -> Receipt | None:
        """Return the outcome of the last change to a hyperparameter, regardless of its origin."""
        change = self._course.last_change(path)
        own = None if request is None else self._present(request)
        if change is None or (request is not None and request.waiting):
            return own
        if request is not None:
            since = request.before if request.command is None else request.command.id
            if change["id"] <= since:
                return own
        text = f"{change['text']}: applied at iteration {change['iteration']:,}, by {change['by']}"
        return {"request": "", "about": path, "text": text, "state": "applied", "code": ""}

    def _last_path(self) -> str:
        files = (one.get("file") for one in reversed(self._course.records))
        return str(next(filter(None, files), ""))


def _in_order(found: Iterable[Hyperparameter]) -> list[Hyperparameter]:
    """Return hyperparameters grouped by step rule; names in `FIRST` come first."""
    groups: dict[str, list[Hyperparameter]] = {}
    for one in sorted(found, key=lambda one: (_place(one), one.name)):
        groups.setdefault(one.owner, []).append(one)
    own = groups.pop("", [])
    return [one for group in (*groups.values(), own) for one in group]


def _place(one: Hyperparameter) -> int:
    return FIRST.index(one.name) if one.name in FIRST else len(FIRST)


def end(session: Session) -> EndRow:
    """Return the planned end of a run, and the numbers of completed epochs and batches."""
    planned, status = session.planned, session.log.status
    return {
        "epochs": planned["epochs"],
        "batches": planned["batches"],
        "epochs_done": int(status["epochs_done"]),
        "batches_done": int(status["iterations_done"]),
    }


def finite(value: float) -> float | None:
    """Return `value` as a float that a page can read, or None if it is not finite.

    Examples
    --------
    >>> finite(0.5), finite(math.inf)
    (0.5, None)
    """
    number = as_float(value)
    return number if math.isfinite(number) else None
