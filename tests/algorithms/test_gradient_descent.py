"""Gradient descent: gradients given and taken, norms, and costs that are not finite."""

import numpy as np
import pytest
import torch

from workbench import shared, tensor
from workbench.algorithms import (
    Adam,
    CompositeRule,
    GradientDescent,
    Momentum,
    RemoveNotFinite,
    Scale,
    StepClipping,
    VariableClipping,
)
from workbench.bricks import MLP, Tanh
from workbench.errors import AlgorithmError, GradientError, NotFiniteError, SourceError


def line(**options):
    """Return ``w``, and gradient descent on the mean of ``w * x``."""
    x, w = tensor.vector("x"), shared(1.0, "w")
    cost = (w * x).mean().copy(name="cost")
    return w, GradientDescent(cost=cost, parameters=[w], **options)


def test_its_repr_shows_cost_and_rule_and_messages_only_the_class():
    w, algorithm = line(step_rule=Scale(0.5))
    assert repr(algorithm) == "<GradientDescent on cost: 1 parameter, Scale(learning_rate=0.5)>"
    b = shared(0.0, "b")
    other = GradientDescent(gradients={w: w, b: b})
    assert repr(other) == "<GradientDescent: 2 parameters, Scale(learning_rate=1)>"
    algorithm.initialize()
    assert repr(algorithm.function) == "GradientDescent"
    with pytest.raises(SourceError, match=r"^GradientDescent requires the source 'x'"):
        algorithm.process_batch({})


def test_the_step_is_subtracted():
    w, algorithm = line(step_rule=Scale(0.5))
    algorithm.process_batch({"x": [2.0, 4.0]})
    assert w.get_value() == 1 - 0.5 * 3


def test_without_a_rule_the_gradient_is_subtracted():
    w, algorithm = line()
    algorithm.process_batch({"x": [2.0, 4.0]})
    assert w.get_value() == 1 - 3


def test_training_agrees_with_torch():
    torch.manual_seed(0)
    initial = torch.randn(4, 3)
    x, W = tensor.matrix("x"), shared(initial, "W")
    algorithm = GradientDescent(
        cost=torch.tanh(x @ W).pow(2).mean(), parameters=[W], step_rule=Momentum(0.1, 0.9)
    )
    theirs = initial.clone().requires_grad_()
    optimizer = torch.optim.SGD([theirs], lr=0.1, momentum=0.9)
    for batch in torch.randn(20, 8, 4):
        algorithm.process_batch({"x": batch})
        optimizer.zero_grad()
        torch.tanh(batch @ theirs).pow(2).mean().backward()
        optimizer.step()
    np.testing.assert_allclose(W.get_value(), theirs.detach(), rtol=1e-5, atol=1e-6)


def test_a_changed_learning_rate_counts_from_the_next_batch():
    rule = Scale(1.0)
    w, algorithm = line(step_rule=rule)
    algorithm.process_batch({"x": [1.0]})
    rule.learning_rate.set_value(0.5)
    algorithm.process_batch({"x": [1.0]})
    assert w.get_value() == -0.5


def test_norms_are_those_of_all_parameters_together():
    a, b, x = shared([1.0, 2.0], "a"), shared(3.0, "b"), tensor.scalar("x")
    algorithm = GradientDescent(
        cost=x * (a**2).sum() + x * b, parameters=[a, b], step_rule=Scale(0.5)
    )
    seen = []
    algorithm.add_observer([algorithm.total_gradient_norm, algorithm.total_step_norm], seen.extend)
    algorithm.process_batch({"x": 2.0})
    expected = np.linalg.norm([4.0, 8.0, 2.0])
    np.testing.assert_allclose(seen, [expected, expected / 2], rtol=1e-6)


def test_gradients_have_names_to_monitor():
    _, algorithm = line()
    assert [g.name for g in algorithm.gradients.values()] == ["grad_w"]
    assert algorithm.total_gradient_norm.name == "total_gradient_norm"
    assert algorithm.total_step_norm.name == "total_step_norm"


