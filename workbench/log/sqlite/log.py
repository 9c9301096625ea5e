"""Training log in an SQLite database, which other processes can read during training.

All records are also kept in a `TrainingLog` in memory, so that reading them is fast. A
separate thread writes each record to the database (`workbench.log.sqlite.writer`). The training
thread waits for the disk only at the end of a run. `workbench.log.sqlite.identity` defines the
identity that records are stored under.
"""

from __future__ import annotations

import os
import threading
import uuid as uuids
import warnings
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from threading import get_ident
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from workbench.config import config
from workbench.errors import LogError, LogWarning
from workbench.log.base import TrainingLogBase
from workbench.log.column import MISSING, PLAIN
from workbench.log.frames import Snapshot
from workbench.log.memory import TrainingLog
from workbench.log.row import Row
from workbench.log.sources import open_paths_by
from workbench.log.sqlite.entry import SQLiteEntry
from workbench.log.sqlite.identity import OWN, READ_ONLY, READING, Event, Identity, after, forks
from workbench.log.sqlite.reader import Reader
from workbench.log.sqlite.status import SQLiteStatus
from workbench.log.sqlite.store import Additions, Fact, Whole
from workbench.log.sqlite.tables import Database
from workbench.log.sqlite.values import DELETED, Stored, encoded
from workbench.log.sqlite.writer import Writer
from workbench.utils.values import to_python

if TYPE_CHECKING:
    import sqlite3

LARGE = (
    "a value of record {name!r} uses {size} bytes of the database, more than "
    "config.max_blob_size = {limit}; record a smaller value, or increase this setting"
)
NOT_FOLLOWING = "only a log that was opened with read_only=True can follow another log"


