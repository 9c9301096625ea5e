"""Every step rule of the package, against an independent computation, and its saved state."""

import inspect
import pickle

import numpy as np
import pytest

import workbench.algorithms as algorithms
from tests.support import step_rules as oracle
from workbench import shared, tensor
from workbench.algorithms import (
    AdaDelta,
    AdaGrad,
    Adam,
    BasicMomentum,
    BasicRMSProp,
    CompositeRule,
    GradientDescent,
    Lion,
    Momentum,
    RemoveNotFinite,
    Restrict,
    RMSProp,
    Scale,
    StepClipping,
    StepRule,
    VariableClipping,
    ZeRO1,
)
from workbench.algorithms.wrapping import WrappingRule
from workbench.roles import ALGORITHM_BUFFER, ALGORITHM_HYPERPARAMETER, has_roles
from workbench.tensor import SharedVariable

STEPS = 20

# Function that makes a rule for the parameters W and b; oracle.
ROWS = {
    "scale": (lambda W, b: Scale(0.1), oracle.scale(0.1)),
    "scale default": (lambda W, b: Scale(), oracle.scale(1.0)),
    "basic momentum": (lambda W, b: BasicMomentum(0.6), oracle.momentum(1.0, 0.6)),
    "basic momentum default": (lambda W, b: BasicMomentum(), oracle.scale(1.0)),
    "momentum": (lambda W, b: Momentum(0.1, 0.9), oracle.momentum(0.1, 0.9)),
    "momentum default": (lambda W, b: Momentum(), oracle.scale(1.0)),
    "lion": (lambda W, b: Lion(0.01, 0.8, 0.95, 0.1), oracle.lion(0.01, 0.8, 0.95, 0.1)),
    "lion default": (lambda W, b: Lion(), oracle.lion()),
    "adam": (
        lambda W, b: Adam(0.01, 0.8, 0.99, 1e-4, 0.9),
        oracle.adam(0.01, 0.8, 0.99, 1e-4, 0.9),
    ),
    "adam default": (lambda W, b: Adam(), oracle.adam()),
    "adagrad": (lambda W, b: AdaGrad(0.1, 1e-3), oracle.adagrad(0.1, 1e-3)),
    "adagrad default": (lambda W, b: AdaGrad(), oracle.adagrad()),
    "adadelta": (lambda W, b: AdaDelta(0.7, 1e-3), oracle.adadelta(0.7, 1e-3)),
    "adadelta default": (lambda W, b: AdaDelta(), oracle.adadelta()),
    "basic rmsprop": (lambda W, b: BasicRMSProp(0.5, 10.0), oracle.rmsprop(1.0, 0.5, 10.0)),
    "rmsprop": (lambda W, b: RMSProp(0.01, 0.5, 10.0), oracle.rmsprop(0.01, 0.5, 10.0)),
    "rmsprop default": (lambda W, b: RMSProp(), oracle.rmsprop()),
    "step clipping": (lambda W, b: StepClipping(0.3), oracle.clipping(0.3)),
    "step clipping default": (lambda W, b: StepClipping(), oracle.unchanged),
    "variable clipping": (lambda W, b: VariableClipping(0.8), oracle.variable_clipping(0.8)),
    "variable clipping of rows": (
        lambda W, b: Restrict(VariableClipping(0.8, axis=0), [W]),
        oracle.only(oracle.variable_clipping(0.8, 0), 0),
    ),
    "remove not finite": (lambda W, b: RemoveNotFinite(0.5), oracle.remove_not_finite(0.5)),
    "restrict": (
        lambda W, b: Restrict(Momentum(0.1, 0.9), [b]),
        oracle.only(oracle.momentum(0.1, 0.9), 1),
    ),
    "zero1": (lambda W, b: ZeRO1(Momentum(0.1, 0.9)), oracle.momentum(0.1, 0.9)),
    "composite": (
        lambda W, b: CompositeRule([StepClipping(0.5), Adam(0.05), VariableClipping(1.0)]),
        oracle.chain(oracle.clipping(0.5), oracle.adam(0.05), oracle.variable_clipping(1.0)),
    ),
}


def rule_classes(base=StepRule):
    """Return all step rules that the package defines."""
    for cls in base.__subclasses__():
        if cls.__module__.startswith("workbench.") and cls is not WrappingRule:  # a base class
            yield cls
        yield from rule_classes(cls)


def rules_in(rule):
    """Return a rule and the rules that it contains."""
    yield rule
    for part in getattr(rule, "components", [getattr(rule, "step_rule", None)]):
        if part is not None:
            yield from rules_in(part)


