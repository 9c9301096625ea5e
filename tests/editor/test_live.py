"""Live values on the nodes and edges of an editor, compared with torch."""

import math
import time

import numpy as np
import pytest
import torch

from extensions_live import Histogram, Layers
from extensions_live.editor import Editor
from extensions_live.editor.node_values import DASH
from extensions_live.editor.places import CHANGED, UNFINISHED
from tests.live.inside import shown
from tests.support.runs import build
from workbench import tensor
from workbench.bricks import MLP, Linear, Rectifier, Softmax, Tanh
from workbench.bricks.conv import Convolutional
from workbench.bricks.cost import CategoricalCrossEntropy
from workbench.bricks.recurrent import LSTM
from workbench.data import DataStream, IndexableDataset, SequentialScheme
from workbench.errors import BuilderError, SessionError
from workbench.filter import get_brick
from workbench.initialization import Constant, IsotropicGaussian
from workbench.model import Model

INITS = {"weights_init": IsotropicGaussian(0.5), "biases_init": Constant(0.1)}
COST = "categoricalcrossentropy"
DATA = {
    "features": np.random.default_rng(3).normal(size=(12, 4)).astype("float32"),
    "targets": np.arange(12) % 3,
}


def classifier():
    """Return the cost of a small classifier."""
    mlp = MLP([Tanh(), Softmax()], [4, 5, 3], **INITS)
    targets = tensor.lvector("targets")
    cost = CategoricalCrossEntropy().apply(targets, mlp.apply(tensor.matrix("features")))
    cost.name = "cost"
    return cost


def stream(size=12):
    """Return a stream for the classifier."""
    return DataStream(IndexableDataset(DATA), iteration_scheme=SequentialScheme(12, size))


def paused(session):
    """Pause a session between two batches."""
    session.pause().wait(20)
    return session


@pytest.fixture
def editor(hand_pump):
    """Yield an editor of a model that was trained for some batches; the parts are shown."""
    editor = Editor(classifier())
    editor.drawing.open("mlp")
    session = paused(editor.train(stream(), step_rule="Scale"))
    yield editor
    if not session.state.ended:
        session.stop().wait(20)
    editor.close()


def numbers(editor):
    """Return the parameters of the session."""
    return {
        name.rpartition("/")[2]: value for name, value in editor.session.probe().wait(20).items()
    }


def forward(editor, features):
    """Return what torch computes for some examples, by the id of a node."""
    own = numbers(editor)
    hidden = features @ own["linear_0.W"] + own["linear_0.b"]
    active = torch.tanh(hidden)
    scores = active @ own["linear_1.W"] + own["linear_1.b"]
    return {
        "features": features,
        "mlp/linear_0": hidden,
        "mlp/tanh": active,
        "mlp/linear_1": scores,
        "mlp/softmax": torch.softmax(scores, 1),
        "mlp": torch.softmax(scores, 1),
    }


def live(editor, pump):
    """Refresh the live values by the pump until they have arrived, and return them."""
    end = time.monotonic() + 20
    while True:
        pump.serve(editor._live_view)
        assert editor.live["problem"] == ""
        if not editor._live.waiting:
            return editor.live
        assert time.monotonic() < end
        time.sleep(0.005)


# Nodes.


def test_an_activation_norm_is_that_of_torch_on_the_first_batch(editor):
    found = editor.measure("activation")
    expected = forward(editor, torch.tensor(DATA["features"]))
    for node, value in expected.items():
        assert found[node] == pytest.approx(float(value.norm()), rel=1e-5), node
    assert "targets" not in found


def test_a_gradient_norm_is_that_of_torch(editor):
    own = {name: value.requires_grad_() for name, value in numbers(editor).items()}
    hidden = torch.tanh(torch.tensor(DATA["features"]) @ own["linear_0.W"] + own["linear_0.b"])
    scores = hidden @ own["linear_1.W"] + own["linear_1.b"]
    torch.nn.functional.cross_entropy(scores, torch.tensor(DATA["targets"])).backward()
    norms = {name: float(value.grad.norm()) for name, value in own.items()}
    found = editor.measure("gradient")
    assert set(found) == {"mlp", "mlp/linear_0", "mlp/linear_1"}
    for part in ("linear_0", "linear_1"):
        expected = math.hypot(norms[f"{part}.W"], norms[f"{part}.b"])
        assert found[f"mlp/{part}"] == pytest.approx(expected, rel=1e-4)
    assert found["mlp"] == pytest.approx(math.hypot(*norms.values()), rel=1e-4)


