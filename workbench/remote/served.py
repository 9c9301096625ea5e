"""Session in a process that trains, and the check of a call before all processes make it."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from workbench.errors import SessionError
from workbench.main_loop import MainLoop
from workbench.main_loop.processes import distributed_of
from workbench.remote.folder import write_private
from workbench.remote.job import packed_loop
from workbench.session import Command, Session
from workbench.session.probe import Probe

COMMANDS = frozenset(
    (
        "pause", "resume", "step", "train", "set_end", "stop", "save", "load", "call", "set",
        "hold", "release", "rebuild", "relabel", "drop", "snapshot", "rewind", "undo", "replay",
        "alert", "fork_into",
    )
)  # fmt: skip
"""Methods that return commands, which all processes execute."""

READS = frozenset(("describe", "spec", "frozen"))
VALUES = frozenset(("training_examples", "variables", "model_tree", "default_path"))
"""Methods and attributes that are read in the first process."""

DIVIDED = (
    "the variable {name!r} is divided among the processes, so the first one does not have its "
    "value; session.call(MainLoop.state_dict) collects all values"
)


class Served(Session):
    """Session that a notebook in another process controls.

    Parameters
    ----------
    main_loop : MainLoop
    name : str
    """

    def __init__(self, main_loop: MainLoop, name: str) -> None:
        super().__init__(main_loop, name)

    def take_due(self, pin: str) -> None:
        """Take a snapshot at the next boundary, which the first process has found to be due."""
        self._worker.rewinder.taker.take_soon(pin)

    def fork_into(
        self, path: str, iteration: int | None, branch: str | None, processes: int
    ) -> Command:
        """Write a fork to a file, from which other processes continue; see `Session.fork`."""

        def action() -> int:
            fork = self._worker.rewinder.fork(iteration, branch)
            snapshots = [replace(one, branch=None) for one in fork.snapshots]
            # all processes pack the copy, since they collect its state together
            data = packed_loop(
                fork.main_loop, processes, fork._replace(main_loop=None, snapshots=snapshots)
            )
            if self._writes:
                write_private(Path(path), data)
            return fork.iteration

        with self._queue.lock:
            if not self._worker.state.ended:
                return self._queue.ask("fork", "fork", action)
            command = self._queue.new("fork", "fork")
            self._queue.carry_out(command, action, {})
            return command

    @property
    def _writes(self) -> bool:
        distributed = distributed_of(self.main_loop)
        return distributed is None or distributed.group.is_first

    def probe(self, *args: Any, **options: Any) -> Probe:
        """Copy values of variables; see `Session.probe`."""
        probe: Probe = super().probe(*args, **options)
        distributed = distributed_of(self.main_loop)
        if distributed is not None:
            for name, variable in probe._variables.items():
                if distributed.is_divided(variable):
                    raise SessionError(DIVIDED.format(name=name))
        return probe


class Rehearsal(Served):
    """Copy of a session that checks calls and describes them, but does not make them.

    Parameters
    ----------
    session : Served
    """

    def __init__(self, session: Served) -> None:
        vars(self).update(vars(session))
        worker = session._worker
        queue = vars(self)["_queue"] = _DryQueue(session)
        vars(self)["_worker"] = SimpleNamespace(
            state=worker.state,
            pause=worker.pause,
            rewinder=worker.rewinder,
            launch=lambda *_, **__: None,
            come_back=lambda kind, text, *_, **__: queue.new(kind, text),
            warn_before_resuming=lambda: None,
            stay=lambda: None,
        )


class _DryQueue:
    """Queue that accepts commands without keeping them."""

    def __init__(self, session: Served) -> None:
        self.lock = threading.RLock()
        self.variables = session._queue.variables
        self.commands = session._queue.commands

    def new(self, kind: str, text: str) -> Command:
        """Return a command that is not kept."""
        return Command(0, kind, text)

    def accepts(self, command: Command) -> bool:
        """Return True."""
        return True

    def ask(self, kind: str, text: str, *rest: Any, **options: Any) -> Command:
        """Return a command that is not kept."""
        return self.new(kind, text)

    def assign_later(self, value: Any) -> None:
        """Ignore a value."""

    def carry_out(self, *rest: Any) -> None:
        """Ignore a command."""

    def overtake(self) -> None:
        """Ignore a stop."""
