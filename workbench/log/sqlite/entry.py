"""Row of a log in an SQLite database."""

from __future__ import annotations

from workbench.log.records import Records
from workbench.log.row import Row


class SQLiteEntry(Row):
    """Records of one iteration of an `SQLiteLog`, as returned by indexing the log.

    Parameters
    ----------
    log : SQLiteLog
        The log.
    time : int
        The number of completed iterations when the records were written.

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
