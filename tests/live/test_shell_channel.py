"""Waiting without a real kernel; see test_kernels for real ones."""

import asyncio
import threading
from types import SimpleNamespace
from unittest.mock import Mock

import pytest

from extensions_live import shell_channel
from extensions_live.shell_channel import Listener, listener, wait


def kernel_6():
    """Return a fake with the parts of a kernel that are used."""
    stream = SimpleNamespace(socket=Mock(), _recv_callback=Mock(return_value=None), flush=Mock())
    return SimpleNamespace(
        shell_stream=stream,
        session=Mock(),
        shell_handlers={"comm_msg": Mock(return_value=None)},
        _publish_status=Mock(),
        log=Mock(),
    )


def test_without_a_notebook_waiting_is_plain():
    assert listener() is None
    assert wait(threading.Event(), 0.001) is False
    event = threading.Event()
    event.set()
    assert wait(event) is True


NAMES = ["shell_stream", "_publish_status", "shell_handlers", "_recv_callback"]


@pytest.mark.parametrize("missing", NAMES)
def test_a_private_name_that_is_missing_means_a_plain_wait(monkeypatch, missing):
    kernel = kernel_6()
    monkeypatch.setattr(shell_channel, "shell", lambda: SimpleNamespace(kernel=kernel))

    async def found():
        return listener()

    assert isinstance(asyncio.run(found()), Listener)
    delattr(kernel.shell_stream if missing == "_recv_callback" else kernel, missing)
    assert asyncio.run(found()) is None


def test_another_thread_than_the_main_one_waits_plainly(monkeypatch):
    monkeypatch.setattr(shell_channel, "shell", lambda: SimpleNamespace(kernel=kernel_6()))
    found = []
    thread = threading.Thread(target=lambda: found.append(listener()))
    thread.start()
    thread.join()
    assert found == [None]


def test_what_is_not_answered_is_kept_in_order():
    kernel = kernel_6()
    kinds = ["execute_request", "comm_msg", "inspect_request"]
    kernel.shell_stream.socket.recv_multipart.side_effect = [*kinds, "last"]
    kernel.shell_stream.socket.poll.side_effect = [True] * 7 + [False]
    kernel.session.feed_identities.side_effect = lambda frames, copy: ([], frames)
    kernel.session.deserialize.side_effect = lambda parts, copy, content=True: {
        "header": {"msg_type": parts}
    }
    found = Listener(kernel)
    for _ in kinds:
        found.listen(0)
    assert kernel.shell_handlers["comm_msg"].call_count == 1
    found.close()
    handed = [call.args[0] for call in kernel.shell_stream._recv_callback.call_args_list]
    assert handed == ["execute_request", "inspect_request", "last"]


def test_an_error_in_a_handler_does_not_end_the_wait():
    kernel = kernel_6()
    kernel.session.feed_identities.side_effect = lambda frames, copy: ([], frames)
    kernel.session.deserialize.side_effect = lambda parts, copy, content=True: {
        "header": {"msg_type": "comm_msg"}
    }
    kernel.shell_handlers["comm_msg"].side_effect = ValueError("no")
    assert Listener(kernel)._answer([]) is True
    assert kernel.log.exception.call_count == 1
    assert [call.args[0] for call in kernel._publish_status.call_args_list] == [
        *("busy", "idle", "busy"),
    ]
