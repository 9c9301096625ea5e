"""`Undo`, which keeps snapshots so that interventions can be undone."""

from __future__ import annotations

from collections.abc import Mapping
from time import perf_counter
from typing import Any

from workbench.main_loop import MainLoop
from workbench.main_loop.run import Run
from workbench.session.command import Command
from workbench.session.history import History
from workbench.session.interventions import Journal
from workbench.session.reach import UndoStack, unable
from workbench.session.snapshot_taker import GAP, SnapshotTaker
from workbench.session.snapshots import Snapshot

NOT_UNDONE = "no intervention is left to undo: {reason}"
NOTHING_TO_UNDO = "no intervention is left to undo"
NOT_KEPT = "{text!r} changed the state before a snapshot was taken; use rewind({iteration}) instead"


class Undo:
    """Object that takes snapshots before and after interventions, so that they can be undone.

    Parameters
    ----------
    main_loop : MainLoop
    run : Run
    history : History
    taker : SnapshotTaker
    journal : Journal

    Attributes
    ----------
    history : History
    stack : UndoStack
        The interventions that can be undone.
    """

    def __init__(
        self,
        main_loop: MainLoop,
        run: Run,
        history: History,
        taker: SnapshotTaker,
        journal: Journal,
    ) -> None:
        self.stack = UndoStack(taker.ring.memory)
        self._main_loop = main_loop
        self._run = run
        self.history = history
        self._taker = taker
        self._journal = journal
        self._posted = self._recount = False
        self._before_call: tuple[int | None, Mapping[str, Any]] | None = None
        self._separate = 0.0  # minimum time until an intervention gets a separate snapshot

    @property
    def reason(self) -> str:
        """The reason why no intervention can be undone, or an empty string if one can be undone."""
        if self.stack:
            return ""
        missing = self._taker.missing
        nothing = NOT_UNDONE.format(reason=missing) if missing else NOTHING_TO_UNDO
        return unable(self._main_loop) or nothing

    def add(self, command: Command, before: Snapshot | None) -> None:
        """Store the snapshot `before` an intervention, or clear the stack if `before` is None."""
        if before is None:
            self.stack.drop(len(self.stack))
        else:
            self.stack.add(command.id, before)

    def before_change(self, command: Command) -> None:
        """Take a snapshot before an intervention, unless the last snapshot is still up to date."""
        taker = self._taker
        if not taker.able:
            return
        done, branch, _ = self.history.here
        now = perf_counter()
        if command.kind in ("call", "load"):  # a call may load a state, with another log
            at = done if command.kind == "call" else None
            self._before_call = at, self._main_loop.log.state_dict()
        last = taker.current
        if last is None:
            soon = now < self._separate and taker.propose is None  # processes have different clocks
            shared = self.stack.last if self.stack and soon else None
            if shared is not None and (shared.iteration, shared.branch) == (done, branch):
                last = shared  # shared by many interventions at once
            else:
                last = taker.take_if_able(f"before {command.text}")
                self._separate = now + taker.pause(GAP / 10)
        self.add(command, last)
        self.history.changes += 1

    def after_change(self, *, failed: bool = False) -> None:
        """Request a snapshot after all waiting interventions, so that replays can start from it.

        If the intervention `failed`, it is not in the journal and cannot be undone.
        """
        if not self._taker.able:
            return
        if failed:
            self.stack.drop()
            self.history.changes -= 1
        before, self._before_call = self._before_call, None
        at = self._main_loop.status["iterations_done"]
        if before is not None and before[0] != at and not (failed and before[0] is None):
            self.history.leave(before[1], at=at)
            self._recount = True
        self._take_later()

    def after_edit(self, command: Command, *, at_boundary: bool) -> None:
        """Take a snapshot after a direct edit, so that replays can start from it.

        The edit can be undone only if there is a snapshot of the state right before it.
        """
        last = self._taker.current
        if last is None:
            self._taker.missing = NOT_KEPT.format(text=command.text, iteration=command.iteration)
        self.add(command, last)
        self.history.changes += 1
        if not self._taker.able:
            return
        if at_boundary and not self._run.mailbox.yielding:
            self._taker.take_if_able("after an intervention")
        else:
            self._take_later()

    def _take_later(self) -> None:
        if not self._posted:
            self._posted = True
            self._main_loop.post(self._take_after)

    def _take_after(self) -> None:
        self._posted = False
        if self._recount:
            self._recount = False
            self._journal.flush()
            if self._taker.able:
                self.history.count()
        if self._taker.able:
            self._taker.take_if_able("after an intervention")
