"""Rewinds and forks of a run, which exactly repeat training from snapshots.

The training thread takes and loads snapshots at boundaries between two batches. A rewind loads the
last snapshot at or before the requested iteration and repeats the batches in between, with the same
results. The training that followed the requested iteration is kept as a branch. If the requested
iteration is the end of a branch, nothing followed it, and training continues on this branch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from workbench.extensions import TrainingExtension
from workbench.extensions.alerts import alert
from workbench.log.summary import REWOUND
from workbench.main_loop import MainLoop
from workbench.main_loop.run import Run
from workbench.session.arrangement import arrangement_of
from workbench.session.branch import Branch
from workbench.session.command import Command
from workbench.session.edits import Edits
from workbench.session.fork import Fork, copy_at, load
from workbench.session.history import History
from workbench.session.interventions import Journal
from workbench.session.log_states import differing, log_until, row_of, unlike
from workbench.session.pause import Pause
from workbench.session.queue import LATER, Refused
from workbench.session.reach import at_the_end, unable, usable, way_to
from workbench.session.snapshot_taker import SnapshotTaker
from workbench.session.snapshots import Snapshot, load_into
from workbench.session.tiers import different_tiers, programs_of, repeat_tiers
from workbench.session.undo import Undo

NOT_REPEATED = (
    "{batches} repeated, but the results differ from the log: {text}. A value was changed without "
    "a command, or the training is not deterministic"
)
OTHER_TIER = (
    "{batches} repeated, but the last digits of the results differ from the log: {text}. The first "
    "time, a batch was processed in the {then} tier, but now in the {now} tier, which rounds "
    "differently; set config.execution = 'eager' for runs that must be repeated exactly"
)
NONE = "no snapshot could be taken, so this run cannot be rewound ({error})"
NOT_YET = "iteration {iteration:,} has not been reached; the last iteration is {done:,}{hint}"
REACHED_ON = "; branch {name!r} reached iteration {end:,}: pass branch={name!r}"


class Rewinder:
    """Manager of the rewinds and forks of a run.

    Parameters
    ----------
    main_loop : MainLoop
    run : Run
    pause : Pause
    journal : Journal
    edits : Edits

    Attributes
    ----------
    history : History
        The branches of the run.
    taker : SnapshotTaker
        The object that takes the snapshots and keeps them in its ring.
    changes : Undo
        The object that takes a snapshot before each intervention, and can undo interventions.
    """

    def __init__(
        self, main_loop: MainLoop, run: Run, pause: Pause, journal: Journal, edits: Edits
    ) -> None:
        self.history = History(main_loop)
        self.taker = SnapshotTaker(main_loop, run, self.history, edits)
        self.changes = Undo(main_loop, run, self.history, self.taker, journal)
        self._main_loop = main_loop
        self._run = run
        self._pause = pause
        self._journal = journal
        self._edits = edits
        self._epochs = _Epochs(self)

    def attach(self) -> None:
        """Take snapshots during all later runs, until `detach` is called."""
        self._run.observers = [self._epochs]
        self._run.after_batch = self.taker.take_when_due if self.taker.able else None
        self._edits.attach()

    def detach(self) -> None:
        """Stop taking snapshots."""
        self._run.observers, self._run.after_batch = [], None
        self._edits.detach()

    def follow(self, earlier: Rewinder) -> None:
        """Continue the history of an earlier session, which has left the run at this point."""
        self.history = self.taker.history = self.changes.history = earlier.history
        self.taker.ring = earlier.taker.ring
        self._edits.follow(earlier._edits)

    def begin(self) -> None:
        """Count the interventions in the log, and record the edits made since the last run."""
        if self.taker.able:
            self.history.count()
        self._edits.settle(at_boundary=False)
        self._edits.forget()

    def fork(self, iteration: int | None, name: str | None, *, in_memory: bool = False) -> Fork:
        """Return a copy of the main loop at a snapshot, and the iteration where it should pause.

        The copy has a log of the same kind or, if `in_memory` is True, a log in memory.

        Raises
        ------
        Refused
            If the iteration has not been reached or cannot be reached exactly.
        """
        self._journal.flush()
        branch = self.history.find(name)
        if iteration is None and branch.end is None:
            snapshot, log_state = self.taker.take("fork"), self.history.log_state(branch)
            iteration = snapshot.iteration
        else:
            iteration = self.history.end_of(branch) if iteration is None else iteration
            snapshot, log_state = self._reachable(branch, iteration)
        shared = usable(self.taker.ring, branch, iteration)
        earlier = [one for one in shared if one.changes <= snapshot.changes]
        copy, earlier = copy_at(self._main_loop, snapshot, earlier, in_memory=in_memory)
        log = log_until(log_state, snapshot, self._main_loop.log.h_uuid)
        load(copy, snapshot.loadable(log))
        own = self._main_loop.algorithm if snapshot.parts is None else snapshot.parts.algorithm
        sizes = programs_of(own)
        return Fork(copy, iteration, earlier, log_state, snapshot.iteration, sizes)

    def begin_at(self, fork: Fork, name: str, ready: Callable[[], None]) -> None:
        """Make a new run train up to the start of a fork; then call `ready` and pause the run."""
        branch, status = self.history.branch, self._main_loop.status
        branch.name, branch.start = name, fork.iteration
        repeat_tiers(self._main_loop, fork.expected, fork.sizes)
        self.taker.ring.adopt(replace(one, branch=branch) for one in fork.snapshots)
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
        """Rewind the run to the boundary after `iteration`, before the interventions at this point.

        When the iteration is reached, `command` is marked as applied and the run is paused.
        """
        self._journal.flush()
        branch = self.history.find(name)
        done = self._main_loop.status["iterations_done"]
        snapshot, log_state = self._reachable(branch, iteration)
        while branch.parent is not None and iteration < branch.start:
            branch = branch.parent
        details = {"from": done, "to": iteration, "branch": self.history.branch.name}
        tip = self._go(snapshot, branch, log_state, command, iteration, details)
        self.changes.add(command, tip)
        return LATER

    def undo(self, command: Command, commands: list[Command]) -> object:
        """Rewind the run to the snapshot taken before the last intervention."""
        self.check()
        self._journal.flush()
        stack = self.changes.stack
        snapshot, ids = stack.last, stack.ids()
        texts = [commands[id - 1].text for id in ids]
        details = {"from": self._main_loop.status["iterations_done"], "to": snapshot.iteration}
        details["undone"] = texts
        assert isinstance(snapshot.branch, Branch)
        state = self.history.log_state(snapshot.branch)
        command.text = f"undo {', '.join(texts)}"
        self._go(snapshot, snapshot.branch, state, command, snapshot.iteration, details)
        stack.drop(len(ids))
        return LATER

    def check(self, iteration: int | None = None, name: str | None = None) -> None:
        """Raise an error if a rewind to `iteration` (None for an undo) is impossible.

        Raises
        ------
        Refused
        """
        if iteration is not None:
            self._reachable(self.history.find(name), iteration)
        elif self.changes.reason:
            raise Refused(self.changes.reason)

    def _reachable(self, branch: Branch, iteration: int) -> tuple[Snapshot, Mapping[str, Any]]:
        history, taker = self.history, self.taker
        done = history.end_of(branch)
        if iteration > done:
            there = [b for b in history.branches if b.end is not None and b.end >= iteration]
            hint = REACHED_ON.format(name=there[-1].name, end=there[-1].end) if there else ""
            raise Refused(NOT_YET.format(iteration=iteration, done=done, hint=hint))
        if not taker.able:
            raise Refused(unable(self._main_loop))
        if not len(taker.ring) and taker.failures:
            raise Refused(NONE.format(error=", ".join(taker.failures)))
        snapshot = way_to(taker.ring, branch, history.log_of(branch), iteration)
        return snapshot, history.log_state(branch)

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
        log = self._main_loop.log
        log.commit()
        tip = self.taker.take_if_able(f"end of {self.history.branch.name}")
        tail = log.state_dict()
        new = snapshot.loadable(log_until(log_state, snapshot, log.h_uuid))
        present = arrangement_of(self._main_loop)
        load_into(self._main_loop, snapshot, new)
        changed = present.changes(arrangement_of(self._main_loop))
        if changed:
            details["arrangement"] = changed
        repeat_tiers(self._main_loop, log_state)
        self._main_loop.refresh()
        ending = self._run.ending
        ending.with_epoch = False
        ending.requested = snapshot.iteration == iteration and at_the_end(self._main_loop)
        earlier = log.status.get("resumed_from")
        log.resume()
        self._run.note_name()
        log.status[REWOUND] = {"from": log.status["resumed_from"], "resumed_from": earlier}
        left = self.history.branch
        ancestor = self.history.go_back(tail, parent, snapshot.iteration, snapshot.changes)
        if ancestor is not None:  # the snapshots must belong to a branch that can be named
            self.taker.ring.move(left, to=ancestor)
        arrive = partial(self._arrive, command, details, parent, log_state, snapshot.iteration)
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

    def _arrive_and_hold(self, arrive: Callable[[], None]) -> None:
        arrive()
        self._pause.hold()

    def _arrive(
        self,
        command: Command,
        details: dict[str, Any],
        parent: Branch,
        expected: Mapping[str, Any],
        start: int,
    ) -> None:
        log, done = self._main_loop.log, self._main_loop.status["iterations_done"]
        self.history.branch.start = done  # only now, because training up to here may be stopped
        row = row_of(expected, done)
        details["differs"] = differing(row, dict(log[done]) if done in log else {})
        self._check_repeated(expected, start)
        new = self.history.branch
        if self.history.rejoin(parent):
            self.taker.ring.move(new, to=parent)
        if self.taker.current is None:
            self.taker.take_if_able(f"start of {self.history.branch.name}")
        self._journal.document(command, details)
        self._pause.stay()
        command._apply(done)

    def _check_repeated(self, expected: Mapping[str, Any], start: int) -> None:
        """Record an alert if the results of repeated batches differ from the log."""
        log, done = self._main_loop.log, self._main_loop.status["iterations_done"]
        found = log.state_dict() if done > start else {}
        text = unlike(expected, found, start, done) if found else None
        if text is not None:
            one = done == start + 1
            batches = f"batch {done:,} was" if one else f"batches {start + 1:,} to {done:,} were"
            tiers = different_tiers(expected, found, start, done)
            then, now = tiers or ("", "")
            template = NOT_REPEATED if tiers is None else OTHER_TIER
            alert(self._main_loop, template.format(batches=batches, text=text, then=then, now=now))


class _Epochs(TrainingExtension):
    """Extension that requests snapshots at the start of a run and, when due, between epochs."""

    def __init__(self, rewinder: Rewinder) -> None:
        super().__init__("snapshots")
        self._rewinder = rewinder

    def before_training(self) -> None:
        """Request the first snapshot."""
        self._rewinder.begin()
        self._rewinder.taker.take_soon("start")

    def on_resumption(self) -> None:
        """Request the first snapshot of this run."""
        self._rewinder.begin()
        self._rewinder.taker.take_soon("start of a run")

    def after_epoch(self) -> None:
        """Request a snapshot between two epochs if one is due."""
        self._rewinder.taker.take_when_due("end of an epoch")
