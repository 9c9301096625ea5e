"""Fixtures: a pump without its thread, and a comm that records what widgets send."""

import threading
from typing import ClassVar

import pytest
from comm.base_comm import BaseComm

from extensions_live.pump import pump


class Wire(BaseComm):
    """Comm that records the updates of all widgets instead of sending them."""

    sent: ClassVar[list] = []

    def publish_msg(self, msg_type, data=None, metadata=None, buffers=None, **keys):
        if msg_type == "comm_msg" and data["method"] == "update":
            Wire.sent.append((self.comm_id, data["state"], buffers or []))


@pytest.fixture
def wire(monkeypatch):
    """Return the list of updates that widgets sent: comm id, state, buffers."""
    monkeypatch.setattr("ipywidgets.comm.create_comm", Wire)
    Wire.sent = []
    return Wire.sent


@pytest.fixture
def hand_pump(monkeypatch):
    """Yield the pump without its thread; a test calls ``serve``."""
    monkeypatch.setattr(pump, "_thread", threading.current_thread())
    yield pump
    for view in pump.views:
        pump.detach(view)
