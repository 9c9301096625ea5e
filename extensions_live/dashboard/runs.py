"""Live view of the runs that other processes log in a database."""

from __future__ import annotations

import sqlite3
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from extensions_live.dashboard.boards import Section
from extensions_live.dashboard.overlay import LoggedRun, curves, figures_of
from extensions_live.dashboard.run_table import RunTable
from extensions_live.figures import PALETTE
from extensions_live.formatting import format_duration
from extensions_live.kernel_clock import Clock
from extensions_live.messages import RunList, RunRow
from extensions_live.runs import QUIET
from workbench.errors import LogError
from workbench.log import SQLiteLog
from workbench.log.sqlite.tables import Database
from workbench.utils.texts import short

DIGITS = 8
"""Number of leading digits of the `uuid` that identify a run."""

FACTS = """
WITH ends AS (
    SELECT logs.id AS log, status.value AS time, channels.id AS channel FROM logs
    JOIN status ON status.log = logs.id AND status.key = 'iterations_done'
    JOIN channels ON channels.log = logs.id AND channels.key = 'training_finished'
)
SELECT logs.uuid, logs.id,
    (SELECT value FROM status WHERE log = logs.id AND key = 'iterations_done'),
    (SELECT value FROM status WHERE log = logs.id AND key = 'epochs_done'),
    (SELECT value FROM status WHERE log = logs.id AND key = 'training_error'),
    (SELECT value FROM status WHERE log = logs.id AND key = 'session_name'),
    EXISTS (SELECT 1 FROM ends JOIN records USING (log, time, channel) WHERE ends.log = logs.id)
FROM logs
"""
"""Query for facts about all runs; its duration does not depend on the number of records."""

NEWEST = "SELECT max(id) FROM records"
NEW = "SELECT log, max(id) FROM records WHERE id > ? GROUP BY +log"
"""Query for the logs with new records; the identifiers of records only increase.

Because of the plus sign, SQLite looks for new records instead of reading the index on logs.
"""


