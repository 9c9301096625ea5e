"""The bridge from the log to the screen: one thread that feeds every view, slowly enough.

Training writes its log; one pump thread looks at what changed, reduces it and hands it to the
views. It is the only thread that writes to a widget (ipywidgets has no locks), and the training
thread never does. A view is served a few times a second, more slowly where serving it is dear
(its period is at least ten times what it costs), and only while somebody looks at it. All views
together send at most `MESSAGES_PER_SECOND`, far below what makes a notebook server drop messages.
An error in a view is logged once, shown in that view, and stops nothing else.
"""

from __future__ import annotations

import contextvars
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

logger = logging.getLogger(__name__)

MESSAGES_PER_SECOND = 10
"""The limit is 12 where the messages arrive; the margin is for those that arrive in a bunch."""

COST_FACTOR = 10
"""A view that takes one unit of time to serve waits at least this many before the next time."""

SILENCE = 35.0
"""Seconds without a sign of life from a page, while it could have given one, until it is gone."""

Clock = Callable[[], float]


class View(Protocol):
    """What the pump feeds."""

    period: float
    """Seconds between two servings, at least."""

    def watched(self) -> bool:
        """Whether serving makes sense now: somebody looks, or something must be kept."""

    def refresh(self) -> int:
        """Bring the screen up to date; return how many messages that took."""

    def fail(self, error: Exception) -> None:
        """Show that `refresh` raised; it will be called again."""


class Limiter:
    """At most `per_second` messages within any second, counted over everything that sends.

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
        """Note that so many messages were sent now."""
        self._sent.extend([self._clock()] * messages)

    def delay(self) -> float:
        """Return the seconds until the next message may be sent."""
        if len(self._sent) < (self._sent.maxlen or 0):
            return 0.0
        return max(0.0, self._sent[0] + 1.0 - self._clock())


class KernelClock:
    """Seconds in which the kernel was free to hear from a page.

    A page cannot be heard while a cell runs, unless that waits for training. Time spent in a cell
    must therefore not count as silence of the page, and this clock stands still meanwhile.
    """

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._depth = 0
        self._busy_since = 0.0
        self._busy = 0.0

    def cell_started(self, *_: object) -> None:
        """Stop the clock."""
        if threading.current_thread() is not threading.main_thread():
            return  # a message of a widget, on a thread of its own: no cell
        self._depth += 1
        if self._depth == 1:
            self._busy_since = self._clock()

    def cell_ended(self, *_: object) -> None:
        """Let the clock go on."""
        if threading.current_thread() is not threading.main_thread():
            return
        # The cell that imports this module ends without having begun here.
        if self._depth == 1:
            self._busy += self._clock() - self._busy_since
        self._depth = max(0, self._depth - 1)

    def __call__(self) -> float:
        now = self._busy_since if self._depth else self._clock()
        return now - self._busy


class Audience:
    """Which renderings of a widget somebody may be looking at.

    A page says for each rendering whether it is in sight, again every few seconds, and when it is
    closed. Pages that vanish without a word are forgotten after `SILENCE`; messages nobody reads
    would otherwise pile up in the notebook server.

    Examples
    --------
    >>> audience = Audience()
    >>> audience.looking()  # a cell shows it, the page has not answered yet
    True
    >>> audience.heard("a", visible=False)
    >>> audience.looking()
    False

    Attributes
    ----------
    answered : bool
        Whether any page was ever heard.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or kernel_clock
        self._lock = threading.Lock()
        self._last = {"": self._clock()}
        self.answered = False

    def heard(self, rendering: str, *, visible: bool) -> None:
        """Note a sign of life."""
        with self._lock:
            self.answered = True
            self._last.pop("", None)
            if visible:
                self._last[rendering] = self._clock()
            else:
                self._last.pop(rendering, None)

    def looking(self) -> bool:
        """Tell whether at least one rendering is in sight."""
        now = self._clock()
        with self._lock:
            return any(now - last < SILENCE for last in self._last.values())


class Pump:
    """The thread that serves the views, one at a time, whichever has waited longest."""

    def __init__(self, *, limiter: Limiter | None = None, clock: Clock = time.monotonic) -> None:
        self.limiter = limiter or Limiter()
        self._clock = clock
        self._changed = threading.Condition()
        self._due: dict[View, float] = {}
        self._failed: set[View] = set()
        self._thread: threading.Thread | None = None

    @property
    def views(self) -> tuple[View, ...]:
        """The views being fed."""
        with self._changed:
            return tuple(self._due)

    def attach(self, view: View) -> None:
        """Feed `view` from now on, until it is detached."""
        with self._changed:
            self._due[view] = self._clock()
            if self._thread is None:
                # A widget written without the context of a cell finds no message to belong to.
                context = contextvars.copy_context()
                thread = threading.Thread(
                    target=context.run, args=(self._run,), name="workbench-pump", daemon=True
                )
                thread.start()
                self._thread = thread  # one that cannot start is tried again with the next view
            self._changed.notify_all()

    def detach(self, view: View) -> None:
        """Forget `view`; unknown views are ignored."""
        with self._changed:
            self._due.pop(view, None)
            self._failed.discard(view)
            self._changed.notify_all()

    def nudge(self, view: View) -> None:
        """Serve `view` soon, because somebody began to look or asked for another range."""
        with self._changed:
            if view in self._due:
                self._due[view] = self._clock()
                self._changed.notify_all()

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
        """Refresh one view now and set when its next turn comes."""
        start = self._clock()
        try:
            self.limiter.count(view.refresh())
            self._failed.discard(view)
        except Exception as error:
            self._report(view, error)
        cost = self._clock() - start
        with self._changed:
            if view in self._due:
                self._due[view] = start + max(view.period, COST_FACTOR * cost)

    def _report(self, view: View, error: Exception) -> None:
        if view in self._failed:
            return
        self._failed.add(view)
        logger.error("%s cannot be drawn", type(view).__name__, exc_info=error)
        try:
            view.fail(error)
            self.limiter.count()
        except Exception:
            logger.exception("%s cannot show its error either", type(view).__name__)


kernel_clock = KernelClock()
pump = Pump()
