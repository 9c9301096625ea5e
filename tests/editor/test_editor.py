"""The editor: intents of a page and their answers, code, training, and what is saved."""

import base64
import io
import json
import threading
import time
from types import SimpleNamespace

import pytest
import torch
from PIL import Image

from extensions_live.editor import Editor
from extensions_live.editor.checking import TIMES
from extensions_live.editor.image import diagram, draw
from extensions_live.editor.intents import Intents
from extensions_live.editor.notebook_names import PASSED, Streams, register_classes, sources_of
from extensions_live.editor.session_canvas import step_rule_of
from extensions_live.editor.still import EditorStill
from workbench import tensor
from workbench.bricks import MLP, Linear, Softmax, Tanh
from workbench.bricks.cost import CategoricalCrossEntropy
from workbench.builder import catalogue, from_code, from_spec, registry, to_spec
from workbench.data import DataStream, IndexableDataset, IterableDataset, SequentialScheme
from workbench.errors import BuilderError
from workbench.extensions import TrainingExtension
from workbench.initialization import Constant, IsotropicGaussian
from workbench.interfaces import State


def intent(number, name, *, client="page", **arguments):
    """Return an intent as a page sends it."""
    return {"client": client, "number": number, "name": name, "arguments": arguments}


@pytest.fixture
def editor(hand_pump):
    """Return an editor without a page and without the thread of the pump."""
    editor = Editor()
    yield editor
    editor.close()


def classifier():
    """Return the cost of a small classifier."""
    mlp = MLP(
        [Tanh(), Softmax()], [4, 5, 3], weights_init=IsotropicGaussian(0.1), biases_init=Constant(0)
    )
    targets = tensor.lvector("targets")
    cost = CategoricalCrossEntropy().apply(targets, mlp.apply(tensor.matrix("features")))
    cost.name = "cost"
    return cost


def stream():
    """Return a stream for the classifier, with a source that it does not need."""
    data = {"features": torch.rand(12, 4).numpy(), "targets": [0, 1, 2] * 4, "ids": range(12)}
    dataset = IndexableDataset({name: list(values) for name, values in data.items()})
    return DataStream(dataset, iteration_scheme=SequentialScheme(12, 4))


def nodes(editor):
    """Return the ids of the nodes that the page has."""
    return [one["id"] for one in editor.board["nodes"]]


# Intents.


def test_an_intent_of_the_trait_changes_the_board_and_is_acknowledged(editor, hand_pump):
    editor.outbox = [intent(1, "add", type="Tanh"), intent(2, "add", type="Tanh")]
    hand_pump.serve(editor)
    assert nodes(editor) == ["tanh", "tanh_2"]
    assert editor.board["acked"] == {"page": 2} and editor.board["refused"] == []


def test_an_intent_that_arrives_on_several_ways_is_executed_once(editor, hand_pump):
    first, second = intent(1, "add", type="Tanh"), intent(2, "add", type="Bias")
    editor.receive({"kind": "intents", "intents": [first]})
    editor.outbox = [first]
    editor.outbox = [first, second]
    editor.receive({"kind": "intents", "intents": [first, second]})
    hand_pump.serve(editor)
    assert nodes(editor) == ["tanh", "bias"]


def test_nothing_is_lost_if_only_the_last_outbox_arrives(editor, hand_pump):
    sent = [intent(number, "add", type="Tanh") for number in range(1, 7)]
    editor.outbox = sent  # five messages before it were merged by the page
    hand_pump.serve(editor)
    assert len(nodes(editor)) == 6 and editor.board["acked"] == {"page": 6}


def test_two_pages_have_numbers_of_their_own(editor, hand_pump):
    editor.outbox = [intent(1, "add", type="Tanh", client="a")]
    editor.outbox = [intent(1, "add", type="Tanh", client="b")]
    hand_pump.serve(editor)
    assert len(nodes(editor)) == 2 and editor.board["acked"] == {"a": 1, "b": 1}


