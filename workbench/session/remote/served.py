"""Functions that check the calls of a notebook and execute them in a process that trains."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from workbench.errors import SessionError
from workbench.main_loop.processes import distributed_of
from workbench.serialization.pickling import with_deep_stack
from workbench.session.command import Command, text_of_call
from workbench.session.probe import Probe
from workbench.session.remote.folder import write_private
from workbench.session.remote.job import packed_loop
from workbench.session.remote.wire import Pickled
from workbench.session.session import Session

COMMANDS = frozenset(
    (
        "pause", "resume", "step", "train", "set_end", "stop", "save", "load", "call", "set",
        "hold", "release", "rebuild", "relabel", "drop", "snapshot", "rewind", "undo", "replay",
        "alert", "fork_into",
    )
)  # fmt: skip
"""Methods that return commands, which all processes execute."""

READS = frozenset(("describe", "spec", "frozen"))
SLOW = frozenset(("predict", "prediction", "evaluate", "best", "to_onnx", "to_torch"))
"""Methods that are called in a separate thread, so that commands need not wait for them."""

VALUES = frozenset(("training_examples", "variables", "model_tree", "default_path"))
"""Methods and attributes that are read in the first process."""

DIVIDED = (
    "the variable {name!r} is divided among the processes, so the first process has only a part of "
    "its value; session.call(MainLoop.state_dict) collects all values"
)

REPLACING = frozenset(("rebuild", "load"))
"""Methods after which the objects of the earlier model are garbage."""

Make = Callable[..., Any]


def take_due(session: Session, pin: str) -> None:
    """Take a snapshot at the next boundary, since the first process has found that one is due."""
    session._worker.rewinder.taker.take_soon(pin)


def fork_into(
    session: Session, path: str, iteration: int | None, branch: str | None, processes: int
) -> Command:
    """Write a fork to a file for other processes to continue from; see `Session.fork`."""
    queue, rewinder = session._queue, session._worker.rewinder

    def action() -> int:
        distributed = distributed_of(session.main_loop)
        fork = rewinder.fork(iteration, branch)
        snapshots = [replace(one, branch=None) for one in fork.snapshots]
        nothing: Any = None
        # all processes pack the copy, since they collect its state together
        data = packed_loop(
            fork.main_loop, processes, fork._replace(main_loop=nothing, snapshots=snapshots)
        )
        if distributed is None or distributed.group.is_first:
            write_private(Path(path), data)
        return fork.iteration

    with queue.lock:
        if not session._worker.state.ended:
            return queue.ask("fork", "fork", action)
        command = queue.new("fork", "fork")
        queue.carry_out(command, action, {})
        return command


def call(session: Session, f: Callable[[Any], Any]) -> Command:
    """Call a function between two batches, or immediately if the run has ended."""
    queue = session._queue
    with queue.lock:
        if not (session._worker.state.ended and callable(f)):
            return session.call(f)
        command = queue.new("call", text_of_call(f))
        queue.carry_out_at_rest(command, lambda: f(session.main_loop))
        return command


def probe(session: Session, *args: Any, **options: Any) -> Probe:
    """Copy values of variables that are not divided among processes; see `Session.probe`."""
    found = session.probe(*args, **options)
    distributed = distributed_of(session.main_loop)
    if distributed is not None:
        for name, variable in found._variables.items():
            if distributed.is_divided(variable):
                raise SessionError(DIVIDED.format(name=name))
    return found


def use_model(session: Session, name: str, *args: Any, **options: Any) -> Any:
    """Call one of the `SLOW` methods in the first process.

    A variable is returned as a pickle of its graph, and a `Best` without its session.
    """
    distributed = distributed_of(session.main_loop)
    if distributed is not None and name != "best":
        for path, parameter in session.main_loop.state_variables()[0].items():
            if distributed.is_divided(parameter):
                raise SessionError(DIVIDED.format(name=path))
    found = getattr(session, name)(*args, **options)
    if name == "prediction":
        return with_deep_stack(lambda: Pickled(found))
    return replace(found, _session=None) if name == "best" else found


FUNCTIONS: dict[str, Make] = {
    "take_due": take_due, "fork_into": fork_into, "call": call, "probe": probe
}  # fmt: skip
"""Functions that can be called by name in addition to methods of a session."""


def make(session: Session, name: str, args: Iterable[Any], options: Mapping[str, Any]) -> Any:
    """Call a method of a session, or one of `FUNCTIONS`."""
    function = FUNCTIONS.get(name)
    if function is not None:
        return function(session, *args, **options)
    command = getattr(session, name)(*args, **options)
    if name in REPLACING and not isinstance(session._queue, _DryQueue):
        session.main_loop.post(freeze)  # the training thread calls it after the command
    return command


def freeze() -> None:
    """Collect garbage, and let later collections skip all objects that exist now.

    A collection that examines all of torch's objects stops every thread for 0.2 s.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def rehearsal(session: Session) -> Session:
    """Return a copy of a session that checks and describes calls, but does not execute them."""
    copy = object.__new__(Session)
    worker, queue = session._worker, _DryQueue(session)
    vars(copy).update(vars(session))
    vars(copy)["_queue"] = queue
    vars(copy)["_worker"] = SimpleNamespace(
        state=worker.state,
        pause=worker.pause,
        rewinder=worker.rewinder,
        launch=lambda *_, **__: None,
        come_back=lambda kind, text, *_, **__: queue.new(kind, text),
        warn_before_resuming=lambda: None,
        stay=lambda: None,
    )
    return copy


class _DryQueue:
    """Queue that accepts commands without keeping them."""

    def __init__(self, session: Session) -> None:
        self.lock = threading.RLock()
        self.variables = session._queue.variables
        self.commands = session._queue.commands

    def new(self, kind: str, text: str) -> Command:
        """Create a command without storing it."""
        return Command(0, kind, text)

    def accepts(self, command: Command) -> bool:
        """Return True."""
        return True

    def ask(self, kind: str, text: str, *rest: Any, **options: Any) -> Command:
        """Create a command without storing it."""
        return self.new(kind, text)

    def assign_later(self, value: Any) -> None:
        """Ignore a value."""

    def carry_out(self, *rest: Any) -> None:
        """Ignore a command."""

    def carry_out_at_rest(self, *rest: Any) -> None:
        """Ignore a command."""

    def overtake(self) -> None:
        """Ignore a request to stop."""
