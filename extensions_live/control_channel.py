"""Commands that a page sends on the control channel; they arrive even while a cell is running.

In JupyterLab and Notebook 7, a widget can access the connection to its kernel and send a message of
any type. The kernel looks up the handler for this type in `control_handlers` and runs it in the
control thread. This requires no installation or configuration. In other front ends, commands are
sent as widget messages, which wait until the running cell has finished.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import weakref
from typing import Any, Protocol

from extensions_live.messages import ControlReply, ControlRequest, Message
from extensions_live.notebook import shell

REQUEST, REPLY = "workbench_request", "workbench_reply"

AFTER_IDLE = 0.02
"""Seconds to wait after a message for the kernel to report that it is idle."""


class Receiver(Protocol):
    """Receiver of messages from a page."""

    def hear(self, content: Message) -> None:
        """Put a command on a queue without waiting, so that the control thread is not blocked."""


_receivers: weakref.WeakValueDictionary[str, Receiver] = weakref.WeakValueDictionary()


class RunningCell:
    """Monitor that reports the kernel as busy to the page while a cell is running.

    After every message on the control channel, a kernel reports that it is idle even if a cell is
    still running, and the page then shows the kernel as idle.
    """

    def __init__(self, kernel: Any) -> None:
        self._kernel = kernel
        self._lock = threading.Lock()
        self._parent: dict[str, Any] = {}
        self._depth = 0
        if threading.current_thread() is threading.main_thread():
            parent = kernel.get_parent("shell")
            # In the main thread of a kernel, only a cell can import this module.
            if parent.get("header", {}).get("msg_type") == "execute_request":
                self._parent, self._depth = parent, 1

    def started(self, *_: object) -> None:
        """Record that a cell or the handler of a widget message has started."""
        if threading.current_thread() is threading.main_thread():
            with self._lock:
                parent = self._kernel.get_parent("shell")
                same = _id(parent) == _id(self._parent)
                self._depth = self._depth + 1 if same else 1
                self._parent = parent

    def ended(self, *_: object) -> None:
        """Record that a cell or the handler of a widget message has ended."""
        if threading.current_thread() is threading.main_thread():
            with self._lock:
                self._depth = max(0, self._depth - 1)

    def say_busy(self) -> None:
        """Report to the page that the kernel is busy, if a cell is running."""
        with self._lock:  # a report after the cell has ended would never be corrected
            if self._depth and self._parent:
                self._kernel._publish_status("busy", "shell", parent=self._parent)


def _id(parent: dict[str, Any]) -> Any:
    return parent.get("header", {}).get("msg_id")


class Channel:
    """Handler of requests on the control channel of a kernel.

    Raises
    ------
    AttributeError
        If this kernel has no control thread, or lacks a private attribute that is used here.
    """

    def __init__(self, running: Any) -> None:
        self.kernel = running.kernel
        _ = self.kernel._publish_status, self.kernel.session.send
        if self.kernel.control_thread is None:
            raise AttributeError("this kernel has no control thread")
        self.cell = RunningCell(self.kernel)
        running.events.register("pre_execute", self.cell.started)
        running.events.register("post_execute", self.cell.ended)
        self.kernel.control_handlers[REQUEST] = self.answer

    def answer(self, stream: Any, ident: Any, parent: dict[str, Any]) -> None:
        """Pass a request to its widget, and send a reply with the result."""
        content: ControlRequest = parent["content"]
        reply: ControlReply = {"status": "unknown"}
        receiver = _receivers.get(content.get("receiver", ""))
        if receiver is not None:
            try:
                receiver.hear(content["message"])
                reply["status"] = "ok"
            except Exception as error:
                reply["status"] = f"{type(error).__name__}: {error}"
        self.kernel.session.send(stream, REPLY, reply, parent, ident=ident)
        asyncio.get_running_loop().call_soon(self.cell.say_busy)  # after the kernel reports idle


_channel: Channel | None = None


def connect() -> None:
    """Answer requests on this kernel's control channel, if the channel exists."""
    global _channel
    running = shell()
    if running is None or _channel is not None:
        return
    try:
        _channel = Channel(running)
    except AttributeError:  # the page then sends widget messages
        return


def connected() -> bool:
    """Return True if this kernel handles commands while a cell is running."""
    return _channel is not None


def busy_again() -> None:
    """Report again that a cell is running, after another thread has handled a message.

    Some versions of ipykernel also handle widget messages on another thread, and then report that
    the kernel is idle.
    """
    if _channel is not None and threading.current_thread() is not threading.main_thread():
        with contextlib.suppress(RuntimeError):  # a thread without a loop reports nothing
            asyncio.get_running_loop().call_later(AFTER_IDLE, _channel.cell.say_busy)


def register(name: str, receiver: Receiver) -> None:
    """Pass requests for `name` to `receiver` as long as `receiver` exists."""
    _receivers[name] = receiver
