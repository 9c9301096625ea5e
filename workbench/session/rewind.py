"""Branches of a run, and rewinds to earlier iterations by exact replay from snapshots.

The training thread takes and loads snapshots at boundaries between two batches. A rewind loads the
last snapshot at or before the requested iteration and repeats the batches in between, with the same
results. The training that followed the requested iteration is kept as a branch.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from time import perf_counter
from typing import Any

from workbench.extensions import TrainingExtension
from workbench.extensions.alerts import alert
from workbench.log import TrainingLogBase
from workbench.log.summary import REWOUND
from workbench.main_loop import MainLoop
from workbench.main_loop.run import Run
from workbench.session.branch import Branch, interventions
from workbench.session.command import Command
from workbench.session.edits import Edits
from workbench.session.fork import Fork, copy_at, load, shared_with
from workbench.session.interventions import CHANGING, Journal
from workbench.session.log_states import differing, log_until, row_of, unlike
from workbench.session.pause import Pause
from workbench.session.queue import LATER, Refused
from workbench.session.reach import UndoStack, at_the_end, unable, usable, way_to
from workbench.session.snapshots import Ring, Snapshot, load_into, snapshot_of

logger = logging.getLogger(__name__)

SHARE = 0.02
"""Maximum fraction of the training time that automatic snapshots use."""

GAP = 0.5
"""Minimum number of seconds between two automatic snapshots."""

ATTEMPTS = 3
"""Maximum number of attempts to copy the state while another thread assigns values."""

NO_SNAPSHOT = "no snapshot could be taken at iteration {iteration:,} ({error})"
NOT_REPEATED = (
    "{batches} repeated, but the results differ from the log: {text}. A value was changed without "
    "a command, or the training is not deterministic"
)
NONE = "no snapshot could be taken, so this run cannot be rewound ({error})"
NOT_UNDONE = "no intervention is left to undo: {reason}"
NOT_YET = "iteration {iteration:,} has not been reached; the last iteration is {done:,}{hint}"
REACHED_ON = "; branch {name!r} reached iteration {end:,}: pass branch={name!r}"
NOT_KEPT = "{text!r} changed the state before a snapshot was taken; use rewind({iteration}) instead"
NOTHING_TO_UNDO = "no intervention is left to undo"
NO_BRANCH = "there is no branch {name!r}; the branches are {known}"


class Rewinder:
    """Manager of the snapshots, branches and rewinds of a run.

    Parameters
    ----------
    main_loop : MainLoop
    run : Run
    pause : Pause
    journal : Journal
    edits : Edits

    Attributes
    ----------
    ring : Ring
    branches : list of Branch
        The branches of the run; the last one is the current branch.
    """

    def __init__(
        self, main_loop: MainLoop, run: Run, pause: Pause, journal: Journal, edits: Edits
    ) -> None:
        self.ring = Ring()
        self.branches = [Branch("main", current_log=main_loop.log)]
        self._left = 0  # branches that a rewind or `load` has ended
        self._main_loop = main_loop
        self._run = run
        self._pause = pause
        self._journal = journal
        self._edits = edits
        self._changes = 0  # interventions on the current branch that changed training
        self._seconds = 0.0  # duration of the last snapshot
        self._undo = UndoStack()
        self._posted = self._recount = False
        self._before_call: tuple[int | None, Mapping[str, Any]] | None = None
        self._failures: dict[str, None] = {}  # errors of snapshots that have been logged
        self._not_undone = NOTHING_TO_UNDO
        self._epochs = _Epochs(self)
        self._separate = 0.0  # time from which an intervention gets a separate snapshot
        self._next = 0.0  # time at which the next automatic snapshot is due

    def attach(self) -> None:
        """Take snapshots during all further runs, until `detach` is called."""
        self._run.observers = [self._epochs]
        self._run.after_batch = self.take_when_due if self.able else None
        self._edits.attach()

    def detach(self) -> None:
        """Stop taking snapshots."""
        self._run.observers, self._run.after_batch = [], None
        self._edits.detach()

    def begin(self) -> None:
        """Count the interventions in the log, and record the edits since the last run."""
        self._count()
        self._edits.settle(at_boundary=False)
        self._edits.forget()

    def _count(self) -> None:
        if self.able:
            self._changes = len(interventions(self._main_loop.log, CHANGING))

    @property
    def branch(self) -> Branch:
        """The current branch."""
        return self.branches[-1]

    @property
    def able(self) -> bool:
        """True if the training state can be kept."""
        return not unable(self._main_loop)

    def take(self, pin: str = "") -> Snapshot:
        """Take a snapshot now.

        Raises
        ------
        Refused
            If no snapshot can be taken.
        """
        if not self.able:
            raise Refused(unable(self._main_loop))
        self._edits.learn()
        self._edits.settle()
        start, done = perf_counter(), self._main_loop.status["iterations_done"]
        try:
            for _ in range(ATTEMPTS):  # another thread can assign a value meanwhile
                snapshot = snapshot_of(
                    self._main_loop, self._changes, self.branch, pin, in_hand=self._run.in_hand
                )
                if not self._edits.pending:
                    break
                self._edits.settle(at_boundary=False)
            self.ring.add(snapshot)
        except Exception as error:
            text = f"{type(error).__name__}: {error}"
            raise Refused(NO_SNAPSHOT.format(iteration=done, error=text)) from error
        finally:
            self._seconds = perf_counter() - start
        return snapshot

    def take_soon(self, pin: str = "") -> None:
        """Take a snapshot at the next boundary."""
        if self.able:
            self._main_loop.post(partial(self._take_if_able, pin))

    def _take_if_able(self, pin: str) -> Snapshot | None:
        """Take a snapshot; on failure, log the reason if it is new, and return None."""
        try:
            return self.take(pin)
        except Refused as refusal:
            text = f"{type(refusal.__cause__).__name__}: {refusal.__cause__}"
            if text not in self._failures:
                self._failures[text] = None
                logger.warning("%s; training continues, and further attempts will be made", refusal)
            self._not_undone = NOT_UNDONE.format(reason=refusal)
            return None

    def take_when_due(self, pin: str = "") -> None:
        """Take a snapshot at the next boundary if the time limit for snapshots allows it."""
        now = perf_counter()
        if now >= self._next:
            self._next = now + max(GAP, self._seconds / SHARE)
            self.take_soon(pin)

    def before_change(self, command: Command) -> None:
        """Take a snapshot before an intervention; use the last one if nothing has changed since."""
        if not self.able:
            return
        done, now = self._main_loop.status["iterations_done"], perf_counter()
        if command.kind in ("call", "load"):  # a call may load a state, with another log
            at = done if command.kind == "call" else None
            self._before_call = at, self._main_loop.log.state_dict()
        here = (done, self.branch)
        last = self.ring.newest_until(done)
        if last is None or (last.iteration, last.branch, last.changes) != (*here, self._changes):
            shared = self._undo.last if self._undo and now < self._separate else None
            if shared is not None and (shared.iteration, shared.branch) == here:
                last = shared  # shared by many interventions at once
            else:
                last = self._take_if_able(f"before {command.text}")
                self._separate = now + max(GAP / 10, self._seconds / SHARE)
        self._can_undo(command, last)
        self._changes += 1

    def _can_undo(self, command: Command, before: Snapshot | None) -> None:
        """Store the snapshot before an intervention; if there is none, nothing can be undone."""
        if before is None:
            self._undo.drop(len(self._undo))
        else:
            self._undo.add(command.id, before)

    def after_change(self, *, failed: bool = False) -> None:
        """Request a snapshot after all waiting interventions; replays can start from it.

        If the intervention `failed`, it is not in the journal and cannot be undone.
        """
        if not self.able:
            return
        if failed:
            self._undo.drop()
            self._changes -= 1
        before, self._before_call = self._before_call, None
        at = self._main_loop.status["iterations_done"]
        if before is not None and before[0] != at and not (failed and before[0] is None):
            self.branch.leave(before[1])
            self._add_branch(None, at)
            self._recount = True
        if not self._posted:
            self._posted = True
            self._main_loop.post(self._take_after)

    def after_edit(self, command: Command, *, at_boundary: bool) -> None:
        """Take a snapshot after a direct edit, so that replays can start from it.

        The edit can be undone only if there is a snapshot of the state right before it.
        """
        done = self._main_loop.status["iterations_done"]
        last = self.ring.newest_until(done)
        here = (done, self.branch, self._changes)
        if last is None or (last.iteration, last.branch, last.changes) != here:
            last = None
            text = NOT_KEPT.format(text=command.text, iteration=command.iteration)
            self._not_undone = NOT_UNDONE.format(reason=text)
        self._can_undo(command, last)
        self._changes += 1
        if not self.able:
            return
        if at_boundary and not self._run.mailbox.yielding:
            self._take_if_able("after an intervention")
        elif not self._posted:
            self._posted = True
            self._main_loop.post(self._take_after)

    def _take_after(self) -> None:
        self._posted = False
        if self._recount:
            self._recount = False
            self._journal.flush()
            self._count()
        if self.able:
            self._take_if_able("after an intervention")

    def fork(self, iteration: int | None, name: str | None, *, in_memory: bool = False) -> Fork:
        """Return a copy of the main loop at a snapshot, and the iteration at which to pause it.

        The copy has a log of the same kind or, if `in_memory` is True, a log in memory.

        Raises
        ------
        Refused
            If the iteration has not been reached or cannot be reached exactly.
        """
        self._journal.flush()
        branch = self.branch if name is None else self._named(name)
        done = self._main_loop.status["iterations_done"]
        if iteration is None and branch.end is None:
            snapshot = self.take("fork")
            iteration, log_state = done, self._log_state(branch)
        else:
            iteration = branch.end if iteration is None else iteration
            assert iteration is not None
            snapshot, log_state = self._reachable(branch, iteration)
        copy = copy_at(self._main_loop, snapshot, in_memory=in_memory)
        log = log_until(log_state, snapshot, self._main_loop.log.h_uuid)
        load(copy, snapshot.loadable(log))
        earlier = [
            one for one in usable(self.ring, branch, iteration) if one.changes <= snapshot.changes
        ]
        earlier = shared_with(copy, snapshot, earlier)
        return Fork(copy, iteration, earlier, log_state, snapshot.iteration)

    def begin_at(self, fork: Fork, name: str, ready: Callable[[], None]) -> None:
        """Make a new run train up to the start of a fork, call `ready` there, and pause it."""
        branch, status = self.branch, self._main_loop.status
        branch.name, branch.start = name, fork.iteration
        self.ring.adopt(replace(one, branch=branch) for one in fork.snapshots)
        self._run.mailbox.close(
            lambda: bool(status["iterations_done"] >= fork.iteration),
            lambda: self._stay_and_hold(fork, ready),
        )

    def _stay_and_hold(self, fork: Fork, ready: Callable[[], None]) -> None:
        self._check_repeated(fork.expected, fork.start)
        self._run.ending.requested = at_the_end(self._main_loop)
        ready()
        self._pause.stay()
        self._pause.hold()

    def rewind(self, command: Command, iteration: int, name: str | None = None) -> object:
        """Rewind the run to the boundary after `iteration`, before the interventions there.

        On arrival, `command` is marked as applied and the run is paused.
        """
        self._journal.flush()
        branch = self.branch if name is None else self._named(name)
        done = self._main_loop.status["iterations_done"]
        snapshot, log_state = self._reachable(branch, iteration)
        while branch.parent is not None and iteration < branch.start:
            branch = branch.parent
        details = {"from": done, "to": iteration, "branch": self.branch.name}
        self._can_undo(command, self._go(snapshot, branch, log_state, command, iteration, details))
        return LATER

    def undo(self, command: Command, commands: list[Command]) -> object:
        """Rewind the run to the snapshot taken before the last intervention."""
        self.check()
        self._journal.flush()
        snapshot, ids = self._undo.last, self._undo.ids()
        texts = [commands[id - 1].text for id in ids]
        details = {"from": self._main_loop.status["iterations_done"], "to": snapshot.iteration}
        details["undone"] = texts
        assert isinstance(snapshot.branch, Branch)
        state = self._log_state(snapshot.branch)
        command.text = f"undo {', '.join(texts)}"
        self._go(snapshot, snapshot.branch, state, command, snapshot.iteration, details)
        self._undo.drop(len(ids))
        return LATER

    def check(self, iteration: int | None = None, name: str | None = None) -> None:
        """Raise an error if a rewind to `iteration` (None for an undo) is impossible.

        Raises
        ------
        Refused
        """
        if iteration is not None:
            self._reachable(self.branch if name is None else self._named(name), iteration)
        elif not self._undo:
            raise Refused(unable(self._main_loop) or self._not_undone)

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
            there = [one for one in self.branches if one.end is not None and one.end >= iteration]
            hint = REACHED_ON.format(name=there[-1].name, end=there[-1].end) if there else ""
            raise Refused(NOT_YET.format(iteration=iteration, done=done, hint=hint))
        if not self.able:
            raise Refused(unable(self._main_loop))
        if not len(self.ring) and self._failures:
            raise Refused(NONE.format(error=", ".join(self._failures)))
        log = self._main_loop.log if branch.end is None else branch.log
        assert isinstance(log, TrainingLogBase)
        return way_to(self.ring, branch, log, iteration), self._log_state(branch)

    def _go(
        self,
        snapshot: Snapshot,
        parent: Branch,
        log_state: Mapping[str, Any],
        command: Command,
        iteration: int,
        details: dict[str, Any],
    ) -> Snapshot | None:
        """Load a snapshot, train until `iteration`, mark `command` as applied and pause.

        Returns
        -------
        Snapshot or None
            A snapshot of the state before the rewind, if it could be taken.
        """
        log, left = self._main_loop.log, self.branch
        log.commit()
        tip = self._take_if_able(f"end of {left.name}")
        tail = log.state_dict()
        new = snapshot.loadable(log_until(log_state, snapshot, log.h_uuid))
        load_into(self._main_loop, snapshot, new)
        self._main_loop.refresh()
        ending = self._run.ending
        ending.with_epoch = False
        ending.requested = snapshot.iteration == iteration and at_the_end(self._main_loop)
        earlier = log.status.get("resumed_from")
        log.resume()
        self._run.note_name()
        log.status[REWOUND] = {"from": log.status["resumed_from"], "resumed_from": earlier}
        left.leave(tail)
        if not left.changed and self._changes == left.changes:
            self.branches.remove(left)  # a rewind that was followed by no training
        self._add_branch(parent, snapshot.iteration, snapshot.changes)
        self._changes = snapshot.changes
        arrive = partial(self._arrive, command, details, log_state, snapshot.iteration)
        if snapshot.iteration == iteration:
            arrive()
            return tip
        self._pause.leave()
        status = self._main_loop.status
        self._run.mailbox.close(
            lambda: bool(status["iterations_done"] >= iteration),
            lambda: self._arrive_and_hold(arrive),
        )
        return tip

    def _add_branch(self, parent: Branch | None, start: int, changes: int = 0) -> None:
        self._left += 1
        log, name = self._main_loop.log, f"branch {self._left}"
        self.branches.append(Branch(name, parent, start, changes, current_log=log))

    def _arrive_and_hold(self, arrive: Callable[[], None]) -> None:
        arrive()
        self._pause.hold()

    def _arrive(
        self, command: Command, details: dict[str, Any], expected: Mapping[str, Any], start: int
    ) -> None:
        log, done = self._main_loop.log, self._main_loop.status["iterations_done"]
        self.branch.start = done  # only now, because training up to here can be stopped
        row = row_of(expected, done)
        details["differs"] = differing(row, dict(log[done]) if done in log else {})
        self._check_repeated(expected, start)
        self._take_if_able(f"start of {self.branch.name}")
        self._journal.document(command, details)
        self._pause.stay()
        command._apply(done)

    def _check_repeated(self, expected: Mapping[str, Any], start: int) -> None:
        """Record an alert if the results of repeated batches differ from those in the log."""
        log, done = self._main_loop.log, self._main_loop.status["iterations_done"]
        text = unlike(expected, log.state_dict(), start, done) if done > start else None
        if text is not None:
            one = done == start + 1
            batches = f"batch {done:,} was" if one else f"batches {start + 1:,} to {done:,} were"
            alert(self._main_loop, NOT_REPEATED.format(batches=batches, text=text))


class _Epochs(TrainingExtension):
    """Extension that requests snapshots at the start of a run and, if due, between epochs."""

    def __init__(self, rewinder: Rewinder) -> None:
        super().__init__("snapshots")
        self._rewinder = rewinder

    def before_training(self) -> None:
        """Request the first snapshot."""
        self._rewinder.begin()
        self._rewinder.take_soon("start")

    def on_resumption(self) -> None:
        """Request the first snapshot of this run."""
        self._rewinder.begin()
        self._rewinder.take_soon("start of a run")

    def after_epoch(self) -> None:
        """Request a snapshot between two epochs if one is due."""
        self._rewinder.take_when_due("end of an epoch")
