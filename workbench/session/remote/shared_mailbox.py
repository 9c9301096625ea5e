"""Mailbox of one of several processes that execute the same calls after the same batch.

The first process receives the calls. The message that exchanges gradients also
says whether calls are waiting, so all processes know this after the same batch without an
additional message. If calls are waiting, the first process sends them to all others. While training
is paused or after it has ended, the other processes wait for a message from the first process.
"""

from __future__ import annotations

import hmac
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import cloudpickle
import torch

from workbench.errors import ProcessError
from workbench.main_loop.mailbox import Mailbox, Request
from workbench.tensor.processes import ProcessGroup, lost, patient_group

KEPT_WAITING = 3600.0
"""Seconds until waiting processes receive an empty message, well below `LIMIT`."""

LIMIT = timedelta(days=30)
"""Time limit for an exchange of calls."""

DIGEST = 32
STRANGER = (
    "message {number}, which process {rank} has received, does not come from the first process of "
    "the run: there is no proof that its sender knows the secret. The message was discarded"
)
Call = dict[str, Any]


class Exchange:
    """Exchange of calls between the first process of a group and the others.

    The connections of the group are not protected. Therefore each message with calls contains a
    proof that its sender knows the secret. The proof depends on the number of the message, so that
    an old message is not accepted a second time.

    Parameters
    ----------
    group : ProcessGroup
    secret : bytes
        The secret of this launch.
    """

    def __init__(self, group: ProcessGroup, secret: bytes) -> None:
        self.is_first = group.is_first
        self._rank = group.rank
        self._secret = secret
        self._number = 0
        self._group: Any = patient_group(LIMIT)

    def send(self, calls: list[Call]) -> list[Call]:
        """Send calls to the other processes, and return them."""
        found = cloudpickle.dumps(calls) if calls else b""
        data = bytearray(self._proof(found) + found if calls else b"")
        self._broadcast(torch.tensor([len(data)]))
        if calls:
            self._broadcast(torch.frombuffer(data, dtype=torch.uint8))
        return calls

    def receive(self) -> list[Call]:
        """Wait for calls from the first process, and return them.

        Raises
        ------
        ProcessError
            If the calls do not come from the first process.
        """
        size = torch.zeros(1, dtype=torch.int64)
        self._broadcast(size)
        if not int(size):
            return []
        data = torch.empty(int(size), dtype=torch.uint8)
        self._broadcast(data)
        received = data.numpy().tobytes()
        pickled = received[DIGEST:]
        if not hmac.compare_digest(received[:DIGEST], self._proof(pickled)):
            raise ProcessError(STRANGER.format(rank=self._rank, number=self._number))
        found: list[Call] = cloudpickle.loads(pickled)
        return found

    def _proof(self, pickled: bytes) -> bytes:
        self._number += 1
        return hmac.digest(self._secret, self._number.to_bytes(8) + pickled, "sha256")

    def _broadcast(self, value: torch.Tensor) -> None:
        try:
            torch.distributed.broadcast(value, 0, group=self._group)
        except RuntimeError as error:
            failure = lost(error)
            if failure is None:
                raise
            raise failure from error


class SharedMailbox(Mailbox):
    """Mailbox of one of several processes.

    The training thread posts the same requests in all processes. A request from another thread,
    such as a probe, concerns only one process, which executes it between two exchanges of calls.

    Parameters
    ----------
    exchange : Exchange
    deliver : callable
        A function that executes the given calls; it is called in all processes.
    trains : callable
        A function that returns True in the training thread and in the thread that starts it.
    """

    is_shared = True

    def __init__(
        self,
        exchange: Exchange,
        deliver: Callable[[list[Call]], None],
        trains: Callable[[], bool],
    ) -> None:
        super().__init__()
        self._exchange = exchange
        self._deliver = deliver
        self._trains = trains
        self._some = threading.Condition()
        self._calls: list[Call] = []
        self._local: list[Request] = []
        self._within_local = False

    def waiting(self) -> int:
        """Return the number of calls and local requests that are waiting in this process."""
        return len(self._calls) + len(self._local)

    def call(self, call: Call) -> None:
        """Add a call, which all processes execute after the same batch."""
        with self._some:
            self._calls.append(call)
            self._some.notify_all()

    def post(self, request: Request) -> None:
        """Add a request; only this process executes it, unless the training thread posts it."""
        if self._trains() and not self._within_local:
            super().post(request)
            return
        with self._some:
            self._local.append(request)
            self._some.notify_all()

    def receive(self, *, wait: bool = False) -> None:
        """Execute the calls waiting in the first process; all processes call this method together.

        If `wait` is True, the first process waits until there is something to do.
        """
        if not self._exchange.is_first:
            self._deliver(self._exchange.receive())
            self._run_local()
            return
        with self._some:
            ready = not wait or self._some.wait_for(self.waiting, KEPT_WAITING)
            calls, self._calls = self._calls, []
        if calls or not wait or not ready:
            self._deliver(self._exchange.send(calls))
        self._run_local()

    def _run_local(self) -> None:
        with self._some:
            local, self._local = self._local, []
        self._within_local = True
        try:
            for request in local:
                request.action()
        finally:
            self._within_local = False

    def run_next(self) -> None:
        """Wait for a request or a call, and execute it."""
        # During an evaluation, kept requests wait for its end, so only new ones can be executed.
        while self.requests.empty() and (self.yielding or not self.kept):
            self.receive(wait=True)
        super().run_next()

    def clear(self) -> None:
        """Discard all requests, but keep the calls, which are executed after the end of the run."""
        super().clear()
        with self._some:
            self._local = []
