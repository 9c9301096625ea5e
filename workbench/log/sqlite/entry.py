"""The row of a log in an SQLite database."""

from __future__ import annotations

from workbench.log.records import Records
from workbench.log.row import Row


class SQLiteEntry(Row):
    """The records of one iteration of an `SQLiteLog`, which indexing the log gives.

    Parameters
    ----------
    log : SQLiteLog
        The log.
    time : int
        The number of iterations done when the records were made.

    Examples
    --------
    >>> from workbench.log import SQLiteLog
    >>> entry = SQLiteEntry(SQLiteLog(":memory:"), 3)
    >>> entry["cost"] = 0.5
    >>> entry
    {'cost': 0.5}
    """

    __slots__ = ()

    def __init__(self, log: Records, time: int) -> None:
        super().__init__(log, time)