def test_gradients_of_parameters_with_one_name_have_different_names():
    from workbench.bricks import MLP, Tanh
    from workbench.graph import ComputationGraph

    mlp = MLP([Tanh(), Tanh()], [2, 3, 1])
    cost = mlp.apply(tensor.matrix("x")).mean()
    algorithm = GradientDescent(cost=cost, parameters=ComputationGraph(cost).parameters)
    names = {gradient.name for gradient in algorithm.gradients.values()}
    assert names == {f"grad_mlp/linear_{i}.{name}" for i in range(2) for name in "Wb"}


@pytest.mark.parametrize("kind", [dict, lambda pairs: list(pairs)])
def test_gradients_can_be_given(kind):
    x, w = tensor.vector("x"), shared(1.0, "w")
    algorithm = GradientDescent(gradients=kind([(w, 10 * x.sum())]), step_rule=Scale(0.1))
    algorithm.process_batch({"x": [1.0, 1.0]})
    assert w.get_value() == -1
    assert algorithm.parameters == [w]


def test_given_gradients_must_be_those_of_the_parameters():
    w, v, x = shared(1.0, "w"), shared(1.0, "v"), tensor.scalar("x")
    with pytest.raises(AlgorithmError, match="only one of these collections contains v"):
        GradientDescent(gradients={w: x}, parameters=[w, v])


def test_known_gradients_take_the_place_of_the_cost():
    x, w = tensor.vector("x"), shared(2.0, "w")
    h = w * x
    algorithm = GradientDescent(parameters=[w], known_grads={h: torch.ones(2)})
    algorithm.process_batch({"x": [1.0, 3.0]})
    assert w.get_value() == 2 - 4


def test_no_gradient_flows_through_constants():
    x, w = tensor.vector("x"), shared(2.0, "w")
    h = w * x
    algorithm = GradientDescent(cost=(w * h).sum(), parameters=[w], consider_constant=[h])
    algorithm.process_batch({"x": [1.0, 3.0]})
    assert w.get_value() == 2 - 8


def test_how_to_differentiate_and_gradients_contradict():
    w, x = shared(1.0, "w"), tensor.scalar("x")
    with pytest.raises(AlgorithmError, match="pass either gradients or these arguments"):
        GradientDescent(gradients={w: x}, consider_constant=[x])


def test_a_cost_needs_parameters():
    with pytest.raises(AlgorithmError, match="requires a cost and its parameters"):
        GradientDescent(cost=tensor.scalar("cost"))


def test_parameters_are_shared_variables():
    x = tensor.scalar("x")
    with pytest.raises(AlgorithmError, match="one of them is x"):
        GradientDescent(cost=x**2, parameters=[x])


def test_a_parameter_counts_once():
    x, w = tensor.scalar("x"), shared(1.0, "w")
    with pytest.raises(AlgorithmError, match="but w is given twice"):
        GradientDescent(cost=x * w, parameters=[w, w])


def test_a_parameter_without_part_in_the_cost_is_named():
    x, w, v = tensor.scalar("x"), shared(1.0, "w"), shared(1.0, "v")
    with pytest.raises(GradientError, match="does not depend on v"):
        GradientDescent(cost=x * w, parameters=[w, v])


def test_a_rule_is_an_object():
    x, w = tensor.scalar("x"), shared(1.0, "w")
    with pytest.raises(AlgorithmError, match="step_rule must be a StepRule"):
        GradientDescent(cost=x * w, parameters=[w], step_rule=0.1)


def test_a_cost_that_is_not_finite_raises_before_anything_changes():
    _, algorithm = line(step_rule=Momentum(0.1, 0.9))
    algorithm.process_batch({"x": [1.0]})
    before = algorithm.state_dict()
    text = "the cost 'cost' is nan in batch 2 .*last finite cost was 1.*batch changed no parameter"
    with pytest.raises(NotFiniteError, match=text):
        algorithm.process_batch({"x": [np.nan]})
    after = algorithm.state_dict()
    assert all(np.array_equal(before[name], after[name]) for name in before)


