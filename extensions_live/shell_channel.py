"""Waiting in a cell without being deaf: widgets are heard while `Session.wait` waits.

A cell that waits keeps the thread that hears messages from the page. `wait` blocks like
``event.wait()``, reads the kernel's shell channel meanwhile, answers what must not wait (messages
of widgets, and the two questions that a reloaded page asks before it shows any) and keeps all else,
in order, for the kernel. There is no nested event loop, and no other cell begins within this one.

It works where messages arrive on a stream of the main thread: the shell socket of ipykernel 6, or
the pair of sockets that the shell channel's thread of ipykernel 7 fills. It uses names of ipykernel
and pyzmq that are not public; where one is missing, waiting is plain.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import threading
import time
from typing import Any

from extensions_live.notebook import shell
from extensions_live.pump import kernel_clock
from workbench.utils.waiting import wait_by

ANSWERED = frozenset(
    {"comm_open", "comm_msg", "comm_close", "comm_info_request", "kernel_info_request"}
)
STEP = 0.1
"""Seconds between two looks at what is waited for."""

_one = threading.Lock()
_handed: set[asyncio.Future[Any]] = set()
"""Messages that the kernel's loop is about to handle; it holds them weakly."""


class Listener:
    """Reads the shell channel of a kernel in place of its event loop.

    Raises
    ------
    AttributeError
        If this kernel has no such channel, or another version of it.
    """

    def __init__(self, kernel: Any) -> None:
        self.kernel = kernel
        thread = getattr(kernel, "shell_channel_thread", None)
        if thread is None:  # ipykernel 6
            self.stream = self.reply = kernel.shell_stream
        else:
            self.stream = thread.manager.get_shell_channel_to_subshell_pair(None).to_stream
            self.reply = thread.manager.get_subshell_to_shell_channel_socket(None)
        self.socket, self.later = self.stream.socket, self.stream._recv_callback
        self.kept: list[Any] = []
        _ = kernel._publish_status, kernel.shell_handlers, kernel.session.feed_identities
        if not callable(self.later):
            raise AttributeError("nothing reads the shell channel")

    def listen(self, seconds: float) -> None:
        """Answer one message, or keep it, if one comes within so many seconds."""
        if self.socket.poll(1000 * seconds):
            frames = self._receive()
            if frames is not None and not self._answer(frames):
                self.kept.append(frames)

    def close(self) -> None:
        """Hand over what was kept, as if it came now."""
        # With all that lies there, unanswered: the kernel's loop is told of news only.
        while (frames := self._receive()) is not None:
            self.kept.append(frames)
        for frames in self.kept:
            result = self.later(frames)
            if inspect.isawaitable(result):
                task = asyncio.ensure_future(result)  # behind the lock of the running cell
                _handed.add(task)
                task.add_done_callback(_handed.discard)

    def _receive(self) -> Any:
        return self.socket.recv_multipart(copy=False) if self.socket.poll(0) else None

    def _answer(self, frames: Any) -> bool:
        """Answer a message; return whether it was one that is answered."""
        kernel, session = self.kernel, self.kernel.session
        try:
            idents, parts = session.feed_identities(frames, copy=False)
            kind = session.deserialize(parts, content=False, copy=False)["header"]["msg_type"]
            if kind not in ANSWERED:
                return False
            message = session.deserialize(parts, copy=False)
        except Exception:
            return False  # the kernel itself says what is wrong with it
        # The cell stays the parent: what a callback prints, and what hooks of other libraries
        # display after every message of a widget, then appears in the cell that waits.
        kernel._publish_status("busy", "shell", parent=message)
        try:
            result = kernel.shell_handlers[kind](self.reply, idents, message)
            if inspect.iscoroutine(result):  # in name only
                with contextlib.suppress(StopIteration):
                    result.send(None)
        except Exception:
            kernel.log.exception("while answering %s", kind)
        finally:
            kernel._publish_status("idle", "shell", parent=message)  # a page counts on it
            kernel._publish_status("busy", "shell")  # and the cell still runs
            if self.reply is self.stream:
                self.stream.flush(2)  # zmq.POLLOUT
        return True


def listener() -> Listener | None:
    """Return what listens in this thread, or None where there is nothing to listen to."""
    running = shell()
    if running is None or threading.current_thread() is not threading.main_thread():
        return None
    try:
        asyncio.get_running_loop()
        return Listener(running.kernel)
    except (AttributeError, RuntimeError):
        return None


def wait(event: threading.Event, timeout: float | None = None) -> bool:
    """Wait until `event` is set, for `timeout` seconds at most; answer widgets meanwhile."""
    if event.is_set() or not _one.acquire(blocking=False):
        return event.wait(timeout)
    try:
        found = listener()
        return event.wait(timeout) if found is None else _listen(found, event, timeout)
    finally:
        _one.release()


def _listen(found: Listener, event: threading.Event, timeout: float | None) -> bool:
    end = None if timeout is None else time.monotonic() + timeout
    kernel_clock.cell_ended()  # a page can be heard, so that its silence means something
    try:
        while not event.is_set():
            left = STEP if end is None else min(STEP, end - time.monotonic())
            if left <= 0:
                break
            found.listen(left)
        return event.is_set()
    finally:
        found.close()
        kernel_clock.cell_started()


def connect() -> None:
    """Have everything in the workbench that waits listen, in a notebook."""
    if shell() is not None:
        wait_by(wait)
