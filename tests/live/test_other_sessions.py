"""Views of a session that only meets the protocol, without a main loop in this process."""

import asyncio
import base64
from types import SimpleNamespace
from typing import ClassVar
from unittest.mock import Mock

import numpy as np
import pytest
from IPython.core.formatters import IPythonDisplayFormatter

from extensions_live import Controls, to_html, view
from extensions_live.control_channel import REQUEST, Channel
from workbench import interfaces
from workbench.errors import SessionError
from workbench.interfaces import State
from workbench.log import TrainingLog
from workbench.session import Session

from .runs import make_loop


class Applied:
    """Command that took effect at once."""

    exception = reason = None
    done = True
    by = "code"
    state = "applied at iteration 2"
    iteration = 2

    def __init__(self, id, kind, text):
        self.id, self.kind, self.text = id, kind, text

    def wait(self, timeout=None):
        return None


class Remote:
    """Run in another process: plain values, a log, and commands."""

    name = "elsewhere"
    exception = None
    note = ""
    runs = 1

    def __init__(self):
        self.log = TrainingLog()
        for cost in (2.0, 1.0):
            self.log.status["iterations_done"] += 1
            self.log.current_row["cost"] = cost
            self.log.current_row["rate"] = 0.5
        self.state = State.RUNNING
        self.commands = []
        self.planned = {"epochs": 3, "batches": 6}
        self.execution = {"tier": "compiled", "reason": "compiled: requested"}
        self.views = [{"kind": "plot", "title": "far", "channels": [["cost"]], "height": 200},
                      {"kind": "of a later version"}]  # fmt: skip

    def _ask(self, kind, state=None, text=None):
        self.state = state or self.state
        self.commands.append(Applied(len(self.commands) + 1, kind, text or kind))
        return self.commands[-1]

    def pause(self):
        return self._ask("pause", State.PAUSED)

    def resume(self):
        return self._ask("resume", State.RUNNING)

    def step(self, n=1):
        return self._ask("step", text=f"step {n}")

    def train(self, epochs=None, *, batches=None):
        return self._ask("train", State.RUNNING, f"train {epochs} more epochs")

    def stop(self, *, save=None):
        return self._ask("stop", State.FINISHED)

    def call(self, f):
        return self._ask("call")

    hyperparameters = interventions = model_tree = ()

    def to_html(self, path, *, title=""):
        return to_html(self, path, title=title)

    default_path = "elsewhere.tar"

    variables: ClassVar = {}

    training_examples: ClassVar = {"indices": range(0), "sources": (), "dropped": [],
                                   "relabelled": {}, "reason": "elsewhere"}  # fmt: skip

    def relabel(self, examples, value, *, source="targets"):
        return self._ask("relabel")

    def drop(self, examples):
        return self._ask("drop")

    def probe(self, names=None, *, steps=False, batch=False, examples=None):
        raise SessionError("nothing can be probed elsewhere")

    def describe(self, shared):
        raise SessionError(f"there is no variable {shared!r} elsewhere")

    def set_end(self, *, epochs=None, batches=None):
        return self._ask("set_end")

    def save(self, path=None):
        return self._ask("save")

    def load(self, path):
        return self._ask("load", State.PAUSED)

    def spec(self):
        raise SessionError("the model elsewhere cannot be described")

    def frozen(self):
        return ()

    def rebuild(self, spec, *, frozen=None, moved=None, widened=(), noise=0.0):
        return self._ask("rebuild")

    def set(self, shared, value):
        return self._ask("set")

    def hold(self, shared, value=None):
        return self._ask("hold")

    def release(self, shared):
        return self._ask("release")

    def snapshot(self, name="snapshot"):
        return self._ask("snapshot")

    def rewind(self, iteration, *, branch=None):
        return self._ask("rewind", State.PAUSED, f"rewind to {iteration}")

    def undo(self):
        return self._ask("undo", State.PAUSED)

    def fork(self, iteration=None, *, branch=None, name=None):
        return Remote()

    def replay(self, source, *, functions=None):
        return self._ask("replay", self.state)

    def predict(self, X, output=None, *, batch_size=256):
        raise SessionError("the model elsewhere cannot be used here")

    def prediction(self):
        raise SessionError("the model elsewhere cannot be shown here")

    def evaluate(self, data, variables=None, *, batch_size=256):
        return {"cost": 1.0}

    def to_onnx(self, path, output=None, *, dynamic_axes=None, tolerance=1e-4):
        raise SessionError("the model elsewhere cannot be exported here")

    def to_torch(self):
        raise SessionError("the model elsewhere cannot be converted here")

    def best(self, record=None, *, choose_best=None):
        raise SessionError("the best iteration elsewhere is unknown")

    def alert(self, text, level="warning"):
        return self._ask("alert", self.state)

    @property
    def branches(self):
        return []

    @property
    def snapshots(self):
        return []

    def wait(self, timeout=None):
        return self.state.ended


