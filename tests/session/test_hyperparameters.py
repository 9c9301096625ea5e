"""The numbers that may be changed while training: what they are, set by name, held and released."""

import math

import numpy as np
import pytest

from tests.support import runs
from tests.support.waiting import SOON, paused_at
from workbench import shared
from workbench.algorithms import Adam, CompositeRule, Momentum, Scale, StepClipping
from workbench.bricks import Dropout
from workbench.errors import SessionError
from workbench.extensions.schedules import cosine
from workbench.extensions.variable_modifier import SharedVariableModifier
from workbench.graph import ComputationGraph, training_mode
from workbench.main_loop import MainLoop

pytestmark = pytest.mark.usefixtures("no_session_is_left")


def paused(rule=None, *make):
    loop = runs.build(30, rule=Momentum(0.1, 0.9) if rule is None else rule)
    rate = getattr(loop.algorithm.step_rule, "learning_rate", None)
    loop.extensions.extend(one(rate) for one in make)
    return loop.start(paused=True)


def scheduled(rate):
    return SharedVariableModifier(rate, cosine(0.2, iterations=30))


def to(session, iteration):
    session.step(iteration - session.log.status["iterations_done"])
    paused_at(session, iteration)


def test_every_setting_of_a_rule_is_found():
    rule = CompositeRule([StepClipping(1.0), Adam(0.01)])
    found = {one.name: one.value for one in paused(rule).hyperparameters}
    assert found["threshold"] == 1
    assert found["learning_rate"] == pytest.approx(0.01)
    assert {"beta1", "beta2", "epsilon"} <= set(found)


@pytest.mark.parametrize(
    ("name", "low", "high", "scale"),
    [("learning_rate", 0, math.inf, "log"), ("momentum", 0, math.inf, "linear")],
)
def test_a_number_knows_its_bounds_and_its_scale(name, low, high, scale):
    [one] = [one for one in paused().hyperparameters if one.name == name]
    assert (one.low, one.high, one.scale) == (low, high, scale)


def test_a_number_knows_its_rule():
    rule = CompositeRule([StepClipping(1.0), Momentum(0.1, 0.9), Scale(0.5), Scale(2.0)])
    owners = {one.path: one.owner for one in paused(rule).hyperparameters if one.owner}
    assert owners["threshold"] == "StepClipping"
    assert owners["momentum"] == "Momentum"
    assert sorted(owners.values()) == ["Momentum", "Momentum", "Scale", "Scale 2", "StepClipping"]


def test_a_variable_of_one_number_is_described_though_no_rule_has_it():
    session = paused()
    loop = session.main_loop
    rate = loop.algorithm.step_rule.learning_rate
    assert session.describe(rate) == session.describe("learning_rate")
    assert session.describe(rate).owner == "Momentum"


def test_only_single_numbers_are_described():
    session = paused()
    weights = next(iter(session.main_loop.model.parameters))
    with pytest.raises(SessionError, match=r"must be a single real number, but has shape \("):
        session.describe(weights)


def test_a_variable_that_training_does_not_use_is_not_described():
    with pytest.raises(
        SessionError, match="unused is not a variable of this run; training neither"
    ):
        paused().describe(shared(1.0, "unused"))


@pytest.mark.parametrize(
    "ask",
    [
        lambda session, rate: session.set(rate, 0.5),
        lambda session, rate: session.hold(rate, 0.5),
        lambda session, rate: session.release(rate),
        lambda session, rate: session.describe(rate),
    ],
)
def test_a_variable_of_another_run_is_refused(ask):
    other = runs.build(30).algorithm.step_rule.learning_rate
    session = paused(None, scheduled)
    expected = (
        "this learning_rate belongs to another run, so nothing was changed; to change the variable "
        "of this run, pass its name or path, as in session.set('learning_rate', ...)"
    )
    with pytest.raises(SessionError) as caught:
        ask(session, other)
    assert str(caught.value) == expected
    assert other.get_value() == pytest.approx(0.1)
    assert not [one for one in session.interventions if one["command"] == "set"]


def test_a_value_is_set_by_name():
    session = paused()
    session.set("learning_rate", 0.5).wait(SOON)
    assert session.main_loop.algorithm.step_rule.learning_rate.get_value() == 0.5


def test_a_value_that_is_already_set_is_no_intervention():
    session = paused()
    command = session.set("learning_rate", float(np.float32(0.1)))
    assert command.wait(SOON) is None
    assert repr(command).endswith("applied at iteration 0, unchanged>")
    assert "set" not in [one["command"] for one in session.interventions]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1e-50, "cannot be set to 1e-50, which its dtype, float32, rounds to 0.0; choose"),
        (1e50, r"cannot be set to 1e\+50, which its dtype, float32, rounds to inf; choose"),
        (True, "must be set to a number, not True"),
    ],
)
def test_a_number_that_cannot_be_stored_is_refused(value, text):
    with pytest.raises(SessionError, match=f"learning_rate {text}"):
        paused().set("learning_rate", value)


def test_a_value_is_set_by_path():
    session = paused()
    [one] = [one for one in session.hyperparameters if one.name == "momentum"]
    session.set(one.path, 0.25).wait(SOON)
    [one] = [one for one in session.hyperparameters if one.name == "momentum"]
    assert one.value == 0.25


def test_a_name_that_several_have_is_refused():
    with pytest.raises(SessionError, match="several variables of this run are named 'W'; pass"):
        paused().set("W", 0.1)


def test_a_path_goes_before_a_name():
    session = paused(CompositeRule([Scale(0.5), Scale(0.1)]))
    session.set("learning_rate_1", 0.2).wait(SOON)
    session.set("learning_rate", 0.3).wait(SOON)
    rates = [one.value for one in session.hyperparameters if one.name == "learning_rate"]
    assert rates == pytest.approx([0.3, 0.2])