def test_the_first_batch_gets_other_advice():
    _, algorithm = line()
    with pytest.raises(NotFiniteError, match="is inf in batch 1 .*the first.*Check the data"):
        algorithm.process_batch({"x": [np.inf]})


def test_training_goes_on_after_the_error():
    w, algorithm = line(step_rule=Scale(0.5))
    with pytest.raises(NotFiniteError):
        algorithm.process_batch({"x": [np.nan]})
    algorithm.process_batch({"x": [1.0]})
    assert w.get_value() == 0.5


def test_a_warning_comes_once_until_the_cost_recovers():
    x, w = tensor.vector("x"), shared(1.0, "w")
    cost = (w.detach() * x).mean() + 0 * w.detach()
    algorithm = GradientDescent(
        cost=cost.copy(name="cost"), gradients={w: x.mean() * 0}, on_not_finite="warn"
    )
    with pytest.warns(UserWarning, match="the cost 'cost' is inf in batch 1") as caught:
        for value in (np.inf, np.inf):
            algorithm.process_batch({"x": [value]})
    assert len(caught) == 1


def test_a_cost_that_is_not_finite_can_be_ignored():
    w, algorithm = line(on_not_finite="ignore")
    algorithm.process_batch({"x": [np.nan]})
    assert np.isnan(w.get_value())


def test_on_not_finite_is_one_of_three_values():
    with pytest.raises(AlgorithmError, match="on_not_finite must be 'raise', 'warn' or 'ignore'"):
        line(on_not_finite="stop")


@pytest.mark.parametrize("inner", [Momentum(0.1, 0.9), Adam(0.1), Scale(0.1)])
def test_removing_steps_that_are_not_finite_keeps_training_alive(inner):
    w, algorithm = line(step_rule=CompositeRule([inner, RemoveNotFinite()]))
    algorithm.process_batch({"x": [1.0]})
    before = w.get_value()
    algorithm.process_batch({"x": [np.nan]})
    assert w.get_value() == before
    algorithm.process_batch({"x": [1.0]})
    assert np.isfinite(w.get_value()) and w.get_value() < before


def test_steps_that_are_not_finite_can_shrink_the_parameter():
    w, algorithm = line(step_rule=CompositeRule([Scale(0.1), RemoveNotFinite(scaler=0.5)]))
    algorithm.process_batch({"x": [np.inf]})
    assert w.get_value() == 0.5


def test_clipping_leaves_short_steps_alone():
    w, algorithm = line(step_rule=StepClipping(5.0))
    algorithm.process_batch({"x": [3.0]})
    assert w.get_value() == -2


def test_clipping_takes_steps_of_length_zero():
    w, algorithm = line(step_rule=StepClipping(5.0))
    algorithm.process_batch({"x": [0.0]})
    assert w.get_value() == 1


def test_parameters_of_bricks_are_named_by_their_paths():
    mlp = MLP([Tanh(), None], [2, 3, 1])
    mlp.allocate()
    cost = mlp.apply(tensor.matrix("x")).sum()
    first, second = (linear.W for linear in mlp.linear_transformations)
    with pytest.raises(AlgorithmError, match="but /mlp/linear_1.W is given twice"):
        GradientDescent(cost=cost, parameters=[first, second, second])
    with pytest.raises(
        AlgorithmError, match="but only one of these collections contains /mlp/linear_1.W"
    ):
        GradientDescent(cost=cost, parameters=[first, second], gradients={first: first})
    rule = VariableClipping(1.0, axis=2)
    with pytest.raises(AlgorithmError, match="cannot clip /mlp/linear_0.W, which has 2 dimensions"):
        GradientDescent(cost=cost, parameters=[first], step_rule=rule)