@pytest.fixture
def remote():
    return Remote()


@pytest.fixture
def click():
    """Return a function that sends a command as a page does, on the kernel's control channel."""
    kernel = Mock(control_handlers={}, get_parent=Mock(return_value={}))
    Channel(SimpleNamespace(kernel=kernel, events=Mock()))

    def send(controls, name, **arguments):
        async def within_a_loop():
            message = {"kind": "command", "name": name, "arguments": arguments, "id": name}
            content = {"receiver": controls.ident, "message": message}
            kernel.control_handlers[REQUEST]("stream", "ident", {"content": content})

        asyncio.run(within_a_loop())
        return kernel.session.send.call_args.args[2]["status"]

    return send


def served(widget, pump):
    """Refresh a widget by the pump and return its payload."""
    pump.serve(widget)
    assert widget.problem == ""
    return widget.payload


def test_it_is_a_session(remote):
    assert isinstance(remote, interfaces.Session)
    assert not hasattr(remote, "main_loop")


def test_the_bar_shows_its_progress(remote, hand_pump, wire):
    payload = served(Controls(remote, hide=["cost"]), hand_pump)
    assert (payload["state"], payload["iteration"]) == ("running", "iteration 2 of 6")
    assert (payload["epoch"], payload["fraction"]) == ("epoch 1 of 3", pytest.approx(1 / 3))
    assert payload["tier"] == ["compiled", "compiled: requested"]
    assert payload["values"] == [["rate", "0.5"]]


def test_a_view_has_its_plots(remote, hand_pump, wire):
    _, plot = view(remote).widgets
    curve = served(plot, hand_pump)["curves"]["cost"]
    assert plot.title == "far"
    assert np.frombuffer(curve["y"]).tolist() == [2.0, 1.0]


def test_every_button_controls_it(remote, click, hand_pump, wire):
    controls = Controls(remote)
    for name in ("pause", "step", "resume"):
        assert click(controls, name) == "ok"
    assert click(controls, "train", epochs=5) == "ok"
    assert click(controls, "stop") == "ok"
    texts = [command.text for command in remote.commands]
    assert texts == ["pause", "step 1", "resume", "train 5 more epochs", "stop"]
    payload = served(controls, hand_pump)
    assert payload["command"]["text"] == "stop: applied at iteration 2"
    assert payload["possible"] == ["train"]


def test_a_pause_leaves_a_table_and_an_image(remote, hand_pump, wire, monkeypatch):
    published = []
    monkeypatch.setattr(
        "extensions_live.still_output.publish", lambda data, *_, **__: published.append(data)
    )
    one = view(remote).still
    one.display()
    remote.pause()
    hand_pump.serve(one)
    table, image = published[-2:]
    assert "<td>paused</td>" in table["text/html"]
    assert base64.b64decode(image["image/png"])[1:4] == b"PNG"
    lines = [line.split() for line in str(view(remote)).splitlines()]
    assert lines[:2] == [["state", "paused"], ["iterations", "2"]]


def test_what_is_not_a_session_is_refused():
    with pytest.raises(SessionError, match=r"argument of view\(\) must be a session.*log.compare"):
        view(TrainingLog())


def test_a_notebook_shows_every_kind_of_session():
    formatter = IPythonDisplayFormatter()
    formatter.for_type(interfaces.Session, print)
    assert formatter.lookup(Session(make_loop())) is print
