"""Training log in memory, stored as columns.

Recording is fast because most of the work is deferred. The training thread stages its records in
plain dictionaries. A commit moves the staged records to a short list, the tail. The tail is moved
into the columns in bulk when the columns are next read, or when it has `TAIL` rows. Outside of
commits, the tail and the columns are accessed only while a lock is held.
"""

from __future__ import annotations

import threading
import uuid as uuids
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import count, groupby
from threading import get_ident
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.errors import LogError
from workbench.log.base import TrainingLogBase, as_index
from workbench.log.column import MISSING, PLAIN, Column
from workbench.log.frames import Entries, Snapshot
from workbench.log.records import check_name
from workbench.utils.values import to_python

TAIL = 256
"""Number of rows that the tail holds before it is moved into the columns."""

NOT_A_NAME = "the name of a record must be a string, not {name!r}"
ALREADY_WRITING = (
    "another thread ({thread}) is writing to this log for a run; give every main loop its own log"
)


class _Counts:
    """Counters that change with the records of a log.

    They are in a separate object because the log checks assignments to its attributes, and these
    checks would almost double the time of a commit.

    Attributes
    ----------
    committed, published : int
        The latest iteration that a commit has added, and the latest iteration that was recorded
        without a commit; the tail and the columns have no later row. There are two counters because
        different threads change them, and `TrainingLog.commit` changes `committed` without the
        lock.
    version : int
        A number that increases with every change that other threads can see.
    """

    __slots__ = ("committed", "published", "version")

    def __init__(self) -> None:
        self.committed = self.published = -1
        self.version = 0


