"""Queue of a session's commands, which the training thread executes in order.

The time that the thread needs for a command is short, and does not depend on the number of waiting
commands. Consecutive assignments to the same variable are combined into one assignment. A stop
cancels earlier commands that would only affect later training.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import numpy as np
import torch

from workbench.errors import TrainingFinish
from workbench.interfaces import Loop
from workbench.session.command import Command
from workbench.session.interventions import CHANGING, Journal
from workbench.session.known_variables import KnownVariables
from workbench.tensor import SharedVariable

NOT_STARTED = "the session was not started"
OVERTAKEN = "training was stopped before the command took effect"
OVERTAKEN_KINDS = ("pause", "resume", "step", "train")
REPLACING = (*CHANGING, "rewind", "undo")
"""Commands that can assign values to variables."""


LATER = object()
"""Value that an action returns if the action itself marks its command as applied, now or later."""

UNCHANGED = object()
"""Value that an action returns if it had nothing to change; the command is not recorded."""


class Refused(Exception):
    """Error raised if the action of a command is not possible in the current state."""


@dataclass(frozen=True, slots=True, eq=False)
class Value:
    """Value for a shared variable, with the command that assigns it."""

    command: Command
    shared: SharedVariable
    value: np.ndarray[Any, Any]
    details: dict[str, Any]


class Changes(Protocol):
    """Protocol for observers of the commands that change training."""

    def before_change(self, command: Command) -> None:
        """Prepare for `command`, which changes training."""

    def after_change(self, *, failed: bool = False) -> None:
        """Handle the end of a command that changes training."""

    def after_edit(self, command: Command, *, at_boundary: bool) -> None:
        """Handle the direct edit that `command` describes."""


class Settling(Protocol):
    """Protocol for detectors of direct edits."""

    def settle(self) -> None:
        """Record the direct edits made so far."""

    def suspend(self) -> bool:
        """Record all direct edits so far, and stop looking for more until `resume` is called."""

    def resume(self, watching: bool) -> None:
        """Resume looking for direct edits if `watching` is True."""


class Queue:
    """Command queue of one session.

    Parameters
    ----------
    main_loop : Loop
        The main loop, whose mailbox receives the commands.
    journal : Journal
        The journal that records commands that took effect.

    Attributes
    ----------
    commands : list of Command
        All commands, in order.
    lock : threading.RLock
        The lock that must be held to add a command.
    closed : str or None
        The reason why new commands are refused; None while they are accepted.
    thread : int or None
        The identifier of the thread that executes the commands.
    changes : Changes or None
        The observer of commands that change training.
    variables : KnownVariables
        The shared variables of the run.
    edits : Settling or None
        The detector of direct edits, which are recorded before a command takes effect.
    current : Command
        The last command that the thread began to execute. An action reads its command here, since
        the action may begin before the thread that requested it has received the command.
    """

    current: Command

    def __init__(self, main_loop: Loop, journal: Journal) -> None:
        self.commands: list[Command] = []
        self.lock = threading.RLock()
        self.closed: str | None = NOT_STARTED
        self.thread: int | None = None
        self.changes: Changes | None = None
        self.edits: Settling | None = None
        self.variables = KnownVariables(main_loop)
        self._main_loop = main_loop
        self._journal = journal
        self._settled = 0  # all commands before this index are done
        self._stop = 0  # the id of the last stop
        self._values: list[Value] | None = None  # the values of a pending request

    def new(self, kind: str, text: str) -> Command:
        """Create and return a command, without queueing it."""
        with self.lock:
            command = Command(len(self.commands) + 1, kind, text)
            self.commands.append(command)
            return command

    def accepts(self, command: Command) -> bool:
        """Return True if `command` can be queued now; otherwise refuse it and return False."""
        if self.closed is not None:
            command._refuse(self.closed)
            return False
        command._applier = self.thread
        return True

    def ask(
        self,
        kind: str,
        text: str,
        action: Callable[[], Any] = lambda: None,
        details: dict[str, Any] | None = None,
        then: Callable[[], None] = lambda: None,
        *,
        early: bool = False,
        urgent: bool = False,
    ) -> Command:
        """Queue a command that calls `action`; call `then` when the command has taken effect."""

        def carry_out() -> None:
            self.carry_out(command, action, {} if details is None else details, then)

        def carry_out_early() -> bool:
            if not self.settled_before(command.id):
                return False  # an earlier command is waiting for the boundary
            carry_out()
            return True

        with self.lock:
            command = self.new(kind, text)
            if self.accepts(command):
                self._values = None
                command._carry_out = carry_out
                self._main_loop.post(
                    carry_out, early=carry_out_early if early else None, urgent=urgent
                )
        return command

    def carry_out(
        self,
        command: Command,
        action: Callable[[], Any],
        details: dict[str, Any],
        then: Callable[[], None] = lambda: None,
    ) -> None:
        """Execute and record a command, unless it was refused or is cancelled by a stop."""
        if command.done:  # refused when a run ended
            return
        if self.overtaken(command):
            command._refuse(OVERTAKEN)
            return
        watching = self._suspend(command.kind)
        done = self._main_loop.status["iterations_done"]
        changes = self.changes if command.kind in CHANGING else None
        if changes is not None:
            changes.before_change(command)
        failed, result = True, None
        self.current = command
        try:
            result = action()
            failed = False
        except TrainingFinish:
            self._journal.document(command, details)
            command._apply(done)
            raise
        except Refused as refusal:
            command._refuse(str(refusal))
        except Exception as error:
            command._refuse(f"{type(error).__name__}: {error}", error)
        if self.edits is not None:
            self.edits.resume(watching)
        if changes is not None:
            changes.after_change(failed=failed)
        if failed:
            return
        if result is UNCHANGED:
            command.unchanged = True
            command._apply(done)
        elif result is not LATER:
            self._journal.document(command, details)
            command._apply(done, result)
        then()

    def _suspend(self, kind: str) -> bool:
        """Record direct edits before a command; return the argument for `edits.resume`."""
        if self.edits is None:
            return False
        if kind in REPLACING:
            return self.edits.suspend()
        self.edits.settle()
        return False

    def carry_out_at_rest(self, command: Command, action: Callable[[], Any]) -> None:
        """Execute a command after the end of the run, without recording it."""
        try:
            result = action()
        except Exception as error:
            command._refuse(f"{type(error).__name__}: {error}", error)
        else:
            command._apply(self._main_loop.status["iterations_done"], result)

    def overtake(self) -> None:
        """Record that the next command is a stop.

        The stop cancels earlier commands that only affect later training.
        """
        self._stop = len(self.commands) + 1

    def overtaken(self, command: Command) -> bool:
        """Return True if a later stop makes `command` unnecessary."""
        return command.id < self._stop and command.kind in OVERTAKEN_KINDS

    def settled_before(self, id: int) -> bool:
        """Return True if all commands with ids below `id` are done."""
        commands = self.commands
        while self._settled < len(commands) and commands[self._settled].done:
            self._settled += 1
        return self._settled >= id - 1

    def waiting(self) -> list[Command]:
        """Return the commands that are not done yet."""
        return [command for command in self.commands[self._settled :] if not command.done]

    def end_run(self) -> list[Command]:
        """End a run, and return the commands that request another run."""
        self._values = None
        return [c for c in self.waiting() if c.kind == "train" and not self.overtaken(c)]

    def assign_later(self, value: Value) -> None:
        """Post a request to assign `value`, or add the value to a pending request."""
        if self._values is None:
            self._values = []
            self._main_loop.post(partial(self._assign, self._values))
        self._values.append(value)

    def _assign(self, values: list[Value]) -> None:
        """Assign the last value of each variable, and record the outcome of all commands."""
        with self.lock:
            if self._values is values:
                self._values = None  # later values require another request
        watching = self._suspend("set")
        done = self._main_loop.status["iterations_done"]
        last: dict[SharedVariable, Command] = {}
        assigned, kept, replaced = [], [], []
        for value in reversed(values):
            if value.command.done:  # refused when a run ended
                continue
            if value.shared in last:
                replaced.append(value)
                continue
            old = value.shared.get_value()
            if _equals(value, old):
                last[value.shared] = value.command
                value.command.unchanged = True
                kept.append(value)
                continue
            if self.changes is not None:
                self.changes.before_change(value.command)
            failed = True
            try:
                value.shared.set_value(value.value)
                failed = False
            except Exception as error:
                value.command._refuse(f"{type(error).__name__}: {error}", error)
            if self.changes is not None:
                self.changes.after_change(failed=failed)
            if not failed:
                value.details["old"] = old.item() if old.ndim == 0 else old
                last[value.shared] = value.command
                assigned.append(value)
        if self.edits is not None:
            self.edits.resume(watching)
        paths = self.variables.paths if assigned else {}
        for value in reversed(assigned):
            if value.shared in paths:
                value.details["path"] = paths[value.shared]
            self._journal.document(value.command, value.details)
        for value in reversed(replaced):
            value.command._replace(done, last[value.shared])
        for value in reversed([*assigned, *kept]):
            value.command._apply(done)


def _equals(value: Value, old: np.ndarray[Any, Any]) -> bool:
    """Return True if the new value equals the old one in the dtype of the variable."""
    new = torch.as_tensor(value.value).to(value.shared.dtype)
    return torch.equal(new, torch.as_tensor(old).to(value.shared.dtype))
