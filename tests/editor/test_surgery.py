"""The board beside the model of a session: what would be kept, applied, and how to go back."""

import pytest

from extensions_live.editor import Editor
from tests.support import runs
from tests.support.waiting import SOON, paused_at, until
from workbench.builder import BLOCKS
from workbench.errors import BuilderError
from workbench.extensions import FinishAfter
from workbench.interfaces import State
from workbench.main_loop import MainLoop
from workbench.model import Model

from .test_editor import classifier, stream

pytestmark = pytest.mark.usefixtures("no_session_is_left")


@pytest.fixture
def editor(hand_pump):
    editor = Editor(classifier())
    yield editor
    editor.close()


@pytest.fixture
def session(editor):
    """Return a session that is paused after some batches."""
    session = editor.train(stream())
    session.pause().wait(SOON)
    until(lambda: session.state is State.PAUSED)
    return session


def bar(editor, hand_pump):
    hand_pump.serve(editor)
    return editor.surgery


def test_there_is_no_bar_without_edits(editor, hand_pump, session):
    assert bar(editor, hand_pump)["differs"] is False
    editor.drawing.move({"mlp": [5, 5]})
    assert bar(editor, hand_pump)["differs"] is False


def test_the_bar_says_what_would_be_kept_and_what_is_new(editor, hand_pump, session):
    editor.drawing.set("mlp", "dims", [4, 5, 6, 3])
    editor.drawing.set("mlp", "activations", [{"brick": {"type": "Tanh"}}] * 2
                       + [{"brick": {"type": "Softmax"}}])  # fmt: skip
    found = bar(editor, hand_pump)
    assert found["differs"] and found["paused"] and found["problem"] == ""
    assert found["text"] == (
        "1 layer kept, mlp/linear_1 new: 36 parameters, mlp/linear_2 new: 21 parameters"
    )
    assert found["changes"][0].startswith("mlp: ")


def test_a_fault_is_said_in_place_of_the_plan(editor, hand_pump, session):
    editor.drawing.set("mlp", "dims", [4, 5, 6, 3])
    found = bar(editor, hand_pump)
    assert found["differs"] and found["problem"].startswith("mlp has a fault: ")
    with pytest.raises(BuilderError, match="mlp has a fault"):
        editor.apply()


def test_edits_are_applied_to_the_session(editor, hand_pump, session):
    before = dict(editor.model.get_parameter_values())
    editor.drawing.set("mlp", "activations", [{"brick": {"type": "Rectifier"}},
                                              {"brick": {"type": "Softmax"}}])  # fmt: skip
    assert bar(editor, hand_pump)["text"] == "2 layers kept"
    done = session.log.status["iterations_done"]
    command = editor.apply()
    assert command.wait()["new"] == []
    assert dict(editor.model.get_parameter_values()).keys() == before.keys()
    for name, value in editor.model.get_parameter_values().items():
        assert (value == before[name]).all()
    found = bar(editor, hand_pump)
    assert found["differs"] is False
    assert found["receipt"]["text"] == (
        f"applied to {session.name} at iteration {done:,}: 2 layers kept"
    )
    session.step().wait(SOON)
    paused_at(session, done + 1)
    changed = editor.model.get_parameter_values()  # the model on the canvas is the one in training
    assert any((changed[name] != before[name]).any() for name in before)


def test_a_renamed_brick_keeps_its_parameters(editor, hand_pump, session):
    editor.drawing.rename("mlp", "coder")
    assert bar(editor, hand_pump)["text"] == "2 layers kept"
    assert editor.apply().wait()["new"] == []


def test_a_brick_is_frozen_and_trained_again(editor, hand_pump, session):
    editor.drawing.freeze("mlp/linear_0")
    assert bar(editor, hand_pump)["changes"] == ["freeze mlp/linear_0"]
    editor.apply()
    assert session.frozen() == ("mlp/linear_0",)
    editor.drawing.freeze("mlp/linear_0", False)
    editor.apply()
    assert session.frozen() == ()


def test_a_wider_layer_gets_copies(editor, hand_pump, session):
    editor.drawing.widen("mlp/linear_0", 9)
    found = bar(editor, hand_pump)
    assert found["text"] == "1 layer kept, mlp/linear_0 widened from 5 to 9 units"
    assert found["widened"] == ["mlp/linear_0"] and found["reason"] == ""
    result = editor.apply().wait()
    assert result["new"] == [] and len(result["widened"]) == 3
    assert editor.drawing.undo_name == "widen mlp/linear_0 to 9 units"


def test_without_copies_a_wider_layer_is_drawn_again(editor, hand_pump, session):
    editor.drawing.widen("mlp/linear_0", 9)
    assert len(editor.apply(copy_units=False).wait()["new"]) == 3


def test_a_layer_of_a_block_is_widened_with_the_layer_after_it(editor):
    editor.show(BLOCKS["LeNet"].spec)
    editor.drawing.widen("convolutions/conv_1", 20)
    assert editor.drawing.document.bricks["mlp"].settings["dims"][0] == 320
    editor.drawing.undo()
    assert editor.drawing.document.bricks["mlp"].settings["dims"][0] == 256


