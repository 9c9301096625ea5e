"""Audience of a widget: its visible renderings on pages."""

from __future__ import annotations

import threading

from extensions_live.kernel_clock import Clock, kernel_clock

SILENCE = 35.0
"""Seconds, by the kernel's clock, until a page that sends no report is considered closed."""


class Audience:
    """Renderings of a widget that may be visible to a user.

    A page reports the visibility of each rendering whenever it changes, every few seconds while the
    rendering is visible, and when the rendering is removed. If a page disappears without a report,
    its renderings no longer count as visible after `SILENCE` seconds. Without this limit, messages
    that no page reads would accumulate in the server.

    Examples
    --------
    >>> audience = Audience()
    >>> audience.looking()  # a cell shows the widget, but the page has not answered yet
    True
    >>> audience.heard("a", visible=False)  # the first report from this rendering
    True
    >>> audience.looking()
    False

    Attributes
    ----------
    answered : bool
        True if any page has sent a report.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or kernel_clock
        self._lock = threading.Lock()
        self._last = {"": self._clock()}
        self._numbers: dict[str, int] = {}  # number of the newest report of each rendering
        self.answered = False

    def heard(self, rendering: str, *, visible: bool, number: int = 0) -> bool:
        """Record a report from a page; return True if it is this rendering's first report.

        Reports arrive on two channels. A report that arrives after a newer one is ignored.
        """
        with self._lock:
            self.answered = True
            new = rendering not in self._numbers
            if number < self._numbers.get(rendering, 0):
                return False
            self._numbers[rendering] = number
            self._last.pop("", None)
            if visible:
                self._last[rendering] = self._clock()
            else:
                self._last.pop(rendering, None)
            return new

    def looking(self) -> bool:
        """Return True if at least one rendering may be visible."""
        now = self._clock()
        with self._lock:
            return any(now - last < SILENCE for last in self._last.values())