def test_dead_units_are_those_whose_output_never_varies(editor):
    value = editor.built.bricks["mlp"].linear_transformations[0].W
    array = value.get_value()
    array[:, :2] = 0
    value.set_value(array)
    found = editor.measure("dead")
    assert found["mlp/linear_0"] == found["mlp/tanh"] == pytest.approx(0.4)
    assert found["mlp/linear_1"] == 0 and COST not in found


def test_shares_of_the_parameters_are_counted(editor):
    found = editor.measure("parameters")
    assert found == {
        "mlp": 1.0,
        "mlp/linear_0": pytest.approx(25 / 43),
        "mlp/linear_1": pytest.approx(18 / 43),
    }


def test_each_node_that_computes_takes_time(editor):
    found = editor.measure("time")
    calls = [call.id for call in editor.drawing.spec.calls]
    assert set(found) == {*calls, "mlp/linear_0", "mlp/tanh", "mlp/linear_1", "mlp/softmax"}
    assert all(0 < seconds < 60 for seconds in found.values())


def test_the_page_gets_values_reasons_and_bars(editor, hand_pump):
    editor.show_on_nodes("gradient")
    found = live(editor, hand_pump)
    value = editor.measure("gradient")["mlp/linear_0"]
    shown = found["nodes"]["mlp/linear_0"]
    assert float(shown["text"]) == pytest.approx(value, rel=1e-3) and 0 < shown["share"] <= 1
    title = (
        f"L2 norm of the gradient of the node's parameters: {shown['text']}, on 12 examples at iter"
    )
    assert shown["title"].startswith(title)
    assert found["nodes"]["mlp/tanh"] == {
        "text": DASH, "title": "norm of gradient: not known; the node has no parameters",
        "share": None,
    }  # fmt: skip
    assert set(found["nodes"]) == {node["id"] for node in editor.drawing.payload()["nodes"]}


def test_values_change_while_the_session_trains(editor, hand_pump):
    editor.show_on_nodes("activation")
    before = live(editor, hand_pump)
    editor.session.step(3).wait(20)
    until = time.monotonic() + 20
    while editor.session.state != "paused" and time.monotonic() < until:
        time.sleep(0.005)
    after = live(editor, hand_pump)
    assert after["iteration"] > before["iteration"]
    assert after["nodes"]["mlp/linear_0"] != before["nodes"]["mlp/linear_0"]


def test_nothing_is_asked_while_nothing_is_shown_or_nobody_looks(editor, hand_pump, monkeypatch):
    asked = []
    monkeypatch.setattr(type(editor.session), "probe", lambda *_, **__: asked.append(1))
    live(editor, hand_pump)
    assert not editor._live_view.watched() and asked == []
    editor._live.metric = "activation"
    assert editor._live_view.watched()
    editor.hear({"kind": "visibility", "rendering": "one", "visible": False, "number": 1})
    assert not editor._live_view.watched()


def test_nothing_is_asked_twice_at_one_moment(editor, hand_pump, monkeypatch):
    editor.show_on_nodes("activation")
    live(editor, hand_pump)
    monkeypatch.setattr(type(editor.session), "probe", None)
    live(editor, hand_pump)


def test_the_board_is_not_sent_again_for_live_values(editor, hand_pump):
    hand_pump.serve(editor)
    version = editor.drawing.version
    editor.show_on_nodes("activation")
    live(editor, hand_pump)
    assert editor.refresh() == 0 and editor.drawing.version == version


def test_what_was_changed_after_training_began_has_no_value(editor, hand_pump):
    editor.drawing.add("Linear", after="mlp", name="fresh", settings={"output_dim": 2})
    editor.drawing.set("mlp", "dims", [4, 6, 3])
    editor.show_on_nodes("activation")
    found = live(editor, hand_pump)["nodes"]
    assert CHANGED in found["mlp"]["title"] and CHANGED in found["mlp/tanh"]["title"]
    assert UNFINISHED in found["fresh"]["title"] and found["features"]["text"] != DASH


def test_a_new_name_changes_no_value(editor):
    before = editor.measure("activation")
    editor.drawing.rename("mlp", "net")
    assert editor.measure("activation") == before


