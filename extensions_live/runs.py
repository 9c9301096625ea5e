"""Runs of a plot: sessions, branches, logs, databases of logs, and frames, each with a name.

Views need only the log and the state of a run. After a session has ended, a plot keeps its log
in memory, but not the session itself.
"""

from __future__ import annotations

import os
import time
import uuid
import weakref
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from extensions_live.kernel_clock import Clock
from extensions_live.log_source import LogSource, as_session
from workbench.errors import ArgumentError
from workbench.interfaces import Session, State
from workbench.log import SQLiteLog, TrainingLog, TrainingLogBase
from workbench.log.given_frames import by_iteration

if TYPE_CHECKING:
    import pandas as pd

QUIET = 60.0
"""A run is no longer shown as running after this number of seconds without a change."""

NOTHING = (
    "there is nothing to compare; pass at least one run, for example Plot.compare({'a': session})"
)
NO_RUN = (
    "{where} must be a session, a branch, a log, the path of a database of logs, or a frame "
    "indexed by iteration, not {given!r:.80}"
)
PRESENT = (
    "{where} is the current branch, which has the same records as the session; pass the session "
    "instead"
)
NO_FILE = "{where} must be the path of a database of logs, but there is no file {path!r}"


class FinishedLog:
    """Log of a run that is not a session.

    Parameters
    ----------
    log : TrainingLogBase
    growing : bool
        True if records may still be added to the log.
    kept : str
        The text to show in place of the state if the log contains only part of a run, such as
        ``kept branch``; empty for a whole run.
    """

    def __init__(
        self,
        log: TrainingLogBase,
        *,
        growing: bool,
        kept: str = "",
        clock: Clock = time.monotonic,
    ) -> None:
        self.log = log
        self._kept = kept
        self._growing = growing
        self._clock = clock
        self._seen = log.version
        self._changed_at: float | None = None

    @property
    def state(self) -> State:
        """The state: finished if the log is complete or shows that training has finished."""
        done = not self._growing or self.log.current_row.get("training_finished")
        return State.FINISHED if done else State.RUNNING

    @property
    def state_in_words(self) -> str:
        """The state as text.

        A log does not show whether a process is still training, but only whether records are added.
        Therefore a run that was killed is soon no longer shown as running.
        """
        if self._kept or self.state.ended:
            return self._kept or str(self.state)
        if self.log.status.get("training_error"):
            return str(State.FAILED)
        version, now = self.log.version, self._clock()
        if version != self._seen:
            self._seen, self._changed_at = version, now
        recent = self._changed_at is not None and now - self._changed_at < QUIET
        return str(State.RUNNING) if recent else "not finished"


class Run:
    """Run that a plot shows.

    Parameters
    ----------
    key : str
        Identifier within the plot; empty if the plot has only this run.
    name : str
        The name to show.
    source : LogSource
    """

    def __init__(self, key: str, name: str, source: LogSource) -> None:
        self.key = key
        self.name = name
        self._source = weakref.ref(source)
        self._held: LogSource | None = source
        self._log: TrainingLogBase | None = None
        self.hyperparameters: dict[str, float] = {}

    @property
    def source(self) -> LogSource | None:
        """The session or log, or None if a session has ended and nothing else refers to it."""
        source = self._source()
        if source is not None and not isinstance(source, FinishedLog):
            self._held = None if source.state.ended else source
        return source

    @property
    def session(self) -> Session | None:
        """The session, or None if it no longer exists or the run is not a session."""
        return as_session(self.source)

    @property
    def log(self) -> TrainingLogBase | None:
        """The log, or None if it does not exist yet."""
        source = self.source
        if source is not None:
            self._log = source.log
        return self._log

    @property
    def state(self) -> State:
        """The state of the run."""
        source = self.source
        return State.FINISHED if source is None else source.state

    @property
    def state_in_words(self) -> str:
        """The state as text, or ``kept branch`` for the log of an earlier branch."""
        source = self.source
        return source.state_in_words if isinstance(source, FinishedLog) else str(self.state)


