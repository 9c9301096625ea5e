"""Views of a run whose model is replaced: no view computes with the model that is gone."""

import pytest

from extensions_live import Histogram, Layers
from tests.support.waiting import SOON, until

from .inside import shown, started, train

pytestmark = pytest.mark.usefixtures("no_session_is_left")


@pytest.fixture
def run():
    return started(dropout=0)


def rectify(session):
    """Replace the activation of a model during training."""
    spec = session.spec()
    spec["bricks"][0]["settings"]["activations"][0] = {"brick": {"type": "Rectifier"}}
    session.rebuild(spec).wait(SOON)


def problem(view, pump):
    """Return the error that a view shows."""

    def found():
        pump.serve(view)
        return view.problem

    return until(found)


def test_a_view_of_the_earlier_graph_says_so_until_the_change_is_undone(run, hand_pump, wire):
    session, model = run
    view = Layers(session, model)
    shown(view, hand_pump)
    rectify(session)
    train(session, 1)
    text = problem(view, hand_pump)
    assert "the model was changed at iteration 0 (rebuild: mlp: activations [Tanh, none]" in text
    assert "create a new view with the current model" in text
    assert shown(Layers(session, session.main_loop.model), hand_pump)["rows"]
    session.undo().wait(SOON)
    until(lambda: (hand_pump.serve(view), view.problem == "")[1], what="no problem")


def test_a_histogram_of_parameters_goes_on(run, hand_pump, wire):
    session, _ = run
    view = Histogram(session)
    before = shown(view, hand_pump)
    rectify(session)
    train(session, 1)
    assert shown(view, hand_pump)["names"] == before["names"]