def test_a_group_shows_what_its_members_have_together(editor):
    group = editor.drawing.group(["mlp", COST], "both")
    assert editor.measure("parameters")[group] == 1
    assert editor.measure("gradient")[group] > 0
    assert group not in editor.measure("activation")


def test_an_operation_has_an_activation_and_a_time(hand_pump):
    editor = Editor(Linear(4, 1, **INITS))
    features = editor.drawing.add_input("features", [None, 4])
    editor.drawing.connect(features, "features", "linear", "input_")
    editor.drawing.add("square", after="linear")
    editor.drawing.set_cost(editor.drawing.add("mean", after="square"), "mean")
    session = paused(editor.train(stream()))
    own = session.probe().wait(20)
    weight, bias = own["/linear.W"], own["/linear.b"]
    square = (torch.tensor(DATA["features"]) @ weight + bias) ** 2
    assert editor.measure("activation")["square"] == pytest.approx(float(square.norm()), rel=1e-5)
    assert {"square", "mean"} <= set(editor.measure("time"))
    session.stop().wait(20)
    editor.close()


# A session that was given.


def test_a_session_of_another_program_is_watched(hand_pump):
    main_loop = build(None, dropout=0)
    session = main_loop.start(paused=True)
    editor = Editor(main_loop.model)
    editor.watch(session)
    values = main_loop.model.get_parameter_values()
    total = sum(value.size for value in values.values())
    shares = editor.measure("parameters")
    assert shares["mlp"] == 1.0 and total == 51
    assert editor.measure("gradient")["mlp"] > 0
    assert editor._live.session is session
    session.stop().wait(20)
    editor.close()


def test_the_examples_can_be_given(hand_pump):
    main_loop = build(None, dropout=0)
    session = main_loop.start(paused=True)
    editor = Editor(main_loop.model)
    ones = {"features": np.ones((2, 4), "float32"), "targets": np.zeros((2, 1), "int64")}
    editor.watch(session, batch=ones)
    assert editor.measure("activation")["features"] == pytest.approx(math.sqrt(8))
    session.stop().wait(20)
    editor.close()


def test_a_session_of_another_model_is_refused(editor):
    other = Editor(Linear(2, 2, name="other"))
    features = other.drawing.add_input("x", [None, 2])
    other.drawing.connect(features, "x", "other", "input_")
    with pytest.raises(SessionError, match="does not train any parameters of the model on the"):
        other.watch(editor.session)
    with pytest.raises(SessionError, match=r"the argument of watch\(\) must be a session"):
        other.watch("session")
    other.close()


def test_parameters_that_a_session_lacks_are_named(hand_pump):
    editor = Editor(classifier())
    session = paused(editor.train(stream()))
    wider = Editor(classifier())
    wider.drawing.set("mlp", "dims", [4, 7, 3])
    wider.watch(session)  # only the last bias fits
    wider.show_on_nodes("activation")
    title = live(wider, hand_pump)["nodes"]["mlp"]["title"]
    lost = "/mlp/linear_0.W, /mlp/linear_0.b, /mlp/linear_1.W"
    assert f"the value depends on {lost}, which the session does not have" in title
    session.stop().wait(20)
    editor.close()
    wider.close()


def test_without_a_session_an_error_says_what_to_do(hand_pump):
    editor = Editor(classifier())
    for ask in (
        lambda: editor.measure("time"),
        editor.push,
        editor.step_example,
        editor.pushed,
    ):
        with pytest.raises(BuilderError, match=r"no session is watched; start training, or call"):
            ask()
    editor.close()


def test_a_quantity_must_be_known(editor):
    with pytest.raises(
        BuilderError, match="nodes can show 'activation', 'gradient', .*, not 'dea'"
    ):
        editor.show_on_nodes("dea")
    with pytest.raises(BuilderError, match="not 'nothing'"):
        editor.measure("nothing")


# Examples.


def test_the_values_of_an_example_are_those_of_torch(editor):
    editor.push(7)
    found = editor.pushed()
    expected = forward(editor, torch.tensor(DATA["features"][7:8]))
    for node, value in expected.items():
        port = "features" if node == "features" else "output"
        torch.testing.assert_close(found[node, port], value, rtol=1e-5, atol=1e-6)
    assert found["targets", "targets"].tolist() == [7 % 3]


