"""SQLite database of training logs: its tables, and functions that open and query it.

A database can contain any number of logs. A log that resumes another log (its parent) includes the
parent's records up to the iteration where the run was resumed. Records are numbered in the order
they are written, so that a reader can request only new records. The view ``entries``, for
use with any SQLite program, has the columns ``uuid``, ``time``, ``key``, ``value`` and ``kind``.
"""

from __future__ import annotations

import os
import time
import uuid as uuids
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from workbench.errors import LogError, LogWarning

if TYPE_CHECKING:
    import sqlite3

IN_MEMORY: Final = ":memory:"
APPLICATION: Final = 0x57424C47
"""SQLite application id of databases that contain training logs."""
LAYOUT: Final = 1
"""Version of the table layout."""
PATIENCE: float = 5.0
"""Seconds to wait while another program is writing to the database."""

TABLES = """
CREATE TABLE logs (
    id INTEGER PRIMARY KEY, uuid TEXT NOT NULL UNIQUE, parent TEXT, parent_time INTEGER,
    created TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
);
CREATE TABLE channels (
    id INTEGER PRIMARY KEY, log INTEGER NOT NULL, key TEXT NOT NULL, UNIQUE (log, key)
);
CREATE TABLE records (
    id INTEGER PRIMARY KEY AUTOINCREMENT, log INTEGER NOT NULL, time INTEGER NOT NULL,
    channel INTEGER NOT NULL, value, kind TEXT, UNIQUE (log, time, channel)
);
CREATE TABLE status (
    log INTEGER NOT NULL, key TEXT NOT NULL, value, kind TEXT, PRIMARY KEY (log, key)
) WITHOUT ROWID;
CREATE VIEW entries AS
    SELECT logs.uuid, records.time, channels.key, records.value, records.kind FROM records
    JOIN channels ON channels.id = records.channel JOIN logs ON logs.id = records.log;
"""

NO_DATABASE = "{name!r} must be an SQLite database or a new file ({error}); pass another path"
NOT_USABLE = (
    "the database {name!r} cannot be used ({error}); its folder must exist and be writable, and "
    "the disk must have free space"
)
MISSING = "the database {name!r} does not exist, so it cannot be read"
LOCKED = (
    "the database {name!r} is still locked by another program after {patience:g} seconds "
    "({error}). Close that program, or use another database"
)
OTHER = (
    "{name!r} must be a database of training logs, but belongs to another program; pass another "
    "path"
)
NEWER = (
    "the database {name!r} was created by a newer version of workbench (layout {found}; this "
    "version supports {known}); update workbench to read it"
)
GONE = (
    "its file was deleted, moved, replaced or truncated while in use; put it back, or save the log "
    "from memory with to_csv or another export"
)
SLOW_JOURNAL = (
    "the database {name!r} is in journal mode {mode!r}, since its file system does not support "
    "'wal'. Therefore training and programs that read the log wait for each other. Move the "
    "database to a local disk"
)
NO_LOG = "the database {name!r} has no log {uuid!r}; {there_are}"
AMBIGUOUS = "the database {name!r} has several logs whose UUIDs start with {uuid!r}: {found}"
EMPTY = "the database {name!r} has no log yet; a log appears within a second of its first record"


class Found(NamedTuple):
    """Record as stored in the database."""

    id: int
    time: int
    key: str
    value: Any
    kind: str | None


class Listed(NamedTuple):
    """Entry in a list of logs; `parent` is None if the log does not continue another log."""

    uuid: str
    parent: str | None
    parent_time: int | None
    created: str


