"""The control channel without a real kernel; see test_kernels for real ones."""

import asyncio
import threading
from types import SimpleNamespace
from unittest.mock import Mock

import pytest

from extensions_live import control_channel
from extensions_live.control_channel import REPLY, REQUEST, Channel, RunningCell

from .runs import make_loop, plot_view

CELL = {"header": {"msg_type": "execute_request", "msg_id": "cell"}}
COMM = {"header": {"msg_type": "comm_msg", "msg_id": "comm"}}


@pytest.fixture
def kernel():
    """Return a fake with the parts of a kernel that are used; no cell runs."""
    kernel = Mock(spec_set=["_publish_status", "session", "control_thread", "control_handlers",
                            "get_parent"])  # fmt: skip
    kernel.control_handlers = {}
    kernel.get_parent.return_value = {}
    return kernel


@pytest.fixture
def running(kernel):
    return SimpleNamespace(kernel=kernel, events=Mock())


class Receiver:
    def __init__(self):
        self.received = []

    def hear(self, content):
        if content == "wrong":
            raise KeyError("name")
        self.received.append(content)


def answer(kernel, **content):
    """Send a request and return the status of the reply."""

    async def within_a_loop():
        kernel.control_handlers[REQUEST]("stream", "ident", {"content": content})

    asyncio.run(within_a_loop())
    (stream, kind, reply, _), options = kernel.session.send.call_args
    assert (stream, kind, options) == ("stream", REPLY, {"ident": "ident"})
    return reply["status"]


def test_a_request_reaches_its_widget(running, kernel):
    Channel(running)
    receiver = Receiver()
    control_channel.register("mine", receiver)
    assert answer(kernel, receiver="mine", message="hello") == "ok"
    assert receiver.received == ["hello"]
    assert answer(kernel, receiver="mine", message="wrong") == "KeyError: 'name'"
    assert answer(kernel, receiver="other", message="hello") == "unknown"
    del receiver
    assert answer(kernel, receiver="mine", message="hello") == "unknown"


def test_a_widget_hears_on_the_channel_that_a_page_shows_it(running, kernel, hand_pump, wire):
    Channel(running)
    view = plot_view(make_loop())
    report = {"kind": "visibility", "rendering": "a", "visible": False, "number": 1}
    assert answer(kernel, receiver=view.ident, message=report) == "ok"
    assert not view.watched()
    report = {**report, "visible": True, "number": 2}
    assert answer(kernel, receiver=view.ident, message=report) == "ok"
    assert view.watched()


def test_a_running_cell_is_reported_to_the_page(running, kernel):
    channel = Channel(running)
    kernel.get_parent.return_value = CELL
    channel.cell.started()
    answer(kernel)
    kernel._publish_status.assert_called_once_with("busy", "shell", parent=CELL)
    channel.cell.ended()
    answer(kernel)
    kernel._publish_status.assert_called_once()


def test_the_cell_that_imports_the_module_counts_as_running(kernel):
    kernel.get_parent.return_value = CELL
    cell = RunningCell(kernel)
    cell.say_busy()
    assert kernel._publish_status.call_count == 1
    cell.ended()
    cell.say_busy()
    assert kernel._publish_status.call_count == 1


def test_messages_within_a_cell_do_not_end_it(kernel):
    cell = RunningCell(kernel)
    kernel.get_parent.return_value = CELL
    cell.started()
    cell.started()
    cell.ended()
    other = threading.Thread(target=lambda: (cell.ended(), cell.started(), cell.ended()))
    other.start()
    other.join()
    cell.say_busy()
    assert kernel._publish_status.call_count == 1


def test_a_cell_whose_end_was_missed_ends_with_the_next(kernel):
    kernel.get_parent.return_value = CELL
    cell = RunningCell(kernel)
    kernel.get_parent.return_value = COMM
    cell.started()
    cell.ended()
    cell.say_busy()
    assert kernel._publish_status.call_count == 0


@pytest.mark.parametrize("missing", ["control_thread", "control_handlers", "_publish_status"])
def test_a_kernel_without_a_private_name_stays_unchanged(monkeypatch, running, kernel, missing):
    delattr(kernel, missing)
    monkeypatch.setattr(control_channel, "shell", lambda: running)
    monkeypatch.setattr(control_channel, "_channel", None)
    control_channel.connect()
    assert not control_channel.connected()
