"""Step rules against torch's optimizers, and what they refuse."""

import numpy as np
import pytest
import torch

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
    VariableClipping,
)
from workbench.errors import AlgorithmError, NotFiniteError


@pytest.mark.parametrize(
    "rule, theirs",
    [
        (lambda: Scale(0.1), lambda p: torch.optim.SGD(p, lr=0.1)),
        (lambda: Momentum(0.1, 0.9), lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9)),
        # epsilon is added at another place, so that it must have no effect here.
        (lambda: Adam(0.01, epsilon=1e-12), lambda p: torch.optim.Adam(p, lr=0.01, eps=1e-12)),
        (lambda: AdaGrad(0.1, 1e-10), lambda p: torch.optim.Adagrad(p, lr=0.1, eps=1e-10)),
        (lambda: AdaDelta(0.9, 1e-6), lambda p: torch.optim.Adadelta(p, lr=1.0, rho=0.9, eps=1e-6)),
        (
            lambda: CompositeRule([BasicRMSProp(0.9), Scale(0.01)]),
            lambda p: torch.optim.RMSprop(p, lr=0.01, alpha=0.9, eps=0.0),
        ),
    ],
)
def test_twenty_steps_agree_with_torch(rule, theirs):
    torch.manual_seed(1)
    initial = torch.randn(4, 3)
    x, W = tensor.matrix("x"), shared(initial, "W")
    algorithm = GradientDescent(
        cost=(torch.sigmoid(x @ W) - 0.3).pow(2).mean(), parameters=[W], step_rule=rule()
    )
    reference = initial.clone().requires_grad_()
    optimizer = theirs([reference])
    for batch in torch.randn(20, 8, 4):
        algorithm.process_batch({"x": batch})
        optimizer.zero_grad()
        (torch.sigmoid(batch @ reference) - 0.3).pow(2).mean().backward()
        optimizer.step()
    np.testing.assert_allclose(W.get_value(), reference.detach(), rtol=2e-4, atol=2e-5)


def test_parameters_keep_their_dtype():
    x = tensor.matrix("x", dtype=torch.float64)
    W = shared(np.ones((2, 2)), "W")
    algorithm = GradientDescent(cost=(x @ W).mean(), parameters=[W], step_rule=Adam(0.1))
    algorithm.process_batch({"x": np.ones((1, 2))})
    assert W.get_value().dtype == np.float64
    np.testing.assert_allclose(W.get_value(), 0.9, rtol=1e-6)


def test_adam_counts_batches_once_for_all_parameters():
    a, b = shared(1.0, "a"), shared(1.0, "b")
    algorithm = GradientDescent(cost=a * b, parameters=[a, b], step_rule=Adam())
    algorithm.process_batch({})
    assert algorithm.state_dict()["adam_time"] == 1


def test_lion_moves_by_the_rate_whatever_the_size_of_the_gradient():
    w = shared([1.0, 1.0, 1.0], "w")
    gradient = w * 0 + torch.tensor([1e-6, -1e6, 0.0])
    algorithm = GradientDescent(gradients={w: gradient}, step_rule=Lion(0.25))
    algorithm.process_batch({})
    np.testing.assert_array_equal(w.get_value(), [0.75, 1.25, 1.0])


def test_weight_decay_of_lion_does_not_enter_the_average():
    w = shared([4.0], "w")
    algorithm = GradientDescent(gradients={w: w * 0}, step_rule=Lion(0.5, weight_decay=0.5))
    algorithm.process_batch({})
    assert w.get_value() == 3
    assert algorithm.state_dict()["w_mean"] == 0


@pytest.mark.parametrize("make", [BasicMomentum, lambda momentum: Momentum(0.1, momentum)])
@pytest.mark.parametrize("momentum", [1, 1.5, np.float32(90)])
def test_a_momentum_of_1_or_more_is_allowed_with_a_warning(make, momentum):
    with pytest.warns(UserWarning, match=f"the momentum is {momentum:g}, so .* usually diverges"):
        rule = make(momentum)
    assert rule.momentum.get_value() == momentum


def test_a_momentum_that_is_set_to_1_or_more_is_allowed_with_a_warning():
    rule = Momentum(0.1, 0.9)
    with pytest.warns(UserWarning, match=r"the momentum is 1\.5, so .* usually diverges"):
        rule.momentum.set_value(1.5)


