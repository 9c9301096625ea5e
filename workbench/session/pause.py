"""Pauses: the training thread waits for requests instead of training.

A pause occurs between two batches of training or of an evaluation. If a command must wait for the
end of an evaluation, the evaluation is completed first, and the pause continues after it.
"""

from __future__ import annotations

from collections.abc import Callable

from workbench.errors import TrainingFinish
from workbench.interfaces import Loop
from workbench.main_loop.run import Run
from workbench.openmp import release_workers
from workbench.session.command import Command
from workbench.session.edits import Edits
from workbench.session.interventions import Journal
from workbench.session.queue import UNCHANGED, Queue


class Pause:
    """Controller that starts and ends pauses of a run, immediately or after a number of batches.

    Parameters
    ----------
    main_loop : Loop
    run : Run
        The run, whose mailbox the training thread reads during a pause.
    queue : Queue
    journal : Journal
    edits : Edits
        The detector of direct edits, which looks for them during a pause.
    changed : callable
        A function that is called with True when a pause starts and with False when it ends.
    """

    def __init__(
        self,
        main_loop: Loop,
        run: Run,
        queue: Queue,
        journal: Journal,
        edits: Edits,
        changed: Callable[[bool], None],
    ) -> None:
        self._main_loop = main_loop
        self._run = run
        self._queue = queue
        self._journal = journal
        self._edits = edits
        self._changed = changed
        self._paused = False
        self._step: Command | None = None
        self._holding = False

    @property
    def paused(self) -> bool:
        """True during a pause."""
        return self._paused

    def end(self) -> Command | None:
        """Clear any pause or step when a run ends, and return the command that began the step."""
        self._paused = self._journal.paused = self._holding = False
        step, self._step = self._step, None
        return step

    def begin(self) -> object:
        """Start a pause, unless the session is already paused; `hold` waits for its end."""
        if self._paused:
            return UNCHANGED
        return self._set(True)

    def resume(self) -> object:
        """End the pause or step, if there is one."""
        if not self._paused and self._step is None:
            return UNCHANGED
        return self._set(False)

    def stay(self) -> None:
        """Start a pause if the session is not paused."""
        self._set(True)

    def leave(self) -> None:
        """End the pause or step, if there is one."""
        self._set(False)

    def step(self, n: int) -> None:
        """End the pause; after `n` batches, pause again and complete the command for this step."""
        self._set(False)
        self._step = step = self._queue.current
        self._look(step, self._main_loop.status["iterations_done"] + n)

    def _look(self, step: Command, target: int) -> None:
        """Pause if `target` has been reached; otherwise check again after the next batch."""
        if step is not self._step:
            return  # another command has replaced this step
        if self._main_loop.status["iterations_done"] < target:
            self._main_loop.post(lambda: self._look(step, target))
        else:
            self._set(True)
            self.hold()

    def _set(self, paused: bool) -> None:
        self._paused = self._journal.paused = paused
        step, self._step = self._step, None
        if paused:
            self._edits.settle(at_boundary=False)
            self._edits.mark()  # first, since the user can edit as soon as the pause is announced
        else:
            self._journal.flush()
        self._changed(paused)
        if step is not None:
            step._end()  # last, so that the session is in its new state when `wait` returns

    def hold(self) -> None:
        """Execute commands until one of them ends the pause."""
        if self._holding:  # called by a command that this method executes
            return
        release_workers()  # frees the CPU for the notebook during the pause
        mailbox, queue = self._run.mailbox, self._queue
        stopwatch = self._main_loop.profile.training
        self._holding = True
        stopwatch.stop()
        self._edits.watch()  # unless the start of the pause has done so
        mailbox.resting = []
        try:
            while self._paused:
                mailbox.run_next()
                if mailbox.yielding and not queue.settled_before(len(queue.commands) + 1):
                    # a command waits for the end of the event; the pause continues at the boundary
                    self._main_loop.post(self.hold)
                    mailbox.wake()
                    return
            self._edits.settle()
        finally:
            stopwatch.start()
            self._holding = False
            self._edits.forget()
        mailbox.wake()
        if self._run.ending.requested and mailbox.gate is None and not mailbox.yielding:
            raise TrainingFinish  # the pause was at the end of the run