def test_each_edge_shows_the_value_of_the_example(editor, hand_pump):
    editor.push(2)
    found = live(editor, hand_pump)
    edges = {edge["id"]: edge for edge in editor.drawing.payload()["edges"]}
    assert set(found["edges"]) == set(edges)
    assert found["example"] == {"text": "training example", "index": 2, "can_step": True}
    into = next(one for one, edge in edges.items() if edge["source"] == "features")
    value = DATA["features"][2]
    assert found["edges"][into]["shape"] == "1 × 4"
    np.testing.assert_allclose(found["edges"][into]["bars"], value, rtol=1e-6)
    inner = next(one for one, edge in edges.items() if edge["from_inside"])
    assert found["edges"][inner] == found["edges"][into]
    labels = next(one for one, edge in edges.items() if edge["source"] == "targets")
    assert found["edges"][labels]["text"] == "2"


def test_edges_of_one_output_show_its_value_once(hand_pump):
    linear, x = Linear(4, 2, **INITS), tensor.matrix("features")
    scores = linear.apply(x)
    cost = (scores * Tanh().apply(scores)).mean()
    cost.name = "cost"
    editor = Editor(cost)
    session = paused(editor.train(stream()))
    editor.push(0)
    edges = live(editor, hand_pump)["edges"]
    drawn = editor.drawing.payload()["edges"]
    several = [edges[one["id"]] for one in drawn if one["source"] == "linear"]
    assert [one["main"] for one in several] == [False, True]
    assert len({one["text"] for one in several}) == 1
    session.stop().wait(20)
    editor.close()


def test_an_example_is_stepped_and_stopped(editor, hand_pump):
    editor.push()
    assert live(editor, hand_pump)["example"]["index"] == 0
    editor.step_example(-1)
    assert live(editor, hand_pump)["example"]["index"] == 11
    editor.step_example()
    assert live(editor, hand_pump)["example"]["index"] == 0
    editor.clear_example()
    found = live(editor, hand_pump)
    assert found["example"] is None and found["edges"] == {}
    with pytest.raises(BuilderError, match="no example has been pushed"):
        editor.step_example()


def test_an_example_of_a_stream_is_pushed(editor):
    data = {"features": np.full((3, 4), 2.0, "float32"), "targets": np.zeros(3, "int64")}
    other = DataStream(IndexableDataset(data), iteration_scheme=SequentialScheme(3, 3))
    editor.push(other, 1)
    assert editor.pushed()["features", "features"].tolist() == [[2.0] * 4]
    with pytest.raises(BuilderError, match="does not train on example 5"):
        editor.push(other, 5)


def test_a_given_example_can_lack_the_labels(editor, hand_pump):
    editor.push({"features": np.ones((1, 4), "float32")})
    found = editor.pushed()
    assert ("mlp", "output") in found and ("targets", "targets") not in found
    shown = live(editor, hand_pump)
    assert shown["example"]["can_step"] is False
    titles = [one["title"] for one in shown["edges"].values()]
    assert "not known; the value requires targets, which the example does not contain" in titles
    with pytest.raises(BuilderError, match="pass a stream to step through its examples"):
        editor.step_example()


@pytest.mark.parametrize(
    "given, text",
    [
        ({"features": np.ones(4)}, "must have 2 dimensions, like the input, not 1; .*values.None."),
        (
            {"feature": np.ones((1, 4))},
            "has no array for any input of the model; the inputs are features, targets",
        ),
        (2.5, "an example must be the index of a training example, a stream and an index, or"),
    ],
)
def test_an_example_must_fit(editor, given, text):
    with pytest.raises(BuilderError, match=text):
        editor.push(given)


def test_an_example_must_exist(editor):
    with pytest.raises(SessionError, match="does not train on example 99"):
        editor.push(99)
    with pytest.raises(BuilderError, match="index must be a whole number, not 'one'"):
        editor.push(index="one")