class Runs:
    """The runs that a plot compares.

    Parameters
    ----------
    given : mapping
        A mapping from the name of each run to a session, a branch, a log, the path of a database,
        or a frame.

    Raises
    ------
    ArgumentError
        If there are no runs, or a value is not a run.
    """

    def __init__(self, given: Mapping[str, Any]) -> None:
        if not isinstance(given, Mapping) or not given:
            raise ArgumentError(NOTHING)
        self.runs = [
            Run(f"run{i}", str(name), as_source(one, f"the run {str(name)!r}"))
            for i, (name, one) in enumerate(given.items())
        ]

    @property
    def log(self) -> TrainingLogBase | None:
        """The first log that exists."""
        return next((run.log for run in self.runs if run.log is not None), None)

    @property
    def state(self) -> State:
        """The common state: finished if all runs have ended, otherwise running."""
        ended = all(run.state.ended for run in self.runs)
        return State.FINISHED if ended else State.RUNNING

    @property
    def version(self) -> tuple[tuple[int, object], ...]:
        """A value that changes whenever the log of a run changes."""
        return tuple(
            (id(run.log), None if run.log is None else run.log.version) for run in self.runs
        )


def as_source(given: Any, where: str) -> LogSource:
    """Return the `LogSource` of a run; `where` describes the run in error messages.

    Examples
    --------
    >>> from workbench.log import TrainingLog
    >>> as_source(TrainingLog(), "the run 'a'").state
    <State.RUNNING: 'running'>
    """
    if isinstance(given, Session):
        return given
    if isinstance(given, TrainingLogBase):
        return FinishedLog(given, growing=True)
    if isinstance(given, (str, os.PathLike)):
        path = os.fspath(given)
        if not os.path.exists(path):
            raise ArgumentError(NO_FILE.format(where=where, path=path))
        return FinishedLog(SQLiteLog(path, read_only=True), growing=True)
    if hasattr(given, "columns") and hasattr(given, "index"):
        return FinishedLog(log_from(given, where), growing=False)
    if hasattr(given, "difference") and hasattr(given, "log"):
        if given.log is None:
            raise ArgumentError(PRESENT.format(where=where))
        return FinishedLog(given.log, growing=False, kept="kept branch")
    raise ArgumentError(NO_RUN.format(where=where, given=given))


def log_from(frame: pd.DataFrame, where: str = "the frame") -> TrainingLog:
    """Return a log with the records of a frame; cells without a value are omitted.

    Parameters
    ----------
    frame : pandas.DataFrame
        A column for each channel, as for `workbench.log.given_frames.by_iteration`. An index
        named ``epoch`` means that each row is the end of an epoch.
    where : str, optional
        The name of the frame in error messages.

    Raises
    ------
    ArgumentError
        If the iterations are not increasing whole numbers, or if two columns have the same name.

    Examples
    --------
    >>> import pandas as pd
    >>> log_from(pd.DataFrame({"cost": [3.0, None, 1.0]})).column("cost")[0].tolist()
    [0, 2]
    """
    records = by_iteration(frame, where, ArgumentError)
    rows = records.index.to_numpy()
    columns: dict[str, Any] = {}
    for name in records:
        recorded = records[name].notna().to_numpy()
        if recorded.any():
            columns[str(name)] = rows[recorded], _cells(records[name].to_numpy()[recorded])
    by_epoch = frame.index.name == "epoch"
    status = {
        "iterations_done": int(rows[-1]) if len(rows) else 0,
        "epochs_done": len(rows) if by_epoch else 0,
        "_epoch_ends": rows.tolist() if by_epoch else [],
    }
    log = TrainingLog()
    state = {"uuid": uuid.uuid4().hex, "status": status, "rows": rows, "columns": columns}
    log.load_state_dict(state)
    return log


def _cells(values: NDArray[Any]) -> NDArray[Any] | list[Any]:
    """Return values as an array of numbers that a log stores exactly, or as a list."""
    kind = {"f": np.float64, "b": np.bool_, "i": np.int64, "u": np.int64}.get(values.dtype.kind)
    large = values.dtype.kind == "u" and values.max() >= 2**63
    if large:
        return [int(value) for value in values]
    return list(values) if kind is None else values.astype(kind)
