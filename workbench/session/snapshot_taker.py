"""`SnapshotTaker`, which takes the snapshots of a run and limits the time that they take."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from time import perf_counter

from workbench.config import config
from workbench.main_loop import MainLoop
from workbench.main_loop.run import Run
from workbench.session.edits import Edits
from workbench.session.history import History
from workbench.session.queue import Refused
from workbench.session.reach import unable
from workbench.session.snapshots import Ring, Snapshot, snapshot_of

logger = logging.getLogger(__name__)

SHARE = 0.02
"""Maximum fraction of the training time that automatic snapshots use."""

GAP = 0.5
"""Minimum number of seconds between two automatic snapshots."""

ATTEMPTS = 3
"""Maximum number of attempts to copy the state while another thread is assigning values."""

NO_SNAPSHOT = "no snapshot could be taken at iteration {iteration:,} ({error})"


class SnapshotTaker:
    """Object that takes the snapshots of a run; the training thread calls its methods.

    Parameters
    ----------
    main_loop : MainLoop
    run : Run
    history : History
    edits : Edits

    Attributes
    ----------
    history : History
    ring : Ring
        The snapshots that are kept; `config.snapshot_memory` limits their memory.
    failures : dict of str to None
        The errors that prevented snapshots; each error is stored only once.
    missing : str
        The reason why the last required snapshot is missing; empty if it exists.
    propose : callable or None
        A function to call instead of taking a snapshot when a snapshot is due. Several processes
        that train together have different clocks, so the first process decides for all of them.
    """

    def __init__(self, main_loop: MainLoop, run: Run, history: History, edits: Edits) -> None:
        self.ring = Ring(config.snapshot_memory)
        self.failures: dict[str, None] = {}
        self.missing = ""
        self.propose: Callable[[str], None] | None = None
        self._main_loop = main_loop
        self._run = run
        self.history = history
        self._edits = edits
        self._seconds = 0.0  # duration of the last snapshot
        self._next = 0.0  # time when the next automatic snapshot is due

    @property
    def able(self) -> bool:
        """True if snapshots of the training state can be taken."""
        return not unable(self._main_loop)

    @property
    def newest(self) -> Snapshot | None:
        """The last snapshot at or before the current iteration."""
        return self.ring.newest_until(self._main_loop.status["iterations_done"])

    @property
    def current(self) -> Snapshot | None:
        """The snapshot of the current state, if there is one."""
        last = self.newest
        if last is None or (last.iteration, last.branch, last.changes) != self.history.here:
            return None
        return last

    def pause(self, gap: float = GAP) -> float:
        """Return the minimum number of seconds before the next snapshot; it is at least `gap`."""
        return max(gap, self._seconds / SHARE)

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
        history = self.history
        try:
            for _ in range(ATTEMPTS):  # another thread may assign a value in the meantime
                snapshot = snapshot_of(
                    self._main_loop,
                    history.changes,
                    history.branch,
                    pin,
                    in_hand=self._run.in_hand,
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

    def take_if_able(self, pin: str) -> Snapshot | None:
        """Take a snapshot; on failure, log the reason if it is new, and return None."""
        try:
            return self.take(pin)
        except Refused as refusal:
            text = f"{type(refusal.__cause__).__name__}: {refusal.__cause__}"
            if text not in self.failures:
                self.failures[text] = None
                logger.warning("%s; training continues, and further attempts will be made", refusal)
            self.missing = str(refusal)
            return None

    def take_soon(self, pin: str = "") -> None:
        """Take a snapshot at the next boundary between two batches."""
        if self.able:
            self._main_loop.post(partial(self.take_if_able, pin))

    def take_when_due(self, pin: str = "") -> None:
        """Take a snapshot at the next boundary if the time limit for snapshots allows it."""
        now = perf_counter()
        if now >= self._next:
            self._next = now + self.pause()
            (self.propose or self.take_soon)(pin)
