"""Commands of a page on the kernel's control channel: heard at once, whatever the cell does.

The page of JupyterLab and Notebook 7 gives a widget the connection to the kernel, which sends any
type of message; the kernel looks its type up in `control_handlers` and answers in its control
thread. Nothing has to be installed or set. Elsewhere, messages of widgets remain, which wait for
the running cell.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import weakref
from typing import Any, Protocol

from extensions_live.messages import CommandMessage, ControlReply, ControlRequest
from extensions_live.notebook import shell

REQUEST, REPLY = "workbench_request", "workbench_reply"

AFTER_IDLE = 0.02
"""Seconds after which a kernel has said that it is idle."""


class Receiver(Protocol):
    """What takes messages of a page."""

    def receive(self, content: CommandMessage) -> None:
        """Put a command on a queue, and no more: called in the control thread."""


_receivers: weakref.WeakValueDictionary[str, Receiver] = weakref.WeakValueDictionary()


class RunningCell:
    """Which cell runs, so that a page can be told that the kernel is busy again.

    A kernel says that it is idle after every message of the control channel, and a page believes
    it, though a cell still runs.
    """

    def __init__(self, kernel: Any) -> None:
        self._kernel = kernel
        self._lock = threading.Lock()
        self._parent: dict[str, Any] = {}
        self._depth = 0
        if threading.current_thread() is threading.main_thread():
            parent = kernel.get_parent("shell")
            # Nothing else than a cell imports this module in the main thread of a kernel.
            if parent.get("header", {}).get("msg_type") == "execute_request":
                self._parent, self._depth = parent, 1

    def started(self, *_: object) -> None:
        """Note that a cell, or a message of a widget, begins; those may come within a cell."""
        if threading.current_thread() is threading.main_thread():
            with self._lock:
                parent = self._kernel.get_parent("shell")
                same = _id(parent) == _id(self._parent)
                self._depth = self._depth + 1 if same else 1
                self._parent = parent

    def ended(self, *_: object) -> None:
        """Note that it has ended."""
        if threading.current_thread() is threading.main_thread():
            with self._lock:
                self._depth = max(0, self._depth - 1)

    def say_busy(self) -> None:
        """Tell the page that the kernel is busy, if it is."""
        with self._lock:  # before the cell ends, or not at all: the page must not stay busy
            if self._depth and self._parent:
                self._kernel._publish_status("busy", "shell", parent=self._parent)


def _id(parent: dict[str, Any]) -> Any:
    return parent.get("header", {}).get("msg_id")


class Channel:
    """Answers requests on the control channel of a kernel.

    Raises
    ------
    AttributeError
        If this kernel has none that is heard while a cell runs, or another version of it.
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
        """Hand a request to its widget, and say whether that took it."""
        content: ControlRequest = parent["content"]
        reply: ControlReply = {"status": "unknown"}
        receiver = _receivers.get(content.get("receiver", ""))
        if receiver is not None:
            try:
                receiver.receive(content["message"])
                reply["status"] = "ok"
            except Exception as error:
                reply["status"] = f"{type(error).__name__}: {error}"
        self.kernel.session.send(stream, REPLY, reply, parent, ident=ident)
        asyncio.get_running_loop().call_soon(self.cell.say_busy)  # after the kernel says idle


_channel: Channel | None = None


def connect() -> None:
    """Answer requests on the control channel of this kernel, if it has one."""
    global _channel
    running = shell()
    if running is None or _channel is not None:
        return
    try:
        _channel = Channel(running)
    except AttributeError:  # the page is told, and sends messages of widgets
        return


def connected() -> bool:
    """Return whether a page is heard while a cell runs."""
    return _channel is not None


def busy_again() -> None:
    """Have the page told that a cell runs, after a message on a thread beside that cell.

    The threads on which some versions of ipykernel hear widgets end with the same untruth.
    """
    if _channel is not None and threading.current_thread() is not threading.main_thread():
        with contextlib.suppress(RuntimeError):  # no loop, and so no such thread
            asyncio.get_running_loop().call_later(AFTER_IDLE, _channel.cell.say_busy)


def register(name: str, receiver: Receiver) -> None:
    """Hand requests for `name` to `receiver` as long as that exists."""
    _receivers[name] = receiver
