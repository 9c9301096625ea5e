"""`Row`, a mutable mapping of the records of one iteration.

Indexing a log returns a row, which stores no data and accesses the log through `Records`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from typing import Any

from workbench.errors import UnknownRecordError, nearest
from workbench.log.column import MISSING
from workbench.log.records import Records


class Row(MutableMapping[str, Any]):
    """Live view of the records of one iteration.

    Indexing a log returns a row, which reads and writes the log directly. Numbers, including those
    of numpy and torch, are returned as Python numbers, and tensors are returned as arrays. Arrays
    are copied when they are recorded.

    Attributes
    ----------
    iteration : int
        The number of completed iterations when the records were written.

    Examples
    --------
    >>> from workbench.log import TrainingLog
    >>> row = TrainingLog()[3]
    >>> isinstance(row, Row), row.iteration
    (True, 3)
    >>> row["cost"] = 0.5
    >>> row.update({"error_rate": 0.25, "note": "so far so good"})
    >>> row
    {'cost': 0.5, 'error_rate': 0.25, 'note': 'so far so good'}
    >>> row["csot"]
    Traceback (most recent call last):
    ...
    workbench.errors.UnknownRecordError: iteration 3 has no record 'csot'; did you mean 'cost'?
    """

    __slots__ = ("_log", "iteration")

    def __init__(self, log: Records, iteration: int) -> None:
        self._log = log
        self.iteration = iteration

    def __getitem__(self, name: str) -> Any:
        value = self._log.find(self.iteration, name)
        if value is MISSING:
            raise self._unknown(name)
        return value

    def get(self, name: str, default: Any = None) -> Any:
        value = self._log.find(self.iteration, name)
        return default if value is MISSING else value

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self._log.find(self.iteration, name) is not MISSING

    def __setitem__(self, name: str, value: Any) -> None:
        self._log.record(self.iteration, name, value)

    def update(  # type: ignore[override]
        self, records: Mapping[str, Any] | Iterable[tuple[str, Any]] = (), /, **more: object
    ) -> None:
        """Write several records, which become visible to other threads at the same time."""
        self._log.record_all(self.iteration, dict(records, **more))

    def __delitem__(self, name: str) -> None:
        if name not in self:
            raise self._unknown(name)
        self._log.forget(self.iteration, name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._log.names(self.iteration))

    def __len__(self) -> int:
        return len(self._log.names(self.iteration))

    def __repr__(self) -> str:
        return repr(dict(self))

    def _unknown(self, name: str) -> UnknownRecordError:
        return UnknownRecordError(
            f"iteration {self.iteration} has no record {name!r}{nearest(name, self)}"
        )
