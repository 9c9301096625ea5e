"""Requests to a main loop during training, from extensions or from other threads.

Requests from other threads wait in the mailbox until the boundary between two batches, or until an
extension yields to commands.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Literal

from workbench.main_loop.mailbox import Request
from workbench.main_loop.run import Run

if TYPE_CHECKING:
    import torch


class Requests:
    """Base class of `MainLoop`, with the methods that are called during training."""

    _run: Run

    def post(
        self,
        action: Callable[[], object],
        *,
        early: Callable[[], bool] | None = None,
        urgent: bool = False,
    ) -> None:
        """Queue `action`, which the training thread calls between two batches.

        Any thread can call this method. Actions still queued at the end of training are discarded.

        Parameters
        ----------
        action : callable
            A function without arguments.
        early : callable, optional
            A function that is called if an extension calls `yield_to_commands` before `action` is
            called. If it returns True, `action` is not called.
        urgent : bool
            True to abandon an evaluation in progress, so that `action` is called soon.
        """
        self._run.mailbox.post(Request(action, early, urgent))

    def yield_to_commands(self) -> None:
        """Handle pauses and interrupts while an extension runs for a long time.

        Extensions that evaluate a dataset call this method between its batches. A request that
        could change the evaluated values waits for the end of the event. In threads other than the
        training thread, the method does nothing.

        Raises
        ------
        EvaluationAbandoned
            If an urgent request is waiting, for example to end training. Training then ends, unless
            the extension catches the error.
        """
        if self._run.thread == threading.get_ident():
            self._run.mailbox.yield_to_commands()

    def after_event(self, action: Callable[[], object]) -> None:
        """Call `action` after all extensions have handled the current event.

        Call this method only in the training thread. Between events, it calls `action` immediately.
        """
        self._run.dispatcher.after_event(action)

    def record_later(self, values: Mapping[str, torch.Tensor]) -> None:
        """Record `values` by name in the current row once the device has computed them.

        Call this method only in the training thread. The values are recorded no later than the next
        event that is neither ``before_batch`` nor ``after_batch``.
        """
        self._run.dispatcher.record_later(values)

    def go_on(self, *, epochs: int | None = None, batches: int | None = None) -> None:
        """Extend training by a number of epochs or batches.

        Call this method only in the training thread; other threads call `Session.train`. During a
        run, the number is added to the planned end. After a run, it is added to the completed
        epochs or batches; completing an unfinished epoch counts as one epoch. The new end takes
        precedence over `FinishAfter`, and extensions that wait for an improvement restart their
        count. The end is stored in the status and also applies to resumed runs.

        Raises
        ------
        ArgumentError
            If neither or both of the arguments are given, or if the number is not a positive
            integer.
        """
        self._run.ending.go_on(epochs, batches)

    def end_at(self, *, epochs: int | None = None, batches: int | None = None) -> None:
        """Schedule training to end after a total number of epochs or batches.

        Call this method only in the training thread; other threads call `Session.set_end`. The new
        end may be later or earlier than the end that `FinishAfter` defines. It is part of the
        status and also applies to resumed runs, unless their extensions define a different end.

        Raises
        ------
        ArgumentError
            If neither or both of the arguments are given, if the number is below 1, or if training
            has already reached this number of epochs or batches.
        """
        self._run.ending.end_at(epochs, batches)

    def request_finish(self) -> None:
        """End training after the current event.

        This method records ``training_finish_requested``. Call it only in the training thread. An
        extension can instead write this record itself, unless an earlier run has already written it
        in the same row; in that case the extension must call this method.
        """
        self._run.ending.request()

    def interrupt(self, level: Literal["epoch", "batch"] = "batch") -> None:
        """End training after this epoch, or immediately.

        Call this method only in the training thread; other threads call `Session.stop` or `post`.
        This method records ``epoch_interrupt_received`` or ``batch_interrupt_received``.

        Raises
        ------
        TrainingFinish
            If `level` is ``"batch"``.
        """
        self._run.interrupt(level)
