"""Commands, probes, branches and snapshots of a run in another process."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from workbench import interfaces
from workbench.errors import SessionError
from workbench.log import TrainingLog
from workbench.session.command import Command
from workbench.session.remote.wire import Unreadable
from workbench.utils.waiting import wait

UNREADABLE = (
    "a value from the training process cannot be unpickled in this process ({error}); import its "
    "module here, or return plain values, arrays or tensors"
)

Ask = Callable[..., Any]


class RemoteCommand(Command):
    """Request to a session whose run is in another process.

    Parameters
    ----------
    id : int
        The number of the command in the session; 0 until the session lists the command.
    kind, text : str
    """

    def __init__(self, id: int, kind: str, text: str) -> None:
        super().__init__(id, kind, text)
        self._unsent: str | None = None

    def update(self, facts: Mapping[str, Any]) -> None:
        """Update the command with information that the training process has sent."""
        if self.ended:
            return
        if not self.done:
            self._update(facts)
        if self.done and facts.get("ended"):
            self._failure, self._cause = facts.get("failure", ""), _readable(facts.get("cause"))
            self._end()

    def _update(self, facts: Mapping[str, Any]) -> None:
        for name in ("kind", "text", "by"):
            setattr(self, name, facts.get(name, getattr(self, name)))
        if not facts["done"]:
            return
        self.replaced_by = facts.get("replaced_by")
        self.unchanged = facts.get("unchanged", False)
        self._unsent = facts.get("unsent")
        error, result = _readable(facts.get("exception")), facts.get("result")
        if isinstance(result, Unreadable):
            self._unsent, result = UNREADABLE.format(error=result), None
        if facts.get("reason") is not None:
            self.iteration = facts.get("iteration")
            self._refuse(facts["reason"], error)
        else:
            self._apply(facts["iteration"], result)

    def wait(self, timeout: float | None = None) -> Any:
        """Wait until the command is applied, and return its result; see `Command.wait`."""
        found = super().wait(timeout)
        if self._unsent is not None:
            raise SessionError(f"{self.text}: {self._unsent}")
        return found


def _readable(error: Any) -> Any:
    """Return an error from another process, or None if it cannot be unpickled here."""
    return None if isinstance(error, Unreadable) else error


class RemoteProbe(interfaces.Probe):
    """Request for the values of variables in another process, and its answer.

    Parameters
    ----------
    examples : sequence of int
        The indices of the requested examples.
    """

    def __init__(self, examples: Sequence[int] = ()) -> None:
        self.iteration: int | None = None
        self.reason = ""
        self.seconds = self.processor_seconds = 0.0
        self.examples = list(examples)
        self.batch: Mapping[str, Any] = {}
        self.stored: Mapping[str, Any] = {}
        self._values: Mapping[str, torch.Tensor] = {}
        self._steps: Mapping[str, torch.Tensor] = {}
        self._answered = threading.Event()

    @property
    def done(self) -> bool:
        """True if the request has been answered or refused."""
        return self._answered.is_set()

    @property
    def values(self) -> Mapping[str, torch.Tensor]:
        """The values in main memory, keyed by name."""
        return self._values

    @property
    def steps(self) -> Mapping[str, torch.Tensor]:
        """The changes in the values during the next batch, if they were requested and are known."""
        return self._steps

    def answer(self, facts: Mapping[str, Any] | Unreadable) -> None:
        """Store the answer of the training process."""
        if isinstance(facts, Unreadable):
            self.refuse(UNREADABLE.format(error=facts))
            return
        for name in ("iteration", "reason", "seconds", "processor_seconds", "batch", "stored"):
            setattr(self, name, facts[name])
        self._values, self._steps = facts["values"], facts["steps"]
        self._answered.set()

    def refuse(self, reason: str) -> None:
        """End the request without an answer."""
        self.reason = reason
        self._answered.set()

    def wait(self, timeout: float | None = None) -> Mapping[str, torch.Tensor]:
        """Wait until the request is answered, and return the values.

        Raises
        ------
        SessionError
            If the request was refused.
        TimeoutError
            If the request was not answered in time.
        """
        if not wait(self._answered, timeout):
            raise TimeoutError(f"the probe was not answered within {timeout} s")
        if self.reason:
            raise SessionError(self.reason)
        return self._values

    def __repr__(self) -> str:
        state = "waiting" if not self.done else self.reason or f"at iteration {self.iteration:,}"
        count = len(self._values)
        return f"<Probe of {count} variable{'s' * (count != 1)}: {state}>"


class RemoteBranch(interfaces.Branch):
    """Branch of a run in another process.

    Parameters
    ----------
    place : int
        The index of the branch in `Session.branches`.
    ask : callable
        A function that asks the process about the branch.
    """

    def __init__(self, place: int, ask: Ask) -> None:
        self.start = 0
        self.end: int | None = None
        self._name = ""
        self._place = place
        self._ask = ask
        self._log: TrainingLog | None = None

    def update(self, name: str, start: int, end: int | None) -> None:
        """Update the branch with information that the training process has sent."""
        self._name, self.start, self.end = name, start, end

    @property
    def name(self) -> str:
        """The name of the branch; assign to it to rename the branch."""
        return self._name

    @name.setter
    def name(self, name: str) -> None:
        self._ask("branch", self._place, "rename", name)
        self._name = name

    @property
    def log(self) -> TrainingLog | None:
        """The log of the branch up to `end`, in memory; None for the current branch."""
        if self.end is None:
            return None
        if self._log is None:
            log = TrainingLog()
            log.load_state_dict(self._ask("branch", self._place, "log"))
            self._log = log
        return self._log

    @property
    def difference(self) -> str:
        """The interventions made on this branch but not on the current one, as a line of text."""
        found: str = self._ask("branch", self._place, "difference")
        return found

    def __repr__(self) -> str:
        end = "now" if self.end is None else f"{self.end:,}"
        return f"<Branch {self.name!r}: iterations {self.start:,} to {end}>"


class RemoteSnapshot(interfaces.Snapshot):
    """State of training in the memory of another process.

    Parameters
    ----------
    iteration : int
    pin : str
    branch : RemoteBranch
    """

    def __init__(self, iteration: int, pin: str, branch: RemoteBranch) -> None:
        self._iteration, self._pin, self._branch = iteration, pin, branch

    @property
    def iteration(self) -> int:
        """The number of completed batches."""
        return self._iteration

    @property
    def pin(self) -> str:
        """The reason to keep the snapshot longer than other snapshots, or an empty string."""
        return self._pin

    @property
    def branch(self) -> RemoteBranch:
        """The branch that the snapshot was taken on."""
        return self._branch

    def __repr__(self) -> str:
        pinned = f", {self.pin}" if self.pin else ""
        return f"<Snapshot at iteration {self.iteration:,}{pinned}>"
