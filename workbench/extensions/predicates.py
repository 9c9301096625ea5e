"""Predicates on the log for `SimpleExtension.add_condition`."""

from __future__ import annotations

from workbench.hints import Hinted
from workbench.log import TrainingLogBase
from workbench.names import explain_missing

__all__ = [
    "OnLogRecord",
]


class OnLogRecord(Hinted):
    """Predicate that is True if a record has a true value in the current row.

    Parameters
    ----------
    record_name : str
        The record name.

    Attributes
    ----------
    looked : bool
        True if the predicate has been evaluated.
    found : bool
        True if an evaluation has found the record.

    Examples
    --------
    >>> from workbench.log import TrainingLog
    >>> log = TrainingLog()
    >>> is_best = OnLogRecord("best_so_far")
    >>> is_best(log)
    False
    >>> log.current_row["best_so_far"] = True
    >>> is_best(log)
    True
    """

    def __init__(self, record_name: str) -> None:
        self.record_name = record_name
        self.looked = self.found = False

    def __call__(self, log: TrainingLogBase) -> bool:
        value = log.current_row.get(self.record_name)
        self.looked = True
        self.found = self.found or value is not None
        return bool(value)

    def __repr__(self) -> str:
        return f"OnLogRecord({self.record_name!r})"


explain_missing(__name__)
