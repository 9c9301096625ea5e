"""Training logs in an SQLite database."""

from workbench.log.sqlite.entry import SQLiteEntry
from workbench.log.sqlite.log import SQLiteLog
from workbench.log.sqlite.status import SQLiteStatus
from workbench.names import explain_missing

__all__ = ["SQLiteEntry", "SQLiteLog", "SQLiteStatus"]

explain_missing(__name__)
