"""Symbolic gradients against torch.autograd."""

import numpy
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench import function, grad, shared, tensor

X = torch.linspace(-1, 1, 12).reshape(3, 4)
W = torch.linspace(0, 1, 8).reshape(4, 2)


def test_gradients_agree_with_autograd():
    x, w = tensor.matrix("x"), shared(W, "w")
    g = grad(F.cross_entropy(torch.tanh(x @ w), torch.tensor([0, 1, 1])), w)
    leaf = W.clone().requires_grad_()
    F.cross_entropy(torch.tanh(X @ leaf), torch.tensor([0, 1, 1])).backward()
    torch.testing.assert_close(g.eval({x: X}), leaf.grad)


def test_gradient_of_an_intermediate_variable():
    x = tensor.matrix("x")
    h = torch.tanh(x)
    g = grad((h**2).sum(), [x, h])
    gx, gh = function([x], g)(X)
    torch.testing.assert_close(gh, 2 * torch.tanh(X))
    torch.testing.assert_close(gx, gh * (1 - torch.tanh(X) ** 2))


def test_gradient_with_respect_to_an_identity_copy():
    x = tensor.vector("x")
    y = x.copy("y")
    assert grad((y**2).sum(), y).eval({x: [3.0]}).tolist() == [6.0]


def test_other_outputs_of_a_differentiated_call_carry_no_graph():
    x = tensor.matrix("x")
    variance, mean = torch.var_mean(x, 1)
    outputs = [variance, variance.copy(), mean, grad(mean.sum(), x)]
    assert not any(value.requires_grad for value in function([x], outputs)(X))


def test_second_derivatives():
    x = tensor.vector("x")
    first = grad((x**3).sum(), x)
    assert grad(first.sum(), x).eval({x: [2.0]}).tolist() == [12.0]
    both = function([x], [first, grad(first.sum(), x)])([2.0])
    assert [v.item() for v in both] == [12.0, 12.0]


def test_several_gradients_share_one_forward_pass():
    seen = []
    x, w = tensor.vector("x"), shared(numpy.ones(2, "float32"), "w")
    h = tensor.put_hook(x * w, lambda value: seen.append(1))
    cost = (h**2).sum()
    f = function([x], [cost, grad(cost, w), grad(cost, x), h.max()])
    results = f([1.0, 2.0])
    assert len(seen) == 1 and results[1].tolist() == [2.0, 8.0] and results[3] == 2.0


def test_consider_constant_stops_the_gradient():
    x = tensor.vector("x")
    y = x * 2
    assert grad((x * y).sum(), x, consider_constant=[y]).eval({x: [3.0]}).tolist() == [6.0]


def test_known_grads_replace_gradients_that_flow_back():
    x = tensor.vector("x")
    y = x**2
    g = grad(None, x, known_grads={y: torch.tensor([10.0])})
    assert g.eval({x: [3.0]}).tolist() == [60.0]
    both = grad((y * 5).sum() + x.sum(), x, known_grads={y: torch.tensor([10.0])})
    assert both.eval({x: [3.0]}).tolist() == [61.0]


def test_outputs_carry_no_autograd_graph():
    x = tensor.vector("x")
    cost = (x**2).sum()
    assert not any(v.requires_grad for v in function([x], [cost, grad(cost, x)])([1.0]))


def test_a_cost_that_is_flat_in_a_variable_has_gradient_zero():
    x = tensor.vector("x")
    assert grad(torch.sign(x).sum() + 0 * x.sum(), x).eval({x: [3.0]}).tolist() == [0.0]
    assert grad((x > 0).float().sum(), x).eval({x: [3.0]}).tolist() == [0.0]


@pytest.mark.parametrize(
    ("attempt", "message"),
    [
        (
            lambda x: grad(x * 2, x),
            "the cost mul must be a floating point scalar, but has ndim 1 .* cost.mean",
        ),
        (lambda x: grad(x.sum(), tensor.vector("other")), "sum does not depend on other"),
        (
            lambda x: grad(x.sum(), tensor.lvector("k")),
            "differentiate with respect to k of dtype torch.int64",
        ),
        (
            lambda x: grad(x.long().sum(), x),
            "must be a floating point scalar, .* dtype torch.int64",
        ),
        (lambda x: grad(None, x), "needs a cost or known_grads"),
        (
            lambda x: grad(None, tensor.vector("other"), known_grads={x * 2: x}),
            "mul does not depend on other",
        ),
    ],
)
def test_undefined_gradients_say_why(attempt, message):
    with pytest.raises(ValueError, match=message):
        attempt(tensor.vector("x"))


OPERATIONS = [
    torch.tanh,
    torch.sigmoid,
    lambda v: v * v,
    lambda v: v + 1,
    torch.sin,
    lambda v: v @ v,
]


@settings(deadline=None, max_examples=25)
@given(st.lists(st.sampled_from(OPERATIONS), min_size=1, max_size=6), st.integers(0, 5))
def test_random_chains_agree_with_autograd(chain, at):
    """Also with respect to a variable in the middle of the chain."""
    x, value = tensor.variable("x", (3, 3)), (torch.eye(3) * 0.3 + 0.1).requires_grad_()
    links, values = [x], [value]
    for operation in chain:
        links.append(operation(links[-1]))
        values.append(operation(values[-1]))
    at = min(at, len(chain))
    (expected,) = torch.autograd.grad(values[-1].sum(), values[at])
    torch.testing.assert_close(grad(links[-1].sum(), links[at]).eval({x: value.detach()})
                               if at < len(chain) else torch.ones(3, 3), expected)  # fmt: skip


def test_gradients_whose_order_in_the_program_differs_from_that_in_the_graph():
    x, w = tensor.matrix("x"), shared(numpy.eye(3, dtype="float32"), "w")
    h = torch.tanh(x @ w)
    first, second = grad(h[-1].pow(2).sum(), [w]), grad(h.sum(), [w])
    a, b = function([x], [*first, *second])(numpy.zeros((2, 3), dtype="float32"))
    assert not a.any() and not b.any()


@pytest.mark.parametrize("execution", ["eager", "compiled"])
def test_a_gradient_that_was_given_is_not_given_back_itself(execution):
    x = tensor.vector("x")
    w, v = shared(numpy.ones(3, "float32"), "w"), shared(numpy.full(3, 2, "float32"), "v")
    (gradient,) = grad(None, [w], known_grads={w + x: v})
    f = function([x], gradient, updates=[(v, v + x)], execution=execution)
    found = f(numpy.ones(3, "float32"))
    assert found.tolist() == [2.0, 2.0, 2.0] and not found.requires_grad
