"""`Guard`: pauses or rewinds a run whose cost is not finite or explodes."""

import math

import numpy as np
import pytest
import torch

from tests.support import runs
from tests.support.fakes import make
from tests.support.waiting import SOON, until
from workbench import shared, tensor
from workbench.algorithms import GradientDescent, Scale
from workbench.errors import ArgumentError, ExtensionError, NotFiniteError
from workbench.extensions import FinishAfter, Guard
from workbench.extensions.culprits import cause, steepest
from workbench.extensions.schedules import linear
from workbench.extensions.training import SharedVariableModifier
from workbench.interfaces import State
from workbench.main_loop import MainLoop

pytestmark = pytest.mark.usefixtures("no_session_is_left")


def parabola(*extensions, rate=0.1, batches=60, log_of=None, on_not_finite=None):
    """Return a main loop whose cost grows without bound for rates above 1.

    With `log_of`, the cost at that batch is the logarithm of a negative number.
    """
    x, w = tensor.vector("x"), shared([1.0, -2.0], "w")
    cost = (w**2).sum() + 0 * x.log().sum()
    cost.name = "cost"
    rule = Scale(rate)
    algorithm = GradientDescent(
        cost=cost, parameters=[w], step_rule=rule, on_not_finite=on_not_finite
    )
    data = [{"x": [-1.0 if i + 1 == log_of else 1.0]} for i in range(batches)]
    return MainLoop(algorithm, data, extensions=[*extensions, FinishAfter(after_n_epochs=1)])


def rate_of(main_loop):
    return main_loop.algorithm.step_rule.learning_rate


def alerts(main_loop):
    return [one for row in main_loop.log.channel("alerts") for one in row]


def test_a_cost_that_is_not_finite_pauses_before_anything_changes():
    session = parabola(Guard(), log_of=5).start()
    until(lambda: session.state is State.PAUSED)
    assert session.log.status["iterations_done"] == 4
    (found,) = alerts(session.main_loop)
    assert (found["level"], found["by"]) == ("error", "Guard")
    assert "the cost 'cost' is nan in batch 5 of this run" in found["text"]
    assert "is paused; resume() processes batch 5 of this run again" in found["text"]
    assert session.commands[-1].by == "Guard"


def test_the_batch_is_tried_again_and_passes_after_a_remedy():
    x, w = tensor.vector("x"), shared([1.0], "w")
    offset = shared(0.0, "offset")
    cost = (w**2).sum() + 0 * (x + offset).log().sum()
    algorithm = GradientDescent(cost=cost, parameters=[w], step_rule=Scale(0.1))
    data = [{"x": [1.0]}, {"x": [-1.0]}, {"x": [1.0]}]
    guard = Guard()
    session = MainLoop(algorithm, data, extensions=[guard, FinishAfter(after_n_epochs=1)]).start()
    until(lambda: session.state is State.PAUSED)
    session.resume().wait(SOON)
    until(lambda: len(alerts(session.main_loop)) == 2 and session.state is State.PAUSED)
    session.set(offset, 5.0).wait(SOON)
    session.resume().wait(SOON)
    assert session.wait(SOON)
    assert session.log.status["iterations_done"] == 3
    assert w.get_value() == pytest.approx(0.8**3)


def test_a_gradient_that_is_not_finite_names_the_parameter():
    w, b = shared([4.0], "w"), shared([0.0], "b")
    cost = w.sum() + b.sqrt().sum()
    algorithm = GradientDescent(cost=cost, parameters=[w, b], step_rule=Scale(0.1))
    session = MainLoop(algorithm, [{}] * 3, extensions=[Guard()]).start()
    until(lambda: session.state is State.PAUSED)
    (found,) = alerts(session.main_loop)
    assert "the gradient of b is inf" in found["text"]


def test_a_cost_that_is_not_finite_names_the_gradient_that_is_not():
    x, w, b = tensor.vector("x"), shared([4.0], "w"), shared([0.0], "b")
    cost = w.sum() + (b + x).log().sum()
    algorithm = GradientDescent(cost=cost, parameters=[w, b], step_rule=Scale(0.1))
    session = MainLoop(algorithm, [{"x": [0.0]}] * 3, extensions=[Guard()]).start()
    until(lambda: session.state is State.PAUSED)
    (found,) = alerts(session.main_loop)
    text = "1 of 2 gradients are not finite; of these, the gradient of b is the nearest"
    assert text in found["text"]
    assert "resume() processes batch 1 of this run again" in found["text"]


def test_if_no_gradient_is_finite_the_largest_parameter_is_named():
    w, b = shared([1e25], "w"), shared([-3e30], "b")
    cost = ((w * b) ** 2).sum() - ((w * b) ** 2).sum()
    algorithm = GradientDescent(cost=cost, parameters=[w, b], step_rule=Scale(0.1))
    assert cause(algorithm, {}) == (
        "It is not known which parameter caused this, since no gradient is finite in this batch; "
        "the value farthest from 0 is 3e+30, in b"
    )
    b.set_value([float("nan")])
    assert cause(algorithm, {}) == "b has values that are infinite or NaN"


