"""`Pump`, the thread that refreshes all views from their logs at a limited rate.

The training thread writes the log. The pump calls each view, which reads new records, downsamples
them and sends them to the page. Only the pump writes to widgets, since ipywidgets has no locks.
While a page shows a view, the view is refreshed a few times per second. If the refreshes take more
than 1 % of the time, they become less frequent, down to one refresh every half second. Slow
refreshes may take up to 10 % of the time. All views together send at most
`MESSAGES_PER_SECOND` messages, far below the rate limit of a notebook server. An error in a view is
shown in this view and does not affect other views. The error is also logged once, unless it is a
`WorkbenchError`.
"""

from __future__ import annotations

import atexit
import contextvars
import logging
import threading
import time
from collections import deque
from typing import Protocol

from extensions_live.kernel_clock import Clock
from workbench.errors import WorkbenchError

logger = logging.getLogger(__name__)

MESSAGES_PER_SECOND = 10
"""Maximum number of messages per second. A page can receive 12, so there is room for bursts."""

COST_FACTOR = 100
"""Ratio of a view's period to the duration of its last refresh, for periods up to `FRESH`."""

FRESH = 0.5
"""Period in seconds; `SLOW_COST_FACTOR` determines longer periods."""

SLOW_COST_FACTOR = 10
"""Minimum ratio of a view's period to the duration of its last refresh."""

EXIT_TIMEOUT = 5.0
"""Maximum number of seconds that Python waits at exit for a running refresh."""


class View(Protocol):
    """Protocol for views that the pump refreshes."""

    period: float
    """The minimum number of seconds between two refreshes."""

    pace: float
    """The number of seconds between two redraws of a page that draws slowly, otherwise 0."""

    def watched(self) -> bool:
        """Return True if a refresh is useful: a page shows the view, or its output is saved."""

    def refresh(self) -> int:
        """Update the page, and return the number of messages that were sent."""

    def fail(self, error: Exception) -> None:
        """Show an error that `refresh` raised; the pump will call `refresh` again."""


def pause_after(view: View, cost: float, *, share: float = 1.0) -> float:
    """Return the number of seconds to wait after a refresh that took `cost` seconds.

    `share` is the share of time that refreshes may take, relative to the share in a notebook.
    """
    pause = max(min(COST_FACTOR * cost, FRESH), SLOW_COST_FACTOR * cost)
    return max(view.period, view.pace, pause / share)


class Limiter:
    """Limiter that restricts the total of all senders to `per_second` messages per second.

    Examples
    --------
    >>> now = 0.0
    >>> limiter = Limiter(per_second=2, clock=lambda: now)
    >>> limiter.count(2)
    >>> limiter.delay()
    1.0
    >>> now = 1.5
    >>> limiter.delay()
    0.0
    """

    def __init__(self, *, per_second: int = MESSAGES_PER_SECOND, clock: Clock = time.monotonic):
        self._clock = clock
        self._sent: deque[float] = deque(maxlen=per_second)

    def count(self, messages: int = 1) -> None:
        """Record that `messages` messages have just been sent."""
        self._sent.extend([self._clock()] * messages)

    def delay(self) -> float:
        """Return the number of seconds until the next message can be sent."""
        if len(self._sent) < (self._sent.maxlen or 0):
            return 0.0
        return max(0.0, self._sent[0] + 1.0 - self._clock())


class Pump:
    """Thread that refreshes one view at a time, starting with the view that has waited longest."""

    def __init__(self, *, limiter: Limiter | None = None, clock: Clock = time.monotonic) -> None:
        self.limiter = limiter or Limiter()
        self._clock = clock
        self._changed = threading.Condition()
        self._due: dict[View, float] = {}
        self._failed: set[View] = set()
        self._nudged: set[View] = set()
        self._thread: threading.Thread | None = None
        self._closed = False

    @property
    def views(self) -> tuple[View, ...]:
        """The attached views."""
        with self._changed:
            return tuple(self._due)

    def attach(self, view: View) -> None:
        """Refresh `view` regularly until it is detached; after `close`, do nothing."""
        with self._changed:
            if self._closed:
                return
            self._due[view] = self._clock()
            if self._thread is None:
                # A copy of the context, so that messages of widgets have a parent cell.
                context = contextvars.copy_context()
                thread = threading.Thread(
                    target=context.run, args=(self._run,), name="workbench-pump", daemon=True
                )
                thread.start()
                self._thread = thread  # after start(), so that the next view retries a failed start
            self._changed.notify_all()

    def detach(self, view: View) -> None:
        """Stop refreshing `view`; an unknown view is ignored."""
        with self._changed:
            self._due.pop(view, None)
            self._failed.discard(view)
            self._nudged.discard(view)
            self._changed.notify_all()

    def nudge(self, view: View) -> None:
        """Refresh `view` soon, because it has become visible or the page requested data."""
        with self._changed:
            if view in self._due:
                self._due[view] = self._clock()
                self._nudged.add(view)
                self._changed.notify_all()

    def close(self) -> None:
        """Detach all views permanently, and wait for a running refresh to end."""
        with self._changed:
            self._closed = True
            self._due.clear()
            thread = self._thread
            self._changed.notify_all()
        if thread is not None and thread is not threading.current_thread():
            thread.join(EXIT_TIMEOUT)

    def _run(self) -> None:
        while True:
            with self._changed:
                if not self._due:
                    self._thread = None
                    return
                watched = [view for view in self._due if view.watched()]
                if not watched:
                    self._changed.wait()
                    continue
                view = min(watched, key=self._due.__getitem__)
                delay = max(self._due[view] - self._clock(), self.limiter.delay())
                if delay > 0:
                    self._changed.wait(delay)
                    continue
            self.serve(view)

    def serve(self, view: View) -> None:
        """Refresh one view now, and set the time of its next refresh."""
        start = self._clock()
        with self._changed:
            self._nudged.discard(view)
        try:
            self.limiter.count(view.refresh())
            self._failed.discard(view)
        except Exception as error:
            self._report(view, error)
        cost = self._clock() - start
        with self._changed:
            # A nudge during the refresh may concern a change that the refresh has not seen.
            if view in self._due and view not in self._nudged:
                self._due[view] = start + pause_after(view, cost)

    def _report(self, view: View, error: Exception) -> None:
        if view in self._failed:
            return
        self._failed.add(view)
        if not isinstance(
            error, WorkbenchError
        ):  # the view shows a user's mistake, without a traceback
            logger.error("%s cannot be drawn", type(view).__name__, exc_info=error)
        try:
            view.fail(error)
            self.limiter.count()
        except Exception:
            logger.exception("the view %s cannot show its error either", type(view).__name__)


pump = Pump()
atexit.register(pump.close)  # torch crashes if Python exits while a refresh infers shapes
