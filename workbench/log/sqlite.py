"""The training log that lives in an SQLite database, which other processes may read meanwhile.

Everything is kept in memory too, as `TrainingLog` keeps it, so that reading costs the same; what
is recorded is besides handed to a thread that writes it (`workbench.log.writer`). The thread that
trains never waits for the disk, except at the very end.
"""

from __future__ import annotations

import os
import threading
import uuid as uuids
import warnings
import weakref
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from functools import partial
from itertools import groupby
from threading import get_ident
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from workbench.config import config
from workbench.errors import LogError, LogWarning
from workbench.log.base import LAST, TrainingLogBase
from workbench.log.column import MISSING, PLAIN
from workbench.log.database import Database, Found, lineage, records_of, transaction
from workbench.log.frames import Snapshot
from workbench.log.memory import TrainingLog
from workbench.log.row import Row
from workbench.log.stored import (
    ABSENT,
    DELETED,
    Damaged,
    Stored,
    check_name,
    decoded,
    encoded,
    storable,
)
from workbench.log.writer import Fact, Records, Whole, Writer
from workbench.utils.values import to_python

if TYPE_CHECKING:
    import sqlite3

READ_ONLY = "this log was opened to be read only; open it without read_only=True to write to it"
UNREADABLE = "{database!r}: {place} is damaged ({reason}); what else the log has can be read"
ESSENTIAL = ("iterations_done", "epochs_done", "_epoch_ends")
"""Facts that a log cannot be read without."""
NO_ESSENTIAL = (
    "{database!r}: status[{key!r}] of this log is damaged, {value!r}, and without it the log "
    "cannot be read; open a copy with any SQLite program and mend the table status"
)
LARGE = (
    "record {name!r} takes {size} bytes of the database at every iteration that has it, which is "
    "more than config.max_blob_size = {limit}; record less of it, or raise that setting"
)


class SQLiteEntry(Row):
    """The records of one iteration of an `SQLiteLog`: what indexing it gives.

    Parameters
    ----------
    log : SQLiteLog
        The log.
    time : int
        The number of iterations done when the records were made.

    Examples
    --------
    >>> entry = SQLiteEntry(SQLiteLog(":memory:"), 3)
    >>> entry["cost"] = 0.5
    >>> entry
    {'cost': 0.5}
    """

    __slots__ = ()

    def __init__(self, log: TrainingLogBase, time: int) -> None:
        super().__init__(log, time)


class SQLiteStatus(MutableMapping[str, Any]):
    """The status of an `SQLiteLog`: a dictionary that is stored with it.

    Values come to the database as they are when they are assigned; to change one, assign again.

    Parameters
    ----------
    log : SQLiteLog
        The log that has it.

    Examples
    --------
    >>> SQLiteLog(":memory:").status
    {'iterations_done': 0, 'epochs_done': 0, '_epoch_ends': []}
    """

    def __init__(self, log: SQLiteLog) -> None:
        self._log = log
        self._values: dict[str, Any] = {"iterations_done": 0, "epochs_done": 0, "_epoch_ends": []}

    def __getitem__(self, key: str) -> Any:
        self._log._refresh()
        return self._values[key]

    def __setitem__(self, key: str, value: Any) -> None:
        check_name("a fact of the status", key)
        if type(value) not in PLAIN:
            value = to_python(value)
        self._log._keep_fact(key, value)
        self._values[key] = value

    def __delitem__(self, key: str) -> None:
        if key in self._values:
            self._log._keep_fact(key, MISSING)
        del self._values[key]

    def __iter__(self) -> Iterator[str]:
        self._log._refresh()
        return iter(tuple(self._values))

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return repr(dict(self))