def test_without_a_session_the_error_ends_training():
    main_loop = parabola(Guard(), log_of=5)
    with pytest.raises(NotFiniteError, match="nan in batch 5"):
        main_loop.run()
    assert main_loop.log.status["iterations_done"] == 4


def test_other_errors_are_not_guarded():
    class Failing(GradientDescent):
        def process_batch(self, batch):
            raise ValueError("no")

    w = shared([1.0], "w")
    algorithm = Failing(cost=w.sum(), parameters=[w], step_rule=Scale(0.1))
    session = MainLoop(algorithm, [{}], extensions=[Guard()]).start()
    with pytest.raises(ValueError, match="no"):
        session.wait(SOON)


def test_a_stop_ends_the_pause_and_the_run():
    session = parabola(Guard(), log_of=5).start()
    until(lambda: session.state is State.PAUSED)
    session.stop().wait(SOON)
    assert session.wait(SOON)
    assert (session.state, session.log.status["iterations_done"]) == (State.FINISHED, 4)


def test_a_step_tries_the_batch_again_and_pauses():
    session = parabola(Guard(), log_of=5).start()
    until(lambda: session.state is State.PAUSED)
    session.step().wait(SOON)
    until(lambda: len(alerts(session.main_loop)) == 2 and session.state is State.PAUSED)
    assert session.log.status["iterations_done"] == 4


def test_a_warned_value_pauses_once_in_succession():
    with pytest.warns(UserWarning, match="the cost 'cost' is nan"):
        session = parabola(Guard(), log_of=5, on_not_finite="warn").start()
        until(lambda: session.state is State.PAUSED)
    session.resume()
    assert session.wait(SOON)
    [found] = alerts(session.main_loop)
    assert found["text"].startswith("the cost is nan in batch 5. It is not known which parameter")
    assert "all gradients are finite in this batch" in found["text"]
    assert found["text"].endswith(", in w. Training is paused")


def is_paused(session):
    """Return True if `Guard` has paused the session; during a rewind it is paused, too."""
    last = session.commands[-1].kind if session.commands else ""
    return session.state is State.PAUSED and last == "pause"


def exploding(guard, **options):
    """Return a session that trains well for 40 batches, then with a rate that is too high."""
    session = parabola(guard, batches=200, **options).start(paused=True)
    session.step(40).wait(SOON)
    until(lambda: session.state is State.PAUSED and session.log.status["iterations_done"] == 40)
    session.set("learning_rate", 1.5).wait(SOON)
    session.resume().wait(SOON)
    return session


def test_an_exploding_cost_pauses_and_names_the_steepest_parameter():
    session = exploding(Guard())
    until(lambda: session.state is State.PAUSED)
    (found,) = alerts(session.main_loop)
    assert "the cost explodes: it was" in found["text"]
    assert "(patience=3)" in found["text"]
    assert "The gradient of w has the largest norm" in found["text"]
    assert np.isfinite(session.main_loop.algorithm.parameters[0].get_value()).all()


def test_an_infinite_limit_watches_values_that_are_not_finite_only():
    session = exploding(Guard(exploding=math.inf))
    until(lambda: session.state is State.PAUSED)
    assert "explodes" not in alerts(session.main_loop)[0]["text"]


def test_costs_of_noisy_training_do_not_explode():
    rng = np.random.default_rng(3)
    guard = Guard()
    guard.main_loop = make()
    limits = []
    for cost in rng.lognormal(mean=-3, sigma=1.5, size=5000) + np.linspace(2, 0, 5000):
        guard._cost = lambda cost=cost: float(cost)
        guard._act = limits.append
        guard.after_batch({})
    assert limits == []


def test_a_record_can_be_watched():
    guard = Guard(record_name="loss")
    guard.main_loop = make()
    guard.main_loop.log[0]["loss"] = math.inf
    acted = []
    guard._act = acted.append
    guard.after_batch({})
    assert acted == ["the cost is inf in batch 0"]


def test_it_rewinds_and_lowers_the_rate():
    session = exploding(Guard("rewind", back=10, factor=0.1), rate=0.1)
    assert session.wait(SOON)
    assert session.log.status["iterations_done"] == 200
    assert rate_of(session.main_loop).get_value() < 1.0
    assert session.main_loop.algorithm.last_cost < 1e-6
    assert [branch.name for branch in session.branches] == ["main", "branch 1"]
    changes = [(one["command"], one["by"]) for one in session.interventions]
    assert ("rewind", "Guard") in changes and ("set", "Guard") in changes


