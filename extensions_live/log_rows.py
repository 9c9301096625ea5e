"""Rows of a log for a table on a page, filtered, sorted, and limited to the visible rows.

A log may have a million rows, but a page shows only about thirty. If there is no condition and the
rows are in the order of the iterations, only the visible rows are read. A condition is evaluated,
and rows are sorted, only when the view or the log has changed.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from extensions_live.formatting import format_number
from extensions_live.messages import RowsMessage
from workbench.errors import LogError
from workbench.log.export import RECORDED, quoting_of
from workbench.log.interventions import records_in_words
from workbench.log.query import INDEX
from workbench.log.summary import numbers_of
from workbench.utils.texts import short

if TYPE_CHECKING:
    from workbench.log import TrainingLogBase
    from workbench.log.frames import Snapshot

MOST = 200
"""Maximum number of rows that a page receives at once."""

LONGEST = 80
"""Maximum number of characters in a cell."""

Positions = NDArray[np.int64]
Columns: TypeAlias = tuple[str, ...] | Literal["all"] | None
"""Channels of a table: a tuple of names, ``"all"``, or None for the first channels."""


@dataclass(frozen=True)
class View:
    """Request from a page: the rows to show, their order and their columns.

    Attributes
    ----------
    start, count : int
        The position of the first visible row among the chosen rows, and the number of visible rows.
    sort : str
        The channel to sort the rows by, or ``iteration``.
    descending : bool
        True to show the largest values, or the newest rows, first.
    condition : str
        An expression as in `TrainingLogBase.query`, or an empty string to choose all rows.
    columns : tuple of str, "all" or None
        The channels to show; None for the first channels.
    """

    start: int = 0
    count: int = 40
    sort: str = INDEX
    descending: bool = True
    condition: str = ""
    columns: Columns = None


def view_of(message: RowsMessage) -> View:
    """Return the view that a page requests, with all numbers restricted to valid ranges."""
    columns = message["columns"]
    return View(
        max(0, int(message["start"])),
        min(max(1, int(message["count"])), MOST),
        str(message["sort"]),
        bool(message["descending"]),
        str(message["condition"]).strip(),
        tuple(map(str, columns)) if isinstance(columns, list) else columns,
    )


@dataclass
class Rows:
    """Rows of one log, in the order of a view.

    Attributes
    ----------
    error : str
        The reason why the condition could not be evaluated, or an empty string.
    """

    log: TrainingLogBase
    error: str = ""
    _key: tuple[Any, ...] = field(default=(), repr=False)
    _order: Positions | None = field(default=None, repr=False)
    _size: int = 0

    def arrange(self, view: View, snapshot: Snapshot, version: int) -> None:
        """Filter and sort the rows of a snapshot, unless this has already been done."""
        key = (version, view.sort, view.descending, view.condition)
        if key == self._key:
            return
        self._key, self.error = key, ""
        rows, order = snapshot.rows, None
        if view.condition:
            try:
                chosen = self.log.query(view.condition).index.to_numpy()
                order = rows.searchsorted(chosen)
                order = order[rows[np.minimum(order, len(rows) - 1)] == chosen]
            except LogError as error:
                self.error = str(error.args[0]) if error.args else str(error)
        by_channel = view.sort != INDEX and view.sort in snapshot.columns
        if by_channel and order is None:
            order = np.arange(len(rows))
        if order is not None and view.descending:
            order = order[::-1]
        if by_channel and order is not None:
            order = sorted_by(snapshot, view, order)
        self._order, self._size = order, len(rows) if order is None else len(order)

    def __len__(self) -> int:
        return self._size

    def positions(self, view: View, start: int, count: int) -> Positions:
        """Return the positions of `count` rows in the snapshot, beginning with row `start`."""
        start = min(start, max(0, self._size - 1))
        stop = min(start + count, self._size)
        if self._order is not None:
            return self._order[start:stop]
        places = np.arange(start, stop)
        return self._size - 1 - places if view.descending else places


def sorted_by(snapshot: Snapshot, view: View, positions: Positions) -> Positions:
    """Return `positions` sorted by a channel; rows without a value come last."""
    entries = snapshot.columns[view.sort]
    _, numbers = numbers_of(entries.values)
    if numbers is None:
        texts = np.array([text(value) for value in entries.values])
        numbers = np.unique(texts, return_inverse=True)[1].astype(np.float64)
    keys = np.full(len(snapshot.rows), np.nan)
    keys[snapshot.rows.searchsorted(entries.iterations)] = numbers
    keys = keys[positions]
    order = np.argsort(-keys if view.descending else keys, kind="stable")  # NaN comes last
    return positions[order]


def cells(snapshot: Snapshot, names: Sequence[str], positions: Positions) -> list[list[str]]:
    """Return the cells of some rows as text: the iteration, then one cell for each channel."""
    iterations = snapshot.rows[positions]
    columns = [[f"{iteration:,}" for iteration in iterations.tolist()]]
    for name in names:
        columns.append([text(value) for value in snapshot.values_at(name, iterations)])
    return [list(row) for row in zip(*columns, strict=True)]


def text(value: Any) -> str:
    """Return a value of the log as the text of a cell.

    Examples
    --------
    >>> [text(value) for value in (None, 0.123456, 1234567, True, float("nan"))]
    ['', '0.1235', '1,234,567', 'True', 'nan']
    >>> text(({"level": "warning", "text": "the cost is large"},))
    'warning: the cost is large'
    """
    if value is None:
        return ""
    if isinstance(value, (bool, str)):
        shown = " ".join(str(value).split())
    elif isinstance(value, int):
        shown = f"{value:,}" if abs(value) < 10**30 else "a very large number"
    elif isinstance(value, float):
        shown = format_number(value)
    elif (records := records_in_words(value)) is not None:
        shown = records
    elif isinstance(value, np.ndarray) and value.size > 16:
        shown = f"array of shape {value.shape}"
    elif isinstance(value, (list, tuple, dict)) and len(value) > 16:
        shown = f"{type(value).__name__} of {len(value)} items"
    else:
        shown = " ".join(str(value).split())
    return short(shown, LONGEST)


def as_csv(snapshot: Snapshot, names: Sequence[str], positions: Positions) -> str:
    """Return rows as comma-separated values with all digits; missing values and NaN are blank."""
    iterations = snapshot.rows[positions]
    columns = [snapshot.values_at(name, iterations) for name in names]
    lines: list[list[Any]] = [[INDEX, *(RECORDED if name == INDEX else name for name in names)]]
    for iteration, *row in zip(iterations.tolist(), *columns, strict=True):
        cells = ("" if _missing(value) else value for value in row)
        lines.append([iteration, *(v if isinstance(v, (int, float)) else str(v) for v in cells)])
    stream = io.StringIO()
    quoting = quoting_of(cell for line in lines for cell in line)
    csv.writer(stream, lineterminator="\n", quoting=quoting).writerows(lines)
    return stream.getvalue()


def _missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))