def test_an_unknown_name_suggests_the_nearest():
    with pytest.raises(SessionError, match="no variable 'learning_rat'; .* you mean 'learning_ra"):
        paused().set("learning_rat", 0.1)


def test_a_schedule_is_named():
    [one] = [one for one in paused(None, scheduled).hyperparameters if one.name == "learning_rate"]
    assert (one.driven_by, one.held) == ("SharedVariableModifier", False)


def test_a_held_value_stays_and_a_released_one_follows_the_schedule():
    session = paused(None, scheduled)
    session.hold("learning_rate", 0.05).wait(SOON)
    to(session, 5)
    rate = session.main_loop.algorithm.step_rule.learning_rate
    assert rate.get_value() == np.float32(0.05)
    session.release("learning_rate").wait(SOON)
    to(session, 6)
    assert rate.get_value() == pytest.approx(cosine(0.2, iterations=30)(6), rel=1e-6)


def test_what_no_schedule_drives_cannot_be_held():
    with pytest.raises(
        SessionError, match="no schedule sets momentum, so there is nothing to hold"
    ):
        paused().hold("momentum")


def test_holding_is_replayed():
    first = paused(None, scheduled)
    to(first, 4)
    first.hold("learning_rate", 0.05).wait(SOON)
    to(first, 9)
    first.release("learning_rate").wait(SOON)
    first.resume()
    first.wait(SOON)
    second = paused(None, scheduled)
    second.replay(first.log)
    second.resume()
    second.wait(SOON)
    runs.assert_same(first.main_loop, second.main_loop)


def test_the_probability_of_dropout_is_found_and_set():
    session = paused()
    [found] = [one for one in session.hyperparameters if one.path == "drop_prob"]
    assert (found.value, found.low, found.high, found.scale) == (0.3, 0, 1, "linear")
    assert session.set("drop_prob", 1).reason == (
        "ArgumentError: drop_prob must be between 0 and 1 (1 excluded), not 1"
    )
    session.set("drop_prob", 0).wait(SOON)
    assert session.describe("drop_prob").value == 0


def test_the_probability_of_dropout_is_replayed_and_rewound():
    session = paused()
    to(session, 5)
    session.set("drop_prob", 0.8)
    session.resume()
    assert session.wait(SOON)
    again = runs.build(30).start(paused=True)
    again.replay(session.log)
    again.resume()
    assert again.wait(SOON)
    runs.assert_same(session.main_loop, again.main_loop)
    session.rewind(4).wait(SOON)
    assert session.describe("drop_prob").value == 0.3


def with_brick(batches=30):
    """Return a loop whose network contains the brick `Dropout`, and no other dropout."""

    def algorithm(cost, parameters, rule):
        [x] = [one for one in ComputationGraph(cost).inputs if one.name == "features"]
        with training_mode(dropout):
            dropped = dropout.apply(x * shared(np.ones(4, "float32"), "gain"))
        new = (cost + (dropped**2).mean()).copy(name="cost")
        return runs.gradient_descent(new, parameters, rule)

    dropout = Dropout(0.25, name="noise", random_seed=4)
    return runs.build(batches, dropout=0, algorithm=algorithm)


def test_the_probability_of_a_brick_is_found_set_replayed_and_rewound():
    session = with_brick().start(paused=True)
    [found] = [one for one in session.hyperparameters if one.name == "drop_prob"]
    assert (found.path, found.value) == ("noise.drop_prob", 0.25)
    assert (found.low, found.high) == (0, 1)
    to(session, 5)
    program = session.main_loop.algorithm.function.program
    session.set("drop_prob", 0.75)
    session.resume()
    assert session.wait(SOON)
    assert session.main_loop.algorithm.function.program is program
    again = with_brick().start(paused=True)
    again.replay(session.log)
    again.resume()
    assert again.wait(SOON)
    runs.assert_same(session.main_loop, again.main_loop)
    assert again.describe("drop_prob").value == 0.75
    session.rewind(4).wait(SOON)
    assert session.describe("drop_prob").value == 0.25
    assert "must be between 0 and 1" in session.set("drop_prob", 1).reason


def test_many_values_look_up_the_variables_once(monkeypatch):
    session = runs.build(None).start(paused=True)
    paused_at(session, 0)
    rate = session.main_loop.algorithm.step_rule.learning_rate
    session.set(rate, 0.5).wait(SOON)
    calls = []
    find = MainLoop.state_variables
    monkeypatch.setattr(MainLoop, "state_variables", lambda loop: calls.append(1) or find(loop))
    commands = [session.set(given, 0.1) for given in (rate, "learning_rate") for _ in range(500)]
    commands[-1].wait(SOON)
    looked_up = len(calls)
    session.stop()
    assert session.wait(SOON)
    assert all(command.done for command in commands)
    assert looked_up <= 2 * len(session.snapshots)  # each snapshot stores all variables


def test_a_variable_of_an_extension_that_was_added_is_found():
    session = runs.build(None).start(paused=True)
    paused_at(session, 0)
    session.set("learning_rate", 0.5).wait(SOON)
    own = shared(0.5, "own")
    extension = SharedVariableModifier(own, lambda n: 0.5)
    with pytest.raises(SessionError, match="'own'"):
        session.set("own", 0.25)
    extension.main_loop = session.main_loop
    session.call(lambda main_loop: main_loop.extensions.append(extension)).wait(SOON)
    session.set("own", 0.25).wait(SOON)
    session.stop()
    assert session.wait(SOON)
    assert own.get_value() == 0.25
