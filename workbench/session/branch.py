"""Branches of a run; after a rewind, training continues on a new branch."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from workbench.errors import SessionError
from workbench.log import TrainingLog, TrainingLogBase
from workbench.log.interventions import in_words, interventions_in
from workbench.session.interventions import CHANGING
from workbench.utils.numbers import is_count

NONE = "no own interventions"
CURRENT = "the current branch"


class Branch:
    """Branch of a run, either the current branch or a branch that a rewind or `load` has ended.

    Parameters
    ----------
    name : str
        The name of the branch; it can be changed.
    parent : Branch or None
        The branch that this branch started from.
    start : int
        The iteration where this branch started.
    changes : int
        The number of interventions that changed training before `start`.
    current_log : TrainingLogBase, optional
        The log of the run; it always contains the records of the current branch.

    Attributes
    ----------
    end : int or None
        The iteration where the branch ended; None for the current branch.
    state : mapping or None
        The state of the log at the end of the branch.
    """

    def __init__(
        self,
        name: str,
        parent: Branch | None = None,
        start: int = 0,
        changes: int = 0,
        *,
        current_log: TrainingLogBase | None = None,
    ) -> None:
        self.name = name
        self.parent = parent
        self.start = start
        self.changes = changes
        self.current_log = current_log
        self.end: int | None = None
        self.state: Mapping[str, Any] | None = None
        self._log: TrainingLogBase | None = None

    @property
    def log(self) -> TrainingLogBase | None:
        """The records up to `end`, in memory; None for the current branch."""
        if self._log is None and self.state is not None:
            log = TrainingLog()
            log.load_state_dict(self.state)
            self._log = log
        return self._log

    @property
    def difference(self) -> str:
        """The interventions made on this branch but not on the current branch, as a line of text.

        For the current branch itself, the text lists all its interventions from `start` onwards.
        If there are no interventions, the text says so.
        """
        log = self.log
        if log is not None:
            return difference(log, without=self.current_log) or NONE
        own = "" if self.current_log is None else difference(self.current_log, self.start)
        return own or CURRENT

    @property
    def changed(self) -> bool:
        """True if this branch has no parent, or if the run trained on it."""
        return self.parent is None or self.end != self.start

    @property
    def lineage(self) -> list[tuple[Branch, tuple[float, float]]]:
        """The branch and its ancestors, each with its last point in the history of this branch.

        A point is an iteration and the number of interventions that changed training before it.
        """
        found: list[tuple[Branch, tuple[float, float]]] = []
        branch: Branch | None = self
        until = (math.inf if self.end is None else self.end, math.inf)
        while branch is not None:
            found.append((branch, until))
            until = min(until, (branch.start, branch.changes))
            branch = branch.parent
        return found

    def leave(self, state: Mapping[str, Any]) -> None:
        """End the branch, and keep the state of its log, since another branch continues the log."""
        self.state = state
        self.end = int(state["status"]["iterations_done"])

    def rejoin(self) -> None:
        """Make this the current branch again; its records must be in the log of the run."""
        self.end = self.state = self._log = None

    def __repr__(self) -> str:
        end = "now" if self.end is None else f"{self.end:,}"
        return f"<Branch {self.name!r}: iterations {self.start:,} to {end}>"


def check_iteration(iteration: object) -> None:
    """Check that the iteration to return to is a non-negative integer.

    Raises
    ------
    SessionError
    """
    if not is_count(iteration, 0):
        raise SessionError(f"iteration must be a non-negative integer, not {iteration!r}")


def difference(
    log: TrainingLogBase, start: int = 0, *, without: TrainingLogBase | None = None
) -> str:
    """Return the interventions in `log` that changed training, as a line of text.

    Parameters
    ----------
    log : TrainingLogBase
    start : int
        The first iteration whose interventions are included.
    without : TrainingLogBase, optional
        A log whose interventions are left out.
    """
    others = set() if without is None else {_key(one) for one in interventions(without, CHANGING)}
    changes = [
        record
        for record in interventions(log, CHANGING)
        if record["iteration"] >= start and _key(record) not in others
    ]
    return ", ".join(f"{in_words(record)} at {record['iteration']:,}" for record in changes)


def _key(record: Mapping[str, Any]) -> tuple[Any, ...]:
    return record["iteration"], record.get("id"), record["command"], record.get("text")


def interventions(log: TrainingLogBase, kinds: Iterable[str] | None = None) -> list[dict[str, Any]]:
    """Return the interventions in `log`, each with its ``iteration``.

    If `kinds` is given, only interventions of these kinds are returned.
    """
    kinds = None if kinds is None else tuple(kinds)
    return [
        {"iteration": iteration, **record}
        for iteration, record in interventions_in(log)
        if kinds is None or record["command"] in kinds
    ]
