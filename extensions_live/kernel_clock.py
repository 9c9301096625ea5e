"""A clock that runs only while the kernel can receive messages from a page."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

Clock = Callable[[], float]


class KernelClock:
    """Clock that counts only the seconds when the kernel can receive messages from a page.

    The kernel receives no messages while a cell is running, unless the cell is waiting for
    training. A page that is silent while a cell is running may still be open, so the clock stops
    during that time.
    """

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._depth = 0
        self._busy_since = 0.0
        self._busy = 0.0

    def cell_started(self, *_: object) -> None:
        """Stop the clock."""
        if threading.current_thread() is not threading.main_thread():
            return  # a widget's message on another thread, not a cell
        self._depth += 1
        if self._depth == 1:
            self._busy_since = self._clock()

    def cell_ended(self, *_: object) -> None:
        """Restart the clock."""
        if threading.current_thread() is not threading.main_thread():
            return
        # The cell that imports this module ends, but its start was not recorded here.
        if self._depth == 1:
            self._busy += self._clock() - self._busy_since
        self._depth = max(0, self._depth - 1)

    def __call__(self) -> float:
        now = self._busy_since if self._depth else self._clock()
        return now - self._busy


kernel_clock = KernelClock()
