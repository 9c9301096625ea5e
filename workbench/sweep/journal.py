"""Journal of a sweep: two tables in the SQLite database that contains the logs.

Only the thread of the sweep writes to them. A lock on a file prevents two programs from running the
same sweep at once, except on Windows. The operating system releases this lock if the process is
killed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO, Any

from workbench.errors import SessionError
from workbench.log.sqlite.tables import Database
from workbench.sweep.run import SweepRun

TABLES = (
    "CREATE TABLE IF NOT EXISTS sweeps (name TEXT PRIMARY KEY, facts TEXT NOT NULL, "
    "rounds INTEGER NOT NULL DEFAULT 0, created TEXT DEFAULT CURRENT_TIMESTAMP)",
    "CREATE TABLE IF NOT EXISTS sweep_runs (sweep TEXT NOT NULL, number INTEGER NOT NULL, "
    "facts TEXT NOT NULL, PRIMARY KEY (sweep, number))",
)

FACTS = "INSERT INTO sweeps (name, facts) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET facts = ?2"

IN_USE = (
    "the sweep {name!r} in {database!r} is running in another program or kernel; stop it there, or "
    "choose another name"
)
DIFFERENT = (
    "{database!r} has a sweep named {name!r} that was started with different arguments: "
    "{differences}. To start a new sweep, choose another name; to continue, pass the same arguments"
)


class Journal:
    """Journal of one sweep.

    Parameters
    ----------
    path : path
        The database, which is created if it does not exist.
    name : str
        The name of the sweep.

    Attributes
    ----------
    folder : Path
        The folder where the sweep saves the states of its runs.

    Raises
    ------
    LogError
        If the file is not a database of logs.
    """

    def __init__(self, path: str | os.PathLike[str], name: str) -> None:
        self.name = name
        self._database = Database(path)
        self.database = self._database.name
        allowed = "".join(one if one.isalnum() or one in "-_." else "_" for one in name)
        self.folder = Path(f"{self.database}.sweeps") / allowed
        self._lock: IO[str] | None = None
        self._connection = self._database.connect()
        with self._database.explained():
            for statement in TABLES:
                self._connection.execute(statement)

    def claim(self) -> None:
        """Prevent other programs from running this sweep, until `release` is called.

        Raises
        ------
        SessionError
            If another program runs this sweep.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        file = (self.folder / "lock").open("w", encoding="utf-8")
        try:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except ImportError:
            pass  # Windows
        except OSError:
            file.close()  # another program has locked it
            raise SessionError(IN_USE.format(name=self.name, database=self.database)) from None
        self._lock = file

    def release(self) -> None:
        """Allow other programs to run this sweep."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def close(self) -> None:
        """Close the database."""
        self.release()
        self._connection.close()
        self._database.close()

    def begin(self, facts: Mapping[str, Any], extendable: str) -> list[SweepRun]:
        """Store the arguments of the sweep, and return the runs of an earlier start.

        `extendable` is the name of an argument that may have increased since the earlier start.

        Raises
        ------
        SessionError
            If the sweep was started earlier with different arguments.
        """
        text = json.dumps(facts)
        with self._database.explained():
            row = self._connection.execute(
                "SELECT facts FROM sweeps WHERE name = ?", (self.name,)
            ).fetchone()
            if row is not None:
                self._compare(json.loads(row[0]), json.loads(text), extendable)
            self._connection.execute(FACTS, (self.name, text))
            rows = self._connection.execute(
                "SELECT facts FROM sweep_runs WHERE sweep = ? ORDER BY number", (self.name,)
            ).fetchall()
        return [SweepRun.from_plain(json.loads(row[0])) for row in rows]

    def _compare(self, before: dict[str, Any], now: dict[str, Any], extendable: str) -> None:
        differing = [
            f"{key} was {json.dumps(before.get(key))} and is now {json.dumps(value)}"
            for key, value in now.items()
            if before.get(key) != value
            and not (key == extendable and None not in (value, before[key]) and value > before[key])
        ]
        if differing:
            text = "; ".join(differing)
            raise SessionError(
                DIFFERENT.format(database=self.database, name=self.name, differences=text)
            )

    @property
    def rounds(self) -> int:
        """The number of completed run comparisons."""
        (found,) = self._connection.execute(
            "SELECT rounds FROM sweeps WHERE name = ?", (self.name,)
        ).fetchone()
        return int(found)

    @rounds.setter
    def rounds(self, rounds: int) -> None:
        with self._database.explained():
            self._connection.execute(
                "UPDATE sweeps SET rounds = ? WHERE name = ?", (rounds, self.name)
            )

    def write(self, runs: Iterable[SweepRun]) -> None:
        """Store the given runs."""
        with self._database.explained():
            self._connection.executemany(
                "INSERT OR REPLACE INTO sweep_runs VALUES (?, ?, ?)",
                [(self.name, run.number, json.dumps(run.as_plain())) for run in runs],
            )
