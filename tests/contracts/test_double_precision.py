"""With ``floatx = "float64"`` Python numbers keep their value: none is rounded to float32."""

import inspect
import math

import numpy
import pytest
import torch

from workbench import algorithms, function, initialization, shared, tensor
from workbench.algorithms import CompositeRule, StepRule
from workbench.bricks import cost
from workbench.config import config
from workbench.extensions import schedules
from workbench.roles import ALGORITHM_HYPERPARAMETER, has_roles
from workbench.tensor import SharedVariable
from workbench.tensor.exact import log_complement, log_probability
from workbench.utils import shared_floatx

NUMBER = 0.1  # float32 cannot represent it
THIRD = 1 / 3


@pytest.fixture(autouse=True)
def double():
    with config.override(floatx="float64"):
        yield


def public(module, base):
    found = (getattr(module, name) for name in dir(module) if not name.startswith("_"))
    return sorted(
        {c for c in found if inspect.isclass(c) and issubclass(c, base)}, key=lambda c: c.__name__
    )


def numbers(kind):
    """Return the parameters of a constructor that are numbers but not counts."""
    parameters = inspect.signature(kind).parameters.values()
    return [p.name for p in parameters if "float" in str(p.annotation)]


def hyperparameters(rule):
    if isinstance(rule, CompositeRule):
        return [v for part in rule.components for v in hyperparameters(part)]
    held = [v for v in vars(rule).values() if isinstance(v, SharedVariable)]
    return [v for v in held if has_roles(v, [ALGORITHM_HYPERPARAMETER])]


RULES = [rule for rule in public(algorithms, StepRule) if numbers(rule)]


@pytest.mark.parametrize("rule", RULES)
def test_rules_keep_their_numbers(rule):
    made = rule(**dict.fromkeys(numbers(rule), NUMBER))
    found = hyperparameters(made)
    assert found
    assert all(v.dtype is torch.float64 and v.get_value() in (NUMBER, 1.0) for v in found)
    assert any(v.get_value() == NUMBER for v in found)


@pytest.mark.parametrize("rule", RULES)
def test_rules_keep_their_defaults(rule):
    defaults = {p.default for p in inspect.signature(rule).parameters.values()}
    values = [v.get_value().item() for v in hyperparameters(rule())] if None not in defaults else []
    assert all(value in defaults or value == 1.0 for value in values)


def test_a_rate_is_assigned_exactly():
    rate = algorithms.Scale(0.5).learning_rate
    rate.set_value(THIRD)
    assert rate.get_value() == THIRD


@pytest.mark.parametrize("value", [THIRD, [THIRD, 2.0], [[1, THIRD]], (THIRD,), 1e-300, 2**53 + 1])
@pytest.mark.parametrize("make", [shared, shared_floatx, tensor.constant])
def test_numbers_become_variables_exactly(make, value):
    made = make(value)
    got = made.get_value() if isinstance(made, SharedVariable) else made.eval().numpy()
    wanted = numpy.asarray(value, dtype=got.dtype)
    assert got.dtype in (numpy.float64, numpy.int64)
    numpy.testing.assert_array_equal(got, wanted)


@pytest.mark.parametrize(
    "scheme",
    [
        initialization.Constant(THIRD),
        initialization.Uniform(0.0, width=THIRD),
        initialization.IsotropicGaussian(THIRD),
    ],
)
def test_initial_values_have_all_their_digits(scheme):
    values = scheme.generate(numpy.random.default_rng(1), (50, 50))
    assert values.dtype == numpy.float64
    assert (values != values.astype("float32")).mean() > 0.9


@pytest.mark.parametrize(
    "schedule",
    [
        schedules.linear(THIRD, NUMBER, 7),
        schedules.warm_up(NUMBER, 7, start=THIRD),
        schedules.cosine(THIRD, 7),
        schedules.step(THIRD, 2, factor=NUMBER),
        schedules.exponential(THIRD, NUMBER),
        schedules.one_cycle(THIRD, 9),
        schedules.chain([THIRD, NUMBER], [3]),
    ],
)
def test_what_schedules_give_is_assigned_exactly(schedule):
    rate = algorithms.Scale(1.0).learning_rate
    for n in range(1, 6):
        rate.set_value(schedule(n))
        assert rate.get_value() == schedule(n)


def test_inputs_and_updates_are_exact():
    x, total = tensor.scalar("x"), shared(0.0, "total")
    add = function([x], x * THIRD, updates=[(total, total + x)])
    assert add(THIRD) == THIRD * THIRD and total.get_value() == THIRD


def test_a_size_that_updates_a_double_is_exact():
    x, seen = tensor.vector("x"), shared(float(2**25), "seen")
    function([x], updates=[(seen, x.shape[0] + 2**25)])(numpy.zeros(1))
    assert seen.get_value() == 2**25 + 1


@pytest.mark.parametrize("p", [0.0, 1e-300, 0.25, 1.0])
def test_logarithms_of_probabilities_are_bounded_as_doubles_are(p):
    x, least = tensor.vector("x"), math.log(torch.finfo(torch.float64).tiny)
    got = [f(x).eval({x: [p]}).item() for f in (log_probability, log_complement)]
    exact = [math.log(p) if p else least, math.log1p(-p) if p < 1 else least]
    assert got == pytest.approx(exact, rel=1e-14, abs=1e-300)


def test_a_cost_is_that_of_numpy():
    y, p = numpy.array([[1.0, 0.0]]), numpy.array([[THIRD, THIRD]])
    got = float(cost.BinaryCrossEntropy().apply(y, p))
    assert got == pytest.approx(-(math.log(THIRD) + math.log1p(-THIRD)), rel=1e-15)