class Database:
    """Database of training logs, which is created if it does not exist.

    Parameters
    ----------
    path : str or path
        The file, or ``":memory:"`` for a database that no other program can open.
    read_only : bool
        If True, open the database only for reading; the file must exist.

    Attributes
    ----------
    name : str
        The absolute path of the file, or ``":memory:"``.

    Raises
    ------
    LogError
        If the file cannot be opened, is locked, or is not a database of training logs that this
        version can read.
    """

    def __init__(self, path: str | os.PathLike[str], read_only: bool = False) -> None:
        text = os.fspath(path)
        self.read_only = read_only
        if text == IN_MEMORY:
            self.name, self._uri = text, f"file:/{uuids.uuid4().hex}?vfs=memdb"
        else:
            file = Path(text).expanduser().absolute()
            self.name, self._uri = str(file), f"{file.as_uri()}?mode={'rw' if read_only else 'rwc'}"
            if read_only and not file.exists():
                raise LogError(MISSING.format(name=self.name))
            if read_only and not _in_use(file) and not _may_write_beside(file):
                self._uri = f"{file.as_uri()}?mode=ro&immutable=1"
        with self.explained():
            self._first = self._opened()
            try:
                self._prepare(self._first)
            except BaseException:
                self._first.close()
                raise
        self._identity, self._size = self._found()
        self._journal: tuple[int, int] | None = None

    def connect(self) -> sqlite3.Connection:
        """Open a new connection, which any thread can use."""
        with self.explained():
            return self._opened()

    def check_there(self) -> None:
        """Raise a `sqlite3.OperationalError` if the opened file was deleted, replaced or truncated.

        The error is also raised if the file's journal was deleted or replaced. Otherwise SQLite
        would continue to write records that no other program could read.
        """
        import sqlite3

        if self._identity is None:
            return
        identity, size = self._found()
        journal, _ = self._found("-wal")
        here = identity == self._identity and self._journal in (None, journal)
        if not here or (size < self._size and self._is_cut_short(size)):
            raise sqlite3.OperationalError(GONE)
        self._size, self._journal = size, journal

    def _is_cut_short(self, size: int) -> bool:
        """Return True if the file became smaller because data were lost, not because of ``VACUUM``.

        The file is not opened, because closing it would release all locks of this process.
        """
        [pages], [each] = (
            self._first.execute(f"PRAGMA page_{what}").fetchone() for what in ("count", "size")
        )
        return not size or size < pages * each

    def _found(self, suffix: str = "") -> tuple[tuple[int, int] | None, int]:
        """Return the device and inode of a file (None if it does not exist), and its size."""
        try:
            found = os.stat(f"{self.name}{suffix}")
        except OSError:
            return None, 0
        return (found.st_dev, found.st_ino), found.st_size

    def close(self) -> None:
        """Close the database; a database in memory is lost."""
        self._first.close()

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Convert an SQLite error inside the context to a `LogError` with advice."""
        import sqlite3

        try:
            yield
        except sqlite3.Error as error:
            text, code = NOT_USABLE, getattr(error, "sqlite_errorcode", 0) & 0xFF
            if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                text = LOCKED
            elif code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
                text = NO_DATABASE
            raise LogError(text.format(name=self.name, error=error, patience=PATIENCE)) from error

    def _opened(self) -> sqlite3.Connection:
        import sqlite3  # slow to load, and needed only here

        connection = sqlite3.connect(
            self._uri, uri=True, timeout=PATIENCE, isolation_level=None, check_same_thread=False
        )
        connection.text_factory = _text
        if self.read_only:
            connection.execute("PRAGMA query_only = ON")
        else:
            # With NORMAL a killed process loses nothing; only a power failure may lose rows.
            connection.execute("PRAGMA synchronous = NORMAL")
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        """Check the file, and create the tables if it is new."""
        known = self._known(connection)
        if self.read_only:
            if not known:
                raise LogError(EMPTY.format(name=self.name))
            return
        mode = _with_wal(connection)
        if mode not in ("wal", "memory"):
            text = SLOW_JOURNAL.format(name=self.name, mode=mode)
            warnings.warn(text, LogWarning, stacklevel=4)
        if known:
            return
        with transaction(connection):
            if not self._known(connection):  # another process may have created them
                for statement in TABLES.split(";"):
                    connection.execute(statement)
                connection.execute(f"PRAGMA application_id = {APPLICATION}")
                connection.execute(f"PRAGMA user_version = {LAYOUT}")

    def _known(self, connection: sqlite3.Connection) -> bool:
        """Return True if the tables exist; raise an error if this version cannot read them."""
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (layout,) = connection.execute("PRAGMA user_version").fetchone()
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if application != APPLICATION:
            if tables:
                raise LogError(OTHER.format(name=self.name))
            return False
        if layout > LAYOUT:
            raise LogError(NEWER.format(name=self.name, found=layout, known=LAYOUT))
        return True

    def logs(self) -> list[Listed]:
        """Return all logs, oldest first.

        Raises
        ------
        LogError
            If the database has no log yet.
        """
        query = "SELECT uuid, parent, parent_time, created FROM logs ORDER BY id"
        with self.explained():
            rows = self._first.execute(query).fetchall()
        if not rows:
            raise LogError(EMPTY.format(name=self.name))
        return [Listed(*row) for row in rows]

    def find(self, uuid: str | None) -> str:
        """Return the UUID that starts with `uuid`, or the UUID of the latest log if `uuid` is None.

        Raises
        ------
        LogError
            If no log, or more than one log, has a matching UUID.
        """
        logs = self.logs()
        if uuid is None:
            return logs[-1].uuid
        found = [log.uuid for log in logs if log.uuid.startswith(uuid)]
        if len(found) == 1:
            return found[0]
        if found:
            raise LogError(AMBIGUOUS.format(name=self.name, uuid=uuid, found=", ".join(found)))
        listed = ", ".join(f"{log.uuid} (of {log.created})" for log in logs[-10:])
        there_are = f"it has {listed}" if len(logs) <= 10 else f"its newest are {listed}"
        raise LogError(NO_LOG.format(name=self.name, uuid=uuid, there_are=there_are))


def _with_wal(connection: sqlite3.Connection) -> str:
    """Turn on the write-ahead log; return the journal mode.

    If another process does this at the same time, SQLite fails at once instead of waiting, so the
    attempt is repeated.
    """
    import sqlite3

    end = time.monotonic() + PATIENCE
    while True:
        try:
            return str(connection.execute("PRAGMA journal_mode = WAL").fetchone()[0])
        except sqlite3.OperationalError as error:
            busy = getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY
            if not busy or time.monotonic() > end:
                raise
        time.sleep(0.02)


def _text(data: bytes) -> str:
    """Decode text; bytes of a damaged database that are not UTF-8 become lone surrogates."""
    return data.decode("utf-8", "surrogateescape")


def _in_use(file: Path) -> bool:
    """Return True if a journal may contain changes that are missing from the file."""
    try:
        return os.stat(f"{file}-wal").st_size > 0
    except OSError:
        return False


def _may_write_beside(file: Path) -> bool:
    """Return True if SQLite can create its shared files next to the database."""
    return os.access(file.parent, os.W_OK) and os.access(file, os.W_OK)


@contextmanager
def transaction(connection: sqlite3.Connection, begin: str = "BEGIN IMMEDIATE") -> Iterator[None]:
    """Execute the statements inside the context as one transaction; an error undoes all of them."""
    connection.execute(begin)
    try:
        yield
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def lineage(connection: sqlite3.Connection, uuid: str) -> list[tuple[int, int]]:
    """Return the id and last visible iteration of the log and its ancestors, oldest first."""
    found: list[tuple[int, int]] = []
    name: str | None = uuid
    until = 2**63 - 1
    while name is not None:
        row = connection.execute(
            "SELECT id, parent, parent_time FROM logs WHERE uuid = ?", (name,)
        ).fetchone()
        if row is None or any(row[0] == number for number, _ in found):
            break
        found.append((row[0], until))
        name = row[1]
        until = min(until, row[2]) if name is not None else until
    return found[::-1]


def records_of(
    connection: sqlite3.Connection, log: int, until: int = 2**63 - 1, after: int = 0
) -> Iterator[Found]:
    """Return the records of a log up to an iteration, in the order they were written."""
    rows = connection.execute(
        "SELECT records.id, time, key, value, kind FROM records "
        "JOIN channels ON channels.id = channel "
        "WHERE records.log = ? AND (time <= ? OR typeof(time) <> 'integer') AND records.id > ? "
        "ORDER BY records.id",
        (log, until, after),
    )
    return map(Found._make, rows)