class RunsBoard:
    """Dashboard for a database: a list of the runs, and the curves of the chosen runs.

    Parameters
    ----------
    path : path
        The database.

    Raises
    ------
    LogError
        If the database is missing, damaged or empty.
    """

    def __init__(self, path: Path, *, clock: Clock = time.monotonic) -> None:
        self.place = str(path.expanduser().absolute())
        self._clock = clock
        self._changes: dict[str, tuple[object, float | None]] = {}
        self._newest: int | None = None  # the last record that has been read
        self._last: dict[int, int] = {}  # the last record of each log that has changed since then
        self._shown: list[str] = []
        self._opened: dict[str, LoggedRun] = {}
        self._names: dict[str, str] = {}
        self._named: object = None
        self._figures: object = None
        self._channels: object = None
        self._shown = [self._read()[0]["uuid"]]

    @property
    def title(self) -> str:
        """The name of the database."""
        return Path(self.place).name

    def select(self, runs: Sequence[str]) -> None:
        """Choose the runs to show; runs that do not exist are ignored."""
        known = [row["uuid"] for row in self._read()]
        self._shown = [uuid for uuid in known if uuid in runs]

    def runs(self) -> RunList:
        """Return all runs, newest first, or the error if the database cannot be read."""
        try:
            return {"rows": self._read(), "problem": ""}
        except LogError as error:
            return {"rows": [], "problem": str(error)}

    def sections(self) -> list[Section]:
        runs = {uuid: self._run(uuid) for uuid in self._shown}
        self._opened = runs
        if not runs:
            return [Section("No run is chosen", "Choose one or more runs in the list.", [])]
        self._named = self._names_now()
        named = {self._names[uuid]: run for uuid, run in runs.items()}
        colours = dict(zip(named, self._colours(), strict=True))
        figures = self._figures = self._figures_now()
        title = next(iter(named)) if len(named) == 1 else f"{len(named)} runs compared"
        table = RunTable(named, colours)
        plots = [curves(named, figures)] if figures else []
        subtitle = "" if figures else "No channel contains numbers yet."
        return [Section(title, subtitle, [*plots, table])]

    def stale(self) -> bool:
        gone = [uuid for uuid in self._shown if uuid not in self._changes]
        if gone:  # the run, or the whole database, was deleted and perhaps created again
            self._shown = [uuid for uuid in self._shown if uuid not in gone]
            self._shown = self._shown or list(self._changes)[:1]
            self._opened = {}
            return True
        if self._names_now() != self._named:
            return True
        channels = [run.log.channels for run in self._opened.values()]
        if channels == self._channels:
            return False
        figures = self._figures_now()
        self._channels = channels
        return figures != self._figures

    def _figures_now(self) -> list[list[str]]:
        return figures_of(run.log for run in self._opened.values())

    def _names_now(self) -> list[str | None]:
        return [self._names.get(uuid) for uuid in self._shown]

    def _colours(self) -> list[str]:
        return [PALETTE[i % len(PALETTE)] for i in range(len(self._shown))]

    def _run(self, uuid: str) -> LoggedRun:
        return self._opened.get(uuid) or LoggedRun(
            SQLiteLog(self.place, uuid=UUID(uuid), read_only=True)
        )

    def _read(self) -> list[RunRow]:
        """Return the rows of the list, newest first.

        Raises
        ------
        LogError
            If the database cannot be read.
        """
        database = Database(self.place, read_only=True)
        try:
            listed = database.logs()
            with database.explained(), closing(database.connect()) as connection:
                facts = {row[0]: row[1:] for row in connection.execute(FACTS)}
                self._note_new_records(connection)
        finally:
            database.close()
        shown = self._shown
        colours = dict(zip(shown, self._colours(), strict=True))
        known = [log.uuid for log in reversed(listed)]
        self._changes = {uuid: self._changes.get(uuid, (None, None)) for uuid in known}
        names = self._names = distinct({uuid: facts[uuid][4] for uuid in known})
        rows: list[RunRow] = []
        for log in reversed(listed):
            number, iterations, epochs, error, _, finished = facts[log.uuid]
            last = self._last.get(number)
            state, detail = self._state(log.uuid, iterations, error, finished, last)
            parent = "" if log.parent is None else names.get(log.parent, log.parent[:DIGITS])
            origin = f"continues {parent}" if parent else ""
            if log.parent_time is not None:
                origin += f" from {log.parent_time:,}"
            rows.append(
                {
                    "uuid": log.uuid,
                    "name": names[log.uuid],
                    "created": local(log.created),
                    "origin": origin,
                    "iterations": count(iterations),
                    "epochs": count(epochs),
                    "state": state,
                    "detail": detail,
                    "shown": log.uuid in shown,
                    "colour": colours.get(log.uuid, ""),
                }
            )
        return rows

    def _note_new_records(self, connection: sqlite3.Connection) -> None:
        """Find the logs with new records since the last call; the first call finds no logs."""
        [(newest,)] = connection.execute(NEWEST)
        newest = newest or 0
        if self._newest is None or newest < self._newest:  # the database was created again
            self._last.clear()
        elif newest > self._newest:
            self._last.update(connection.execute(NEW, (self._newest,)))
        self._newest = newest

    def _state(
        self, uuid: str, iterations: Any, error: Any, finished: Any, last: Any
    ) -> tuple[str, str]:
        """Return the state of a run, derived from its log, and an explanation, which may be empty.

        A log does not show whether the run's process still exists, only whether the log changes.
        """
        now = self._clock()
        seen = (iterations, last)
        before, _ = self._changes[uuid]
        if before != seen:
            self._changes[uuid] = (seen, None if before is None else now)
        changed = self._changes[uuid][1]
        if error is not None:
            return "failed", short(str(error).partition("\n")[0], 200)
        if finished:
            return "finished", ""
        if changed is None:
            return "not finished", "no change since this list was opened"
        if now - changed < QUIET:
            return "running", ""
        return "quiet", f"no change for {format_duration(now - changed)}"


def distinct(given: Mapping[str, Any]) -> dict[str, str]:
    """Return a unique name for each run: the name of the run, or the first digits of its `uuid`.

    If several runs have the same name, such as the branches of a session, digits of the `uuid` are
    added to the name.

    Examples
    --------
    >>> distinct({"0123456789": "a", "1234567890": "b", "2345678901": "b", "3456789012": None})
    {'0123456789': 'a', '1234567890': 'b (12345678)', '2345678901': 'b (23456789)',
     '3456789012': '34567890'}
    """
    names = {uuid: name if isinstance(name, str) else "" for uuid, name in given.items()}
    times = Counter(names.values())
    return {uuid: name_of(uuid, name, times[name]) for uuid, name in names.items()}


def name_of(uuid: str, name: str, times: int) -> str:
    """Return the name of a run, followed by digits of `uuid` if the name occurs several times.

    If the run has no name, return only the digits.
    """
    digits = uuid[:DIGITS]
    return digits if not name else name if times == 1 else f"{name} ({digits})"


def count(value: Any) -> str:
    """Return a count as text, or a note if the value is damaged."""
    return f"{value:,}" if isinstance(value, int) else "0" if value is None else f"damaged: {value}"


def local(created: str) -> str:
    """Convert a UTC time from the database to the local time zone.

    Examples
    --------
    >>> len(local("2026-11-28 20:15:00"))
    16
    """
    try:
        moment = datetime.fromisoformat(created).replace(tzinfo=UTC)
    except ValueError:
        return created
    return f"{moment.astimezone():%Y-%m-%d %H:%M}"
