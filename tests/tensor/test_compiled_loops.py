"""Loops in the compiled tier: one program for all lengths, and the gradients of the eager tier."""

import numpy
import pytest
import torch

from workbench import function, grad, scan, shared, tensor
from workbench.tensor import RandomStream
from workbench.tensor.execution.compiled import Compiled

TOLERANCE = {"rtol": 1e-4, "atol": 1e-6}


def recurrent(execution, reverse=False):
    """A masked recurrent net: its cost, all gradients, the sums of states and what is collected."""
    generator = numpy.random.default_rng(3)

    def parameter(name, *shape):
        return shared(0.4 * generator.normal(size=shape).astype("float32"), name)

    x, mask = tensor.tensor3("x"), tensor.matrix("mask")
    w, u, b, h0 = parameter("w", 4, 3), parameter("u", 3, 3), parameter("b", 3), parameter("h0", 3)

    def step(x_t, mask_t, h, w):
        new = torch.tanh(x_t @ w + h @ u * b)
        kept = mask_t.unsqueeze(1)
        h = new * kept + h * (1 - kept)
        return h, (h > 0).sum(), h * 2

    start = h0.unsqueeze(0).expand(x.shape[1], 3)
    hs, counts, doubled = scan(
        step, sequences=[x, mask], states=[start], contexts=[w], reverse=reverse
    )
    cost = (hs[-1] ** 2).sum() + doubled.sum() * 0.1
    gradients = grad(cost, [w, u, b, h0, x])
    return function([x, mask], [cost, counts, *gradients], execution=execution)


def data(length, batch, seed):
    generator = numpy.random.default_rng(seed)
    lengths = generator.integers(1, length + 1, batch)
    mask = (numpy.arange(length)[:, None] < lengths).astype("float32")
    return generator.normal(size=(length, batch, 4)).astype("float32"), mask


@pytest.mark.parametrize("reverse", [False, True])
def test_values_and_gradients_agree_for_all_lengths_and_batches(reverse):
    f, g = recurrent("compiled", reverse), recurrent("eager", reverse)
    for seed, (length, batch) in enumerate([(7, 5), (2, 3), (40, 2), (1, 4), (6, 1), (5, 8)]):
        given = data(length, batch, seed)
        for ours, theirs in zip(f(*given), g(*given), strict=True):
            torch.testing.assert_close(ours, theirs, **TOLERANCE)
    assert isinstance(f.execution.tier, Compiled)
    assert len(f.execution.tier.variants) == 1


def test_a_loop_without_gradients_keeps_nothing():
    from workbench.tensor.execution import loops

    x = tensor.matrix("x")
    [sums] = scan(lambda x_t, s: s + x_t, sequences=[x], states=[tensor.constant(torch.zeros(3))])
    f = function([x], sums, execution="compiled")
    ones = numpy.ones((6, 3), "float32")
    torch.testing.assert_close(f(ones), torch.from_numpy(ones.cumsum(0)))
    assert isinstance(f.execution.tier, Compiled) and not loops._kept


def test_every_moment_draws_the_same_numbers_in_every_tier():
    def draws(execution):
        x, stream = tensor.matrix("x"), RandomStream(seed=2)
        [drawn] = scan(lambda x_t: x_t + stream.uniform(x_t.shape), sequences=[x])
        f = function([x], drawn, execution=execution)
        return [f(numpy.zeros((n, 3), "float32")) for n in (5, 9)]

    for ours, theirs in zip(draws("compiled"), draws("eager"), strict=True):
        assert torch.equal(ours, theirs)


def test_a_loop_within_a_loop():
    def nested(execution):
        x, w = tensor.tensor3("x"), shared(numpy.full((3, 3), 0.3, "float32"), "w")

        def outer(rows, total):
            [inner] = scan(lambda r, s: torch.tanh(s @ w + r), sequences=[rows], states=[total])
            return inner[-1]

        [totals] = scan(outer, sequences=[x], states=[tensor.constant(torch.zeros(3))])
        cost = (totals**2).sum()
        return function([x], [cost, grad(cost, w)], execution=execution)

    given = numpy.random.default_rng(0).normal(size=(5, 6, 3)).astype("float32")
    for ours, theirs in zip(nested("compiled")(given), nested("eager")(given), strict=True):
        torch.testing.assert_close(ours, theirs, **TOLERANCE)


def test_a_sequence_that_is_longer_than_the_loop():
    def part(execution):
        x = tensor.matrix("x")
        w = shared([1.0, 2.0, 3.0], "w")
        [hs] = scan(
            lambda x_t, h: h * w + x_t,
            sequences=[x],
            states=[tensor.constant(torch.zeros(3))],
            n_steps=4,
        )
        cost = hs.sum()
        return function([x], [cost, *grad(cost, [x, w])], execution=execution)

    given = numpy.random.default_rng(0).normal(size=(6, 3)).astype("float32")
    for ours, theirs in zip(part("compiled")(given), part("eager")(given), strict=True):
        torch.testing.assert_close(ours, theirs, **TOLERANCE)
