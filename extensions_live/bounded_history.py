"""History of a view in bounded memory, which keeps fewer old records than recent records."""

from __future__ import annotations

from typing import Generic, TypeVar

Record = TypeVar("Record")

MOST = 160
"""Maximum number of records that are kept."""


class History(Generic[Record]):
    """History of a limited number of records, keyed by iteration.

    Adding a record for an earlier iteration removes all later records. If there are too many
    records, one record between the first and the last is removed: the record whose removal leaves
    the smallest gap relative to the record's age.

    Parameters
    ----------
    most : int, optional

    Examples
    --------
    >>> history = History(most=4)
    >>> for iteration in range(0, 100, 10):
    ...     history.add(iteration, str(iteration))
    >>> history.iterations
    [0, 70, 80, 90]
    >>> history.add(60, "again")
    >>> history.records
    ['0', 'again']
    """

    def __init__(self, most: int = MOST) -> None:
        self.iterations: list[int] = []
        self.records: list[Record] = []
        self._most = most

    def __len__(self) -> int:
        return len(self.records)

    def add(self, iteration: int, record: Record) -> None:
        """Add a record, and remove existing records of this and later iterations."""
        while self.iterations and self.iterations[-1] >= iteration:
            self.iterations.pop()
            self.records.pop()
        self.iterations.append(iteration)
        self.records.append(record)
        if len(self) > self._most:
            index = min(range(1, len(self) - 1), key=self._missed)
            del self.iterations[index], self.records[index]

    def _missed(self, index: int) -> float:
        before, now = self.iterations[index - 1], self.iterations[-1]
        return (self.iterations[index + 1] - before) / (1 + now - self.iterations[index])
