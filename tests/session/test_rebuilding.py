"""Models replaced in the middle of training: what is kept, undone, replayed, saved and refused."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.support import runs
from tests.support.waiting import SOON, paused_at
from workbench.algorithms import Adam, CompositeRule, Momentum, Restrict, StepClipping
from workbench.builder import Spec, deepen, widen
from workbench.errors import SessionError
from workbench.extensions import SharedVariableModifier, TrainingExtension
from workbench.log import SQLiteLog
from workbench.main_loop import MainLoop

pytestmark = pytest.mark.usefixtures("no_session_is_left")


def started(batches=20, *, at=4, **options):
    session = runs.build(batches, dropout=0, **options).start(paused=True)
    if at:
        session.step(at).wait(SOON)
        paused_at(session, at)
    return session


def changed(session, **settings):
    """Return the specification of a session with other settings of its MLP."""
    spec = Spec.from_dict(session.spec())
    bricks = tuple(
        replace(brick, settings={**brick.settings, **settings}) if brick.type == "MLP" else brick
        for brick in spec.bricks
    )
    return replace(spec, bricks=bricks)


def brick(type, **settings):
    return {"brick": {"type": type, **({"settings": settings} if settings else {})}}


RECTIFIED = {"activations": [brick("Rectifier"), None]}
DEEPER = {
    "activations": [brick("Tanh"), brick("Tanh"), None],
    "dims": [runs.DIM, 6, 6, runs.CLASSES],
}


def rebuilt(session, **settings):
    return session.rebuild(changed(session, **settings)).wait(SOON)


def values(session):
    """Return copies of all variables of a session by name."""
    parameters, others = session.main_loop.state_variables()
    return {name: one.get_value() for name, one in {**parameters, **others}.items()}


def finish(session):
    session.resume()
    assert session.wait(SOON)
    return session


def step(session):
    done = session.log.status["iterations_done"]
    session.step().wait(SOON)
    return paused_at(session, done + 1)


# What is kept.


@pytest.mark.parametrize("rule", [lambda: Momentum(0.1, 0.9), Adam], ids=["Momentum", "Adam"])
def test_another_activation_keeps_parameters_and_buffers(rule):
    session = started(rule=rule())
    before = values(session)
    result = rebuilt(session, **RECTIFIED)
    after = values(session)
    assert result["new"] == result["again"] == result["ended"] == []
    assert sorted(result["kept"]) == sorted(session.main_loop.model.get_parameter_dict())
    assert before.keys() == after.keys()
    for name, value in before.items():
        np.testing.assert_array_equal(value, after[name], err_msg=name)
    assert "<Rectifier" in str(session.main_loop.model.get_top_bricks()[0].children)
    finish(session)
    assert session.log.status["iterations_done"] == 20
    assert session.log.frame["cost"].notna().sum() == 20


def test_the_same_model_built_again_trains_with_the_same_numbers():
    """A monitored output changes the specification, but not the training."""
    session, other = started(), started()
    spec = Spec.from_dict(session.spec())
    output = spec.calls[0].outputs[0]
    session.rebuild(replace(spec, monitored=(*spec.monitored, output))).wait(SOON)
    finish(session), finish(other)
    runs.assert_same(session.main_loop, other.main_loop)


def test_an_inserted_layer_is_drawn_and_the_layers_around_it_stay():
    session = started()
    before = values(session)
    result = rebuilt(session, **DEEPER)
    after = values(session)
    assert result["new"] == ["/mlp/linear_1.W", "/mlp/linear_1.b"]
    for name in ("W", "b", "W_velocity", "b_velocity"):
        for old, new in (("linear_0", "linear_0"), ("linear_1", "linear_2")):
            one, other = f"mlp/{old}.{name}", f"mlp/{new}.{name}"
            if name in ("W", "b"):
                one, other = f"/{one}", f"/{other}"
            np.testing.assert_array_equal(before[one], after[other])
    assert not np.isnan(after["/mlp/linear_1.W"]).any()
    assert not after["mlp/linear_1.W_velocity"].any()
    finish(session)


def test_a_removed_layer_leaves_the_others():
    session = started()
    first = values(session)
    rebuilt(session, **DEEPER)
    back = rebuilt(session, activations=[brick("Tanh"), None], dims=[runs.DIM, 6, runs.CLASSES])
    assert back["new"] == []
    after = values(session)
    for name, value in first.items():
        np.testing.assert_array_equal(value, after[name])


def test_a_renamed_brick_keeps_its_parameters_if_its_earlier_name_is_given():
    session = started()
    before = values(session)
    spec = changed(session)
    bricks = tuple(replace(b, name="coder") if b.type == "MLP" else b for b in spec.bricks)
    calls = tuple(replace(c, brick="coder") if c.brick == "mlp" else c for c in spec.calls)
    result = session.rebuild(
        replace(spec, bricks=bricks, calls=calls), moved={"coder": "mlp"}
    ).wait(SOON)
    assert result["new"] == []
    after = values(session)
    np.testing.assert_array_equal(before["/mlp/linear_0.W"], after["/coder/linear_0.W"])
    np.testing.assert_array_equal(
        before["mlp/linear_0.W_velocity"], after["coder/linear_0.W_velocity"]
    )
    assert "rename mlp to coder" in session.interventions[-1]["text"]


def test_another_initialisation_draws_the_parameters_again():
    session = started()
    scheme = {"scheme": {"type": "Constant", "settings": {"constant": 0.25}}}
    result = rebuilt(session, weights_init=scheme)
    assert result["again"] == ["/mlp/linear_0.W", "/mlp/linear_1.W"]
    assert result["kept"] == ["/mlp/linear_0.b", "/mlp/linear_1.b"]
    assert (values(session)["/mlp/linear_0.W"] == 0.25).all()


def test_a_frozen_brick_stays_as_it_is_until_it_is_trained_again():
    session = started()
    before = values(session)["/mlp/linear_0.W"]
    session.rebuild(session.spec(), frozen=["mlp/linear_0"]).wait(SOON)
    assert session.frozen() == ("mlp/linear_0",)
    step(session)
    now = values(session)
    np.testing.assert_array_equal(before, now["/mlp/linear_0.W"])
    assert "mlp/linear_0.W_velocity" not in now
    other = now["/mlp/linear_1.W"]
    session.rebuild(session.spec(), frozen=[]).wait(SOON)
    step(session)
    assert (values(session)["/mlp/linear_0.W"] != before).any()
    assert (values(session)["/mlp/linear_1.W"] != other).any()
    texts = [one["text"] for one in session.interventions if one["command"] == "rebuild"]
    assert texts == ["rebuild: freeze mlp/linear_0", "rebuild: unfreeze mlp/linear_0"]


@pytest.mark.filterwarnings("ignore:the model and the algorithm")
def test_parameters_that_the_run_did_not_train_are_frozen():
    def only_last(cost, parameters, rule):
        return runs.gradient_descent(cost, parameters[2:], rule)

    session = started(algorithm=only_last)
    assert session.frozen() == ("mlp/linear_0",)
    rebuilt(session, **RECTIFIED)
    assert session.frozen() == ("mlp/linear_0",)
    assert len(session.main_loop.algorithm.parameters) == 2


def test_a_schedule_goes_on_with_the_same_learning_rate():
    rule = Momentum(0.1, 0.9)
    schedule = SharedVariableModifier(rule.learning_rate, lambda n, old: old * 0.5,
                                      after_batch=True)  # fmt: skip
    session = runs.build(20, schedule, rule=rule, dropout=0).start(paused=True)
    step(session)
    rebuilt(session, **RECTIFIED)
    step(session)
    assert rule.learning_rate.get_value() == pytest.approx(0.025)
    assert session.describe("learning_rate").value == pytest.approx(0.025)


def test_rules_that_list_parameters_get_the_new_ones():
    def restricted(cost, parameters, rule):
        rule = CompositeRule([Restrict(StepClipping(0.001), [parameters[0]]), Momentum(0.1, 0.9)])
        return runs.gradient_descent(cost, parameters, rule)

    session = started(algorithm=restricted)
    rebuilt(session, **RECTIFIED)
    [listed] = session.main_loop.algorithm.step_rule.components[0].variables
    assert listed is session.main_loop.model.get_parameter_dict()["/mlp/linear_0.W"]
    finish(session)


def test_a_running_session_is_rebuilt_between_two_batches():
    session = runs.build(None, dropout=0).start()
    rebuilt(session, **RECTIFIED)
    session.stop()
    assert session.wait(SOON)


# Wider layers.


def test_a_wider_layer_computes_the_same_function_and_trains_on():
    session = started()
    found = widen(Spec.from_dict(session.spec()), "mlp/linear_0", 10)
    assert found.reason == ""
    batch = dict(runs.examples().items())
    before = session.main_loop.model.outputs[0].eval(batch)
    result = session.rebuild(found.spec, widened=[found.brick]).wait(SOON)
    assert result["new"] == []
    after = session.main_loop.model.outputs[0].eval(batch)
    torch.testing.assert_close(after, before, rtol=1e-5, atol=1e-6)
    finish(session)
    weights = values(session)["/mlp/linear_0.W"]
    assert weights.shape == (runs.DIM, 10)
    assert (weights[:, 0] != weights[:, 6]).any()  # copies learn differently


def test_noise_on_copies_changes_the_function():
    session = started()
    found = widen(Spec.from_dict(session.spec()), "mlp/linear_0", 10)
    before = session.main_loop.model.outputs[0].eval(runs.examples())
    session.rebuild(found.spec, widened=[found.brick], noise=0.5).wait(SOON)
    assert session.main_loop.model.outputs[0].eval(runs.examples()) != before


def test_a_wider_layer_has_the_buffers_of_the_units_that_it_copies():
    session = started()
    before = values(session)["mlp/linear_0.W_velocity"]
    found = widen(Spec.from_dict(session.spec()), "mlp/linear_0", 8)
    session.rebuild(found.spec, widened=[found.brick]).wait(SOON)
    after = values(session)["mlp/linear_0.W_velocity"]
    np.testing.assert_array_equal(after, np.concatenate([before, before[:, :2]], 1))


# Going back.


def test_undo_restores_the_earlier_model_and_its_numbers():
    session, other = started(), started()
    before = session.main_loop.model
    rebuilt(session, **DEEPER)
    step(session)
    session.undo().wait(SOON)
    paused_at(session, 4)
    assert session.main_loop.model is before
    finish(session), finish(other)
    runs.assert_same(session.main_loop, other.main_loop)


def test_rewinds_lead_to_the_model_of_their_iteration():
    session = started(at=3)
    rebuilt(session, **DEEPER)
    session.step(4).wait(SOON)
    paused_at(session, 7)
    step_7 = values(session)
    session.rewind(2).wait(SOON)
    paused_at(session, 2)
    assert "/mlp/linear_2.W" not in values(session)
    session.rewind(7, branch="main").wait(SOON)
    paused_at(session, 7)
    for name, value in values(session).items():
        np.testing.assert_array_equal(value, step_7[name])
    assert not [row for row in session.log.frame.get("alerts", []) if row == row]


def test_a_fork_from_before_the_change_has_the_earlier_model():
    session, other = started(at=3), started(at=2)
    rebuilt(session, **DEEPER)
    step(session)
    fork = session.fork(2)
    paused_at(fork, 2)
    assert "/mlp/linear_2.W" not in values(fork)
    assert "/mlp/linear_2.W" in values(session)
    finish(fork), finish(other), finish(session)
    runs.assert_same(fork.main_loop, other.main_loop)


def test_a_fork_is_rewound_only_with_its_own_model():
    session = started(at=3)
    rebuilt(session, **DEEPER)
    session.step(3).wait(SOON)
    paused_at(session, 6)
    fork = session.fork()
    paused_at(fork, 6)
    fork.rewind(4).wait(SOON)
    paused_at(fork, 4)
    assert fork.main_loop.model is not session.main_loop.model
    command = fork.rewind(1)
    with pytest.raises(SessionError, match="iteration 1 cannot be reached exactly"):
        command.wait(SOON)
    finish(fork), finish(session)


def test_a_replay_gives_the_same_numbers():
    session = started(at=3)
    session.set("learning_rate", 0.05).wait(SOON)
    rebuilt(session, **DEEPER)
    step(session)
    found = widen(Spec.from_dict(session.spec()), "mlp/linear_0", 9)
    session.rebuild(found.spec, widened=[found.brick], frozen=["mlp/linear_2"]).wait(SOON)
    session.set("/mlp/linear_1.b", np.full(6, 0.5)).wait(SOON)
    finish(session)
    again = runs.build(20, dropout=0).start(paused=True)
    again.replay(session.log)
    finish(again)
    runs.assert_same(again.main_loop, session.main_loop)


def test_a_replay_from_a_database_gives_the_same_numbers(tmp_path):
    def build():
        loop = runs.build(8, dropout=0)
        path = tmp_path / "runs.sqlite"
        return MainLoop(loop.algorithm, loop.data_stream, loop.model, SQLiteLog(path),
                        extensions=loop.extensions)  # fmt: skip

    session = build().start(paused=True)
    step(session)
    rebuilt(session, **DEEPER)
    finish(session)
    again = runs.build(8, dropout=0).start(paused=True)
    again.replay(tmp_path / "runs.sqlite")
    finish(again)
    runs.assert_same(again.main_loop, session.main_loop)


# Files.


def test_a_saved_session_continues_with_the_new_model(tmp_path):
    from workbench.serialization import continue_training

    session = started()
    rebuilt(session, **DEEPER)
    step(session)
    path = session.save(tmp_path / "run.tar").wait(SOON)
    finish(session)
    loaded = continue_training(path, trusted=True)
    runs.assert_same(loaded, session.main_loop)


def test_a_file_from_before_the_change_does_not_fit_and_changes_nothing(tmp_path):
    session = started()
    path = session.save(tmp_path / "run.tar").wait(SOON)
    rebuilt(session, **DEEPER)
    with pytest.raises(SessionError, match=r"'/mlp/linear_2.W' is missing.*rewind to an iter"):
        session.load(path).wait(SOON)
    finish(session)


def test_a_run_of_the_original_code_loads_the_model_with_the_file(tmp_path):
    session = started()
    rebuilt(session, **DEEPER)
    step(session)
    path = session.save(tmp_path / "run.tar").wait(SOON)
    finish(session)
    other = started(at=0)
    other.load(path).wait(SOON)
    paused_at(other, 5)
    assert "/mlp/linear_2.W" in values(other)
    finish(other)
    runs.assert_same(other.main_loop, session.main_loop)


def test_loading_a_changed_model_is_undone(tmp_path):
    session = started()
    rebuilt(session, **DEEPER)
    path = session.save(tmp_path / "run.tar").wait(SOON)
    finish(session)
    other = started(at=2)
    other.load(path).wait(SOON)
    paused_at(other, 4)
    other.undo().wait(SOON)
    paused_at(other, 2)
    assert "/mlp/linear_2.W" not in values(other)
    finish(other)


# Records.


def test_records_go_on_and_new_ones_begin():
    session, other = started(), finish(started())
    spec = Spec.from_dict(session.spec())
    from workbench.builder import CallSpec

    twice = CallSpec("twice", operation="multiply", outputs=("twice",),
                     inputs={"input": spec.cost, "other": {"value": 2.0}})  # fmt: skip
    session.rebuild(
        replace(spec, calls=(*spec.calls, twice), monitored=(*spec.monitored, "twice"))
    ).wait(SOON)
    finish(session)
    frame = session.log.frame
    assert frame["cost"].notna().sum() == frame["total_gradient_norm"].notna().sum() == 20
    assert frame["twice"].notna().sum() == 16
    assert frame["twice"].dropna().iloc[-1] == pytest.approx(2 * frame["cost"].iloc[-1])
    assert frame["valid_cost"].notna().equals(other.log.frame["valid_cost"].notna())


def test_the_log_has_the_new_and_the_earlier_model():
    session = started()
    earlier = session.spec()
    rebuilt(session, **RECTIFIED)
    [record] = [one for one in session.interventions if one["command"] == "rebuild"]
    assert (record["command"], record["iteration"]) == ("rebuild", 4)
    assert record["text"] == "rebuild: mlp: activations [Tanh, none] -> [Rectifier, none]"
    assert record["earlier"]["spec"] == earlier
    assert record["spec"] == session.spec()
    assert (record["kept"], record["new"]) == (4, 0)


# Refusals.


def refusal(session, spec, **options):
    with pytest.raises(SessionError) as error:
        session.rebuild(spec, **options).wait(SOON)
    return str(error.value)


def test_a_model_that_cannot_be_trained_is_refused_and_training_goes_on():
    session, other = started(), started()
    spec = Spec.from_dict(session.spec())
    assert "the new model has no cost to minimise" in refusal(session, replace(spec, cost=None))
    assert "all parameters are frozen" in refusal(session, spec, frozen=["mlp"])
    shapes = changed(session, dims=[runs.DIM + 1, 6, runs.CLASSES])
    assert "rebuild" in refusal(session, shapes)
    inputs = tuple(replace(one, name="pixels" if one.name == "features" else one.name)
                   for one in spec.inputs)  # fmt: skip
    calls = tuple(
        replace(c, inputs={n: "pixels" if w == "features" else w for n, w in c.inputs.items()})
        for c in spec.calls
    )
    assert "has the input 'pixels', but the data stream of this run has no such source" in refusal(
        session, replace(spec, inputs=inputs, calls=calls)
    )
    finish(session), finish(other)
    runs.assert_same(session.main_loop, other.main_loop)


def test_the_same_model_is_refused():
    session = started()
    assert "there is nothing to rebuild" in refusal(session, session.spec())


def test_a_model_that_cannot_be_described_is_refused():
    session = runs.build(9).start(paused=True)
    with pytest.raises(SessionError, match="cannot be rebuilt: .*changed after the brick was"):
        session.spec()


def test_an_extension_that_holds_a_variable_of_the_model_is_named():
    class Watcher(TrainingExtension):
        def __init__(self, variable):
            super().__init__()
            self.variable = variable

    loop = runs.build(9, dropout=0)
    loop.extensions.append(Watcher(loop.model.parameters[0]))
    session = loop.start(paused=True)
    assert "Watcher" in refusal(session, changed(session, **RECTIFIED))


def test_additional_updates_are_named():
    from workbench import shared

    loop = runs.build(9, dropout=0)
    count = shared(0.0, "count")
    loop.algorithm.add_updates([(count, count + 1)])
    session = loop.start(paused=True)
    text = refusal(session, changed(session, **RECTIFIED))
    assert "the algorithm has additional updates of count" in text


def test_after_the_end_the_command_is_refused():
    session = finish(started(5))
    assert "the run has finished" in refusal(session, changed(session, **RECTIFIED))


# What other tools have got wrong: reports of Keras, Lightning, PyTorch and Net2Net.


def normalized():
    """Return a paused session of a model with batch normalisation, in evaluation mode."""
    from workbench import tensor
    from workbench.bricks import BatchNormalization, Linear, Rectifier, Softmax
    from workbench.initialization import IsotropicGaussian
    from workbench.model import Model

    options = {"weights_init": IsotropicGaussian(0.5), "seed": 1, "use_bias": False}
    first = Linear(runs.DIM, 6, name="first", **options)
    norm = BatchNormalization(input_dim=6, name="norm")
    second = Linear(6, runs.CLASSES, name="second", **options)
    x, y = tensor.matrix("features"), tensor.lmatrix("targets")
    hidden = Rectifier().apply(norm.apply(first.apply(x)))
    cost = Softmax().categorical_cross_entropy(y.flatten(), second.apply(hidden)).mean()
    cost.name = "cost"
    for layer in (first, norm, second):
        layer.initialize()
    algorithm = runs.gradient_descent(cost, Model(cost).parameters, Adam(0.01))
    loop = MainLoop(algorithm, runs.shuffled(), Model(cost))
    session = loop.start(paused=True)
    session.step(5).wait(SOON)
    return paused_at(session, 5)


def test_statistics_of_a_widened_normalisation_are_copied_too():
    session = normalized()
    before = session.main_loop.model.outputs[0].eval(runs.examples())
    found = widen(Spec.from_dict(session.spec()), "first", 10)
    assert found.reason == ""
    result = session.rebuild(found.spec, widened=["first"]).wait(SOON)
    assert result["new"] == []
    after = session.main_loop.model.outputs[0].eval(runs.examples())
    torch.testing.assert_close(after, before, rtol=1e-5, atol=1e-6)
    step(session)
    weights = values(session)["/first.W"]
    assert (weights[:, 0] != weights[:, 6]).any()  # Adam has different steps for the copies
    session.stop()


def with_lstm():
    """Return a paused session of a model with an LSTM."""
    from workbench import tensor
    from workbench.bricks import Linear, Softmax
    from workbench.bricks.recurrent import LSTM
    from workbench.initialization import IsotropicGaussian
    from workbench.model import Model

    options = {"weights_init": IsotropicGaussian(0.5), "biases_init": IsotropicGaussian(0.5)}
    first = Linear(runs.DIM, 24, name="first", seed=1, **options)
    lstm = LSTM(6, name="lstm", seed=1, weights_init=IsotropicGaussian(0.5))
    head = Linear(6, runs.CLASSES, name="head", seed=1, **options)
    x, y = tensor.matrix("features"), tensor.lmatrix("targets")
    inputs = first.apply(x.unsqueeze(0))
    scores = head.apply(lstm.apply(inputs)[0][-1])
    cost = Softmax().categorical_cross_entropy(y.flatten(), scores).mean()
    cost.name = "cost"
    for layer in (first, lstm, head):
        layer.initialize()
    algorithm = runs.gradient_descent(cost, Model(cost).parameters, Momentum(0.1, 0.9))
    session = MainLoop(algorithm, runs.shuffled(), Model(cost)).start(paused=True)
    session.step(5).wait(SOON)
    return paused_at(session, 5)


def test_a_wider_lstm_computes_the_same_function_and_keeps_its_buffers():
    session = with_lstm()
    before, old = session.main_loop.model.outputs[0].eval(runs.examples()), values(session)
    found = widen(Spec.from_dict(session.spec()), "lstm", 8)
    assert found.reason == ""
    result = session.rebuild(found.spec, widened=["lstm"]).wait(SOON)
    assert result["new"] == []
    after, new = session.main_loop.model.outputs[0].eval(runs.examples()), values(session)
    torch.testing.assert_close(after, before, rtol=1e-5, atol=1e-6)
    gates = [old["first.W_velocity"][:, 6 * gate : 6 * gate + 6] for gate in range(4)]
    wider = [np.concatenate([gate, gate[:, :2]], 1) for gate in gates]
    np.testing.assert_array_equal(new["first.W_velocity"], np.concatenate(wider, 1))
    assert np.abs(new["first.W_velocity"]).max() > 0
    step(session)
    session.stop()


def test_statistics_are_kept_when_only_an_activation_changes():
    session = normalized()
    before = values(session)
    spec = Spec.from_dict(session.spec())
    bricks = tuple(replace(b, type="Tanh") if b.type == "Rectifier" else b for b in spec.bricks)
    session.rebuild(replace(spec, bricks=bricks)).wait(SOON)
    after = values(session)
    for name, value in before.items():
        np.testing.assert_array_equal(value, after[name], err_msg=name)
    session.stop()


def test_a_frozen_brick_is_still_frozen_in_a_loaded_run(tmp_path):
    from workbench.serialization import continue_training

    session = started()
    session.rebuild(session.spec(), frozen=["mlp/linear_0"]).wait(SOON)
    path = session.save(tmp_path / "run.tar").wait(SOON)
    finish(session)
    loaded = continue_training(path, trusted=True)
    np.testing.assert_array_equal(
        loaded.model.get_parameter_dict()["/mlp/linear_0.W"].get_value(),
        values(session)["/mlp/linear_0.W"],
    )
    runs.assert_same(loaded, session.main_loop)


def test_a_rule_with_sums_trains_a_layer_that_is_new():
    from workbench.algorithms import AdaGrad

    session = started(rule=AdaGrad(0.1))
    rebuilt(session, **DEEPER)
    before = values(session)["/mlp/linear_1.W"]
    step(session)
    assert (values(session)["/mlp/linear_1.W"] != before).any()
    session.stop()


# Deeper models.


def rectified(batches=20, hidden=(6, 6)):
    """Return a paused session of an MLP with rectifiers and hidden layers of the same size."""
    from workbench.bricks import MLP, Rectifier
    from workbench.initialization import Constant, IsotropicGaussian
    from workbench.model import Model

    mlp = MLP(
        [*(Rectifier() for _ in hidden), None],
        [runs.DIM, *hidden, runs.CLASSES],
        weights_init=IsotropicGaussian(0.5),
        biases_init=Constant(0),
        seed=1,
    )
    mlp.initialize()
    cost = runs.cost_of(mlp, dropout=0)
    algorithm = runs.gradient_descent(cost, Model(cost).parameters)
    session = MainLoop(algorithm, runs.shuffled(), Model(cost)).start(paused=True)
    session.step(4).wait(SOON)
    return paused_at(session, 4)


@pytest.mark.parametrize("place", [0, 1])
def test_a_deeper_model_computes_the_same_function_and_trains_on(place):
    session = rectified()
    before = session.main_loop.model.outputs[0].eval(runs.examples())
    velocity = values(session)["mlp/linear_2.W_velocity"]
    found = deepen(Spec.from_dict(session.spec()), f"mlp/linear_{place}")
    assert found.reason == ""
    result = session.rebuild(found.spec, moved=found.moved).wait(SOON)
    assert result["new"] == [f"/mlp/linear_{place + 1}.W", f"/mlp/linear_{place + 1}.b"]
    after = session.main_loop.model.outputs[0].eval(runs.examples())
    torch.testing.assert_close(after, before, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(values(session)["mlp/linear_3.W_velocity"], velocity)
    step(session)
    session.stop()
