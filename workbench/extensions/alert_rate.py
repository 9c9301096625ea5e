"""Limit on the number of alerts that are printed, or sent to a web address, within a period.

A condition on a noisy value may be met every few batches. The log contains all alerts.
"""

from __future__ import annotations

from collections import deque
from time import monotonic

MOST, PERIOD = 5, 30.0
"""Maximum number of alerts from one origin within a period, and the period in seconds."""


class Rate:
    """Limiter that permits at most `MOST` alerts within `PERIOD` seconds.

    Attributes
    ----------
    left_out : int
        The number of alerts left out since the last permitted alert.

    Examples
    --------
    >>> rate = Rate()
    >>> [rate.permits() for _ in range(MOST + 2)]
    [True, True, True, True, True, False, False]
    >>> rate.left_out
    2
    """

    def __init__(self) -> None:
        self.left_out = 0
        self._times: deque[float] = deque(maxlen=MOST)

    @property
    def delay(self) -> float:
        """The number of seconds until the next alert is permitted; 0 if it is permitted now."""
        if len(self._times) < MOST:
            return 0.0
        return max(0.0, self._times[0] + PERIOD - monotonic())

    def permits(self) -> bool:
        """Count an alert, and return True if it is permitted."""
        if self.delay > 0:
            self.left_out += 1
            return False
        self._times.append(monotonic())
        return True

    def told(self) -> int:
        """Return the number of alerts left out, and reset it to 0."""
        count, self.left_out = self.left_out, 0
        return count