def test_activations_of_convolutions_are_strips_of_maps(hand_pump):
    conv = Convolutional((3, 3), 20, num_channels=1, **INITS)
    images = tensor.tensor4("features")
    cost = Rectifier().apply(conv.apply(images)).mean()
    cost.name = "cost"
    editor = Editor(cost)
    editor.drawing.set("features", "shape", [None, 1, 8, 8])
    rows = np.random.default_rng(1).random((6, 1, 8, 8)).astype("float32")
    data = DataStream(IndexableDataset({"features": rows}), iteration_scheme=SequentialScheme(6, 3))
    session = paused(editor.train(data))
    editor.push(1)
    edges = {edge["source"]: edge["id"] for edge in editor.drawing.payload()["edges"]}
    found = live(editor, hand_pump)["edges"]
    image = found[edges["features"]]["image"]
    assert (image["width"], image["height"], image["count"]) == (8, 8, 1)
    expected = np.round(255 * rows[1, 0]).astype("uint8")
    assert np.abs(np.frombuffer(image["pixels"], "uint8") - expected.ravel().astype(int)).max() <= 1
    maps = found[edges["convolutional"]]["image"]
    assert (maps["width"], maps["height"], maps["count"], maps["of"]) == (6, 6, 12, 20)
    session.stop().wait(20)
    editor.close()


def test_a_recurrent_brick_has_values_and_its_loop_says_why_it_has_none(hand_pump):
    lstm = LSTM(3, **INITS)
    x = tensor.tensor3("x")
    states, _ = lstm.apply(x)
    cost = (states**2).mean()
    cost.name = "cost"
    editor = Editor(cost)
    rows = np.random.default_rng(1).random((6, 5, 12)).astype("float32")
    data = DataStream(IndexableDataset({"x": rows}), iteration_scheme=SequentialScheme(6, 3))
    session = paused(editor.train(data))
    assert editor.measure("activation")["lstm"] > 0
    assert editor.measure("gradient")["lstm"] > 0
    editor.push(0)
    assert ("lstm", "states") in editor.pushed()
    session.stop().wait(20)
    editor.close()


# Picking, paths and expressions.


def test_picking_a_node_picks_the_brick_in_layers_and_histogram(editor, hand_pump):
    layers = Layers(editor.session, editor.model)
    histogram = Histogram(editor.session, editor.model)
    editor.pick("mlp/linear_1")
    assert shown(layers, hand_pump)["row"] == "/mlp/linear_1"
    assert shown(histogram, hand_pump)["name"] == "/mlp/linear_1.W"
    editor.pick("mlp/tanh")
    shown(layers, hand_pump), shown(histogram, hand_pump)
    assert layers.payload["row"] == "/mlp/tanh"
    assert (histogram.payload["kind"], histogram.payload["name"]) == (
        "activations",
        "/mlp/tanh.output",
    )


def test_a_row_of_layers_selects_its_node(editor, hand_pump):
    layers = Layers(editor.session, editor.model)
    hand_pump.serve(layers)
    layers.choose({"kind": "choose", "what": "row", "value": "/mlp/linear_0"})
    found = live(editor, hand_pump)["picked"]
    assert found["node"] == "mlp/linear_0" and found["followed"]
    editor.drawing.close("mlp")
    layers.choose({"kind": "choose", "what": "row", "value": "/mlp/linear_1"})
    assert live(editor, hand_pump)["picked"]["node"] == "mlp"


def test_the_page_picks_by_a_message(editor, hand_pump):
    editor.choose({"kind": "choose", "what": "node", "value": "mlp/linear_0"})
    found = live(editor, hand_pump)["picked"]
    assert found["path"] == "/mlp/linear_0" and not found["followed"]
    editor.choose({"kind": "choose", "what": "node", "value": "gone"})
    assert live(editor, hand_pump)["picked"] == found


def test_an_address_selects_the_variables_of_the_brick(editor):
    found = editor.address("mlp/linear_0")
    assert (found.path, found.expression) == ("/mlp/linear_0", 'model.select("/mlp/linear_0")')
    model = editor.model
    chosen = eval(found.expression, {"model": model})
    brick = editor.built.bricks["mlp"].linear_transformations[0]
    assert set(brick.parameters) <= set(chosen)
    data = eval(editor.address("features").expression, {"model": model})
    assert data is editor.built.inputs["features"]


def test_bricks_of_one_path_have_expressions_of_their_own(hand_pump):
    mlp = MLP([Tanh(), Tanh()], [4, 5, 3], **INITS)
    editor = Editor(mlp.apply(tensor.matrix("features")))
    editor.drawing.open("mlp")
    first, second = (editor.address(f"mlp/{name}") for name in ("tanh", "tanh@2"))
    assert first.path == second.path == "/mlp/tanh" and (first.place, second.place) == (0, 1)
    mlp = editor.built.bricks["mlp"]
    own = [child for child in mlp.children if isinstance(child, Tanh)]
    for one, brick in zip((first, second), own, strict=True):
        selected = eval(one.expression, {"model": editor.model, "mlp": mlp})
        assert {get_brick(variable) for variable in selected} == {brick}
    editor.close()


