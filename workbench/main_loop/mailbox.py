"""Thread-safe queue of requests that the training thread executes between batches.

Any thread can post a request. At the boundary between two batches, requests are executed in order.
An extension that evaluates a dataset calls `Mailbox.yield_to_commands` between its own batches.
Requests that can be handled during an evaluation are then executed; all other requests are kept
until the boundary. If a kept request is urgent, the evaluation is abandoned.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from queue import SimpleQueue
from typing import ClassVar

from workbench.errors import EvaluationAbandoned


@dataclass(frozen=True, slots=True, eq=False)
class Request:
    """A callback for the training thread.

    Attributes
    ----------
    action : callable
        A function that is called at the boundary between two batches.
    early : callable, optional
        A function that is called during an evaluation. If it returns True, `action` is not called.
    urgent : bool
        True to abandon an evaluation, so that the boundary is reached soon.
    rests : bool
        True if this request, when posted by the training thread during a pause, waits for the end
        of the pause. Without this delay, an action that posts itself again would be executed
        endlessly.
    """

    action: Callable[[], object]
    early: Callable[[], bool] | None = None
    urgent: bool = False
    rests: bool = False


class Mailbox:
    """Queue of requests to the training thread; other threads call only `post`.

    Attributes
    ----------
    requests : SimpleQueue
        Requests that the thread has not received yet.
    kept : deque
        Requests received during an evaluation and kept until the next boundary.
    resting : list of Request or None
        Requests that wait for the end of the current pause; None if there is no pause.
    yielding : bool
        True while requests are handled during an evaluation.
    gate : callable or None
        A function; while it returns False, only urgent requests are executed at boundaries.
    is_shared : bool
        True if several processes execute the same requests after the same batches.

    Examples
    --------
    >>> mailbox, done = Mailbox(), []
    >>> mailbox.post(Request(lambda: done.append("at a boundary")))
    >>> mailbox.post(Request(print, early=lambda: done.append("early") is None))
    >>> mailbox.yield_to_commands()
    >>> done
    ['early']
    >>> mailbox.run_all()
    >>> done
    ['early', 'at a boundary']
    """

    is_shared: ClassVar[bool] = False

    def __init__(self) -> None:
        self.requests: SimpleQueue[Request] = SimpleQueue()
        self.kept: deque[Request] = deque()
        self.resting: list[Request] | None = None
        self.yielding = False
        self.gate: Callable[[], bool] | None = None
        self._settled = 0

    def post(self, request: Request) -> None:
        """Add a request; any thread or signal handler can call this method."""
        if request.rests and self.resting is not None:
            self.resting.append(request)
        else:
            self.requests.put(request)

    def run_all(self) -> None:
        """Execute all requests in the queue, but not the requests that their actions post."""
        if self.gate is not None and not self._opened(self.gate):
            return
        last = self._settled + len(self.kept) + self.requests.qsize()
        # During a pause, further requests are executed, and one of them may close the gate.
        while self._settled < last and self.gate is None:
            self.run_next()

    def close(self, gate: Callable[[], bool], then: Callable[[], object]) -> None:
        """Delay all non-urgent requests until `gate` returns True.

        `then` is called before the delayed requests are executed.
        """
        self.kept.appendleft(Request(then))
        self.gate = gate

    def _opened(self, gate: Callable[[], bool]) -> bool:
        """Call the gate and return its result; if the result is False, execute urgent requests."""
        if gate():
            self.gate = None
            return True
        while not self.requests.empty():
            self.kept.append(self.requests.get())
        for request in [request for request in self.kept if request.urgent]:
            self.kept.remove(request)
            self._settled += 1
            request.action()
        return False

    def run_next(self) -> None:
        """Wait for a request; execute it, or keep it if it must wait for the boundary."""
        if not self.yielding:
            request = self.kept.popleft() if self.kept else self.requests.get()
            self._settled += 1
            request.action()
            return
        request = self.requests.get()
        if request.early is not None and request.early():
            self._settled += 1
        else:
            self.kept.append(request)

    def receive(self) -> None:
        """Receive the requests of other processes; there are none unless `is_shared` is True."""

    def wake(self) -> None:
        """Execute the requests that waited for a pause to end, or queue them if there is a gate."""
        resting, self.resting = self.resting, None
        for request in resting or ():
            if self.gate is None:
                request.action()
            else:
                self.post(request)

    def yield_to_commands(self) -> None:
        """Handle requests between two batches of an evaluation.

        Raises
        ------
        EvaluationAbandoned
            If a kept request is urgent.
        """
        self.yielding = True
        try:
            while not self.requests.empty():
                self.run_next()
        finally:
            self.yielding = False
        if any(request.urgent for request in self.kept):
            raise EvaluationAbandoned("the evaluation was abandoned because of an urgent request")

    def clear(self) -> None:
        """Discard all requests."""
        self.gate = None
        self.kept.clear()
        self.resting = None
        while not self.requests.empty():
            self.requests.get()