def test_a_running_session_is_not_changed(editor, hand_pump):
    session = editor.train(stream())
    editor.drawing.freeze("mlp/linear_0")
    assert bar(editor, hand_pump)["paused"] is False
    with pytest.raises(
        BuilderError, match=f"the model of {session.name} can be changed only while .* is running"
    ):
        editor.apply()
    editor.pause_session().wait()
    assert session.state is State.PAUSED
    editor.apply()
    session.stop()


def test_edits_that_a_page_applies_are_not_recorded_as_code(editor, session):
    editor.drawing.freeze("mlp/linear_0")
    editor._intents.take([{"client": "a", "number": 1, "name": "apply", "arguments": {}}])
    assert editor._intents.refused == []
    assert session.interventions[-1]["by"] == "button"


def test_without_a_session_there_is_nothing_to_apply_to(editor):
    for method in (editor.apply, editor.return_to_session, editor.pause_session):
        with pytest.raises(BuilderError, match="no session trains this model"):
            method()


def test_nothing_to_apply_is_said(editor, session):
    with pytest.raises(BuilderError, match="there is nothing to apply, because"):
        editor.apply()


def test_the_canvas_returns_to_the_trained_model(editor, hand_pump, session):
    trained = editor.model
    editor.drawing.set("mlp", "dims", [4, 8, 3])
    editor.return_to_session()
    assert bar(editor, hand_pump)["differs"] is False
    assert editor.model is trained
    editor.drawing.undo()
    assert editor.drawing.document.bricks["mlp"].settings["dims"] == [4, 8, 3]
    assert bar(editor, hand_pump)["differs"] is True


def test_the_canvas_follows_an_undo_of_the_session(editor, hand_pump, session):
    first = editor.model
    editor.drawing.set("mlp", "dims", [4, 8, 3])
    editor.apply()
    bar(editor, hand_pump)
    session.undo().wait(SOON)
    until(lambda: session.state is State.PAUSED)
    assert bar(editor, hand_pump)["differs"] is False
    assert editor.drawing.document.bricks["mlp"].settings["dims"] == [4, 5, 3]
    assert editor.model is first
    assert editor.drawing.undo_name == "follow the session"


def test_edits_that_are_not_applied_stay_when_the_session_goes_back(editor, hand_pump, session):
    editor.drawing.set("mlp", "dims", [4, 8, 3])
    editor.apply()
    bar(editor, hand_pump)
    editor.drawing.set("mlp", "dims", [4, 11, 3])
    session.undo().wait(SOON)
    until(lambda: session.state is State.PAUSED)
    found = bar(editor, hand_pump)
    assert found["text"] == "1 layer kept, mlp/linear_0 widened from 5 to 11 units"
    assert editor.drawing.document.bricks["mlp"].settings["dims"] == [4, 11, 3]


def test_a_model_trained_by_code_is_shown_and_changed(editor, hand_pump):
    session = runs.build(30, dropout=0).start(paused=True)
    session.step(2).wait(SOON)
    paused_at(session, 2)
    editor.follow(session)
    assert bar(editor, hand_pump)["differs"] is False
    editor.drawing.freeze("mlp")
    with pytest.raises(Exception, match="all parameters are frozen"):
        editor.apply()
    editor.drawing.undo()
    editor.drawing.widen("mlp/linear_0", 12)
    editor.apply()
    session.resume()
    assert session.wait(SOON)


def test_after_the_end_there_is_no_bar(editor, hand_pump, session):
    session.stop()
    assert session.wait(SOON)
    editor.drawing.set("mlp", "dims", [4, 8, 3])
    assert bar(editor, hand_pump)["differs"] is False


def penalised():
    """Return a paused session, the cost of which contains a penalty with the weight 0.01."""
    mlp = runs.digits_mlp()
    cost = runs.cost_of(mlp, dropout=0) + 0.01 * (mlp.linear_transformations[0].W ** 2).sum()
    cost.name = "cost"
    model = Model(cost)
    algorithm = runs.gradient_descent(cost, model.parameters)
    ends = [FinishAfter(after_n_batches=6)]
    return MainLoop(algorithm, runs.shuffled(), model=model, extensions=ends).start(paused=True)


def total(session):
    return float(session.main_loop.algorithm.cost.eval(runs.examples()))


def test_the_weight_of_a_penalty_is_changed_undone_and_replayed(editor, hand_pump):
    session = penalised()
    session.step(2).wait(SOON)
    paused_at(session, 2)
    editor.follow(session)
    [weight] = [call for call in editor.spec.calls if call.operation == "multiply"]
    [side] = [name for name, given in weight.inputs.items() if given == {"value": 0.01}]
    before, values = total(session), session.main_loop.model.get_parameter_values()

    def change():
        editor.drawing.set(weight.id, side, 0.5)
        assert bar(editor, hand_pump)["differs"]
        assert editor.apply().wait()["new"] == []

    change()
    squares = (values["/mlp/linear_0.W"] ** 2).sum()
    assert total(session) == pytest.approx(before + 0.49 * squares, rel=1e-5)
    session.undo().wait(SOON)
    until(lambda: session.state is State.PAUSED)
    bar(editor, hand_pump)
    assert total(session) == before
    change()
    session.resume()
    assert session.wait(SOON)
    again = penalised()
    again.replay(session.log)
    again.resume()
    assert again.wait(SOON)
    runs.assert_same(again.main_loop, session.main_loop)
