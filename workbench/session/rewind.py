"""Going back in a run: snapshots on the way, exact replay from the nearest one, branches.

All of it happens in the thread that trains, at boundaries between two batches. A rewind loads the
last snapshot before the wanted iteration and trains on the batches in between once more, which
gives the same numbers. What followed that iteration the first time stays as a branch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from functools import partial
from time import perf_counter
from typing import Any, Protocol

from workbench.algorithms import TrainingAlgorithm
from workbench.extensions import TrainingExtension
from workbench.log import TrainingLogBase
from workbench.main_loop import MainLoop
from workbench.main_loop.run import Run
from workbench.main_loop.state import state_of
from workbench.session.branch import Branch, interventions
from workbench.session.command import Command
from workbench.session.fork import copy_of, load
from workbench.session.interventions import CHANGING, Journal
from workbench.session.log_states import differing, log_until, row_of
from workbench.session.queue import LATER, Refused
from workbench.session.snapshots import Ring, Snapshot

SHARE = 0.02
"""The part of the training time that snapshots on the way may take."""

GAP = 0.5
"""Minimal number of seconds between two of them."""

NO_STATE = (
    "{algorithm} is not a TrainingAlgorithm, so its state cannot be kept, and a rewind would not "
    "restore it"
)
NOT_YET = "iteration {iteration:,} is not done yet, only {done:,}"
OUT_OF_REACH = (
    "iteration {iteration:,} cannot be reached exactly: no snapshot between the last intervention "
    "before it and {iteration:,} is left; {nearest}"
)
NOTHING_TO_UNDO = "no intervention is left to undo"
NO_BRANCH = "no branch is called {name!r}; there are {known}"


class Pausing(Protocol):
    """The part of a pause that a rewind uses."""

    def stay(self) -> None:
        """Pause, whether or not the session is paused."""

    def leave(self) -> None:
        """End a pause or a step, whether or not there is one."""

    def hold(self) -> None:
        """Carry out commands until one lets training continue."""


class Rewinder:
    """Takes snapshots of a run and brings it back to them.

    Parameters
    ----------
    main_loop : MainLoop
    run : Run
    pause : Pausing
    journal : Journal

    Attributes
    ----------
    ring : Ring
    branches : list of Branch
        The last one is the present branch.
    """

    def __init__(self, main_loop: MainLoop, run: Run, pause: Pausing, journal: Journal) -> None:
        self.ring = Ring()
        self.branches = [Branch("main")]
        self._main_loop = main_loop
        self._run = run
        self._pause = pause
        self._journal = journal
        self._changes = 0  # interventions on the present branch that changed training
        self._seconds = 0.0  # of the last snapshot
        self._undo: list[tuple[int, Snapshot]] = []  # id of an intervention, state before it
        self._posted = False
        self._separate = 0.0  # when an intervention gets a snapshot of its own again
        self._next = 0.0  # when the next snapshot on the way is due
        run.observers.append(_Epochs(self))
        if self.able:
            run.after_batch = self.take_when_due

    @property
    def branch(self) -> Branch:
        """The present branch."""
        return self.branches[-1]

    @property
    def able(self) -> bool:
        """True if the state of training can be kept."""
        return isinstance(self._main_loop.algorithm, TrainingAlgorithm)

    # Snapshots

    def take(self, pin: str = "") -> Snapshot:
        """Take a snapshot now.

        Raises
        ------
        Refused
            If the algorithm has no state that can be kept.
        """
        if not self.able:
            raise Refused(NO_STATE.format(algorithm=self._main_loop.algorithm))
        start = perf_counter()
        log = self._main_loop.log
        done = log.status["iterations_done"]
        snapshot = Snapshot(
            done,
            self._changes,
            state_of(self._main_loop, in_hand=self._run.in_hand, with_log=False),
            deepcopy(dict(log.status)),
            dict(log[done]) if done in log else {},
            self.branch,
            pin,
        )
        self.ring.add(snapshot)
        self._seconds = perf_counter() - start
        return snapshot

    def take_soon(self, pin: str = "") -> None:
        """Take a snapshot at the next boundary."""
        if self.able:
            self._main_loop.post(partial(self.take, pin))

    def take_when_due(self, pin: str = "") -> None:
        """Take a snapshot at the next boundary if their share of the time allows one."""
        now = perf_counter()
        if now >= self._next:
            self._next = now + max(GAP, self._seconds / SHARE)
            self.take_soon(pin)

    # Interventions

    def before_change(self, command: Command) -> None:
        """Take a snapshot before an intervention, or use the last one if nothing has happened."""
        if not self.able:
            return
        done, now = self._main_loop.status["iterations_done"], perf_counter()
        here = (done, self.branch)
        last = self.ring.newest_until(done)
        if last is None or (last.iteration, last.branch, last.changes) != (*here, self._changes):
            shared = self._undo[-1][1] if self._undo and now < self._separate else None
            if shared is not None and (shared.iteration, shared.branch) == here:
                last = shared  # of very many interventions at once
            else:
                last = self.take(f"before {command.text}")
                self._separate = now + max(GAP / 10, self._seconds / SHARE)
        self._undo.append((command.id, last))
        self._changes += 1

    def after_change(self, *, failed: bool = False) -> None:
        """Take a snapshot after all waiting interventions, from which a replay can begin.

        One that `failed` is not in the journal and cannot be undone.
        """
        if not self.able:
            return
        if failed:
            self._undo.pop()
            self._changes -= 1
        if not self._posted:
            self._posted = True
            self._main_loop.post(self._take_after)

    def _take_after(self) -> None:
        self._posted = False
        self.take("after an intervention")

    # A second session

    def fork(self, iteration: int | None, name: str | None) -> tuple[MainLoop, int]:
        """Return a copy of the main loop at a snapshot, and the iteration at which it must pause.

        Raises
        ------
        Refused
            If the iteration is not done yet or cannot be reached exactly.
        """
        branch = self.branch if name is None else self._named(name)
        done = self._main_loop.status["iterations_done"]
        if iteration is None and branch.end is None:
            snapshot = self.take("fork")
            iteration, log_state = done, self._log_state(branch)
        else:
            iteration = branch.end if iteration is None else iteration
            assert iteration is not None
            snapshot, log_state = self._reachable(branch, iteration)
        copy = copy_of(self._main_loop)
        log = log_until(log_state, snapshot, self._main_loop.log.h_uuid)
        load(copy, {**snapshot.state, "log": log})
        return copy, iteration

    def begin_at(self, iteration: int, name: str) -> None:
        """Let a new run train up to `iteration`, then pause it."""
        self.branches[0].name = name
        self.branches[0].start = iteration
        self._changes = len(interventions(self._main_loop.log, CHANGING))
        status = self._main_loop.status
        self._run.mailbox.close(
            lambda: bool(status["iterations_done"] >= iteration), self._stay_and_hold
        )

    def _stay_and_hold(self) -> None:
        self._pause.stay()
        self._pause.hold()

    # Returns to earlier iterations

    def rewind(self, command: Command, iteration: int, name: str | None = None) -> object:
        """Bring the run back to the boundary after `iteration`, before interventions there.

        Settles `command` when the run is there, and pauses it.
        """
        branch = self.branch if name is None else self._named(name)
        done = self._main_loop.status["iterations_done"]
        snapshot, log_state = self._reachable(branch, iteration)
        details = {"from": done, "to": iteration, "branch": self.branch.name}
        self._go(snapshot, log_state, command, iteration, details)
        return LATER

    def undo(self, command: Command, commands: list[Command]) -> object:
        """Bring the run back to where it was before the last intervention."""
        if not self._undo:
            raise Refused(NOTHING_TO_UNDO)
        id, snapshot = self._undo.pop()
        undone = [id]
        while self._undo and self._undo[-1][1] is snapshot:  # several shared one snapshot
            undone.append(self._undo.pop()[0])
        texts = [commands[id - 1].text for id in undone[::-1]]
        command.text = f"undo {', '.join(texts)}"
        rest = list(self._undo)
        details = {"from": self._main_loop.status["iterations_done"], "to": snapshot.iteration}
        details["undone"] = texts
        assert isinstance(snapshot.branch, Branch)
        state = self._log_state(snapshot.branch)
        self._go(snapshot, state, command, snapshot.iteration, details)
        self._undo = rest
        return LATER

    def _named(self, name: str) -> Branch:
        for branch in self.branches:
            if branch.name == name:
                return branch
        known = ", ".join(repr(branch.name) for branch in self.branches)
        raise Refused(NO_BRANCH.format(name=name, known=known))

    def _log_state(self, branch: Branch) -> Mapping[str, Any]:
        state = self._main_loop.log.state_dict() if branch.end is None else branch.state
        assert state is not None
        return state

    def _reachable(self, branch: Branch, iteration: int) -> tuple[Snapshot, Mapping[str, Any]]:
        done = self._main_loop.status["iterations_done"] if branch.end is None else branch.end
        if iteration > done:
            raise Refused(NOT_YET.format(iteration=iteration, done=done))
        return self._way_to(branch, iteration)

    def _way_to(self, branch: Branch, iteration: int) -> tuple[Snapshot, Mapping[str, Any]]:
        """Return the snapshot from which `iteration` is replayed, and the log of its branch."""
        if not self.able:
            raise Refused(NO_STATE.format(algorithm=self._main_loop.algorithm))
        log = self._main_loop.log if branch.end is None else branch.log
        assert isinstance(log, TrainingLogBase)
        before = [r for r in interventions(log, CHANGING) if r["iteration"] < iteration]
        shared = {id(one): until for one, until in branch.lineage}
        usable = [
            snapshot
            for snapshot in self.ring
            if snapshot.iteration <= min(iteration, shared.get(id(snapshot.branch), -1))
        ]
        exact = [snapshot for snapshot in usable if snapshot.changes == len(before)]
        if not exact:
            near = ", ".join(f"{s.iteration:,}" for s in usable[-3:])
            text = f"there are snapshots at {near}" if near else "there is no snapshot before it"
            raise Refused(OUT_OF_REACH.format(iteration=iteration, nearest=text))
        return exact[-1], self._log_state(branch)

    def _go(
        self,
        snapshot: Snapshot,
        log_state: Mapping[str, Any],
        command: Command,
        iteration: int,
        details: dict[str, Any],
    ) -> None:
        """Load a snapshot, train up to `iteration`, settle `command` and pause."""
        log, left = self._main_loop.log, self.branch
        log.commit()
        tip = self.take(f"end of {left.name}")
        tail = log.state_dict()
        expected = row_of(log_state, iteration)
        self._main_loop.load_state_dict(
            {**snapshot.state, "log": log_until(log_state, snapshot, log.h_uuid)}
        )
        self._run.ending.requested = self._run.ending.with_epoch = False
        log.resume()
        left.leave(tail)
        parent = snapshot.branch
        assert isinstance(parent, Branch)
        self.branches.append(Branch(f"branch {len(self.branches)}", parent, iteration))
        self._changes = snapshot.changes
        self._undo = [(id, s) for id, s in self._undo if s.iteration <= iteration]
        self._undo.append((command.id, tip))
        arrive = partial(self._arrive, command, details, expected)
        if snapshot.iteration == iteration:
            arrive()
            return
        self._pause.leave()
        status = self._main_loop.status
        self._run.mailbox.close(
            lambda: bool(status["iterations_done"] >= iteration),
            lambda: self._arrive_and_hold(arrive),
        )

    def _arrive_and_hold(self, arrive: Callable[[], None]) -> None:
        arrive()
        self._pause.hold()

    def _arrive(
        self, command: Command, details: dict[str, Any], expected: Mapping[str, Any]
    ) -> None:
        log, done = self._main_loop.log, self._main_loop.status["iterations_done"]
        details["differs"] = differing(expected, dict(log[done]) if done in log else {})
        self.take(f"start of {self.branch.name}")
        self._journal.document(command, details)
        self._pause.stay()
        command._apply(done)


class _Epochs(TrainingExtension):
    """Has snapshots taken at the beginning of a run and, where that is not too often, of epochs."""

    def __init__(self, rewinder: Rewinder) -> None:
        super().__init__("snapshots")
        self._rewinder = rewinder

    def before_training(self) -> None:
        """Request the first snapshot."""
        self._rewinder.take_soon("start")

    def on_resumption(self) -> None:
        """Request the first snapshot of this run."""
        self._rewinder.take_soon("start of a run")

    def after_epoch(self) -> None:
        """Request a snapshot between two epochs."""
        self._rewinder.take_when_due("end of an epoch")
