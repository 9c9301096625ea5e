"""Logarithms of probabilities: exact where possible, else computed as written."""

import pytest
import torch
from numpy.testing import assert_allclose
from torch.nn import functional as F

from workbench import function, grad, tensor
from workbench.tensor.exact import log_complement, log_probability

LOGITS = torch.tensor([[-300.0, 0.0, 1.0], [2.0, 200.0, -100.0]])


def names(run):
    return [n.name for n in run.program.module.graph.nodes if n.op.startswith("call")]


@pytest.mark.parametrize("log", [log_probability, torch.log, lambda p: p.log()])
@pytest.mark.parametrize(
    "softmax",
    [lambda x: torch.softmax(x, 1), lambda x: x.softmax(-1), lambda x: F.softmax(x, dim=1)],
)
def test_the_log_of_a_softmax_is_exact(log, softmax):
    x = tensor.matrix("x")
    y = log(softmax(x).copy("probabilities"))
    run = function([x], y)
    assert_allclose(run(LOGITS), torch.log_softmax(LOGITS, 1))
    [name] = names(run)
    assert name.endswith("log_softmax")


@pytest.mark.parametrize("sigmoid", [torch.sigmoid, lambda x: x.sigmoid(), F.sigmoid])
def test_the_logs_of_a_sigmoid_are_exact(sigmoid):
    x = tensor.matrix("x")
    p = sigmoid(x)
    true, false = function([x], [log_probability(p), log_complement(p)])(LOGITS)
    assert_allclose(true, F.logsigmoid(LOGITS))
    assert_allclose(false, F.logsigmoid(-LOGITS))


def test_gradients_are_exact():
    x = tensor.matrix("x")
    cost = log_probability(torch.softmax(x, 1))[:, 0].sum()
    logits = LOGITS.clone().requires_grad_()
    torch.log_softmax(logits, 1)[:, 0].sum().backward()
    assert_allclose(function([x], grad(cost, x))(LOGITS), logits.grad, atol=1e-7)


def test_probabilities_that_are_wanted_too_are_computed_too():
    x = tensor.matrix("x")
    p = torch.softmax(x, 1)
    result, logs = function([x], [p, log_probability(p)])(LOGITS)
    assert_allclose(result, torch.softmax(LOGITS, 1))
    assert_allclose(logs, torch.log_softmax(LOGITS, 1))


def test_a_gradient_by_the_probabilities_goes_through_them():
    x = tensor.matrix("x")
    p = torch.softmax(x, 1)
    gradient = function([x], grad(log_probability(p).sum(), p))(torch.zeros(1, 2))
    assert_allclose(gradient, [[2, 2]])


def test_hooks_on_the_probabilities_run():
    x, seen = tensor.matrix("x"), []
    p = tensor.put_hook(torch.softmax(x, 1), seen.append)
    function([x], log_probability(p))(LOGITS)
    assert len(seen) == 1


def test_replaced_probabilities_are_used():
    x = tensor.matrix("x")
    p = torch.softmax(x, 1)
    run = function([x], log_probability(p), givens={p: p * 0.5})
    assert_allclose(run(torch.zeros(1, 2)).exp(), [[0.25, 0.25]])


def test_other_probabilities_have_finite_logarithms():
    p = tensor.constant([0.0, 0.5, 1.0])
    tiny = torch.finfo(torch.float32).tiny
    assert_allclose(log_probability(p).eval().exp(), [tiny, 0.5, 1], rtol=1e-5)
    assert_allclose(log_complement(p).eval().exp(), [1, 0.5, tiny], rtol=1e-5)