def job(name, execution="eager"):
    """Return parameters, algorithm and batches of a small regression."""
    rng = np.random.default_rng(3)
    W = shared(rng.normal(size=(3, 2)), "W", dtype=tensor.scalar().dtype)
    b = shared(rng.normal(size=2), "b", dtype=tensor.scalar().dtype)
    x, y = tensor.matrix("x"), tensor.matrix("y")
    cost = ((x @ W + b - y) ** 2).sum(1).mean() * 0.1
    algorithm = GradientDescent(
        cost=cost,
        parameters=[W, b],
        step_rule=ROWS[name][0](W, b),
        function_kwargs={"execution": execution},
    )
    batches = [
        {"x": rng.normal(size=(5, 3)).astype("float32"), "y": np.ones((5, 2), "float32")}
        for _ in range(STEPS)
    ]
    return [W, b], algorithm, batches


def gradients_of(parameters, batch):
    W, b = parameters
    error = batch["x"].astype("float64") @ W + b - batch["y"]
    return [0.2 * batch["x"].T @ error / 5, 0.2 * error.sum(0) / 5]


def values(parameters):
    return [parameter.get_value() for parameter in parameters]


def test_every_rule_has_a_row():
    W, b = shared(np.zeros((3, 2)), "W"), shared(np.zeros(2), "b")
    covered = {type(r) for make, _ in ROWS.values() for r in rules_in(make(W, b))}
    assert set(rule_classes()) == covered


@pytest.mark.parametrize("name", ROWS)
def test_twenty_steps_agree_with_the_formula(name):
    parameters, algorithm, batches = job(name)
    expected = oracle.follow(ROWS[name][1], values(parameters), gradients_of, batches)
    for batch in batches:
        algorithm.process_batch(batch)
    for parameter, value in zip(parameters, expected, strict=True):
        np.testing.assert_allclose(parameter.get_value(), value, rtol=2e-4, atol=2e-5)


@pytest.mark.parametrize("name", ROWS)
def test_a_loaded_state_continues_with_the_same_numbers(name):
    parameters, algorithm, batches = job(name)
    for batch in batches[:7]:
        algorithm.process_batch(batch)
    state = algorithm.state_dict()
    others, resumed, _ = job(name)
    resumed.load_state_dict(state)
    for batch in batches[7:]:
        algorithm.process_batch(batch)
        resumed.process_batch(batch)
    for one, other in zip(values(parameters), values(others), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in ROWS if "default" not in name])
def test_compiled_steps_agree_with_eager_ones_and_resume_exactly(name):
    parameters, algorithm, batches = job(name, "compiled")
    theirs, eager, _ = job(name)
    others, resumed, _ = job(name, "compiled")
    for number, batch in enumerate(batches):
        algorithm.process_batch(batch)
        eager.process_batch(batch)
        if number == 7:
            resumed.load_state_dict(algorithm.state_dict())
        elif number > 7:
            resumed.process_batch(batch)
    assert algorithm.execution.tier.name == "compiled"
    for ours, expected, again in zip(*map(values, (parameters, theirs, others)), strict=True):
        np.testing.assert_allclose(ours, expected, rtol=5e-5, atol=1e-6)
        np.testing.assert_array_equal(ours, again)


@pytest.mark.parametrize("name", ROWS)
def test_a_pickled_algorithm_continues_with_the_same_numbers(name):
    _, algorithm, batches = job(name)
    algorithm.process_batch(batches[0])
    copy = pickle.loads(pickle.dumps(algorithm))
    for batch in batches[1:]:
        algorithm.process_batch(batch)
        copy.process_batch(batch)
    for one, other in zip(values(algorithm.parameters), values(copy.parameters), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", ROWS)
def test_settings_and_memory_are_shared_variables_with_their_roles(name):
    parameters, algorithm, _ = job(name)
    settings = {
        (key, value)
        for rule in rules_in(algorithm.step_rule)
        for key, value in vars(rule).items()
        if isinstance(value, SharedVariable)
    }
    assert all(has_roles(v, [ALGORITHM_HYPERPARAMETER]) and v.name == key for key, v in settings)
    memory = set(algorithm.state_variables().values()) - {v for _, v in settings}
    assert all(has_roles(v, [ALGORITHM_BUFFER]) for v in memory - set(parameters))


@pytest.mark.parametrize("cls", sorted(rule_classes(), key=lambda c: c.__name__))
def test_rules_are_public_and_documented(cls):
    assert cls.__name__ in algorithms.__all__
    for section in ("Parameters\n", "Examples\n"):
        assert section in inspect.getdoc(cls)


@pytest.mark.parametrize("name", ROWS)
def test_a_rule_shows_itself_by_name(name):
    rule = ROWS[name][0](shared([1.0], "W"), shared([1.0], "b"))
    assert repr(rule).startswith(f"{type(rule).__name__}(")
