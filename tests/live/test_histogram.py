"""Histograms of parameters, gradients and activations, without a browser."""

import numpy as np
import pytest
import torch

from extensions_live import Histogram, Layers
from tests.support.runs import assert_same, build, cost_of, digits_mlp, examples
from workbench.bricks import Linear, Tanh
from workbench.config import config
from workbench.errors import SelectionError, SessionError
from workbench.model import Model
from workbench.roles import BIAS, WEIGHT
from workbench.session import probe

from .inside import shown, started, train

W = "/mlp/linear_0.W"


@pytest.fixture
def run():
    session, model = started()
    yield session, model
    session.stop()
    session.wait(20)


def latest(payload):
    """Return counts, mean and share of zeros of the last record."""
    counts = np.frombuffer(payload["counts"], np.float32).reshape(-1, 64)[-1]
    mean, _deviation, zeros, _broken = np.frombuffer(payload["numbers"], np.float32)[-4:]
    return counts, mean, zeros


def test_parameters_without_a_graph(run, hand_pump, wire):
    session, model = run
    payload = shown(Histogram(session), hand_pump)
    value = model.get_parameter_dict()[W].get_value()
    counts, mean, zeros = latest(payload)
    assert payload["name"] == W
    assert payload["kinds"] == ["parameters"]
    np.testing.assert_array_equal(counts, np.histogram(value, 64)[0])
    assert mean == pytest.approx(value.mean(), abs=1e-6)
    assert (payload["size"], zeros) == (24, 0)


def test_gradients_are_those_of_the_cost_on_the_batch(hand_pump, wire):
    session, model = started(dropout=0)
    batch = examples()
    view = Histogram(session, model, WEIGHT, of="gradients", batch=batch)
    payload = shown(view, hand_pump)
    x, y = torch.tensor(batch["features"]), torch.tensor(batch["targets"]).flatten()
    ws = [torch.tensor(v, requires_grad=True) for v in model.get_parameter_values().values()]
    scores = torch.tanh(x @ ws[0] + ws[1]) @ ws[2] + ws[3]
    torch.nn.functional.cross_entropy(scores, y).backward()
    assert payload["names"] == [W, "/mlp/linear_1.W"]
    assert latest(payload)[1] == pytest.approx(float(ws[0].grad.mean()), rel=1e-4)
    view.choose({"kind": "choose", "what": "name", "value": "/mlp/linear_1.W"})
    hand_pump.serve(view)
    low, high = (np.frombuffer(view.payload[edge])[-1] for edge in ("low", "high"))
    assert low == pytest.approx(float(ws[2].grad.min()), rel=1e-4)
    assert high == pytest.approx(float(ws[2].grad.max()), rel=1e-4)
    session.stop()
    session.wait(20)


def test_activations_are_the_outputs_of_bricks(run, hand_pump, wire):
    session, model = run
    payload = shown(Histogram(session, model, Tanh, of="activations"), hand_pump)
    assert payload["names"] == ["/mlp/tanh.output"]
    assert payload["size"] == 5 * 6


def test_a_selection_of_a_brick(run, hand_pump, wire):
    session, model = run
    payload = shown(Histogram(session, model, BIAS & model.select(Linear).criterion), hand_pump)
    assert payload["names"] == ["/mlp/linear_0.b", "/mlp/linear_1.b"]


def test_the_history_grows_and_a_rewind_cuts_it(run, hand_pump, wire):
    session, _model = run
    view = Histogram(session)
    for _ in range(3):
        train(session, 2)
        payload = shown(view, hand_pump)
    assert np.frombuffer(payload["iterations"]).tolist() == [2, 4, 6]
    session.rewind(3).wait(60)
    payload = shown(view, hand_pump)
    assert np.frombuffer(payload["iterations"]).tolist() == [2, 3]


def test_a_run_that_has_ended_is_shown(hand_pump, wire):
    main_loop = build(3)
    session = main_loop.start()
    session.wait(60)
    payload = shown(Histogram(session, main_loop.model, of="gradients"), hand_pump)
    assert np.frombuffer(payload["iterations"]).tolist() == [3]


def test_nothing_is_asked_twice_at_one_moment(run, hand_pump, wire):
    session, _model = run
    view = Histogram(session)
    shown(view, hand_pump)
    shown(view, hand_pump)
    assert view.seen == 1


def test_a_view_outside_of_a_notebook_is_a_table(run, hand_pump, wire):
    session, _model = run
    view = Histogram(session)
    assert repr(view) == f"Histogram of {session.name}\nno probe has been answered yet"
    shown(view, hand_pump)
    lines = repr(view).splitlines()
    assert lines[1].split() == ["variable", "mean", "deviation", "lowest", "highest", "zeros"]
    assert lines[2].startswith(W)


def test_a_graph_of_another_run_is_refused(run):
    session, _model = run
    with pytest.raises(SessionError, match=r"linear_0.W' of shape \(4, 9\), which the session"):
        Histogram(session, Model(cost_of(digits_mlp((4, 9, 3)))))


def test_gradients_need_a_graph(run):
    with pytest.raises(SessionError, match="computed from a graph; pass the model as well"):
        Histogram(run[0], of="gradients")


def test_a_selection_of_nothing_is_refused(run):
    with pytest.raises(SelectionError, match="Histogram: 'nope' selects nothing"):
        Histogram(*run, "nope")


def test_something_else_than_a_session_is_refused():
    with pytest.raises(SessionError, match=r"of Histogram\(\) must be a session.*not 3"):
        Histogram(3)


@pytest.mark.parametrize("tier", ["eager", "compiled"])
def test_training_is_the_same_with_views(tier, monkeypatch, hand_pump, wire):
    monkeypatch.setattr(config, "execution", tier)
    monkeypatch.setattr(probe, "GAP", 0.0)
    monkeypatch.setattr(probe, "SHARE", 1.0)
    plain, seen = build(80), build(80)
    plain.run()
    session = seen.start()
    views = [
        Histogram(session, seen.model, of="gradients"),
        Histogram(session, seen.model, of="activations"),
        Layers(session, seen.model),
    ]
    while not session.state.ended:
        for view in views:
            hand_pump.serve(view)
            assert view.problem == ""
    session.wait(60)
    assert_same(plain, seen)


@pytest.mark.parametrize("view", [Histogram, Layers])
def test_a_cost_in_place_of_the_model_is_refused(view):
    session, _ = started(dropout=0)
    text = rf"second argument of {view.__name__}\(\) must be the model, such as Model\(cost\), not "
    with pytest.raises(SessionError, match=text):
        view(session, cost_of(digits_mlp()))
    session.stop().wait()
