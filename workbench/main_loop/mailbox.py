"""A thread-safe queue of requests, carried out by the training thread between batches.

Any thread may post a request. Between two batches of training, requests are carried out in order.
An extension that evaluates a data set for a long time calls `Mailbox.yield_to_commands` between
its own batches: a request that can be handled there is carried out, and any other is kept for the
boundary. If a kept request is urgent, the evaluation ends.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from queue import SimpleQueue

from workbench.errors import EvaluationAbandoned


@dataclass(frozen=True, slots=True, eq=False)
class Request:
    """A callback for the thread that trains.

    Attributes
    ----------
    action : callable
        Called at a boundary between two batches.
    early : callable, optional
        Called within an evaluation; returns true if nothing is left to do at the boundary.
    urgent : bool
        True to abandon an evaluation, so that the boundary is reached soon.
    """

    action: Callable[[], object]
    early: Callable[[], bool] | None = None
    urgent: bool = False


class Mailbox:
    """The requests to a thread that trains. All methods except `post` are for that thread.

    Attributes
    ----------
    requests : SimpleQueue
        Requests that the thread has not seen yet.
    kept : deque
        Requests seen within an evaluation and kept for the boundary.
    yielding : bool
        True while requests are handled within an evaluation.
    gate : callable or None
        While it returns false, only urgent requests are carried out at boundaries.

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

    def __init__(self) -> None:
        self.requests: SimpleQueue[Request] = SimpleQueue()
        self.kept: deque[Request] = deque()
        self.yielding = False
        self.gate: Callable[[], bool] | None = None
        self._settled = 0

    def post(self, request: Request) -> None:
        """Add a request; from any thread, and from a signal handler."""
        self.requests.put(request)

    def run_all(self) -> None:
        """Carry out all present requests; those that actions post are carried out next time."""
        if self.gate is not None and not self._opened(self.gate):
            return
        last = self._settled + len(self.kept) + self.requests.qsize()
        # a pause carries out other requests, and one of them may close the gate
        while self._settled < last and self.gate is None:
            self.run_next()

    def close(self, gate: Callable[[], bool], then: Callable[[], object]) -> None:
        """Let all but urgent requests wait until `gate` returns true; do `then` before them."""
        self.kept.appendleft(Request(then))
        self.gate = gate

    def _opened(self, gate: Callable[[], bool]) -> bool:
        """Ask the gate; carry out urgent requests if it stays closed."""
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
        """Wait for a request; carry it out, or keep it if it must wait for the boundary."""
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

    def yield_to_commands(self) -> None:
        """Handle the requests between two batches of an evaluation.

        Raises
        ------
        EvaluationAbandoned
            If a request that was kept is urgent.
        """
        self.yielding = True
        try:
            while not self.requests.empty():
                self.run_next()
        finally:
            self.yielding = False
        if any(request.urgent for request in self.kept):
            raise EvaluationAbandoned("training is to end now")

    def clear(self) -> None:
        """Drop all requests."""
        self.gate = None
        self.kept.clear()
        while not self.requests.empty():
            self.requests.get()