class TrainingLog(TrainingLogBase):
    """Training log in memory.

    A number needs 16 bytes, and each row needs 9 more bytes. `TrainingLogBase` describes when other
    threads see a record.

    Parameters
    ----------
    uuid : uuid.UUID, optional
        The identity of the log; by default random.

    Examples
    --------
    >>> log = TrainingLog()
    >>> for i in range(3):
    ...     log[i]["cost"] = 1 / (i + 1)
    >>> log[2]["test_cost"] = 0.25
    >>> log.frame
                   cost  test_cost
    iteration
    0          1.000000        NaN
    1          0.500000        NaN
    2          0.333333       0.25
    >>> log.channel("cost").min().round(2)
    np.float64(0.33)
    >>> iterations, values = log.column("cost", start=1)
    >>> iterations.tolist(), values.round(2).tolist()
    ([1, 2], [0.5, 0.33])
    """

    def __init__(self, uuid: uuids.UUID | None = None) -> None:
        super().__init__(uuid)
        self._lock = threading.Lock()
        self._known: dict[str, None] = {}  # every name ever recorded, in order
        self._columns: dict[str, Column] = {}
        self._rows = Column()  # true at every iteration that has a row
        self._tail: list[tuple[int, dict[str, Any]]] = []
        self._counts = _Counts()
        self._staged: dict[int, dict[str, Any]] = {}
        self._writer: int | None = None
        self._versions = count(1)  # thread-safe without a lock

    @property
    def version(self) -> int:
        return self._counts.version

    def __contains__(self, time: object) -> bool:
        iteration = as_index(time)
        if iteration is None or iteration in self._mine():
            return iteration is not None
        with self._lock:
            self._fold()
            return self._rows.get(iteration) is not MISSING

    @contextmanager
    def writing(self) -> Iterator[None]:
        with self._lock:
            if self._writer is not None:
                raise LogError(ALREADY_WRITING.format(thread=_thread_name(self._writer)))
            self._writer = get_ident()
        try:
            yield
        finally:
            self.commit()
            self._writer = None

    def commit(self) -> None:
        staged = self._staged
        if staged and get_ident() == self._writer:
            counts = self._counts
            counts.committed = max(counts.committed, *staged)
            # a single atomic operation of the interpreter, so no other thread sees a partial change
            self._tail.extend(staged.items())
            staged.clear()
            counts.version = next(self._versions)
            if len(self._tail) >= TAIL:
                with self._lock:
                    self._fold()

    def record(self, iteration: int, name: str, value: Any) -> None:
        if type(value) not in PLAIN:
            value = to_python(value)
        if name not in self._known:
            self.introduce(name)
        if get_ident() == self._writer:
            records = self._staged.get(iteration)
            if records is None:
                self._staged[iteration] = {name: value}
            else:
                records[name] = value
        else:
            self._publish(iteration, {name: value})

    def record_all(self, iteration: int, records: dict[str, Any]) -> None:
        for name, value in records.items():
            if type(value) not in PLAIN:
                records[name] = to_python(value)
            if name not in self._known:
                self.introduce(name)
        if get_ident() == self._writer:
            self._staged.setdefault(iteration, {}).update(records)
        else:
            self._publish(iteration, records)

    def introduce(self, name: str) -> None:
        """Append a channel that has no records yet to the list of channels."""
        if not isinstance(name, str):
            raise LogError(NOT_A_NAME.format(name=name))
        check_name("a record", name)
        self._known[name] = None

    def _publish(self, iteration: int, records: dict[str, Any]) -> None:
        with self._lock:
            tail, counts = self._tail, self._counts
            counts.published = max(counts.published, iteration)
            if tail and tail[-1][0] == iteration:
                tail[-1][1].update(records)
            else:
                tail.append((iteration, records))
                if len(tail) >= TAIL:
                    self._fold()
            self._counts.version = next(self._versions)

    def _fold(self) -> None:
        """Move the tail into the columns; the caller must hold the lock."""
        if not self._tail:
            return
        tail = self._tail[:]
        del self._tail[: len(tail)]
        for names, rows in groupby(tail, _names_of):
            iterations, records = zip(*rows, strict=True)
            self._rows.mark(iterations)
            for name in names:
                column = self._columns.get(name)
                if column is None:
                    column = self._columns[name] = Column()
                column.extend(iterations, [row[name] for row in records])

    def find(self, iteration: int, name: str) -> Any:
        if name not in self._known:
            return MISSING
        value = self._mine().get(iteration, {}).get(name, MISSING)
        counts = self._counts
        if value is not MISSING or (iteration > counts.committed and iteration > counts.published):
            return value
        with self._lock:
            self._fold()
            column = self._columns.get(name)
            return MISSING if column is None else column.get(iteration)

    def names(self, iteration: int) -> list[str]:
        return [n for n in tuple(self._known) if self.find(iteration, n) is not MISSING]

    def forget(self, iteration: int, name: str) -> None:
        self._mine().get(iteration, {}).pop(name, None)
        with self._lock:
            self._fold()
            column = self._columns.get(name)
            if column is not None and column.get(iteration) is not MISSING:
                column.remove(iteration)
                self._counts.version = next(self._versions)

    def replace(self, rows: NDArray[np.int64], columns: Mapping[str, tuple[Any, Any]]) -> None:
        new_rows = Column.of(rows, np.ones(len(rows), np.bool_))
        new = {
            name: Column.of(iterations, values) for name, (iterations, values) in columns.items()
        }
        with self._lock:
            self._staged, self._tail = {}, []
            self._counts.committed = self._counts.published = new_rows.last
            self._rows, self._columns, self._known = new_rows, new, dict.fromkeys(new)
            self._counts.version = next(self._versions)

    def maker(self) -> Callable[[], TrainingLogBase] | None:
        return TrainingLog if type(self) is TrainingLog else None

    def __getstate__(self) -> dict[str, Any]:
        return self.state_dict()

    def __setstate__(self, state: dict[str, Any]) -> None:
        TrainingLog.__init__(self)
        self.load_state_dict(state)

    def _mine(self) -> dict[int, dict[str, Any]]:
        """Return the records that this thread has not committed yet."""
        staged = self._staged
        return staged if staged and get_ident() == self._writer else {}

    def snapshot(self, names: tuple[str, ...] | None = None) -> Snapshot:
        mine = self._mine()
        with self._lock:
            self._fold()
            rows, columns = self._rows, self._columns
            if mine:
                rows, columns = self._overlaid(mine, names)
            return Snapshot(
                rows.entries()[0],
                rows.edits,
                {
                    name: Entries(*columns[name].entries(), columns[name].edits)
                    for name in (tuple(self._known) if names is None else names)
                    if name in columns and columns[name].size
                },
                lasting=not mine,
            )

    def _overlaid(
        self, staged: dict[int, dict[str, Any]], names: tuple[str, ...] | None
    ) -> tuple[Column, dict[str, Column]]:
        """Return copies of the rows and columns with the `staged` records added."""
        rows, columns = self._rows.copy(), dict(self._columns)
        for iteration, records in staged.items():
            rows.mark((iteration,))
            for name, value in records.items():
                if names is None or name in names:
                    column = columns.get(name)
                    if column is None:
                        column = columns[name] = Column()
                    elif column is self._columns.get(name):
                        column = columns[name] = column.copy()
                    column.put(iteration, value)
        return rows, columns


def _names_of(entry: tuple[int, dict[str, Any]]) -> tuple[str, ...]:
    return tuple(entry[1])


def _thread_name(ident: int) -> str:
    return next((t.name for t in threading.enumerate() if t.ident == ident), str(ident))
