"""Settings of step rules: invalid values are refused, from every source."""

import math

import numpy as np
import pytest
import torch

import workbench.algorithms as algorithms
from tests.contracts.test_step_rules import ROWS, rules_in
from workbench import shared, tensor
from workbench.algorithms import GradientDescent, Scale, TorchOptimizer
from workbench.errors import AlgorithmError, SessionError, StateError
from workbench.extensions import FinishAfter
from workbench.extensions.schedules import linear
from workbench.extensions.training import ReduceOnPlateau, SharedVariableModifier
from workbench.main_loop import MainLoop
from workbench.roles import ALGORITHM_HYPERPARAMETER
from workbench.tensor import SharedVariable

NOT_FINITE = [math.nan, math.inf, -math.inf, 1e39]
BELOW = [-1e-3, np.float32(-1), torch.tensor(-2.0)]
ABOVE = [1.5, 1 + 1e-6]

# Settings with other bounds than "finite".
WRONG = {
    "learning_rate": BELOW, "momentum": BELOW, "epsilon": BELOW,
    "weight_decay": BELOW,
    "beta1": [*BELOW, 1.0, *ABOVE], "beta2": [*BELOW, 1.0, *ABOVE],
    "decay_rate": [*BELOW, *ABOVE], "decay_factor": [*BELOW, *ABOVE],
    "threshold": [*BELOW, 0, 1e-60], "max_scaling": [*BELOW, 0, 1e-60],
    "scaler": [],
}  # fmt: skip


def settings():
    """Return a rule and the name of a setting, for every setting of every public rule."""
    W, b = shared(np.zeros((3, 2)), "W"), shared(np.zeros(2), "b")
    found = {}
    for make, _ in ROWS.values():
        for rule in rules_in(make(W, b)):
            for name, value in vars(rule).items():
                if isinstance(value, SharedVariable):
                    found[f"{type(rule).__name__}.{name}"] = (type(rule), name)
    return found


SETTINGS = settings()


def rule_with(kind, name, value=None):
    required = {"threshold": 1.0} if kind is algorithms.VariableClipping else {}
    return kind(**required if value is None else {**required, name: value})


def main_loop_with(rule, extensions=()):
    x, w = tensor.vector("x"), shared([1.0, 1.0], "w")
    algorithm = GradientDescent(cost=(x * w).sum(), parameters=[w], step_rule=rule)
    return MainLoop(algorithm, [{"x": [1.0, 2.0]}], extensions=extensions)


@pytest.fixture(params=SETTINGS)
def setting(request):
    return SETTINGS[request.param]


def test_every_setting_states_its_bounds(setting):
    kind, name = setting
    role = ALGORITHM_HYPERPARAMETER
    variable = getattr(rule_with(kind, name, 0.5), name)
    assert name in WRONG and variable.check is not None and role in variable.tag.roles


def test_constructor_and_assignment_refuse_the_same(setting):
    kind, name = setting
    rule = rule_with(kind, name, 0.5)
    for value in [*NOT_FINITE, *WRONG[name]]:
        with pytest.raises(AlgorithmError, match=f"^{name} must be ") as constructor:
            rule_with(kind, name, value)
        with pytest.raises(AlgorithmError, match=f"^{name} must be ") as assignment:
            getattr(rule, name).set_value(value)
        assert str(constructor.value).split(";")[0][:40] == str(assignment.value).split(";")[0][:40]
    assert getattr(rule, name).get_value() == 0.5


def test_a_session_refuses_them(setting):
    kind, name = setting
    rule = rule_with(kind, name, 0.5)
    session = main_loop_with(rule).start()
    session.pause().wait()
    for value in [math.nan, *WRONG[name][:1]]:
        with pytest.raises(SessionError, match=f"refused: .*{name} must be "):
            session.set(getattr(rule, name), value).wait()
    session.stop()
    session.wait()
    assert getattr(rule, name).get_value() == 0.5


def test_a_saved_state_with_one_is_refused_as_a_whole(setting):
    kind, name = setting
    rule = rule_with(kind, name, 0.5)
    main_loop = main_loop_with(rule, [FinishAfter(after_n_batches=1)])
    main_loop.run()
    state, before = main_loop.state_dict(), main_loop.algorithm.parameters[0].get_value()
    [key] = [k for k in state["variables"] if k.split(".")[-1] == name]
    for bad in [math.nan, *WRONG[name][:1]]:
        damaged = {
            **state,
            "variables": {**state["variables"], key: torch.tensor(bad)},
            "parameters": {k: v * 0 for k, v in state["parameters"].items()},
        }
        with pytest.raises(StateError, match=f"'{key}' is invalid: {name} must be"):
            main_loop.load_state_dict(damaged)
        own = {**main_loop.algorithm.state_dict(), key: np.float32(bad)}
        with pytest.raises(StateError, match=f"'{key}' is invalid: {name} must be"):
            main_loop.algorithm.load_state_dict(own)
    assert getattr(rule, name).get_value() == 0.5
    np.testing.assert_array_equal(main_loop.algorithm.parameters[0].get_value(), before)


@pytest.mark.parametrize(
    "make",
    [
        lambda rate: SharedVariableModifier(rate, linear(0.1, -0.1, iterations=4)),
        lambda rate: SharedVariableModifier(rate, lambda n: math.nan),
        lambda rate: SharedVariableModifier(rate, lambda n, old: old * math.inf),
    ],
)
def test_a_schedule_that_gives_one_ends_training_with_its_name(make):
    rule = Scale(0.1)
    main_loop = main_loop_with(rule, [make(rule.learning_rate), FinishAfter(after_n_batches=9)])
    with pytest.raises(AlgorithmError, match="^learning_rate must be ") as caught:
        main_loop.run()
    assert "SharedVariableModifier" in "".join(caught.value.__notes__)
    assert rule.learning_rate.get_value() >= 0


def test_an_extension_that_holds_one_is_refused_and_does_not_hold():
    rule = Scale(0.1)
    modifier = ReduceOnPlateau(rule.learning_rate, "cost")
    with pytest.raises(AlgorithmError, match="^learning_rate must be 0 or more, not -1"):
        modifier.hold(-1)
    assert not modifier.held and rule.learning_rate.get_value() == np.float32(0.1)


@pytest.mark.parametrize("value", [*NOT_FINITE, *BELOW])
def test_the_rate_of_a_torch_optimizer_is_one_of_them(value):
    w = shared(1.0, "w")
    algorithm = TorchOptimizer(w**2, [w], torch.optim.SGD, {"lr": 0.25})
    with pytest.raises(AlgorithmError, match="^learning_rate must be "):
        algorithm.learning_rate.set_value(value)
    algorithm.process_batch({})
    assert w.get_value() == 0.5


def test_the_rate_of_a_torch_optimizer_is_not_replaced_by_a_number():
    w = shared(1.0, "w")
    algorithm = TorchOptimizer(w**2, [w], torch.optim.SGD, {"lr": 0.25})
    with pytest.raises(AlgorithmError, match=r"algorithm.learning_rate.set_value\(0.1\)"):
        algorithm.learning_rate = 0.1
    algorithm.process_batch({})
    assert w.get_value() == 0.5