@pytest.mark.parametrize(
    "name, arguments, text",
    [
        ("add", {"type": "Linaer"}, "there is no brick, operation or module 'Linaer'"),
        ("add", {"typ": "Linear"}, "the operation add does not accept ['typ']: "),
        ("close_all", {}, "there is no operation 'close_all'"),
        ("_edit", {}, "there is no operation '_edit'"),
        ("undo", {}, "there is nothing to undo"),
        ("remove", {"nodes": "mlp"}, "nodes must be a list of ids, not 'mlp'"),
        ("train", {"stream": "nothing"}, "there is no stream 'nothing'"),
        ("add_stream", {"stream": "nothing"}, "there is no stream 'nothing'"),
    ],
)
def test_an_intent_that_is_not_possible_is_refused_with_a_text(editor, name, arguments, text):
    before = editor.drawing.document
    editor._intents.take([intent(1, name, **arguments)])
    (refused,) = editor._intents.refused
    assert refused["text"].startswith(text) and refused["number"] == 1
    assert editor._intents.acked == {"page": 1} and editor.drawing.document is before


def test_a_refused_intent_does_not_stop_the_next(editor, hand_pump):
    editor.outbox = [intent(1, "undo"), intent(2, "add", type="Tanh")]
    hand_pump.serve(editor)
    assert nodes(editor) == ["tanh"]
    assert [one["number"] for one in editor.board["refused"]] == [1]


def test_the_page_gets_the_ids_of_what_its_intents_made(editor, hand_pump):
    editor.drawing.add_input("features", [None, 784])
    added = [intent(1, "add", type="Linear", after="features"), intent(2, "undo")]
    editor.outbox = [*added, intent(3, "add_stream", stream="digits")]
    hand_pump.serve(editor)
    assert editor.board["made"] == [
        {"client": "page", "number": 1, "nodes": ["linear"]},
        {"client": "page", "number": 3, "nodes": ["targets"]},
    ]


def test_an_error_of_any_kind_is_a_refusal():
    def clear():
        raise ZeroDivisionError("no")

    intents = Intents(SimpleNamespace(clear=clear))
    intents.take([intent(1, "clear")])
    assert intents.refused[0]["text"] == "ZeroDivisionError: no"