class SQLiteLog(TrainingLogBase):
    """Training log in an SQLite database.

    Records are written to the database within a second, or earlier if an epoch or run ends. A
    process that is killed loses only the records of the last second. Any process can read the log
    at the same time: it opens the log by `uuid`, or the latest log with ``read_only=True``, and
    sees new rows only when they are complete.

    A run adds records only to a log that the same log object has created. If the log was opened, or
    its state was loaded, the run continues it in a new log with a new `uuid`, as after `resume`.
    Two runs from the same checkpoint, even in two processes at the same time, therefore have two
    logs with a common ancestor. To add a note to an old log, open it and write a record.

    Numbers, strings and None are stored directly; arrays are stored as ``.npy``; lists, tuples and
    dictionaries of plain values are stored as JSON. Other objects are pickled when they are
    recorded.

    Parameters
    ----------
    database : str or path, optional
        The file, which is created if it does not exist, or ``":memory:"`` for a database without a
        file; by default ``config.sqlite_database``.
    uuid : uuid.UUID or str, optional
        The identity of the log to open, or its first digits. The log includes the records that its
        ancestors contained before they were resumed. By default a new log is created.
    read_only : bool
        If True, open a log only for reading; without `uuid`, open the latest log.
    trusted : bool
        Pass True to unpickle objects in the database, which can execute arbitrary code. Otherwise
        each object is represented by a `workbench.log.placeholders.Pickled`.

    Attributes
    ----------
    database : str
        The absolute path of the file, or ``":memory:"``.

    Raises
    ------
    LogError
        If the file is not a database of logs, is locked, or was created by a newer version; if it
        has no log with this `uuid`; or, during recording, if an object cannot be pickled.

    Examples
    --------
    >>> log = SQLiteLog(":memory:")
    >>> for i in range(3):
    ...     log[i].update({"cost": 1 / (i + 1), "sizes": [i, i]})
    >>> log.frame
                   cost   sizes
    iteration
    0          1.000000  [0, 0]
    1          0.500000  [1, 1]
    2          0.333333  [2, 2]
    >>> log.conn.execute("SELECT time, key, value FROM entries WHERE key = 'cost'").fetchall()
    [(0, 'cost', 1.0), (1, 'cost', 0.5), (2, 'cost', 0.333...)]
    """

    _row: ClassVar[type[Row]] = SQLiteEntry

    def __init__(
        self,
        database: str | os.PathLike[str] | None = None,
        *,
        uuid: uuids.UUID | str | None = None,
        read_only: bool = False,
        trusted: bool = False,
    ) -> None:
        self._database = Database(
            config.sqlite_database if database is None else database, read_only
        )
        self.database = self._database.name
        opened: str | None = None
        try:
            if uuid is not None or read_only:
                opened = self._database.find(
                    uuid.hex if isinstance(uuid, uuids.UUID) else uuid and uuid.replace("-", "")
                )
        except BaseException:
            self._database.close()
            raise
        super().__init__(None if opened is None else uuids.UUID(opened))
        self._memory = TrainingLog(self.uuid)
        self._status = SQLiteStatus(self)
        self.status = self._status
        self._writer = Writer(self._database)
        self._conn: sqlite3.Connection | None = None
        self._connecting = threading.Lock()
        self._trusted = trusted
        self._training: int | None = None
        self._staged: list[tuple[int, str, Any]] = []
        self._admitted: set[str] = set()  # names that were already recorded
        self._warned: set[str] = set()
        self._moving = threading.RLock()
        self._identity = Identity.NEW
        self._parent: tuple[str, int] | None = None
        self._start = 0  # iterations done at the start of the run or in the loaded state
        self._reader: Reader | None = None
        self._finalizer = weakref.finalize(self, _close, self._writer, self._database)
        if opened is not None:
            self._identity = Identity.READING if read_only else Identity.OPENED
            self._reader = Reader(self._database, opened, trusted)
            self.refresh()

    @property
    def conn(self) -> sqlite3.Connection:
        """A read-only connection to the database, returned after all records have been written.

        Raises
        ------
        LogError
            If a record could not be written.
        """
        self.flush()
        with self._connecting:
            if self._conn is None:
                self._conn = self._database.connect()
                self._conn.execute("PRAGMA query_only = ON")
                weakref.finalize(self, self._conn.close)
        return self._conn

    @property
    def trusted(self) -> bool:
        """True if objects in the database are unpickled."""
        return self._trusted

    def flush(self) -> None:
        """Wait until all existing records are in the database.

        Raises
        ------
        LogError
            If a record could not be written. The record is kept, and writing is retried.
        """
        self._move(Event.FLUSH)
        self._writer.flush()

    @property
    def problem(self) -> str:
        """The reason why new records cannot be written at present; empty if they can."""
        return self._writer.problem

    def hurry(self) -> None:
        """Write existing records now instead of within a second, and return without waiting."""
        self._writer.hurry()

    def follow(self, uuid: str) -> None:
        """Read another log of the database from now on, for example after a run is rewound.

        Parameters
        ----------
        uuid : str
            The identity of the other log, as hexadecimal digits.

        Raises
        ------
        LogError
            If this log was not opened with ``read_only=True``, or if there is no such log.
        """
        if self._identity is not READING:
            raise LogError(NOT_FOLLOWING)
        with self._moving:
            if uuid == self.h_uuid:
                return
            other = SQLiteLog(self.database, uuid=uuid, read_only=True, trusted=self._trusted)
            # No record may be read into `other` after this copy: it would be lost.
            state = other._memory.state_dict()
            reader, self._reader = self._reader, None
            if reader is not None:
                reader.close()
            self._memory.replace(state["rows"], state["columns"])
            self._status.replace(other._status.facts)
            self._reader, other._reader = other._reader, None
            self.uuid = other.uuid  # last, since it tells other threads that the log follows

    @property
    def version(self) -> int:
        self.refresh()
        return self._memory.version

    def __contains__(self, time: object) -> bool:
        self.refresh()
        return time in self._memory

    @contextmanager
    def writing(self) -> Iterator[None]:
        self._check_writable()
        self._stop_reading()
        self._start = self._status.facts["iterations_done"]
        with self._memory.writing():
            self._training = get_ident()
            try:
                yield
            finally:
                self.commit()
                self._training = None
                try:
                    self.flush()
                except LogError as error:
                    warnings.warn(str(error), LogWarning, stacklevel=4)

    def commit(self) -> None:
        self._memory.commit()
        if self._staged and get_ident() == self._training:
            staged, self._staged = self._staged, []
            self._keep(staged)

    def resume(self) -> None:
        self._move(Event.RESUME)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._check_writable()
        with self._moving:
            own = self.h_uuid
            super().load_state_dict(state)
            self._move(Event.RESTORE if self.h_uuid == own else Event.LOAD)

    def _load_status(self, status: Mapping[str, Any]) -> None:
        # Only in memory; the next addition updates the whole database.
        self._status.replace(status)

    def maker(self) -> Callable[[], TrainingLogBase] | None:
        if type(self) is not SQLiteLog:
            return None
        return partial(SQLiteLog, self.database, trusted=self._trusted)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.state_dict(), "database": self.database, "trusted": self._trusted}

    def __setstate__(self, state: dict[str, Any]) -> None:
        SQLiteLog.__init__(self, state["database"], trusted=state["trusted"])
        self.load_state_dict(state)

    def record(self, iteration: int, name: str, value: Any) -> None:
        if type(value) in PLAIN and name in self._admitted and get_ident() == self._training:
            self._memory.record(iteration, name, value)
            self._staged.append((iteration, name, value))
        else:
            self.record_all(iteration, {name: value})

    def record_all(self, iteration: int, records: dict[str, Any]) -> None:
        self._check_writable()
        kept = []
        for name, value in records.items():
            if type(value) not in PLAIN:
                value = records[name] = to_python(value)
            kept.append((iteration, name, self._admit(name, value)))
        self._stop_reading()
        self._memory.record_all(iteration, records)
        self._admitted.update(records)
        self._keep_or_stage(kept)

    def _admit(self, name: str, value: Any) -> Any:
        """Return `value` if it is plain, or a copy or encoding that later changes do not affect."""
        if type(value) in PLAIN:
            return value
        if type(value) is np.ndarray and not value.dtype.hasobject:
            self._check_size(name, value.nbytes)
            return value.copy()
        stored = encoded(name, value)
        self._check_size(name, stored.size)
        return stored

    def _check_size(self, name: str, size: int) -> None:
        if size > config.max_blob_size and name not in self._warned:
            self._warned.add(name)
            text = LARGE.format(name=name, size=size, limit=config.max_blob_size)
            warnings.warn(text, LogWarning, stacklevel=6)

    def find(self, iteration: int, name: str) -> Any:
        self.refresh()
        return self._memory.find(iteration, name)

    def names(self, iteration: int) -> list[str]:
        self.refresh()
        return self._memory.names(iteration)

    def forget(self, iteration: int, name: str) -> None:
        self._check_writable()
        self._stop_reading()
        self._memory.forget(iteration, name)
        self._keep_or_stage([(iteration, name, Stored(None, DELETED))])

    def snapshot(self, names: tuple[str, ...] | None = None) -> Snapshot:
        self.refresh()
        return self._memory.snapshot(names)

    def replace(self, rows: NDArray[np.int64], columns: Mapping[str, tuple[Any, Any]]) -> None:
        self._memory.replace(rows, columns)
        self._stop_reading()

    def _check_writable(self) -> None:
        if self._identity is READING:
            raise LogError(READ_ONLY)

    def _keep_or_stage(self, records: list[tuple[int, str, Any]]) -> None:
        if get_ident() == self._training:
            self._staged += records
        elif records:
            self._keep(records)

    def _keep(self, records: list[tuple[int, str, Any]]) -> None:
        if self._identity is OWN or self._may_add():
            self._writer.put(Additions(self.h_uuid, records))

    def keep_fact(self, key: str, value: Any) -> None:
        """Store an item of the status, or remove it if `value` is `MISSING`."""
        self._check_writable()
        if value is not MISSING and type(value) not in PLAIN:
            value = encoded(key, value)
        self._stop_reading()
        if self._identity is OWN or self._may_add():
            self._writer.put(Fact(self.h_uuid, key, value))
            if key == "_epoch_ends":
                self._writer.hurry()

    def _may_add(self) -> bool:
        """Return True if new records can be written now, or False if they must stay in memory."""
        if self._training is None:
            self._move(Event.NOTE)
        elif self._status.facts["iterations_done"] == self._start:
            self._move(Event.START)
        else:
            self._move(Event.BATCH)
        return self._identity is not Identity.HELD

    def _move(self, event: Event) -> None:
        """Change the identity's state, and perform the actions of this transition."""
        with self._moving:
            state = after(self._identity, event)
            if forks(self._identity, event):
                self._parent = self.h_uuid, self.status["iterations_done"]
                self._stop_reading()
                self._identity = Identity.NEW
                super().resume()  # adds a fact to the status
            elif event is Event.RESTORE or event is Event.LOAD:
                self._parent, self._staged = None, []
                self._start = self._status.facts["iterations_done"]
            if state is OWN and self._identity is not state:
                self._write_whole()
            self._identity = state

    def _write_whole(self) -> None:
        """Write the whole log, because records in the database may be missing or different."""
        parent, time = self._parent or (None, 0)
        status = {
            key: value if type(value) in PLAIN else encoded(key, value)
            for key, value in self._status.facts.items()
        }
        columns = self._memory.snapshot().columns
        self._writer.put(Whole(self.h_uuid, parent, time, columns, status))
        self._writer.hurry()
        self._parent = None

    def refresh(self) -> None:
        """Read new records from another process if this log was opened but has not been changed."""
        reader = self._reader
        if reader is not None:
            reader.update(self._memory, self._status.facts)

    def _stop_reading(self) -> None:
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.close()


open_paths_by(partial(SQLiteLog, read_only=True))


def _close(writer: Writer, database: Database) -> None:
    if not writer.inherited:  # SQLite forbids this in a forked process
        writer.close()
        database.close()
