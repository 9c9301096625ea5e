"""`Replay`, which repeats the interventions of a run in another run, at the same iterations."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, cast

import numpy as np

from workbench.errors import SessionError, SpecError, nearest
from workbench.extensions.finish_after import GOAL
from workbench.log import SQLiteLog, TrainingLogBase
from workbench.log.sources import HasLog, log_of
from workbench.main_loop import MainLoop
from workbench.main_loop.mailbox import Request
from workbench.session.arrangement import called
from workbench.session.branch import interventions
from workbench.session.command import Command
from workbench.session.examples import checked, make
from workbench.session.hyperparameters import modifier_of, variables_by_path
from workbench.session.interventions import CHANGING, REPLAYED
from workbench.session.queue import Queue
from workbench.session.rebuilding import check_spec, rebuild
from workbench.utils.numbers import is_whole

EMPTY = (
    "the log to replay is empty: {log!r} has no rows{hint}; pass the log of a run that has started"
)
NEW_LOG = (
    ", since SQLiteLog(path) begins a new log; to open the latest log of the file, use "
    "SQLiteLog(path, read_only=True)"
)
LATE = (
    "the intervention {text!r} was made at iteration {iteration:,}, but this run is already at "
    "iteration {done:,}; replay in a run that starts from the beginning: "
    "main_loop.start(paused=True)"
)
NO_VARIABLE = (
    "the intervention {text!r} concerns {name!r}, which is not a variable of this run{hint}"
)
NO_FUNCTION = (
    "the intervention {text!r} called a function, which a log cannot store; pass it as "
    "functions={{{name!r}: ...}}"
)
DIRECT = (
    "the run was edited without a command at iteration {iteration:,} ({text}), and the log does "
    "not contain the new values, so this edit cannot be repeated. Use session.set() or "
    "session.call() for changes that can be repeated; to repeat only the other interventions, "
    "although the results will differ, call "
    "replay([i for i in interventions if i['command'] != 'edit'])"
)
NO_RECORD = "{record!r} is not an intervention: it must be one of session.interventions"
NO_SOURCE = (
    "a replay requires a log, a session, a branch, the path of a database of logs, or a list of "
    "interventions such as session.interventions, not {source!r}"
)
NO_VALUE = "the intervention {text!r} cannot be made in this run: {error}"
TAKEN_BACK = (
    "the rewind to iteration {done:,} undid interventions of the replay; to repeat the "
    "interventions from this iteration onwards, call replay([i for i in interventions if "
    "i['iteration'] >= {done}])"
)

LEFT_OUT = (
    "the replay leaves out {texts}, since a log does not contain the state that was loaded; the "
    "results will differ after the load. To prevent this, load the same file in this run at the "
    "same iteration"
)

REBUILD = ("spec", "frozen", "moved", "widened", "noise")
"""Keys that determine the new model, in the record of a `Session.rebuild`."""

KEYS = {"iteration", "command", "text"}
"""Keys that every intervention must have."""


def to_replay(source: object) -> object:
    """Return the log of a session, branch or database; return other sources unchanged.

    Raises
    ------
    LogError
        If a database cannot be opened.
    """
    if isinstance(source, (str, os.PathLike)):
        return log_of(source)
    return log_of(source) if isinstance(source, HasLog) else source


class Replay:
    """Interventions of one run that are repeated in another run at the same iterations.

    Parameters
    ----------
    main_loop : MainLoop
    source : object
        A log, or a list such as `Session.interventions`.
    functions : mapping
        The functions that were passed to `Session.call`, keyed by name.

    Raises
    ------
    SessionError
        If `source` is invalid or is an empty log, or if an intervention cannot be made in this run.
    """

    def __init__(
        self,
        main_loop: MainLoop,
        source: object,
        functions: Mapping[str, Callable[[MainLoop], Any]],
    ) -> None:
        self._main_loop = main_loop
        self._functions = functions
        if isinstance(source, TrainingLogBase) and not len(source):
            hint = NEW_LOG if isinstance(source, SQLiteLog) else ""
            raise SessionError(EMPTY.format(log=source, hint=hint))
        try:
            records = list(
                interventions(source)
                if isinstance(source, TrainingLogBase)
                else cast(Iterable[Any], source)
            )
        except TypeError:
            raise SessionError(NO_SOURCE.format(source=source)) from None
        for record in records:
            if not _is_record(record):
                raise SessionError(NO_RECORD.format(record=record))
        for record in records:
            if record["command"] == "edit":
                raise SessionError(DIRECT.format_map(record))
        self._known = variables_by_path(main_loop)
        self._rebuilt = False  # if True, look up variables when needed
        self._left_out = [
            f"{record['text']!r} at iteration {record['iteration']:,}"
            for record in records
            if record["command"] in CHANGING and record["command"] not in REPLAYED
        ]
        changes = sorted(
            (record for record in records if record["command"] in REPLAYED),
            key=lambda record: int(record["iteration"]),
        )
        self._waiting = [
            (int(record["iteration"]), self._action(record), record) for record in changes
        ]
        self._uuid: str | None = None  # the log's identity; a rewind changes it
        self._made = -1  # the iteration of the last intervention that was made
        self.check(main_loop.status["iterations_done"])

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def left_out(self) -> str:
        """A note about interventions that cannot be repeated, or an empty string."""
        return "" if not self._left_out else LEFT_OUT.format(texts=", ".join(self._left_out))

    def check(self, done: int) -> None:
        """Raise a `SessionError` if the iteration of an intervention has already passed."""
        if self._waiting and self._waiting[0][0] < done:
            iteration, _, record = self._waiting[0]
            raise SessionError(LATE.format(text=record["text"], iteration=iteration, done=done))

    def _action(self, record: Mapping[str, Any]) -> tuple[str, Callable[[], Any], dict[str, Any]]:
        text = record["text"]
        kind = record["command"]
        if kind == "set_end":
            end = {unit: record[unit] for unit in ("epochs", "batches") if unit in record}
            return kind, partial(self._main_loop.end_at, **end), {**end, "old": record.get("old")}
        if kind == "train":
            more = {unit: record[unit] for unit in ("epochs", "batches") if unit in record}
            goal = record.get("end")
            return kind, partial(self._train, more, goal), {**more, "end": goal}
        if kind in ("relabel", "drop"):
            return self._edit(record)
        if kind == "rebuild":
            return self._rebuild(record)
        if kind != "call":
            keys = ("variable", "path", "value", "old")
            details = {key: record[key] for key in keys if key in record}
            if self._rebuilt:  # the variable may not exist yet
                return kind, lambda: self._assignment(record)(), details
            return kind, self._assignment(record), details
        name = text.removeprefix("call ")
        if name not in self._functions:
            raise SessionError(NO_FUNCTION.format(text=text, name=name))
        changes: dict[str, Any] = {}
        return kind, partial(called, self._main_loop, self._functions[name], changes), changes

    def _assignment(self, record: Mapping[str, Any]) -> Callable[[], Any]:
        """Return the function that sets, holds or releases the variable of a record."""
        text, kind = record["text"], record["command"]
        known = variables_by_path(self._main_loop) if self._rebuilt else self._known
        name = record.get("path", record.get("variable"))
        if name not in known:
            hint = nearest(str(name), known)
            raise SessionError(NO_VARIABLE.format(text=text, name=name, hint=hint))
        variable, value = known[name], record.get("value")
        if value is not None:
            value = np.array(value)
            try:
                variable._checked(value)
            except Exception as error:
                raise SessionError(NO_VALUE.format(text=text, error=error)) from error
        if kind == "set":
            return partial(variable.set_value, value)
        modifier = modifier_of(self._main_loop, variable, kind)
        return partial(modifier.hold, value) if kind == "hold" else modifier.release

    def _rebuild(self, record: Mapping[str, Any]) -> tuple[str, Callable[[], Any], dict[str, Any]]:
        try:
            check_spec(record["spec"])
        except (SpecError, KeyError) as error:
            raise SessionError(NO_VALUE.format(text=record["text"], error=error)) from error
        self._rebuilt = True
        details = {key: record[key] for key in REBUILD if key in record}
        return "rebuild", partial(rebuild, self._main_loop, details), details

    def _edit(self, record: Mapping[str, Any]) -> tuple[str, Callable[[], Any], dict[str, Any]]:
        kind, source = record["command"], record.get("source")
        details = {k: record[k] for k in ("examples", "source", "value") if k in record}
        try:
            checked(self._main_loop, list(record["examples"]), source)
        except SessionError as error:
            raise SessionError(NO_VALUE.format(text=record["text"], error=error)) from error
        return kind, partial(make, self._main_loop, kind, details), details

    def _train(self, more: Mapping[str, int], end: Mapping[str, int] | None) -> None:
        self._main_loop.go_on(**more)
        if end is not None:  # the other run may have been stopped before its planned end
            self._main_loop.status[GOAL] = dict(end)
            self._main_loop.refresh()

    def begin(self, queue: Queue, command: Command) -> None:
        """Make each intervention at its iteration; after the last one, mark `command` as applied.

        Only the training thread may call this method.
        """
        done, uuid = self._main_loop.status["iterations_done"], self._main_loop.log.h_uuid
        if uuid != self._uuid and self._made >= done:
            command._refuse(TAKEN_BACK.format(done=done))
            return
        self._uuid = uuid
        self._make(queue, command)
        if self._waiting:
            again = partial(self.begin, queue, command)
            self._main_loop._run.mailbox.post(Request(again, rests=True))
            # a run may end before requests are handled, and an intervention may extend it
            self._main_loop._run.before_end = lambda: self._make(queue, command)
        else:
            self._main_loop._run.before_end = None
            command._apply(done)

    def _make(self, queue: Queue, command: Command) -> None:
        """Make the interventions that belong to this iteration."""
        done = self._main_loop.status["iterations_done"]
        while not command.done and self._waiting and self._waiting[0][0] <= done:
            self._made, (kind, action, details), record = self._waiting.pop(0)
            one = queue.new(kind, record["text"])
            details["by"] = "replay"
            queue.carry_out(one, action, details)


def _is_record(record: object) -> bool:
    return (
        isinstance(record, Mapping)
        and set(record) >= KEYS
        and is_whole(record["iteration"])
        and (record["command"] != "set" or "value" in record)
    )
