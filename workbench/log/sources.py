"""Sources of records that can be compared: logs, database paths, sessions and frames.

`log_of` opens a path with the function that the database backend registers. This module therefore
imports no backend, so the base class of all logs can import it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, cast, runtime_checkable

from workbench.errors import LogError
from workbench.log.frames import Entries, Snapshot
from workbench.log.given_frames import by_iteration
from workbench.log.records import Records

if TYPE_CHECKING:
    import pandas as pd

NOT_A_LOG = (
    "a log must be a training log, a session, a frame with iterations as index, or the path of a "
    "database of logs, not {given!r:.80}"
)


class Log(Protocol):
    """The members of a log that comparisons and exports use; `TrainingLogBase` defines them."""

    @property
    def status(self) -> Mapping[str, Any]:
        """Information about the run, by name."""

    @property
    def h_uuid(self) -> str:
        """The UUID of the log, as hexadecimal digits."""

    @property
    def frame(self) -> pd.DataFrame:
        """All rows of the log."""

    def snapshot(self) -> Snapshot:
        """Return a snapshot of all channels."""

    def state_dict(self) -> dict[str, Any]:
        """Return the identity, status and records of the log."""


@runtime_checkable
class HasLog(Protocol):
    """A run with a name and a log, such as a session."""

    @property
    def name(self) -> str:
        """The name of the run."""

    @property
    def log(self) -> Any:
        """The log of the run."""


Source: TypeAlias = "Log | HasLog | pd.DataFrame | str | os.PathLike[str]"
"""Types that `compare` accepts as a log."""


@dataclass(frozen=True)
class Run:
    """Run that is compared with other runs.

    Attributes
    ----------
    name : str
        The name, which is unique among the compared runs.
    frame : pandas.DataFrame
        All rows of the log.
    status : mapping
        Information about the run, by name; empty for a frame.
    columns : mapping, optional
        The records of each channel of a log; None for a frame.
    """

    name: str
    frame: pd.DataFrame
    status: Mapping[str, Any] = field(default_factory=dict)
    columns: Mapping[str, Entries] | None = None

    @classmethod
    def of_log(cls, name: str, log: Log) -> Run:
        """Return the run of a log."""
        columns = log.snapshot().columns
        return cls(name, log.frame, dict(log.status), columns)

    def latest(self, until: int | None = None) -> dict[str, Any]:
        """Return the latest value of each channel, up to the iteration `until` if it is given.

        In a log, a recorded NaN is a value. In a frame, NaN may also be a missing record.
        """
        if self.columns is None:
            frame = self.frame if until is None else self.frame.loc[:until]
            records = ((str(name), frame[name].dropna()) for name in frame)
            return {name: values.iloc[-1] for name, values in records if len(values)}
        found: dict[str, Any] = {}
        for name, (iterations, values, _) in self.columns.items():
            count = len(values)
            if until is not None:
                count = int(iterations.searchsorted(until, side="right"))
            if count:
                found[name] = values.item(count - 1)
        return found


_openers: list[Callable[[str | os.PathLike[str]], Any]] = []


def open_paths_by(opener: Callable[[str | os.PathLike[str]], Any]) -> None:
    """Register `opener`, a function that opens the newest log of the database at a path."""
    _openers[:] = [opener]


def log_of(source: Any) -> Log:
    """Return the log of a source.

    A source is a log, a session, a branch, or the path of a database. For a path, the newest log in
    the database is returned.

    Raises
    ------
    LogError
        If `source` is of any other type, or if it cannot be opened.
    """
    if isinstance(source, Records):
        return cast(Log, source)
    if isinstance(source, (str, os.PathLike)):
        return cast(Log, _openers[0](source))
    if isinstance(source, HasLog):
        log = getattr(source, "current_log", None) if source.log is None else source.log
        if isinstance(log, Records):
            return cast(Log, log)
    raise LogError(NOT_A_LOG.format(given=source))


def named_runs(sources: Mapping[str, Source] | Iterable[Source] | Source) -> list[Run]:
    """Return the runs of `sources`, with the names that `named_sources` assigns."""
    return [_run(name, source) for name, source in named_sources(sources).items()]


def named_sources(
    sources: Mapping[str, Source] | Iterable[Source] | Source,
) -> dict[str, Source]:
    """Return a dictionary of `sources`, keyed by unique names.

    The keys of a dictionary are the names. In other collections, a session keeps its name, a path
    is named after its file without the suffix, a log is named after its session or by the first
    digits of its UUID, and a frame is named ``frame``.

    Raises
    ------
    LogError
        If an item is not a log, session, frame or path.
    """
    if isinstance(sources, Mapping) and not isinstance(sources, Records):
        return {str(name): source for name, source in sources.items()}
    one = isinstance(sources, (str, os.PathLike, Records)) or not isinstance(sources, Iterable)
    given: Iterable[Any] = [sources] if one or _is_frame(sources) else cast(Iterable[Any], sources)
    found: dict[str, Source] = {}
    for source in given:
        stem = name = _name(source)
        number = 1
        while name in found:
            number += 1
            name = f"{stem} ({number})"
        found[name] = source
    return found


def _name(source: Any) -> str:
    if isinstance(source, (str, os.PathLike)):
        return Path(source).stem
    if _is_frame(source):
        return "frame"
    if isinstance(source, HasLog) and not isinstance(source, Records):
        return str(source.name)
    log = log_of(source)
    return str(dict(log.status).get("session_name") or log.h_uuid[:8])


def _run(name: str, source: Any) -> Run:
    if _is_frame(source):
        return Run(name, by_iteration(cast(Any, source), f"the frame {name!r}", LogError))
    return Run.of_log(name, log_of(source))


def _is_frame(source: object) -> bool:
    """Return True for a pandas frame, without importing pandas."""
    return type(source).__name__ == "DataFrame" and type(source).__module__.startswith("pandas")