def test_it_rewinds_to_the_point_before_the_rate_was_set_too_high():
    session = exploding(Guard("rewind"))
    assert session.wait(SOON)
    (rewind,) = [one for one in session.interventions if one["command"] == "rewind"]
    assert rewind["to"] == 40
    assert rate_of(session.main_loop).get_value() == pytest.approx(0.05)


def test_its_alert_is_in_the_log_after_the_rewind():
    session = exploding(Guard("rewind"))
    assert session.wait(SOON)
    (found,) = alerts(session.main_loop)
    assert "rewound to iteration 40 with learning_rate = 0.05 (rewind 1 of 3)" in found["text"]
    assert (found["level"], found["by"]) == ("warning", "Guard")


def test_without_an_intervention_it_goes_back_by_the_given_number_of_batches():
    session = parabola(Guard("rewind", back=7, times=1), log_of=30).start()
    until(lambda: is_paused(session))
    (rewind,) = [one for one in session.interventions if one["command"] == "rewind"]
    assert (rewind["from"], rewind["to"]) == (29, 22)


def test_a_second_failure_leads_further_back():
    session = parabola(Guard("rewind", back=7, times=2), log_of=30).start()
    until(lambda: is_paused(session))
    (rewind,) = [one for one in session.interventions if one["command"] == "rewind"]
    assert rewind["to"] == 22 - 1 - 7


def test_a_cost_that_explodes_in_the_first_batches_is_detected():
    session = parabola(Guard("rewind", patience=2), rate=20.0, batches=200).start()
    until(lambda: is_paused(session))
    assert "the cost explodes" in alerts(session.main_loop)[0]["text"]
    assert rate_of(session.main_loop).get_value() == pytest.approx(2.5)


def test_a_value_that_is_not_finite_rewinds_too():
    session = runs.build(30, Guard("rewind", back=2)).start(paused=True)
    session.step(10).wait(SOON)
    until(lambda: session.state is State.PAUSED and session.log.status["iterations_done"] == 10)
    parameter = session.main_loop.algorithm.parameters[0]
    session.call(lambda _: parameter.set_value(np.full(parameter.shape, np.nan, "float32")))
    session.resume()
    assert session.wait(SOON)
    assert session.log.status["iterations_done"] == 30
    assert torch.isfinite(parameter.tensor).all()
    assert rate_of(session.main_loop).get_value() == pytest.approx(0.05)


def test_after_some_rewinds_it_pauses():
    session = parabola(Guard("rewind", times=2, factor=0.5), log_of=5).start()
    until(lambda: is_paused(session))
    assert "the limit of 2 rewinds is reached" in alerts(session.main_loop)[-1]["text"]
    assert rate_of(session.main_loop).get_value() == pytest.approx(0.1 / 4)


def test_a_scheduled_rate_is_held():
    main_loop = parabola(log_of=30)
    rate = rate_of(main_loop)
    schedule = SharedVariableModifier(rate, linear(0.1, 0.05, 100), after_batch=True)
    main_loop.extensions[:0] = [Guard("rewind", times=1), schedule]
    session = main_loop.start()
    until(lambda: is_paused(session))
    assert schedule.held


def test_a_run_without_a_learning_rate_is_paused():
    session = parabola(Guard("rewind", parameters=["speed"]), log_of=5).start()
    until(lambda: session.state is State.PAUSED)
    (found,) = alerts(session.main_loop)
    assert "the run has no hyperparameter speed, so the run was not rewound" in found["text"]


def test_an_algorithm_without_a_cost_is_refused():
    with pytest.raises(ExtensionError, match=r"Guard\('pause'\) has no cost to check"):
        make(Guard()).run()


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"action": "stop"}, "action must be 'pause' or 'rewind', not 'stop'"),
        ({"factor": 1.0}, "factor must be between 0 and 1, not 1.0"),
        ({"exploding": 0}, "exploding must be greater than 0, not 0"),
        ({"window": 10}, "window"),
        ({"patience": 0}, "patience"),
    ],
)
def test_wrong_arguments(options, text):
    with pytest.raises(ArgumentError, match=text):
        Guard(**options)


def test_a_guarded_run_has_the_same_numbers():
    plain, guarded = runs.build(30), runs.build(30, Guard())
    plain.run()
    guarded.run()
    for name, value in plain.state_dict()["parameters"].items():
        assert torch.equal(value, guarded.state_dict()["parameters"][name])


def test_looking_for_the_steepest_gradient_changes_nothing():
    first, second = runs.build(None), runs.build(None)
    first.run(batches=5)
    second.run(batches=5)
    batch = next(runs.shuffled().get_epoch_iterator(as_dict=True))
    name, norm = steepest(first.algorithm, batch)
    assert f"/{name}" in dict(first.state_variables()[0])
    assert norm > 0
    first.run(batches=5)
    second.run(batches=5)
    runs.assert_same(first, second)
