"""The best iteration of a run, according to one of its records."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from workbench import interfaces
from workbench.errors import SessionError
from workbench.extensions import DataStreamMonitoring, TrackTheBest
from workbench.extensions.compared_records import direction_of
from workbench.extensions.saveload import SAVED_TO
from workbench.interfaces import Loop
from workbench.log import TrainingLogBase

VALIDATION_COST = "validation_cost"
"""The record of the cost of the validation data in runs of `fit`."""

NO_RECORD = (
    "this run has neither validation data from fit nor an extension TrackTheBest, so the record to "
    "compare is unknown; pass its name, as in session.best({example!r})"
)
SEVERAL = (
    "this run tracks several records ({names}); pass the name of one, as in session.best({name!r})"
)
NO_VALUE = "the log has no value of {record!r} yet{nan}, so there is no best iteration"
OUT_OF_REACH = (
    "iteration {iteration:,}, the best according to {record!r}, cannot be restored: {reason}, and "
    "no file with the state at this iteration exists; add Checkpoint(path).add_condition("
    "['after_epoch'], predicates.OnLogRecord({notification!r})) after TrackTheBest"
)


@dataclass(frozen=True)
class Best(interfaces.Best):
    """The best iteration of a run.

    Attributes
    ----------
    record : str
        The name of the record that is compared.
    value : float
        The best value.
    iteration : int
        The number of completed batches when the best value was first recorded.
    values : dict
        All records of that iteration.
    file : str or None
        The file with the state saved at that iteration; None if there is no such file.
    reason : str
        The reason why a rewind to that iteration is impossible; empty if it is possible.
    """

    record: str
    value: Any
    iteration: int
    values: Mapping[str, Any] = field(repr=False)
    file: str | None
    reason: str
    _session: interfaces.Session = field(repr=False)

    @property
    def available(self) -> bool:
        """True if the state at that iteration can be restored."""
        return not self.reason or self.file is not None

    def restore(self) -> interfaces.Command:
        """Go back to the state of training at that iteration, and pause there.

        The run is rewound if its snapshots allow it; otherwise the state is loaded from `file`.
        `Session.undo` returns to the state before this call.

        Raises
        ------
        SessionError
            If neither the rewind nor the file can restore the state.
        """
        if not self.reason:
            return self._session.rewind(self.iteration)
        if self.file is not None:
            return self._session.load(self.file)
        text = OUT_OF_REACH.format(
            iteration=self.iteration,
            record=self.record,
            reason=self.reason,
            notification=f"{self.record}_best_so_far",
        )
        raise SessionError(text)


def tracked(
    loop: Loop, record: str | None, choose_best: Callable[[Any, Any], Any] | None
) -> tuple[str, Callable[[Any, Any], Any]]:
    """Return the record to compare, and the function that returns the better of two values.

    Raises
    ------
    ArgumentError
        If the name of the record does not say which values are better, and `choose_best` is None.
    SessionError
        If no record is given, and the run does not track exactly one record.
    """
    trackers = [one for one in loop.extensions if isinstance(one, TrackTheBest)]
    if record is None and not trackers:
        record = _validated(loop)
    elif record is None:
        if len({one.record_name for one in trackers}) > 1:
            names = [one.record_name for one in trackers]
            raise SessionError(SEVERAL.format(names=", ".join(map(repr, names)), name=names[0]))
        record = trackers[0].record_name
    if choose_best is None:
        choose_best = next((t.choose_best for t in trackers if t.record_name == record), None)
    if choose_best is None:
        if record != VALIDATION_COST:
            loop.log.entries(record)  # a misspelt name has no direction either
        choose_best = direction_of("best", record)
    return record, choose_best


def _validated(loop: Loop) -> str:
    """Return the record of the cost of the validation data in a run of `fit`.

    Raises
    ------
    SessionError
        If there is no such record.
    """
    evaluated = any(isinstance(one, DataStreamMonitoring) for one in loop.extensions)
    if "recipe" in loop.status and evaluated:
        return VALIDATION_COST
    costs = [name for name in loop.log.channels if "cost" in name]
    raise SessionError(NO_RECORD.format(example=costs[0] if costs else "cost"))


def best_of(
    log: TrainingLogBase, record: str, choose_best: Callable[[Any, Any], Any]
) -> tuple[int, Any]:
    """Return the first iteration with the best value of a record, and that value.

    Raises
    ------
    SessionError
        If there is no value, or if all values are None or NaN.
    UnknownRecordError
        If the log has no such record.
    """
    found: tuple[int, Any] | None = None
    nan = False
    for iteration, value in zip(*log.entries(record), strict=True):
        if value is None or value != value:  # only NaN differs from itself
            nan = True
        elif found is None or (value != found[1] and choose_best(value, found[1]) == value):
            found = int(iteration), value
    if found is None:
        raise SessionError(NO_VALUE.format(record=record, nan=" (only NaN)" * nan))
    iteration, value = found
    return iteration, value.item() if hasattr(value, "item") else value


def file_of(log: TrainingLogBase, iteration: int) -> str | None:
    """Return a file that still contains the state at an iteration, or None if there is none."""
    if SAVED_TO not in log.channels:
        return None
    paths: list[str] = []
    later: set[str] = set()
    for at, written in zip(*log.entries(SAVED_TO), strict=True):
        if at == iteration:
            paths += [path for path in written if path is not None]
        elif at > iteration:
            later.update(path for path in written if path is not None)
    usable = [path for path in paths if path not in later and os.path.exists(path)]
    return usable[-1] if usable else None