def test_intents_of_several_threads_are_each_executed_once(editor):
    sent = [intent(number, "add_input") for number in range(1, 31)]
    threads = [
        threading.Thread(target=editor._intents.take, args=(sent[: 10 * part],))
        for part in (1, 2, 3, 3, 2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(editor.drawing.document.inputs) == 30


# What the page gets.


def test_the_page_gets_the_board_only_when_it_changed(editor, hand_pump):
    hand_pump.serve(editor)
    assert editor.refresh() == 0
    editor.drawing.add("Tanh")
    assert editor.refresh() == 1
    assert editor.refresh() == 0


def test_the_nodes_of_a_large_model_come_with_the_editor_itself(hand_pump, editor):
    editor.drawing.add_block("LeNet")
    other = Editor(editor.spec)
    assert nodes(other) == [one["id"] for one in other.drawing.payload()["nodes"]]
    assert other.palette["groups"] and not other.palette["streams"]  # streams are read later
    hand_pump.serve(other)
    assert other.palette["streams"] and not other.board["summary"]["checking"]
    other.close()


def test_a_large_board_sends_its_shapes_before_its_code(editor, hand_pump, monkeypatch):
    hand_pump.serve(editor)
    monkeypatch.setattr("extensions_live.editor.board_state.SMALL", 0)
    seen = []
    editor.observe(lambda change: seen.append(change["new"]["code"]["text"]), "board")
    editor.drawing.add_input("x", [None, 2])
    editor.drawing.add("Tanh", after="x")
    assert editor.refresh() == 2
    assert seen[0] != seen[1] and seen[1] == editor.code


def test_a_page_that_was_reloaded_gets_everything_again(editor, hand_pump):
    hand_pump.serve(editor)
    editor.hear({"kind": "visibility", "rendering": "one", "visible": True, "number": 1})
    assert editor.refresh() == 1


def test_everything_for_the_page_is_json(hand_pump):
    editor = Editor(classifier())
    editor.drawing.open("mlp")
    hand_pump.serve(editor)
    for payload in (editor.board, editor.palette):
        assert json.loads(json.dumps(payload, allow_nan=False))["groups" if payload is
               editor.palette else "nodes"]  # fmt: skip
    editor.close()


def test_the_palette_has_the_whole_catalogue_and_the_blocks(editor, hand_pump):
    hand_pump.serve(editor)
    found = {e["type"] for group in editor.palette["groups"] for e in group["entries"]}
    assert found == {entry.type for group in catalogue() for entry in group.entries}
    assert {"MLP", "LeNet"} <= {block["name"] for block in editor.palette["blocks"]}
    assert [one["name"] for one in editor.palette["streams"]][:2] == ["digits", "digit images"]


@pytest.mark.parametrize("stream", ["digits", "digit images"])
@pytest.mark.parametrize("block", ["MLP", "LeNet"])
def test_a_block_of_the_palette_uses_the_sources_of_the_digits(editor, block, stream, hand_pump):
    editor.add_stream(stream)
    editor.drawing.add_block(block)
    summary = editor.drawing.payload()["summary"]
    assert summary["fault"] is None and summary["parameters"] > 10_000
    assert list(editor.drawing.document.inputs) == ["features", "targets"]
    hand_pump.serve(editor)
    assert stream not in editor.board["misfits"]
    editor.drawing.undo()
    assert editor.drawing.document.ids() == ["features", "targets"]


def test_a_class_of_the_notebook_is_in_the_palette_at_once(editor, hand_pump, monkeypatch):
    hand_pump.serve(editor)
    own = type("Mine", (Tanh,), {"__module__": "__main__", "__doc__": "Mine, at once."})
    net = type("Net", (torch.nn.Linear,), {"__module__": "__main__"})
    monkeypatch.setattr("extensions_live.editor.editor.names", lambda: {"Mine": own, "Net": net})
    monkeypatch.setitem(registry._users, "brick", {})
    monkeypatch.setitem(registry._users, "module", {})
    hand_pump.serve(editor)
    mine = editor.palette["groups"][0]
    assert mine["title"] == "Your own"
    assert [(e["kind"], e["type"]) for e in mine["entries"]] == [
        ("brick", "Mine"),
        ("module", "Net"),
    ]
    assert editor.drawing.add("Mine") == "mine"
    assert editor.drawing.add("Net", settings={"in_features": 2, "out_features": 3}) == "net"


def test_classes_that_are_no_bricks_are_left_alone():
    own = type("Own", (), {"__module__": "__main__"})
    assert not register_classes({"Own": own, "Linear": Linear, "number": 3})


def test_streams_of_the_notebook_show_their_sources():
    found = Streams(lambda: {"train": stream(), "other": 3, "_hidden": stream()}).listed()
    assert [one["name"] for one in found] == ["digits", "digit images", "train"]
    assert found[2]["note"].startswith("12 examples in batches of 4. Each has features (4 numbers)")
    assert "targets (a whole number)" in found[2]["note"]
    assert found[2]["sources"][:2] == [
        {"name": "features", "shape": [None, 4], "dtype": "float32"},
        {"name": "targets", "shape": [None], "dtype": "int64"},
    ]


def test_a_look_at_a_stream_does_not_move_it():
    one = stream()
    sources_of(one)
    assert one.state_dict() == {"epoch": 0, "position": 0}


def test_a_stream_that_can_be_read_only_once_is_listed_but_not_read():
    once = DataStream(IterableDataset(iter([1.0, 2.0])))
    (found,) = [s for s in Streams(lambda: {"once": once}).listed() if s["name"] == "once"]
    assert (found["note"], found["sources"]) == ("sources unknown", [])
    assert list(once.get_epoch_iterator()) == [(1.0,), (2.0,)]


def test_add_stream_adds_only_inputs_that_are_missing(editor):
    editor.drawing.add_input("targets", [None], "int64")
    assert editor.add_stream(stream()) == ["features", "ids"]
    with pytest.raises(BuilderError, match="already has an input for each source"):
        editor.add_stream(stream())


# Both ways.


def test_the_model_is_the_same_until_the_canvas_changes(hand_pump):
    editor = Editor(classifier())
    model = editor.model
    assert editor.model is model and editor.built.cost.name == "cost"
    editor.drawing.set("mlp", "dims", [4, 6, 3])
    assert editor.model is not model
    assert editor.built.bricks["mlp"].dims == [4, 6, 3]
    editor.close()


def test_a_model_with_a_fault_is_not_built(editor):
    editor.drawing.add_input("x", [None, 3])
    editor.drawing.add("Linear", after="x", settings={"input_dim": 4, "output_dim": 2})
    with pytest.raises(BuilderError, match="linear has a fault: linear.apply: input_ has shape"):
        _ = editor.model


def test_show_keeps_what_a_hand_has_placed(hand_pump):
    editor = Editor(classifier())
    editor.drawing.move({"mlp": [100, 50]})
    editor.show(classifier())
    assert editor.drawing.document.spec.positions["mlp"] == (100, 50)
    assert editor.drawing.undo_name == "move mlp"  # the same model: nothing to undo
    editor.close()


@pytest.mark.parametrize("given", [3, "mlp", None])
def test_show_refuses_what_is_no_model(editor, given):
    with pytest.raises(BuilderError, match="a board can show a specification, a model, bricks"):
        editor.show(given)


@pytest.mark.parametrize(
    "make",
    [
        classifier,
        lambda: Linear(2, 3),
        lambda: to_spec(Linear(2, 3)),
        lambda: from_spec(to_spec(classifier())),
        lambda: from_spec(to_spec(classifier())).model,
        lambda: [Linear(2, 3), Tanh()],
        lambda: torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Tanh()),
    ],
    ids=["cost", "brick", "specification", "built", "model", "list", "module"],
)
def test_an_editor_begins_with_any_model(hand_pump, make):
    editor = Editor(make())
    assert editor.drawing.payload()["nodes"] and editor.code.count("\n") > 2
    editor.close()


def test_code_and_canvas_alternate_ten_times_without_loss(hand_pump):
    editor = Editor(classifier())
    board = editor.drawing
    board.move({"mlp": [10, 20], "features": [0, 0]})
    board.add("Linear", [5, 5], name="unfinished", settings={"output_dim": 2})
    board.group(["mlp"], "model")
    places = dict(board.document.spec.positions)
    board.set_code(f"# my model\nunits = 5  # at first\n{editor.code}")
    for number in range(10):
        board.set("mlp", "dims", [4, 10 + number, 3])
        board.set_code(editor.code.replace(f"{10 + number}, 3", f"{20 + number}, 3"))
        assert board.document.bricks["mlp"].settings["dims"] == [4, 20 + number, 3]
    assert editor.code.startswith("# my model\nunits = 5  # at first\n")
    assert board.document.spec.positions == places
    assert places.keys() == {"mlp", "features", "unfinished", "group"}
    assert board.document.groups["group"].members == ("mlp",)
    assert board.spec.cost == "cost" and board.document.bricks["unfinished"].settings
    assert from_code(editor.code).same_as(from_code(editor.code))
    for _ in range(20):
        board.undo()
    assert board.document.bricks["mlp"].settings["dims"] == [4, 5, 3]
    editor.close()


def test_exported_code_builds_the_same_parameters_in_a_fresh_namespace(hand_pump):
    editor = Editor(classifier())
    editor.drawing.unpack("mlp")
    names = {}
    exec(editor.code, names)
    one = from_spec(to_spec(names["cost"])).model.get_parameter_dict()
    other = editor.model.get_parameter_dict()
    assert {k: v.shape for k, v in one.items()} == {k: v.shape for k, v in other.items()}
    editor.close()


# Training.


def test_train_starts_a_session_and_shows_it(hand_pump):
    editor = Editor(classifier())
    hand_pump.serve(editor)
    session = editor.train(stream(), step_rule="Scale", epochs=2)
    assert session.wait(60) and session.state is State.FINISHED
    assert "cost" in session.log.current_row or "cost" in session.log.channels
    assert editor.training == [widget.ident for widget in editor.run_view.widgets]
    hand_pump.serve(editor)
    assert set(editor.board["shown_from"].values()) == {PASSED}
    editor.close()


def test_the_page_is_told_what_the_session_does(hand_pump):
    editor = Editor(classifier())
    hand_pump.serve(editor)
    assert editor.status == {}
    session = editor.train(stream(), step_rule="Scale")
    session.pause().wait()
    hand_pump.serve(editor)
    done = session.log.status["iterations_done"]
    text = f"{session.name} is paused at iteration {done:,}"
    assert editor.status == {"session": session.name, "state": "paused", "text": text}
    session.step(3).wait()
    editor._status_due = 0.0
    hand_pump.serve(editor)
    assert editor.status["text"] == f"{session.name} is paused at iteration {done + 3:,}"
    session.stop()
    assert session.wait(60)
    hand_pump.serve(editor)
    assert editor.status["text"] == f"{session.name} finished at iteration {done + 3:,}"
    editor.close()


def test_the_page_is_told_why_a_session_failed(hand_pump):
    class Broken(TrainingExtension):
        def after_batch(self, batch):
            raise ValueError("no third batch")

    editor = Editor(classifier())
    session = editor.train(stream(), step_rule="Scale", extensions=[Broken()])
    with pytest.raises(ValueError, match="no third batch"):
        session.wait(60)
    hand_pump.serve(editor)
    text = "failed at iteration 1: ValueError: no third batch"
    assert editor.status["text"] == f"{session.name} {text}"
    editor.close()


def test_a_second_training_begins_only_if_the_first_is_to_stop(hand_pump):
    editor = Editor(classifier())
    first = editor.train(stream(), step_rule="Scale")
    text = f"{first.name} still trains a model of this editor and is .*; stop it with"
    with pytest.raises(BuilderError, match=text):
        editor.train(stream(), step_rule="Scale")
    second = editor.train(stream(), step_rule="Scale", epochs=1, restart=True)
    assert first.state is State.FINISHED and editor.session is second
    assert second.wait(60)
    editor.train(stream(), step_rule="Scale", epochs=1).wait(60)  # the second one has ended
    editor.close()


def test_a_frozen_brick_is_not_trained(hand_pump):
    editor = Editor(classifier())
    editor.drawing.unpack("mlp")
    editor.drawing.freeze("linear_0")
    first, second = (editor.built.bricks[name] for name in ("linear_0", "linear_1"))
    for brick in (first, second):
        brick.initialize()
    before = [brick.W.get_value().copy() for brick in (first, second)]
    editor.train(stream(), step_rule="Scale", epochs=1).wait(60)
    assert (first.W.get_value() == before[0]).all()
    assert (second.W.get_value() != before[1]).any()
    editor.close()


@pytest.mark.parametrize(
    "change, text",
    [
        (lambda b: b.set_cost(None), "there is no cost to minimise"),
        (lambda b: b.freeze("mlp"), "no parameters to train: all parameters are frozen"),
        (lambda b: b.rename("features", "pixels"), "the stream has no source 'pixels'"),
        (lambda b: b.disconnect("mlp", "input_"), "mlp is unfinished: connect an input"),
    ],
)
def test_train_says_what_is_missing(hand_pump, change, text):
    editor = Editor(classifier())
    change(editor.drawing)
    with pytest.raises(BuilderError, match=text):
        editor.train(stream())
    editor.close()


def test_a_page_can_train(hand_pump):
    editor = Editor(classifier())
    editor._streams = Streams(lambda: {"mine": stream()})
    editor.outbox = [intent(1, "train", stream="mine", epochs=1, step_rule="Adam")]
    end = time.monotonic() + 60
    while editor.session is None and not editor._intents.refused and time.monotonic() < end:
        time.sleep(0.01)
    assert editor._intents.refused == [] and editor.session.wait(60)
    editor.close()


def test_train_refuses_data_of_another_shape(editor):
    editor.add_stream("digit images")
    editor.drawing.add_block("MLP")
    with pytest.raises(BuilderError, match="features has shape . x 784, but the input features"):
        editor.train("digits")


def test_the_streams_that_fit_the_inputs_come_first(editor, hand_pump):
    editor.add_stream("digit images")
    hand_pump.serve(editor)
    assert editor.palette["streams"][0]["name"] == "digit images"


def test_a_stream_that_does_not_fit_has_a_reason(editor, hand_pump):
    editor.add_stream("digits")
    hand_pump.serve(editor)
    assert set(editor.board["misfits"]) == {"digit images"}
    assert "the source features has shape" in editor.board["misfits"]["digit images"]


def test_only_inputs_that_training_needs_must_be_in_the_data(editor, hand_pump):
    board = editor.drawing
    editor.add_stream("digits")
    board.add("Linear", after="features", settings={"output_dim": 10})
    board.add("CategoricalCrossEntropy", name="entropy", after=["linear", "output"], input="y_hat")
    board.connect("targets", "targets", "entropy", "y")
    board.add_input("unused", [None, 3])
    assert [one.name for one in editor.drawing.needed_inputs()] == ["features", "targets"]
    hand_pump.serve(editor)
    assert "digits" not in editor.board["misfits"]


def test_a_step_rule_must_be_known():
    assert step_rule_of("Adam").learning_rate.get_value() > 0
    with pytest.raises(BuilderError, match="there is no step rule 'Adm'.*Adam"):
        step_rule_of("Adm")


# What is saved.


def test_the_saved_notebook_has_an_image_and_the_code(hand_pump):
    editor = Editor(classifier())
    still = EditorStill(editor.drawing)
    code, image = still.bundles()
    assert base64.b64decode(image["image/png"])[1:4] == b"PNG"
    assert "mlp" in image["text/plain"] and "MLP(" in code["text/html"]
    assert still.due() == ("board", editor.drawing.version) and not still.over()
    editor.close()


def test_an_empty_board_has_no_image(editor):
    code, image = EditorStill(editor.drawing).bundles()
    assert image == {"text/plain": ""} and code["text/plain"] == "an empty board"


def test_the_image_has_the_nodes_and_edges_of_the_board(editor):
    features = editor.drawing.add_input("features", [None, 4])
    editor.drawing.add("MLP", after=features, settings={"dims": [4, 3], "activations": [None]})
    found = diagram(editor.drawing.payload())
    assert [node.title for node in found.nodes] == ["features", "mlp"]
    assert [(e.source, e.target, e.shape) for e in found.edges] == [
        ("features", "mlp", f"batch{TIMES}4")
    ]
    assert found.nodes[1].parameters == 15


def test_edges_of_the_image_go_through_the_borders_of_open_nodes(editor):
    features = editor.drawing.add_input("features", [None, 4])
    editor.drawing.add("MLP", after=features, settings={"dims": [4, 3], "activations": [None]})
    editor.drawing.add("Tanh", after="mlp")
    editor.drawing.open("mlp")
    found = diagram(editor.drawing.payload()).edges
    assert [(e.source, e.target, e.shape) for e in found] == [
        ("mlp/linear_0", "tanh", f"batch{TIMES}3"),
        ("features", "mlp/linear_0", f"batch{TIMES}4"),
    ]


def test_a_fault_is_drawn_in_red(editor):
    editor.drawing.add_input("x", [None, 4])
    editor.drawing.add("Linear", after="x", settings={"input_dim": 3, "output_dim": 2})
    assert diagram(editor.drawing.payload()).nodes[1].fault
    image = Image.open(io.BytesIO(draw(editor.drawing.payload()))).convert("RGB")
    red, green, blue = zip(*(colour for _, colour in image.getcolors(100_000)), strict=True)
    assert any(r > 150 and g < 60 and b < 60 for r, g, b in zip(red, green, blue, strict=True))


def test_a_cost_without_a_name_of_its_own_can_be_trained(hand_pump):
    editor = Editor(Linear(4, 1, weights_init=Constant(0), biases_init=Constant(0)))
    features = editor.drawing.add_input("features", [None, 4])
    editor.drawing.connect(features, "features", "linear", "input_")
    editor.drawing.add("square", after="linear")
    editor.drawing.set_cost(editor.drawing.add("mean", after="square"), "mean")
    session = editor.train(stream(), epochs=1)
    assert session.wait(60) and session.exception is None
    assert "mean" in session.log.channels
    editor.close()


def test_a_change_by_python_is_drawn_at_once(hand_pump):
    editor = Editor()
    hand_pump._due[editor] = float("inf")
    editor.drawing.add("Linear")
    assert hand_pump._due[editor] <= time.monotonic()
    editor.close()


def test_training_needs_a_cost(hand_pump):
    editor = Editor(Linear(784, 10).apply(tensor.matrix("features")))
    with pytest.raises(BuilderError, match="there is no cost to minimise; add a cost, or choose"):
        editor.train("digits")
    editor.close()