@pytest.mark.filterwarnings("ignore:the momentum is 1")
def test_each_algorithm_has_memory_of_its_own():
    rule = Momentum(1.0, 1.0)
    a, b = shared(0.0, "a"), shared(0.0, "b")
    first = GradientDescent(cost=a * 1, parameters=[a], step_rule=rule)
    second = GradientDescent(cost=b * 1, parameters=[b], step_rule=rule)
    for algorithm in (first, first, second):
        algorithm.process_batch({})
    assert (a.get_value(), b.get_value()) == (-3, -1)


@pytest.mark.parametrize("axis, norms", [(0, [1, 1]), ((1,), [1, 1, 1]), (None, 1), (-1, [1] * 3)])
def test_variables_are_clipped_along_axes(axis, norms):
    W = shared(np.full((3, 2), 5.0), "W")
    algorithm = GradientDescent(gradients={W: W * 0}, step_rule=VariableClipping(1.0, axis))
    algorithm.process_batch({})
    dims = tuple(range(2)) if axis is None else axis
    np.testing.assert_allclose(np.sqrt((W.get_value() ** 2).sum(dims)), norms, rtol=1e-6)


LARGE = [(torch.float16, 3000.0), (torch.bfloat16, 1e15), (torch.float32, 1e15)]


@pytest.mark.parametrize("rule", [StepClipping(1.0), VariableClipping(1.0)])
@pytest.mark.parametrize("dtype, size", LARGE)
def test_large_steps_and_variables_are_clipped_to_the_threshold(dtype, size, rule):
    w = shared(torch.zeros(1000, dtype=dtype), "w")
    algorithm = GradientDescent(gradients={w: w * 0 + size}, step_rule=rule)
    algorithm.process_batch({})
    assert w.tensor.float().norm().item() == pytest.approx(1, rel=2e-2)


@pytest.mark.parametrize("rule", [StepClipping(1.0), VariableClipping(1.0)])
def test_steps_do_not_become_zero_if_their_norm_overflows(rule):
    w = shared(torch.zeros(1000), "w")
    algorithm = GradientDescent(gradients={w: w * 0 + 1e30}, step_rule=rule)
    with pytest.raises(NotFiniteError, match="w would become infinite or NaN"):
        algorithm.process_batch({})


def test_variables_within_the_threshold_are_moved_exactly():
    W = shared([0.1, 0.2], "W")
    algorithm = GradientDescent(gradients={W: W * 0 + 0.1}, step_rule=VariableClipping(1.0))
    algorithm.process_batch({})
    np.testing.assert_array_equal(W.get_value(), np.float32([0.1, 0.2]) - np.float32(0.1))


def test_an_axis_that_a_parameter_does_not_have_is_named():
    b = shared([1.0], "b")
    with pytest.raises(AlgorithmError, match="cannot clip b, which has 1 dimension .*no axis 1"):
        GradientDescent(gradients={b: b}, step_rule=VariableClipping(1.0, axis=1))


def test_a_restriction_to_nothing_is_refused():
    a, b = shared(1.0, "a"), shared(1.0, "b")
    with pytest.raises(AlgorithmError, match="is trained; .* of the trained parameters: a"):
        GradientDescent(gradients={a: a}, step_rule=Restrict(Scale(0.1), [b]))


