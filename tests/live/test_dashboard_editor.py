"""An editor in a dashboard: its canvas in several tabs, training from there, and its two pages."""

import time

import pytest
import torch

from extensions_live import Dashboard, Editor
from extensions_live.dashboard.boards import EditorBoard, SessionBoard
from extensions_live.dashboard.visit import Visit
from tests.live.runs import make_loop
from tests.live.test_dashboard import Tab, click, part
from workbench.algorithms import GradientDescent
from workbench.bricks import Linear
from workbench.bricks.cost import SquaredError
from workbench.data import DataStream, IndexableDataset, SequentialScheme
from workbench.errors import SessionError
from workbench.graph import ComputationGraph
from workbench.initialization import Constant
from workbench.interfaces import State
from workbench.main_loop import MainLoop
from workbench.model import Model
from workbench.tensor import matrix

pytestmark = pytest.mark.usefixtures("no_session_is_left")


@pytest.fixture
def editor(hand_pump):
    """Return the editor of a notebook, with a model that can be trained."""
    linear = Linear(2, 1, weights_init=Constant(0.1), biases_init=Constant(0))
    cost = SquaredError().apply(matrix("y"), linear.apply(matrix("x")))
    cost.name = "cost"
    editor = Editor(cost)
    editor._streams = Streams()
    yield editor
    editor.close()


class Streams:
    """Streams of a notebook."""

    def found(self, name):
        dataset = IndexableDataset({"x": torch.rand(8, 2).numpy(), "y": torch.rand(8, 1).numpy()})
        return DataStream(dataset, iteration_scheme=SequentialScheme(8, 4))

    def listed(self):
        return []

    def shown_from(self, listed, inputs):
        return {}

    def use(self, stream):
        pass


@pytest.fixture
def tab(editor):
    """Return a tab that shows the editor."""
    tab = Tab(EditorBoard(editor))
    yield tab
    tab.visit.close()


def send(tab, ident, number, name, /, client="page", **arguments):
    """Send an intent as the page of a tab does."""
    intent = {"client": client, "number": number, "name": name, "arguments": arguments}
    content = {"kind": "intents", "intents": [intent]}
    tab.visit.receive({"kind": "part", "ident": ident, "content": content})


def changes(messages, ident):
    """Return the traits of a widget that messages change."""
    found = {}
    for message in messages:
        if message["kind"] == "change":
            found |= message["parts"].get(ident, {})
    return found


def nodes(board):
    return [one["id"] for one in board["nodes"]]


def until(condition):
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_the_page_has_the_board_and_the_palette(editor, tab):
    contents = tab.open()
    (ident,) = contents["parts"]
    state = contents["parts"][ident]["state"]
    assert contents["modules"].keys() == {"Editor"}
    assert nodes(state["board"]) == ["x", "y", "linear", "squarederror"]
    assert state["palette"]["groups"] and state["origin"] == editor.ident != ident


def test_an_intent_of_a_tab_is_executed_and_acknowledged_in_all_tabs(editor, tab, hand_pump):
    other = Tab(EditorBoard(editor))
    first, second = part(tab.open(), "Editor"), part(other.open(), "Editor")
    send(tab, first, 1, "add", type="Tanh")
    board = changes(tab.tick(), first)["board"]
    assert "tanh" in nodes(board) and board["acked"] == {"page": 1}
    assert "tanh" in nodes(changes(other.tick(), second)["board"])
    hand_pump.serve(editor)
    assert "tanh" in nodes(editor.board)
    other.visit.close()


def test_a_refusal_reaches_the_tab(tab):
    ident = part(tab.open(), "Editor")
    send(tab, ident, 1, "rename", node="linear", name="x y z/")
    (refused,) = changes(tab.tick(), ident)["board"]["refused"]
    assert refused["number"] == 1 and "name" in refused["text"]


def test_an_edit_of_python_reaches_the_tab(editor, tab):
    ident = part(tab.open(), "Editor")
    editor.drawing.move({"linear": [3, 4]})
    board = changes(tab.tick(), ident)["board"]
    assert next(one for one in board["nodes"] if one["id"] == "linear")["position"] == (3, 4)


def test_a_reloaded_tab_keeps_the_board_and_executes_no_intent_twice(editor, tab):
    ident = part(tab.open(), "Editor")
    send(tab, ident, 1, "add", type="Tanh", position=[7, 8])
    editor.drawing.group(["tanh"])
    tab.visit.close()
    again = Tab(EditorBoard(editor))
    contents = again.open()
    ident = part(contents, "Editor")
    board = contents["parts"][ident]["state"]["board"]
    shown = {one["id"]: one for one in board["nodes"]}
    assert shown["group"]["position"] == (7 - 28, 8) and shown["group"]["open"]
    send(again, ident, 1, "add", type="Tanh")  # kept by the page before the reload
    assert changes(again.tick(), ident).get("board", board)["acked"] == {"page": 1}
    assert "tanh_2" not in editor.drawing.document.ids()
    again.visit.close()


def test_training_from_a_tab_shows_the_session_in_it(editor, tab):
    ident = part(tab.open(), "Editor")
    send(tab, ident, 1, "train", stream="mine", step_rule="Scale")
    until(lambda: editor.session is not None or editor._intents.refused)
    assert editor._intents.refused == []
    sent = tab.tick()
    more = next(message for message in sent if message["kind"] == "parts")
    assert {one["module"] for one in more["parts"].values()} == {"Controls", "PlotView"}
    assert set(more["modules"]) == {"Controls", "PlotView"}
    place = sent.index(more)
    assert changes(sent[:place], ident).get("training") is None
    assert changes(sent[place:], ident)["training"] == list(more["parts"])
    controls = next(k for k, one in more["parts"].items() if one["module"] == "Controls")
    click(tab, controls, "pause")
    until(lambda: editor.session.state is State.PAUSED)
    assert editor.session.commands[-1].by == "dashboard"
    payload = changes(tab.tick(), controls)["payload"]
    assert payload["state"] == "paused"


