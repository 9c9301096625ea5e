"""Speed of a run, averaged over the last few seconds of training."""

from __future__ import annotations

import time
from collections import deque

from extensions_live.kernel_clock import Clock

WINDOW = 10.0
"""Number of seconds that the speed is averaged over, or more if a batch takes longer."""


class Speed:
    """Speed meter: iterations per second, averaged over the last few seconds of training.

    Pauses are excluded.

    Examples
    --------
    >>> now = 0.0
    >>> speed = Speed(clock=lambda: now)
    >>> for iteration in range(3):
    ...     speed.saw(10 * iteration, moving=True)
    ...     now += 0.5
    >>> speed.rate()
    20.0
    """

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._seen: deque[tuple[float, int]] = deque()  # the times when the iteration changed
        self._last: tuple[float, int] | None = None
        self._rate: float | None = None

    def saw(self, iteration: int, *, moving: bool) -> None:
        """Record the current iteration; `moving` is True if training is not paused."""
        now = self._clock()
        looked, last = self._last or (now, iteration)  # the start of this iteration is unknown
        self._last = now, iteration
        if iteration < last or now - looked > WINDOW:
            self._seen.clear()  # after a rewind, or if the view was not shown
        elif iteration != last:
            self._seen.append((now, iteration))
            while len(self._seen) > 2 and now - self._seen[0][0] > WINDOW:
                self._seen.popleft()
            since, first = self._seen[0]
            if now - since > 0.2:
                self._rate = (iteration - first) / (now - since)
        if not moving:
            self._seen.clear()  # a pause must not look like slow training

    def rate(self) -> float | None:
        """Return the number of iterations per second, or None if it is not known yet."""
        return self._rate
