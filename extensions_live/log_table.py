"""`LogTable`: a table of log rows, newest first, that grows while a run is training.

The page requests only the rows that it shows, by their positions after filtering and sorting.
Therefore the size of a message does not depend on the size of the log.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from extensions_live.log_rows import Rows, View, as_csv, cells, view_of
from extensions_live.log_source import LogSource
from extensions_live.messages import LogTablePayload, Message, RowsMessage
from extensions_live.pump import pump
from extensions_live.run_view import display
from extensions_live.runs import FinishedLog
from extensions_live.table_still import TableStill
from extensions_live.widget import LiveWidget, asset
from workbench.errors import LogError, UnknownRecordError
from workbench.hints import Hinted
from workbench.interfaces import Session
from workbench.log import TrainingLog, TrainingLogBase
from workbench.log.frames import ENDING
from workbench.log.query import INDEX, select
from workbench.log.summary import frame_in_words

if TYPE_CHECKING:
    from workbench.log.frames import Snapshot

PERIOD = 0.3
"""Seconds between two refreshes."""

MOST_COPIED = 10_000
"""Maximum number of rows that are copied as CSV."""

MOST_COLUMNS = 30
"""Maximum number of channels that are shown if the user has not chosen any."""

STILL_ROWS, STILL_COLUMNS = 20, 12
"""Maximum numbers of rows and channels in the table that is shown without a kernel."""

NOT_A_RUN = "LogTable needs a session or a training log, not {given!r:.80}"

NO_COLUMNS = "columns must be a list of channel names, for example ['cost'], not {given!r:.80}"


class LogTable(Hinted, LiveWidget[Any, LogTablePayload]):
    """Table of the rows of a session or a log, with sorting, filtering and copying as CSV.

    Parameters
    ----------
    source : Session or TrainingLogBase
        The run to show. The table is updated even if another process writes the log.
    columns : sequence of str, optional
        The channels to show, which do not have to exist yet; by default the first 30.
    query : str, optional
        An expression; only rows that satisfy it are shown. See `TrainingLogBase.query`.

    Raises
    ------
    LogError
        If `source` is neither a session nor a log, `columns` is not a list, or `query` is not a
        condition.
    UnknownRecordError
        If the log already has records, and `query` names a channel that is not in the log.

    Examples
    --------
    In a notebook, ``LogTable(session)`` as the last line of a cell shows the table.

    >>> from workbench.log import TrainingLog
    >>> log = TrainingLog()
    >>> for i in range(4):
    ...     log[i]["cost"] = 1 / (i + 1)
    >>> LogTable(log, query="cost < 0.4")
                   cost
    iteration
    2          0.333333
    3          0.250000
    """

    _esm = asset("log_table.js")
    _css = asset("live.css") + asset("table.css")

    def __init__(
        self,
        source: Session | TrainingLogBase,
        *,
        columns: Sequence[str] | None = None,
        query: str = "",
    ) -> None:
        if not isinstance(source, Session | TrainingLogBase):
            raise LogError(NOT_A_RUN.format(given=source))
        if isinstance(columns, str) or not isinstance(columns, Sequence | None):
            raise LogError(NO_COLUMNS.format(given=columns))
        # A strong reference, since a log that was opened for this table may have no other.
        self._log = source if isinstance(source, TrainingLogBase) else None
        chosen = None if columns is None else tuple(columns)
        self._view = View(condition=query, columns=chosen)
        self._hold, self._copy, self._csv = False, 0, (0, "", 0)
        self._rows: Rows | None = None
        self._snapshot: Snapshot | None = None
        self._version = -1
        self.seen = 1
        self._key: object = None
        log = source if isinstance(source, TrainingLogBase) else source.log
        if query:
            check(log, query)
        super().__init__(source, period=PERIOD)

    def __repr__(self) -> str:
        source = self.subject
        if source is None:
            return "a log that no longer exists"
        log = log_of(source)
        frame = select(log.frame, self._view.condition) if self._view.condition else log.frame
        if isinstance(self._view.columns, tuple):
            frame = frame[[name for name in self._view.columns if name in frame]]
        return repr(frame_in_words(frame.tail(10)))

    def snapshot(self, source: LogSource | TrainingLogBase) -> LogTablePayload | None:
        log, view = log_of(source), self._view
        version, copy = log.version, self._copy
        key = (id(log), version, view, self._hold, copy)
        if key == self._key:
            return None
        if self._rows is None or self._rows.log is not log:
            self._rows, self._snapshot = Rows(log), None
        rows, snapshot, kept_version = self._rows, self._snapshot, self._version
        now = log.snapshot(())
        if not self._hold or snapshot is None or snapshot.edits != now.edits:
            snapshot = self._snapshot = log.snapshot()
            kept_version = self._version = version
        rows.arrange(view, snapshot, kept_version)
        channels = list(snapshot.columns)
        columns = shown_columns(channels, view)
        start = max(0, min(view.start, len(rows) - 1))
        if copy != self._csv[0]:
            places = rows.positions(view, 0, MOST_COPIED)
            self._csv = copy, as_csv(snapshot, columns, places), len(places)
        else:
            self._csv = copy, "", 0  # already sent; sending it with every change would be slow
        self._key = key
        return {
            "channels": channels,
            "chosen": list(view.columns) if isinstance(view.columns, tuple) else view.columns,
            "columns": columns,
            "rows": cells(snapshot, columns, rows.positions(view, start, view.count)),
            "start": start,
            "total": len(rows),
            "all": len(snapshot.rows),
            "newer": max(0, len(now.rows) - len(snapshot.rows)),
            "sort": view.sort,
            "descending": view.descending,
            "condition": view.condition,
            "error": rows.error,
            "copied": copy,
            "csv": self._csv[1],
            "csv_rows": self._csv[2],
        }

    def table(self) -> tuple[Sequence[str], Sequence[Sequence[str]]]:
        """Return a table of the view's first rows; it is displayed when no kernel is running."""
        rows, snapshot, shown, _ = self._first()
        places = rows.positions(self._view, 0, STILL_ROWS)
        return [INDEX, *shown], cells(snapshot, shown, places)

    def caption(self) -> str:
        """Return the caption of the table that is shown without a kernel."""
        rows, _, shown, channels = self._first()
        size, count = len(rows), min(len(rows), STILL_ROWS)
        part = "all" if count == size else f"{count} of"
        those = ("no rows", "1 row")[size] if size < 2 else f"{part} {size:,} rows"
        where = f" where {self._view.condition}" if self._view.condition else ""
        left = channels - len(shown)
        more = f"; {left} more column{'s'[: left > 1]}" if left > 0 else ""
        return f"{those}{where}{more}"

    def _first(self) -> tuple[Rows, Snapshot, list[str], int]:
        """Return the rows, their snapshot, the view's first channels, and its channel count."""
        source = self.subject
        log = TrainingLog() if source is None else log_of(source)
        rows, snapshot = Rows(log), log.snapshot()
        rows.arrange(self._view, snapshot, log.version)
        channels = shown_columns(list(snapshot.columns), self._view)
        count = len(snapshot.columns) if self._view.columns is None else len(channels)
        return rows, snapshot, channels[:STILL_COLUMNS], count

    def settled(self, source: LogSource | TrainingLogBase) -> bool:
        return not isinstance(source, TrainingLogBase) and source.state.ended

    def _hear(self, widget: object, content: Message | RowsMessage, buffers: object) -> None:
        if content["kind"] != "rows":
            super()._hear(widget, content, buffers)
            return
        view = view_of(content)
        self.seen += replace(view, start=0, count=1) != replace(self._view, start=0, count=1)
        self._view = view
        self._hold, self._copy = bool(content["hold"]), int(content["copy"])
        pump.nudge(self)

    def _ipython_display_(self) -> None:
        display(self, lambda subject: TableStill(source_of(subject), self))


def source_of(subject: Session | TrainingLogBase) -> LogSource:
    """Return a session or a log as a source of values."""
    if isinstance(subject, TrainingLogBase):
        return FinishedLog(subject, growing=True)
    return subject


def log_of(source: Any) -> TrainingLogBase:
    """Return the log of a session, or the given log itself."""
    return source if isinstance(source, TrainingLogBase) else cast(TrainingLogBase, source.log)


def check(log: TrainingLogBase, condition: str) -> None:
    """Raise an error if `condition` is invalid, or names a channel that a nonempty log lacks."""
    try:
        select(log.frame.tail(1), condition)
    except UnknownRecordError:
        if log.channels:
            raise


def shown_columns(channels: Sequence[str], view: View) -> list[str]:
    """Return the channels to show, in the order of the log."""
    if view.columns is None:
        usual = [name for name in channels if name not in ENDING] or list(channels)
        return usual[:MOST_COLUMNS]
    if view.columns == "all":
        return list(channels)
    return [name for name in channels if name in view.columns]
