"""How fast a run goes, averaged over the last seconds in which it moved."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

WINDOW = 10.0
"""Seconds over which the speed is averaged."""


class Speed:
    """Iterations a second over the last seconds in which training moved.

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

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: deque[tuple[float, int]] = deque()
        self._rate: float | None = None

    def saw(self, iteration: int, *, moving: bool) -> None:
        """Note where training stands now and whether it goes on from here."""
        now = self._clock()
        self._seen.append((now, iteration))
        while self._seen[-1][0] - self._seen[0][0] > WINDOW:
            self._seen.popleft()
        since, first = self._seen[0]
        if now - since > 0.2 and iteration > first:
            self._rate = (iteration - first) / (now - since)
        if not moving:
            self._seen.clear()  # a pause must not look like slow training

    def rate(self) -> float | None:
        """Return iterations a second, or None while it is not known."""
        return self._rate
