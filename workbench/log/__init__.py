"""Training logs, which contain the records of a run by iteration and channel."""

from workbench.log.base import TrainingLogBase
from workbench.log.comparison import compare
from workbench.log.export import to_csv, to_hdf5, to_parquet
from workbench.log.memory import TrainingLog
from workbench.log.row import Row
from workbench.log.sqlite import SQLiteEntry, SQLiteLog, SQLiteStatus
from workbench.names import explain_missing

__all__ = [
    "Row",
    "SQLiteEntry",
    "SQLiteLog",
    "SQLiteStatus",
    "TrainingLog",
    "TrainingLogBase",
    "compare",
    "to_csv",
    "to_hdf5",
    "to_parquet",
]

explain_missing(__name__)
