"""Keyboard interrupts that end training after the current epoch or batch.

Signals are handled only in the main thread and only during training. The handlers only post a
request, since a signal may arrive in the middle of any operation.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from typing import Literal

from workbench.main_loop.mailbox import Mailbox, Request
from workbench.utils.notices import tell

Level = Literal["epoch", "batch"]

INTERRUPTED = {
    "epoch": "Interrupted: training ends after this epoch. "
    "Interrupt again to end it after this batch.",
    "batch": "Interrupted again: training ends after this batch.",
}


class Interruptible:
    """Context manager that makes Ctrl+C end training after the current epoch.

    A second Ctrl+C ends training after the current batch. A third Ctrl+C calls the original
    handler.

    Parameters
    ----------
    mailbox : Mailbox
        The mailbox that requests are posted to.
    interrupt : callable
        A function that the training thread calls with the level, ``"epoch"`` or ``"batch"``.
    abandons : bool
        True if the second Ctrl+C abandons an evaluation in progress.
    """

    def __init__(
        self,
        mailbox: Mailbox,
        interrupt: Callable[[Level], object],
        *,
        abandons: bool = True,
    ) -> None:
        self._abandons = abandons
        self._mailbox = mailbox
        self._interrupt = interrupt

    def __enter__(self) -> None:
        self._original = signal.getsignal(signal.SIGINT)
        main = threading.current_thread() is threading.main_thread()
        self._installed = main and self._original is not None
        if self._installed:
            signal.signal(signal.SIGINT, self._first)

    def __exit__(self, *exception: object) -> None:
        if self._installed:
            signal.signal(signal.SIGINT, self._original)

    def _first(self, *_: object) -> None:
        signal.signal(signal.SIGINT, self._second)
        self._post("epoch")

    def _second(self, *_: object) -> None:
        signal.signal(signal.SIGINT, self._original)
        self._post("batch")

    def _post(self, level: Level) -> None:
        announced = False

        def announce() -> bool:  # not called in the handler, which may interrupt another print
            nonlocal announced
            if not announced:
                tell(INTERRUPTED[level])
            announced = True
            return False

        def interrupt() -> None:
            announce()
            self._interrupt(level)

        self._mailbox.post(Request(interrupt, announce, urgent=self._abandons and level == "batch"))