def test_an_operation_has_no_path(hand_pump):
    editor = Editor()
    editor.drawing.add("square")
    assert editor.address("square").path == "" and editor.address("square").expression == ""
    with pytest.raises(BuilderError, match="there is no node 'squere'"):
        editor.address("squere")
    editor.close()


def test_live_values_outlive_a_session_that_ended(editor, hand_pump):
    editor.show_on_nodes("activation")
    editor.session.stop().wait(20)
    editor.session.wait(20)
    assert live(editor, hand_pump)["nodes"]["mlp"]["text"] != DASH


def test_a_batch_that_cannot_be_read_is_a_problem_that_the_page_shows(hand_pump):
    mlp = MLP([Tanh(), Softmax()], [4, 5, 3], **INITS)
    cost = CategoricalCrossEntropy().apply(
        tensor.lvector("targets"), mlp.apply(tensor.matrix("features"))
    )
    cost.name = "cost"
    editor = Editor(cost)
    batches = iter([dict(DATA)] * 100_000)  # more than are read before the pause
    session = paused(editor.train(batches))
    editor.show_on_nodes("activation")
    end = time.monotonic() + 20
    while not editor.live.get("problem") and time.monotonic() < end:
        hand_pump.serve(editor._live_view)
        time.sleep(0.005)
    assert "pass your own batch" in editor.live["problem"] and editor.live["nodes"] == {}
    editor.show_on_nodes("parameters")  # which need no data
    assert live(editor, hand_pump)["nodes"]["mlp"]["text"] == "100 %"
    session.stop().wait(20)
    editor.close()


def test_a_model_is_watched_by_the_paths_of_its_parameters(hand_pump):
    cost = classifier()
    editor = Editor(Model(cost))
    assert editor.model.get_parameter_dict().keys() == Model(cost).get_parameter_dict().keys()
    editor.close()


# What others got wrong.


def test_a_gradient_that_is_not_finite_is_said_in_words(editor, hand_pump):
    weights = editor.built.bricks["mlp"].linear_transformations[0].W
    weights.set_value(np.full((4, 5), np.nan, "float32"))
    editor.show_on_nodes("activation")
    editor.push(0)
    found = live(editor, hand_pump)
    assert found["nodes"]["mlp/linear_0"]["text"] == "nan"
    assert found["nodes"]["mlp/linear_0"]["share"] is None
    inner = next(
        edge["id"] for edge in editor.drawing.payload()["edges"] if edge["source"] == "mlp/linear_0"
    )
    assert "no value is finite" in found["edges"][inner]["title"]
    assert found["edges"][inner]["bars"] == []


def test_a_brick_that_is_applied_twice_has_a_value_for_each_application(hand_pump):
    linear = Linear(4, 4, **INITS)
    cost = (linear.apply(linear.apply(tensor.matrix("features"))) ** 2).mean()
    cost.name = "cost"
    editor = Editor(cost)
    session = paused(editor.train(stream()))
    own = session.probe().wait(20)
    first = torch.tensor(DATA["features"]) @ own["/linear.W"] + own["/linear.b"]
    second = first @ own["/linear.W"] + own["/linear.b"]
    calls = [call.id for call in editor.drawing.document.spec.calls if call.brick == "linear"]
    found = editor.measure("activation")
    for node, expected in zip(calls, (first, second), strict=True):
        assert found[node] == pytest.approx(float(expected.norm()), rel=1e-5)
    session.stop().wait(20)
    editor.close()


def test_old_values_are_not_shown_for_another_example(editor, hand_pump):
    editor.push(0)
    assert live(editor, hand_pump)["edges"]
    editor.step_example()
    assert editor._live.payload()["edges"] == {}


def test_a_page_that_carries_the_editor_gets_live_values(editor, hand_pump):
    editor._is_carried = True
    editor.show_on_nodes("parameters")
    end = time.monotonic() + 20
    while not editor.live.get("nodes") and time.monotonic() < end:
        editor.refresh()
        time.sleep(0.005)
    assert editor.live["nodes"]["mlp"]["text"] == "100 %"