@pytest.mark.parametrize(
    "make, text",
    [
        (lambda: StepClipping(0.0), "threshold must be greater than 0, not 0.0"),
        (lambda: VariableClipping(-1.0), "threshold must be greater than 0"),
        (lambda: AdaDelta(decay_rate=1.5), "decay_rate must be between 0 and 1, not 1.5"),
        (lambda: BasicRMSProp(max_scaling=0), "max_scaling must be greater than 0"),
        (lambda: Adam(beta2=2), "beta2 must be between 0 and 1"),
        (
            lambda: Scale([0.1, 0.2]),
            r"learning_rate must be a single number, such as 0.1, not \[0.1, 0.2\]",
        ),
        (lambda: Scale(shared(0.1, "rate")), "not the variable rate"),
        (
            lambda: Scale(-1),
            "learning_rate must be 0 or more, not -1; to maximise a function, minimise its neg",
        ),
        (lambda: Momentum(-0.1), "learning_rate must be 0 or more, not -0.1"),
        (lambda: Adam(np.float32(-1)), "learning_rate must be 0 or more"),
        (lambda: AdaGrad(torch.tensor(-1.0)), "learning_rate must be 0 or more"),
        (lambda: RMSProp(-1), "learning_rate must be 0 or more"),
        (lambda: Momentum(0.1, -0.9), "momentum must be 0 or more, not -0.9$"),
        (lambda: Adam(epsilon=-1e-8), "epsilon must be 0 or more, not -1e-08"),
        (lambda: Lion(beta2=1.0), "beta2 must be between 0 and 1"),
        (lambda: Lion(weight_decay=-0.1), "weight_decay must be 0 or more, not -0.1"),
        (lambda: CompositeRule([Scale(0.1), 3]), "must be a step rule .*, not 3"),
        (lambda: CompositeRule([Scale]), "must be a step rule .*, not <class"),
    ],
)
def test_settings_that_are_not_allowed_are_refused(make, text):
    with pytest.raises(AlgorithmError, match=text):
        make()


def test_assigning_a_number_to_a_hyperparameter_says_how_to_set_it():
    rule = Scale(learning_rate=0.1)
    with pytest.raises(ValueError, match=r"learning_rate is a shared variable.*session.set\(rule"):
        rule.learning_rate = 0.5
    assert rule.learning_rate.get_value() == np.float32(0.1)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("rule", [Scale, BasicMomentum, Adam, StepClipping, RemoveNotFinite])
def test_settings_of_rules_are_finite(rule, value):
    with pytest.raises(
        AlgorithmError, match=f" must be a finite number, such as 0.1, not {value!r}"
    ):
        rule(value)


@pytest.mark.parametrize("value", ["a", None, {}])
@pytest.mark.parametrize(
    ("make", "name"),
    [
        (Scale, "learning_rate"),
        (Momentum, "learning_rate"),
        (lambda value: Momentum(0.1, value), "momentum"),
        (AdaDelta, "decay_rate"),
        (lambda value: Adam(beta1=value), "beta1"),
        (VariableClipping, "threshold"),
        (lambda value: BasicRMSProp(max_scaling=value), "max_scaling"),
    ],
)
def test_settings_of_rules_are_numbers(make, name, value):
    with pytest.raises(
        AlgorithmError, match=rf"{name} must be a single number, such as 0.1, not {value!r}"
    ):
        make(value)


@pytest.mark.parametrize(
    "call, text",
    [
        (
            lambda: CompositeRule(Adam()),
            r"components must be a list of step rules, not Adam.*; write \[Adam",
        ),
        (
            lambda: CompositeRule([Adam]),
            "component of CompositeRule must be a step rule such as .*, not <class",
        ),
        (
            lambda: Restrict(Adam, [shared(1.0)]),
            "component of Restrict must be a step rule such as .*, not <class",
        ),
        (lambda: Restrict(Adam(), shared([1.0], "w")), r"a list of parameters, not w; write \[w\]"),
        (lambda: Restrict(Adam(), [1.0]), "one of them is 1.0"),
        (lambda: VariableClipping(1.0, axis=(0, 0)), r"distinct integers, not \(0, 0\)"),
        (lambda: VariableClipping(1.0, axis=1.5), "or None for all axes, not 1.5"),
        (lambda: VariableClipping(1.0, axis="rows"), "or None for all axes, not 'rows'"),
    ],
)
def test_rules_refuse_parts_of_the_wrong_kind(call, text):
    with pytest.raises(AlgorithmError, match=text):
        call()


@pytest.mark.parametrize("axis", [None, (0, 1), (-1, -2)])
def test_clipping_goes_over_all_axes_of_a_step(axis):
    w, step = shared(np.full(3, -1, "float32"), "w"), np.array([[3, 9, 2]], "float32")
    steps, _ = VariableClipping(5.0, axis).compute_steps({w: tensor.constant(step)})
    moved = -1 - step
    expected = -1 - moved * 5 / np.linalg.norm(moved)
    np.testing.assert_allclose(steps[w].eval(), expected, rtol=1e-5)