def test_a_tab_that_opens_later_shows_the_session_at_once(editor, tab):
    session = editor.train("mine")
    contents = tab.open()
    state = contents["parts"][part(contents, "Editor")]["state"]
    assert state["training"] == [k for k, o in contents["parts"].items() if o["module"] != "Editor"]
    session.stop()


def test_a_second_session_takes_the_place_of_the_first(editor, tab):
    editor.train("mine").stop()
    before = set(tab.open()["parts"])
    editor.train("mine").stop()
    more = next(message for message in tab.tick() if message["kind"] == "parts")
    assert not set(more["parts"]) & before
    idents = {widget.ident for widget in tab.visit.widgets}
    assert len(idents) == 3 and set(more["parts"]) < idents


def test_closing_a_tab_leaves_editor_and_session(editor, tab):
    session = editor.train("mine")
    tab.open()
    widgets = tab.visit.widgets
    tab.visit.close()
    assert [widget.comm for widget in widgets] == [None] * len(widgets)
    assert tab.visit.widgets == () and session.state is not State.FINISHED
    assert editor.comm is not None and editor.drawing.document.ids()


def test_a_session_of_an_editor_has_its_model_on_a_second_page(editor):
    session = editor.train("mine")
    tab = Tab(SessionBoard([session]))
    contents = tab.open()
    pages = [(one["page"], len(one["parts"])) for one in contents["sections"]]
    assert pages == [("Run", 2), ("Model", 1)]
    ident = part(contents, "Editor")
    assert contents["parts"][ident]["state"]["training"] == []  # it is on the other page
    send(tab, ident, 1, "rename", node="linear", name="layer")
    assert editor.drawing.document.title("linear") == "layer"
    tab.visit.close()


def started(model):
    """Return a paused session that a main loop started, as without any editor."""
    data = {"x": torch.rand(8, 2).numpy(), "y": torch.rand(8, 1).numpy()}
    stream = DataStream(IndexableDataset(data), iteration_scheme=SequentialScheme(8, 4))
    model.initialize()
    cost = SquaredError().apply(matrix("y"), model.apply(matrix("x")))
    cost.name = "cost"
    algorithm = GradientDescent(cost=cost, parameters=ComputationGraph(cost).parameters)
    return MainLoop(algorithm, stream, Model(cost)).start(paused=True)


def test_the_model_of_a_session_that_no_editor_started_is_changed_on_its_page():
    linear = Linear(2, 1, weights_init=Constant(0.1), biases_init=Constant(0))
    session, drawn = started(linear), {}
    tab = Tab(SessionBoard([session], drawn))
    contents = tab.open()
    assert [one["page"] for one in contents["sections"]] == ["Run", "Model"]
    ident = part(contents, "Editor")
    state = contents["parts"][ident]["state"]
    assert {"x", "y", "linear"} <= set(nodes(state["board"])) and state["training"] == []
    send(tab, ident, 1, "insert", type="Tanh", target="linear", input="input_")
    assert changes(tab.tick(), ident)["surgery"]["text"] == "1 layer kept"
    send(tab, ident, 2, "apply")
    until(lambda: "tanh" in str(session.spec()))
    other = Tab(SessionBoard([session], drawn))
    again = other.open()
    assert "tanh" in nodes(again["parts"][part(again, "Editor")]["state"]["board"])
    session.stop(), tab.visit.close(), other.visit.close()


def test_values_of_a_session_that_no_editor_started_are_on_the_canvas():
    session = started(Linear(2, 1, weights_init=Constant(0.1), biases_init=Constant(0)))
    board = SessionBoard([session])
    tab = Tab(board)
    ident = part(tab.open(), "Editor")
    send(tab, ident, 1, "show_on_nodes", what="parameters")
    until(lambda: "linear" in changes(tab.tick(), ident).get("live", {}).get("nodes", {}))
    session.stop(), tab.visit.close()


def test_a_session_whose_model_cannot_be_described_has_one_page():
    session = make_loop(epochs=1).start()
    tab = Tab(SessionBoard([session]))
    assert {one["page"] for one in tab.open()["sections"]} == {"Run"}
    tab.visit.close()


def test_the_dashboard_of_an_editor_is_served(editor, capsys):
    dashboard = Dashboard(editor).show()
    assert capsys.readouterr().out == f"Dashboard of Visual editor: {dashboard.url}\n"
    dashboard.close()


def test_a_dashboard_says_what_it_can_show():
    with pytest.raises(SessionError, match="a list of sessions, an editor, or the path of a data"):
        Dashboard(3)


def test_another_editor_of_the_same_board_is_used_in_turn(editor, hand_pump):
    other = Editor(editor)
    other.drawing.add("Tanh")
    hand_pump.serve(editor)
    hand_pump.serve(other)
    assert nodes(editor.board) == nodes(other.board) and "tanh" in nodes(editor.board)
    assert other.origin == editor.origin == editor.ident
    other.drawing.undo()
    session = other.train("mine")
    hand_pump.serve(editor)
    assert editor.session is session and len(editor.training) == 2
    other.close()


def test_a_visit_sends_nothing_before_the_page_is_ready(editor):
    sent = []
    visit = Visit(EditorBoard(editor), sent.append)
    editor.drawing.add("Tanh")
    visit.tick()
    assert sent == []
