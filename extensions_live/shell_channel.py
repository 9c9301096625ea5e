"""Handling of widget messages on the kernel's shell channel while a cell is waiting for training.

A cell that waits blocks the thread that handles messages from the page. `wait` blocks like
``event.wait()``, but also reads the kernel's shell channel. It handles messages that must not wait:
messages of widgets, and the two requests that a reloaded page sends before it shows any widget. All
other messages are kept in order for the kernel. There is no nested event loop, and no other cell
starts within the waiting cell.

This works if messages arrive on a stream of the main thread: the shell socket of ipykernel 6, or
the pair of sockets that ipykernel 7 forwards them to. The module uses private names of ipykernel
and pyzmq; if a name is missing, `wait` is a plain ``event.wait()``.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import threading
import time
from typing import Any

from extensions_live.kernel_clock import kernel_clock
from extensions_live.notebook import shell
from workbench.utils.waiting import wait_by

ANSWERED = frozenset(
    {"comm_open", "comm_msg", "comm_close", "comm_info_request", "kernel_info_request"}
)
STEP = 0.1
"""Seconds between two checks of the event."""

_one = threading.Lock()
_handed: set[asyncio.Future[Any]] = set()
"""Tasks that handle kept messages; the event loop itself keeps only weak references to tasks."""


class Listener:
    """Reader of a kernel's shell channel, used in place of the kernel's event loop.

    Raises
    ------
    AttributeError
        If the kernel has no such channel, or lacks a private attribute that is used here.
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
        """Wait up to `seconds` for a message, and handle or store it."""
        if self.socket.poll(1000 * seconds):
            frames = self._receive()
            if frames is not None and not self._answer(frames):
                self.kept.append(frames)

    def close(self) -> None:
        """Pass the kept messages to the kernel as if they had just arrived."""
        # Also read the waiting messages, because the event loop wakes up only for new ones.
        while (frames := self._receive()) is not None:
            self.kept.append(frames)
        for frames in self.kept:
            result = self.later(frames)
            if inspect.isawaitable(result):
                task = asyncio.ensure_future(result)  # waits for the lock of the running cell
                _handed.add(task)
                task.add_done_callback(_handed.discard)

    def _receive(self) -> Any:
        return self.socket.recv_multipart(copy=False) if self.socket.poll(0) else None

    def _answer(self, frames: Any) -> bool:
        """Handle a message if it must not wait, and return True if it was handled."""
        kernel, session = self.kernel, self.kernel.session
        try:
            idents, parts = session.feed_identities(frames, copy=False)
            kind = session.deserialize(parts, content=False, copy=False)["header"]["msg_type"]
            if kind not in ANSWERED:
                return False
            message = session.deserialize(parts, copy=False)
        except Exception:
            return False  # the kernel reports the error
        # The cell stays the parent, so that the waiting cell shows the output of callbacks, and of
        # hooks that other libraries run after every widget message.
        kernel._publish_status("busy", "shell", parent=message)
        try:
            result = kernel.shell_handlers[kind](self.reply, idents, message)
            if inspect.iscoroutine(result):  # these handlers never suspend
                with contextlib.suppress(StopIteration):
                    result.send(None)
        except Exception:
            kernel.log.exception("while answering %s", kind)
        finally:
            kernel._publish_status("idle", "shell", parent=message)  # the page waits for it
            kernel._publish_status("busy", "shell")  # the cell is still running
            if self.reply is self.stream:
                self.stream.flush(2)  # zmq.POLLOUT
        return True


def listener() -> Listener | None:
    """Return a listener for the current thread, or None if there is no readable shell channel."""
    running = shell()
    if running is None or threading.current_thread() is not threading.main_thread():
        return None
    try:
        asyncio.get_running_loop()
        return Listener(running.kernel)
    except (AttributeError, RuntimeError):
        return None


def wait(event: threading.Event, timeout: float | None = None) -> bool:
    """Wait until `event` is set, for at most `timeout` seconds; meanwhile, handle messages."""
    if event.is_set() or not _one.acquire(blocking=False):
        return event.wait(timeout)
    try:
        found = listener()
        return event.wait(timeout) if found is None else _listen(found, event, timeout)
    finally:
        _one.release()


def _listen(found: Listener, event: threading.Event, timeout: float | None) -> bool:
    end = None if timeout is None else time.monotonic() + timeout
    kernel_clock.cell_ended()  # messages are received from now on, so the clock must run
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
    """Make all waiting methods of workbench handle widget messages in a notebook."""
    if shell() is not None:
        wait_by(wait)
