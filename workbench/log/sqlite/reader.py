"""Reader that adds new records from the database to a log in memory.

A damaged value is replaced by a placeholder, and a warning names its location. A record without a
valid iteration or name is skipped.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Mapping
from itertools import groupby
from typing import TYPE_CHECKING, Any

from workbench.errors import LogError, LogWarning
from workbench.log.base import LAST
from workbench.log.column import MISSING
from workbench.log.memory import TrainingLog
from workbench.log.placeholders import Damaged
from workbench.log.records import storable
from workbench.log.sqlite.tables import Database, Found, lineage, records_of, transaction
from workbench.log.sqlite.values import ABSENT, DELETED, decoded

if TYPE_CHECKING:
    import sqlite3

UNREADABLE = "{database!r}: {place} is damaged ({reason}); the rest of the log can be read"
ESSENTIAL = ("iterations_done", "epochs_done", "_epoch_ends")
"""Status keys that must have valid values; otherwise the log cannot be read."""
NO_ESSENTIAL = (
    "{database!r}: the log cannot be read because status[{key!r}] is damaged ({value!r}); open a "
    "copy of the database with any SQLite program and correct the table status"
)


class Reader:
    """Reader of one log; `update` reads only the records added since its last call.

    Parameters
    ----------
    database : Database
    uuid : str
        The identity of the log.
    trusted : bool
        True if objects may be unpickled.
    """

    def __init__(self, database: Database, uuid: str, trusted: bool) -> None:
        self._database, self._uuid, self._trusted = database, uuid, trusted
        self._connection: sqlite3.Connection | None = database.connect()
        self._lock = threading.Lock()
        self._seen = -1  # the data version at the last read
        self._last = -1  # the number of the last record read

    def update(self, memory: TrainingLog, status: dict[str, Any]) -> None:
        """Update `memory` and `status`; other threads see only complete rows."""
        with self._lock, self._database.explained():
            connection = self._connection
            if connection is None:
                return
            (seen,) = connection.execute("PRAGMA data_version").fetchone()
            if seen == self._seen:
                return
            with transaction(connection, "BEGIN"):
                numbers = lineage(connection, self._uuid)
                own = numbers[-1][0]
                fresh = numbers if self._last < 0 else numbers[-1:]
                records = [
                    found
                    for number, until in fresh
                    for found in records_of(
                        connection, number, until, self._last if number == own else 0
                    )
                ]
                names = connection.execute(
                    "SELECT key FROM channels WHERE log = ? ORDER BY id", (own,)
                ).fetchall()
                facts = connection.execute(
                    "SELECT key, value, kind FROM status WHERE log = ?", (own,)
                ).fetchall()
            self._take(memory, [name for (name,) in names], records)
            new = {key: self._decoded(f"status[{key!r}]", *stored) for key, *stored in facts}
            self._check_essential(new)
            for key in status.keys() - new.keys():
                del status[key]
            status.update(new)
            self._seen = seen
            self._last = max([found.id for found in records], default=max(self._last, 0))

    def _take(self, memory: TrainingLog, names: list[str], records: list[Found]) -> None:
        records = [found for found in records if self._is_sound(found)]
        for name in names:
            if isinstance(name, str) and storable(name):
                memory.introduce(name)
        with memory.writing():
            for (time, removed), group in groupby(records, lambda f: (f.time, _is_removed(f.kind))):
                if not removed:
                    values = {
                        f.key: self._decoded(f"record {f.key!r} of iteration {time}", *f[3:])
                        for f in group
                    }
                    memory.record_all(time, values)
                    continue
                memory.commit()
                for found in group:
                    if found.kind == DELETED and memory.find(time, found.key) is MISSING:
                        memory.record(time, found.key, None)  # creates the row
                        memory.commit()
                    if memory.find(time, found.key) is not MISSING:
                        memory.forget(time, found.key)

    def _decoded(self, place: str, value: Any, kind: str | None) -> Any:
        """Decode a value; if it is damaged, warn and return a placeholder."""
        found = decoded(value, kind, self._trusted)
        if isinstance(found, Damaged):
            self._warn(place, found.reason)
        return found

    def _is_sound(self, found: Found) -> bool:
        """Return True if the iteration and name of a record are valid; otherwise warn."""
        time, key = found.time, found.key
        sound = (
            isinstance(time, int) and 0 <= time <= LAST and isinstance(key, str) and storable(key)
        )
        if not sound:
            self._warn(f"a record {key!r} of iteration {time!r}", "it is skipped")
        return sound

    def _warn(self, place: str, reason: str) -> None:
        text = UNREADABLE.format(database=self._database.name, place=place, reason=reason)
        warnings.warn(text, LogWarning, stacklevel=7)

    def _check_essential(self, status: Mapping[str, Any]) -> None:
        for key in ESSENTIAL:
            value = status.get(key)
            counts = value if isinstance(value, list) else [value]
            fits = isinstance(value, list) is (key == "_epoch_ends")
            if key in status and not (fits and all(type(n) is int and n >= 0 for n in counts)):
                raise LogError(
                    NO_ESSENTIAL.format(database=self._database.name, key=key, value=value)
                )

    def close(self) -> None:
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None


def _is_removed(kind: str | None) -> bool:
    return kind in (DELETED, ABSENT)
