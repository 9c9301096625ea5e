"""Store that writes jobs to the tables of a database in one transaction.

A value that SQLite cannot store is omitted and reported by name; the other values are written.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from workbench.log.column import MISSING
from workbench.log.frames import Entries
from workbench.log.sqlite.tables import lineage, records_of, transaction
from workbench.log.sqlite.values import ABSENT, DELETED, Stored, encoded

if TYPE_CHECKING:
    import sqlite3

OMITTED = "the database cannot store {what} ({error}); this value is kept in memory only"
A_RECORD = "record {name!r} of iteration {iteration}, of type {type}"
A_FACT = "status[{name!r}], of type {type}"


@dataclass(frozen=True, slots=True)
class Additions:
    """Job that adds records; each value is a result of `to_python` or an instance of `Stored`."""

    uuid: str
    records: list[tuple[int, str, Any]]


@dataclass(frozen=True, slots=True)
class Fact:
    """Job that stores an item of the status, or removes it if the value is `MISSING`."""

    uuid: str
    key: str
    value: Any


@dataclass(frozen=True, slots=True)
class Whole:
    """Job that replaces a whole log in the database with the log in memory."""

    uuid: str
    parent: str | None
    parent_time: int
    columns: dict[str, Entries]
    status: dict[str, Any]


Job = Additions | Fact | Whole | Future[None]


class Store:
    """Store that writes jobs to the tables through one connection."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self._logs: dict[str, int] = {}
        self._channels: dict[tuple[int, str], int] = {}

    def write_all(self, jobs: Sequence[Job]) -> list[str]:
        """Write `jobs` in one transaction, but omit values that SQLite cannot store.

        Returns
        -------
        list of str
            Descriptions of the omitted values, with the reasons.
        """
        try:
            self.write(jobs)
        except Exception as error:
            if _is_trouble(error):
                raise
        else:
            return []
        omitted: list[str] = []
        kept: list[Job] = []
        for job in jobs:  # slower, because it tries each value
            if isinstance(job, Additions):
                kept.append(replace(job, records=self._storable(job.records, omitted)))
            elif isinstance(job, Fact):
                if self._can_store(A_FACT, job.key, job.value, omitted):
                    kept.append(job)
            elif isinstance(job, Whole):
                kept.append(self._storable_whole(job, omitted))
        self.write(kept)
        return omitted

    def _storable(
        self, records: list[tuple[int, str, Any]], omitted: list[str]
    ) -> list[tuple[int, str, Any]]:
        return [
            (iteration, name, value)
            for iteration, name, value in records
            if self._can_store(A_RECORD, name, value, omitted, iteration)
        ]

    def _storable_whole(self, job: Whole, omitted: list[str]) -> Whole:
        columns: dict[str, Entries] = {}
        for name, entries in job.columns.items():
            items = list(zip(entries.iterations.tolist(), _items(entries.values), strict=True))
            fit = np.array([self._can_store(A_RECORD, name, v, omitted, time) for time, v in items])
            if fit.any():
                iterations, values = entries.iterations[fit], entries.values[fit]
                columns[name] = entries._replace(iterations=iterations, values=values)
        status = {
            key: value
            for key, value in job.status.items()
            if self._can_store(A_FACT, key, value, omitted)
        }
        return replace(job, columns=columns, status=status)

    def _can_store(
        self, what: str, name: Any, value: Any, omitted: list[str], iteration: int = 0
    ) -> bool:
        """Return True if the database can store a value; otherwise add the reason to `omitted`."""
        try:
            stored = Stored(None, None) if value is MISSING else _stored(name, value)
            given = iteration, name, *stored
            self.connection.execute("SELECT ?, ?, ?, ?", given).fetchone()
            if not isinstance(name, str):
                raise TypeError("its name must be text")
        except Exception as error:
            if _is_trouble(error):
                raise
            shown = what.format(name=name, iteration=iteration, type=type(value).__name__)
            omitted.append(OMITTED.format(what=shown, error=error))
            return False
        return True

    def write(self, jobs: Iterable[Job]) -> None:
        """Write `jobs` in one transaction."""
        try:
            with transaction(self.connection):
                self._write(jobs)
        except BaseException:
            self._logs, self._channels = {}, {}  # removed by the rollback
            raise

    def _write(self, jobs: Iterable[Job]) -> None:
        rows: list[tuple[int, int, str, Any]] = []
        facts: dict[tuple[int, str], Any] = {}  # the last value of each fact

        def write_collected() -> None:
            self._records(rows)
            for (log, key), value in facts.items():
                self._fact(log, key, value)
            rows.clear()
            facts.clear()

        for job in jobs:
            if isinstance(job, Additions):
                log = self._log(job.uuid)
                rows.extend((log, *record) for record in job.records)
            elif isinstance(job, Fact):
                facts[self._log(job.uuid), job.key] = job.value
            elif isinstance(job, Whole):
                write_collected()
                self._whole(job)
        write_collected()

    def _log(self, uuid: str, parent: str | None = None, parent_time: int | None = None) -> int:
        number = self._logs.get(uuid)
        if number is None:
            self.connection.execute(
                "INSERT OR IGNORE INTO logs (uuid, parent, parent_time) VALUES (?, ?, ?)",
                (uuid, parent, parent_time),
            )
            number = self._number("SELECT id FROM logs WHERE uuid = ?", (uuid,))
            self._logs[uuid] = number
        return number

    def _channel(self, log: int, key: str) -> int:
        number = self._channels.get((log, key))
        if number is None:
            self.connection.execute(
                "INSERT OR IGNORE INTO channels (log, key) VALUES (?, ?)", (log, key)
            )
            number = self._number("SELECT id FROM channels WHERE log = ? AND key = ?", (log, key))
            self._channels[log, key] = number
        return number

    def _number(self, query: str, values: tuple[Any, ...]) -> int:
        (number,) = self.connection.execute(query, values).fetchone()
        return int(number)

    def _records(self, records: Iterable[tuple[int, int, str, Any]]) -> None:
        # a replaced record gets a new number, so that readers detect it
        self.connection.executemany(
            "INSERT OR REPLACE INTO records (log, time, channel, value, kind) "
            "VALUES (?, ?, ?, ?, ?)",
            [
                (log, time, self._channel(log, key), *_stored(key, value))
                for log, time, key, value in records
            ],
        )

    def _fact(self, log: int, key: str, value: Any) -> None:
        if value is MISSING:
            self.connection.execute("DELETE FROM status WHERE log = ? AND key = ?", (log, key))
        else:
            self.connection.execute(
                "INSERT OR REPLACE INTO status (log, key, value, kind) VALUES (?, ?, ?, ?)",
                (log, key, *_stored(key, value)),
            )

    def _whole(self, job: Whole) -> None:
        known = job.parent is not None and lineage(self.connection, job.parent)
        log = self._log(job.uuid, *((job.parent, job.parent_time) if known else ()))
        there: dict[tuple[int, str], tuple[Any, str | None]] = {}
        for number, until in lineage(self.connection, job.uuid):
            for found in records_of(self.connection, number, until):
                there[found.time, found.key] = found.value, found.kind
        changed: list[tuple[int, str, Any]] = []
        for key, entries in job.columns.items():
            self._channel(log, key)  # in order of first appearance
            for time, value in zip(
                entries.iterations.tolist(), _items(entries.values), strict=True
            ):
                stored = _stored(key, value)
                if there.pop((time, key), None) != stored:
                    changed.append((time, key, stored))
        absent = Stored(None, ABSENT)
        changed += [(*at, absent) for at, (_, k) in there.items() if k not in (ABSENT, DELETED)]
        self._records((log, *record) for record in changed)
        self.connection.execute("DELETE FROM status WHERE log = ?", (log,))
        for key, value in job.status.items():
            self._fact(log, key, value)


def _is_trouble(error: Exception) -> bool:
    """Return True if `error` was caused by the database rather than by a value."""
    import sqlite3

    values = sqlite3.InterfaceError, sqlite3.ProgrammingError, sqlite3.DataError
    if isinstance(error, sqlite3.Error):
        return not isinstance(error, (*values, sqlite3.IntegrityError))
    return isinstance(error, OSError)


def _stored(key: str, value: Any) -> Stored:
    return value if type(value) is Stored else encoded(key, value)


def _items(values: NDArray[Any]) -> list[Any]:
    # tolist() would convert arrays among the objects to lists
    return list(values) if values.dtype == object else values.tolist()
