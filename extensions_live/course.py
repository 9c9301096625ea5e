"""The course of a run, for the control bar: interventions, branches, snapshots and alerts.

These data are read from the session and its log. The interventions are read again only while a
command is waiting, or after a command, branch or run has been added.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from extensions_live.messages import AlertRow, BranchRow, InterventionRow, SnapshotRow
from workbench.extensions.alerts import ALERTS
from workbench.interfaces import Branch, Session
from workbench.log import TrainingLogBase
from workbench.log.interventions import UNCHANGING, change_of, in_words, time_of
from workbench.utils.texts import short

MOST_INTERVENTIONS = 50
MOST_BRANCHES = 30
MOST_ALERTS = 5
MOST_LETTERS = 300
MOST_LETTERS_OF_ALERT = 2000  # the advice at the end of an alert must fit

WAYS_BACK = frozenset({"rewind", "undo", "load"})
"""Commands that restore a different state of training."""


class Course:
    """The interventions and branches of a run; interventions are read again only if necessary."""

    def __init__(self) -> None:
        self.records: list[Mapping[str, Any]] = []
        self._seen: tuple[object, ...] = ()
        self._settled = 0
        self._differences: dict[tuple[str, int, int], str] = {}

    def look(self, session: Session) -> None:
        """Read the interventions again if any may have been added or removed."""
        commands = session.commands
        while self._settled < len(commands) and commands[self._settled].done:
            self._settled += 1
        seen = (self._settled, len(commands), len(session.branches), session.runs)
        if seen != self._seen or self._settled < len(commands):
            self._seen = seen
            self.records = list(session.interventions)
            self._differences.clear()  # a branch is compared with the current one

    def interventions(self) -> list[InterventionRow]:
        """Return the most recent changes to training, newest first."""
        changes = [one for one in self.records if one["command"] not in UNCHANGING]
        return [row(record) for record in reversed(changes[-MOST_INTERVENTIONS:])]

    @property
    def left_out(self) -> int:
        """The number of older changes that `interventions` does not return."""
        count = sum(one["command"] not in UNCHANGING for one in self.records)
        return max(0, count - MOST_INTERVENTIONS)

    def last_change(self, path: str) -> Mapping[str, Any] | None:
        """Return the last intervention that changed the number at `path`, if any."""
        return next((one for one in reversed(self.records) if one.get("path") == path), None)

    def took_back(self, ident: int) -> bool:
        """Return True if a later rewind, undo or load undid the effect of a command."""
        idents = {one["id"] for one in self.records}
        later = (one for one in self.records if one["id"] > ident)
        return ident not in idents and any(one["command"] in WAYS_BACK for one in later)

    def went_back(self, since: int) -> bool:
        """Return True if a command after the first `since` commands restored an earlier state."""
        return any(one["command"] in WAYS_BACK and one["id"] > since for one in self.records)

    def branches(self, session: Session) -> list[BranchRow]:
        """Return the most recent branches; the last branch is the current branch."""
        return [
            {
                "name": branch.name,
                "start": branch.start,
                "end": branch.end,
                "difference": short(self._difference(branch), MOST_LETTERS),
            }
            for branch in session.branches[-MOST_BRANCHES:]
        ]

    @staticmethod
    def more_branches(session: Session) -> int:
        """Return the number of older branches that `branches` does not return."""
        return max(0, len(session.branches) - MOST_BRANCHES)

    def _difference(self, branch: Branch) -> str:
        if branch.end is None:
            own = [
                one
                for one in self.records
                if one["iteration"] >= branch.start
                and one["command"] not in UNCHANGING | {"rewind", "undo"}
            ]
            return ", ".join(f"{in_words(one)} at {one['iteration']:,}" for one in own)
        key = (branch.name, branch.start, branch.end)
        if key not in self._differences:
            self._differences[key] = branch.difference
        return self._differences[key]


def row(record: Mapping[str, Any]) -> InterventionRow:
    """Return an intervention as a row of the table.

    Examples
    --------
    >>> row({"iteration": 7, "command": "set", "text": "set rate = 0.5", "by": "code",
    ...      "variable": "rate", "old": 0.25, "value": 0.5})
    {'iteration': 7, 'time': '', 'what': 'rate', 'old': '0.25', 'new': '0.5', 'by': 'code'}
    """
    what, old, new = change_of(record)
    return {
        "iteration": int(record["iteration"]),
        "time": time_of(record),
        "what": short(what, MOST_LETTERS),
        "old": old,
        "new": new,
        "by": str(record.get("by", "")),
    }


def snapshots(session: Session) -> list[SnapshotRow]:
    """Return the snapshots in memory, at most one for each iteration of a branch."""
    found: dict[tuple[int, str], SnapshotRow] = {}
    for one in session.snapshots:
        key = (one.iteration, one.branch.name)
        pin = one.pin or (found[key]["pin"] if key in found else "")
        found[key] = {"iteration": one.iteration, "pin": pin, "branch": one.branch.name}
    return list(found.values())


def alerts(log: TrainingLogBase) -> tuple[list[AlertRow], int]:
    """Return the most recent alerts, newest first, and the total number of alerts."""
    if ALERTS not in log.channels:
        return [], 0
    iterations, rows = log.entries(ALERTS)
    last: list[AlertRow] = []
    for iteration, several in zip(iterations[::-1].tolist(), rows[::-1], strict=True):
        for alert in reversed(several):
            level, text = str(alert.get("level", "warning")), str(alert.get("text", ""))
            text = short(text, MOST_LETTERS_OF_ALERT)
            last.append({"iteration": iteration, "level": level, "text": text})
        if len(last) >= MOST_ALERTS:
            break
    return last[:MOST_ALERTS], sum(len(several) for several in rows)
