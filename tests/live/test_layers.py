"""The overview of layers, without a browser."""

import math

import numpy as np
import pytest
import torch

from extensions_live import Layers
from extensions_live.layers import dead
from tests.support.runs import digits_mlp, examples
from workbench import tensor
from workbench.algorithms import GradientDescent
from workbench.bricks import MLP, Linear, Tanh
from workbench.errors import SessionError
from workbench.graph import ComputationGraph
from workbench.initialization import Constant
from workbench.main_loop import MainLoop
from workbench.model import Model
from workbench.roles import WEIGHT

from .inside import shown, started, train


@pytest.fixture
def run():
    session, model = started(dropout=0)
    yield session, model
    session.stop()
    session.wait(20)


def values(payload):
    """Return the values of the metric: rows by iterations."""
    return np.frombuffer(payload["values"], np.float32).reshape(len(payload["rows"]), -1)


def choose(view, what, value):
    view.choose({"kind": "choose", "what": what, "value": value})


def test_rows_are_bricks_in_the_order_of_the_graph(run, hand_pump, wire):
    view = Layers(*run)
    assert shown(view, hand_pump)["rows"] == ["/mlp/linear_0", "/mlp/linear_1"]
    choose(view, "metric", "dead")
    assert shown(view, hand_pump)["rows"] == ["/mlp/linear_0", "/mlp/tanh", "/mlp/linear_1"]


def test_bricks_of_one_path_have_rows_of_their_own(hand_pump, wire):
    x = tensor.matrix("features")
    mlp = MLP(
        [Tanh(), Tanh(), None], [4, 5, 6, 1], weights_init=Constant(1), biases_init=Constant(0)
    )
    mlp.initialize()
    model = Model((mlp.apply(x) ** 2).mean())
    algorithm = GradientDescent(cost=model.outputs[0], parameters=model.parameters)
    session = MainLoop(algorithm, [{"features": examples()["features"]}], model).start(paused=True)
    view = Layers(session, model)
    choose(view, "metric", "dead")
    assert shown(view, hand_pump)["rows"][1::2] == ["/mlp/tanh", "/mlp/tanh (2)"]
    choose(view, "row", "/mlp/tanh (2)")
    assert shown(view, hand_pump)["detail"]["size"] == 22 * 6
    session.stop()


def test_gradient_norms_are_those_of_all_parameters_of_a_brick(run, hand_pump, wire):
    session, model = run
    batch = examples()
    payload = shown(Layers(session, model, batch=batch), hand_pump)
    x, y = torch.tensor(batch["features"]), torch.tensor(batch["targets"]).flatten()
    ws = [torch.tensor(v, requires_grad=True) for v in model.get_parameter_values().values()]
    scores = torch.tanh(x @ ws[0] + ws[1]) @ ws[2] + ws[3]
    torch.nn.functional.cross_entropy(scores, y).backward()
    expected = [math.hypot(*(float(w.grad.norm()) for w in ws[i : i + 2])) for i in (0, 2)]
    found = values(payload)[:, -1]
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_weight_norms(run, hand_pump, wire):
    session, model = run
    view = Layers(session, model)
    choose(view, "metric", "weight")
    found = values(shown(view, hand_pump))[0, -1]
    assert found == pytest.approx(np.linalg.norm(model.get_parameter_values()["/mlp/linear_0.W"]))


def test_an_update_is_one_real_step_of_training(run, hand_pump, wire):
    session, model = run
    view = Layers(session, model)
    choose(view, "metric", "update")
    train(session, 1)
    before = model.get_parameter_values()
    with session._worker.queue.lock:  # the probe is answered before the batch
        view.snapshot(session)
        session.step(1)
    while session.log.status["iterations_done"] < 2 or session.state != "paused":
        pass
    after = model.get_parameter_values()
    view._probe.wait(20)
    hand_pump.serve(view)
    paths = ["/mlp/linear_0.W", "/mlp/linear_0.b"]
    step = math.hypot(*(np.linalg.norm(after[p] - before[p]) for p in paths))
    weight = math.hypot(*(np.linalg.norm(before[p]) for p in paths))
    assert values(view.payload)[0, 0] == pytest.approx(step / weight, rel=1e-4)


def test_dead_units_are_those_whose_output_never_varies(run, hand_pump, wire):
    session, model = run
    weights = model.get_parameter_dict()["/mlp/linear_0.W"]
    value = weights.get_value()
    value[:, :3] = 0
    weights.set_value(value)
    view = Layers(session, model)
    choose(view, "metric", "dead")
    np.testing.assert_allclose(values(shown(view, hand_pump))[:, -1], [0.5, 0.5, 0])


@pytest.mark.parametrize(
    "shape, expected", [((4, 3), 1.0), ((2, 3, 4, 4), 1.0), ((5, 2, 3), 1.0), ((1, 3), math.nan)]
)
def test_units_of_rows_images_and_sequences(shape, expected):
    found = dead(torch.zeros(shape))
    assert found == expected or (math.isnan(found) and math.isnan(expected))


def test_a_click_opens_the_histogram_and_another_closes_it(run, hand_pump, wire):
    view = Layers(*run)
    assert shown(view, hand_pump)["detail"] is None
    choose(view, "row", "/mlp/linear_1")
    payload = shown(view, hand_pump)
    assert payload["row"] == "/mlp/linear_1"
    assert payload["detail"]["names"] == ["/mlp/linear_1.W", "/mlp/linear_1.b"]
    choose(view, "row", "/mlp/tanh")
    assert shown(view, hand_pump)["detail"]["names"] == ["/mlp/tanh.output"]
    choose(view, "row", "")
    assert shown(view, hand_pump)["detail"] is None


def test_a_selection_of_layers(run, hand_pump, wire):
    session, model = run
    payload = shown(Layers(session, model, WEIGHT & model.select(Linear).criterion), hand_pump)
    assert payload["rows"] == ["/mlp/linear_0", "/mlp/linear_1"]


def test_a_view_outside_of_a_notebook_is_a_table(run, hand_pump, wire):
    view = Layers(*run)
    shown(view, hand_pump)
    assert "layer" in repr(view)
    assert [line.split()[0] for line in repr(view).splitlines()[2:]] == view.rows


def test_a_model_is_needed(run):
    with pytest.raises(SessionError, match=r"argument of Layers\(\) must be the model.*not None"):
        Layers(run[0], None)


def test_a_parameter_that_the_cost_does_not_need_has_no_gradient(hand_pump, wire):
    x = tensor.matrix("features")
    first, other = (
        digits_mlp(),
        Linear(4, 2, weights_init=Constant(1), use_bias=False, name="other"),
    )
    other.initialize()
    cost = (first.apply(x) ** 2).mean()
    model = Model([cost, other.apply(x)])
    algorithm = GradientDescent(cost=cost, parameters=ComputationGraph(cost).parameters)
    loop = MainLoop(
        algorithm, [{"features": examples()["features"]}], ComputationGraph(model.outputs)
    )
    session = loop.start(paused=True)
    found = values(shown(Layers(session, model), hand_pump))[:, -1]
    assert np.isfinite(found).tolist() == [True, True, False]
    session.stop()


def test_values_from_before_a_rewind_are_noted(run, hand_pump, wire):
    session, model = run
    view = Layers(session, model)
    train(session, 6)
    assert shown(view, hand_pump)["note"] == ""
    session.rewind(3).wait(60)
    assert "values up to iteration 6, from before the rewind" in view.contents()["note"]
    assert shown(view, hand_pump)["note"] == ""