class SQLiteLog(TrainingLogBase):
    """A training log in an SQLite database.

    What is recorded comes to the database within a second, and when an epoch or the run ends;
    a process that is killed loses no more than that. Any process can read meanwhile: it opens the
    log by its `uuid`, or the newest one by ``read_only=True``, and sees whole rows as they come.

    A run adds to no log but one that its own object has begun: on a log that was opened, or whose
    state was loaded from elsewhere, it goes on as a continuation with a `uuid` of its own, as after
    `resume`. Two runs that went on from the same checkpoint, in two processes at once even, are
    therefore two logs with a common ancestor. To add a note to an old log, open it and record.

    Numbers, strings and None are stored as they are, arrays as ``.npy``, lists, tuples and
    dictionaries of plain values as JSON. Other objects are pickled when they are recorded.

    Parameters
    ----------
    database : str or path, optional
        The file; it is made if it is not there. ``":memory:"`` for a database without a file.
        ``config.sqlite_database`` by default.
    uuid : uuid.UUID or str, optional
        Open the log of that identity, of which the first digits are enough, with what its
        ancestors recorded before it resumed them. A new log is begun if not given.
    read_only : bool
        Only read: the newest log of the database if `uuid` is not given.
    trusted : bool
        Whether objects in the database may be unpickled, which can execute anything. Otherwise
        each is represented by a `workbench.log.stored.Pickled`.

    Attributes
    ----------
    database : str
        Absolute path of the file, or ``":memory:"``.

    Raises
    ------
    LogError
        If the file is no database of logs, is locked, or was made by a newer version; if there is
        no log of that `uuid`; from recording, if an object cannot be pickled.

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
        self._read_only = read_only
        self._training: int | None = None
        self._staged: list[tuple[int, str, Any]] = []
        self._admitted: set[str] = set()  # names that were recorded before
        self._warned: set[str] = set()
        self._settling = threading.RLock()
        self._settled = opened is not None  # whether the database has what memory has, or will
        self._parent: tuple[str, int] | None = None
        self._opened = opened is not None and not read_only
        self._borrowed: int | None = None  # where others may write on: the iterations done there
        self._held = False  # whether memory has records that wait for another identity
        self._loading = False
        self._follower: _Follower | None = None
        self._finalizer = weakref.finalize(self, _close, self._writer, self._database)
        if opened is not None:
            self._follower = _Follower(self._database, opened, trusted)
            self._refresh()

    # The database

    @property
    def conn(self) -> sqlite3.Connection:
        """A connection to the database that only reads; all that was recorded is there by now.

        Raises
        ------
        LogError
            If something could not be written.
        """
        self.flush()
        with self._connecting:
            if self._conn is None:
                self._conn = self._database.connect()
                self._conn.execute("PRAGMA query_only = ON")
                weakref.finalize(self, self._conn.close)
        return self._conn

    def flush(self) -> None:
        """Wait until everything recorded so far is in the database.

        Raises
        ------
        LogError
            If it could not be written; it is kept, and tried again.
        """
        if self._held:
            self.resume()
            self._settle()
        self._writer.flush()

    # What others call

    @property
    def version(self) -> int:
        self._refresh()
        return self._memory.version

    @property
    def channels(self) -> tuple[str, ...]:
        self._refresh()
        return self._memory.channels

    def __len__(self) -> int:
        self._refresh()
        return len(self._memory)

    def __contains__(self, time: object) -> bool:
        self._refresh()
        return time in self._memory

    @contextmanager
    def writing(self) -> Iterator[None]:
        self._check_writable()
        self._stop_following()
        if self._opened:
            self._borrowed = self.status["iterations_done"]
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
        self._check_writable()
        with self._settling:
            self._parent = self.h_uuid, self.status["iterations_done"]
            self._stop_following()
            self._settled = self._opened = self._held = False
            self._borrowed = None
            super().resume()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._check_writable()
        with self._settling:
            own = self.h_uuid
            self._loading = True
            try:
                super().load_state_dict(state)
            finally:
                self._loading = False
            self._parent, self._settled, self._staged = None, False, []
            if self.h_uuid != own:
                self._borrowed, self._opened = self.status["iterations_done"], False
            self._held = False

    def maker(self) -> Callable[[], TrainingLogBase] | None:
        if type(self) is not SQLiteLog:
            return None
        return partial(SQLiteLog, self.database, trusted=self._trusted)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.state_dict(), "database": self.database, "trusted": self._trusted}

    def __setstate__(self, state: dict[str, Any]) -> None:
        SQLiteLog.__init__(self, state["database"], trusted=state["trusted"])
        self.load_state_dict(state)

    # Records

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
        self._stop_following()
        self._memory.record_all(iteration, records)
        self._admitted.update(records)
        self._keep_or_stage(kept)

    def _admit(self, name: str, value: Any) -> Any:
        """Return what the writer may encode later: nothing that can change until then."""
        if type(value) in PLAIN:
            return value
        if type(value) is np.ndarray and not value.dtype.hasobject:
            self._weigh(name, value.nbytes)
            return value.copy()
        stored = encoded(name, value)
        self._weigh(name, stored.size)
        return stored

    def _weigh(self, name: str, size: int) -> None:
        if size > config.max_blob_size and name not in self._warned:
            self._warned.add(name)
            text = LARGE.format(name=name, size=size, limit=config.max_blob_size)
            warnings.warn(text, LogWarning, stacklevel=6)

    def find(self, iteration: int, name: str) -> Any:
        self._refresh()
        return self._memory.find(iteration, name)

    def names(self, iteration: int) -> list[str]:
        self._refresh()
        return self._memory.names(iteration)

    def forget(self, iteration: int, name: str) -> None:
        self._check_writable()
        self._stop_following()
        self._memory.forget(iteration, name)
        self._keep_or_stage([(iteration, name, Stored(None, DELETED))])

    def _snapshot(self, names: tuple[str, ...] | None = None) -> Snapshot:
        self._refresh()
        return self._memory._snapshot(names)

    def _replace(self, rows: NDArray[np.int64], columns: Mapping[str, tuple[Any, Any]]) -> None:
        self._memory._replace(rows, columns)
        self._stop_following()

    # Towards the database

    def _check_writable(self) -> None:
        if self._read_only:
            raise LogError(READ_ONLY)

    def _keep_or_stage(self, records: list[tuple[int, str, Any]]) -> None:
        if get_ident() == self._training:
            self._staged += records
        elif records:
            self._keep(records)

    def _keep(self, records: list[tuple[int, str, Any]]) -> None:
        if self._holds():
            return
        if not self._settled:
            self._settle()
        self._writer.put(Records(self.h_uuid, records))

    def _keep_fact(self, key: str, value: Any) -> None:
        self._check_writable()
        if self._loading:
            return
        if value is not MISSING and type(value) not in PLAIN:
            value = encoded(key, value)
        self._stop_following()
        if self._holds():
            return
        if not self._settled:
            self._settle()
        self._writer.put(Fact(self.h_uuid, key, value))
        if key == "_epoch_ends":
            self._writer.hurry()

    def _holds(self) -> bool:
        """Whether what is recorded now waits in memory, until a run takes an identity of its own.

        That is when a main loop resumes the log, or else with the first batch.
        """
        if self._borrowed is None or (self._opened and self._training is None):
            return False
        at_the_start = self._borrowed == self._status._values["iterations_done"]
        self._held = self._training is not None and at_the_start
        if not self._held:
            self.resume()
        return self._held

    def _settle(self) -> None:
        """Have the database made to agree with memory, which it may know nothing of."""
        with self._settling:
            if self._settled:
                return
            parent, time = self._parent or (None, 0)
            status = {
                k: v if type(v) in PLAIN else encoded(k, v) for k, v in self._status._values.items()
            }
            columns = self._memory._snapshot().columns
            self._writer.put(Whole(self.h_uuid, parent, time, columns, status))
            self._writer.hurry()
            self._settled, self._parent = True, None

    # From the database

    def _refresh(self) -> None:
        """Take over what another process has written, if this log only looks on."""
        follower = self._follower
        if follower is not None:
            follower.update(self._memory, self._status._values)

    def _stop_following(self) -> None:
        follower, self._follower = self._follower, None
        if follower is not None:
            follower.close()


class _Follower:
    """Reads a log from the database, and later what it has gained."""

    def __init__(self, database: Database, uuid: str, trusted: bool) -> None:
        self._database, self._uuid, self._trusted = database, uuid, trusted
        self._connection: sqlite3.Connection | None = database.connect()
        self._lock = threading.Lock()
        self._seen = -1  # the state of the database when it was last read
        self._last = -1  # the number of the last record read

    def update(self, memory: TrainingLog, status: dict[str, Any]) -> None:
        """Bring `memory` and `status` up to date, in which other threads see whole rows only."""
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
            if not isinstance(name, str) or not storable(name):
                continue
            memory._known.setdefault(name)  # the order in which channels first appeared
        with memory.writing():
            for (time, gone), group in groupby(records, lambda f: (f.time, _gone(f.kind))):
                if not gone:
                    values = {
                        f.key: self._decoded(f"record {f.key!r} of iteration {time}", *f[3:])
                        for f in group
                    }
                    memory.record_all(time, values)
                    continue
                memory.commit()
                for found in group:
                    if found.kind == DELETED and memory.find(time, found.key) is MISSING:
                        memory.record(time, found.key, None)  # so that the row is there
                        memory.commit()
                    if memory.find(time, found.key) is not MISSING:
                        memory.forget(time, found.key)

    def _decoded(self, place: str, value: Any, kind: str | None) -> Any:
        """Return a value, or a placeholder with a warning that says where it should be."""
        found = decoded(value, kind, self._trusted)
        if isinstance(found, Damaged):
            self._warn(place, found.reason)
        return found

    def _is_sound(self, found: Found) -> bool:
        """True if iteration and name of a record are what they must be; warn otherwise."""
        time, key = found.time, found.key
        sound = (
            isinstance(time, int) and 0 <= time <= LAST and isinstance(key, str) and storable(key)
        )
        if not sound:
            self._warn(f"a record {key!r} of iteration {time!r}", "it is left out")
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


def _gone(kind: str | None) -> bool:
    return kind in (DELETED, ABSENT)


def _close(writer: Writer, database: Database) -> None:
    if not writer.inherited:  # SQLite forbids even closing what was inherited in a fork
        writer.close()
        database.close()
