"""Loops over time, against plain Python loops."""

import copy

import numpy
import pytest
import torch

from workbench import function, grad, scan, shared, tensor

X = torch.linspace(-1, 1, 24).reshape(4, 3, 2)  # T x B x D
W = torch.tensor([[0.5, -0.2], [0.1, 0.3]])


def rnn(reverse=False):
    x, w, h0 = tensor.tensor3("x"), shared(W.numpy(), "w"), tensor.matrix("h0")
    [h] = scan(lambda x_t, h: torch.tanh(x_t + h @ w), sequences=[x], states=[h0], reverse=reverse)
    return x, w, h0, h


def unrolled(x, h, w, reverse=False):
    steps = []
    for x_t in x.flip(0) if reverse else x:
        h = torch.tanh(x_t + h @ w)
        steps.append(h)
    return torch.stack(steps[::-1] if reverse else steps)


@pytest.mark.parametrize("reverse", [False, True])
def test_agrees_with_a_loop(reverse):
    x, _, h0, h = rnn(reverse)
    value = h.eval({x: X, h0: torch.ones(3, 2)})
    torch.testing.assert_close(value, unrolled(X, torch.ones(3, 2), W, reverse))
    assert h.shape[0] is not None and h.ndim == 3


@pytest.mark.parametrize("reverse", [False, True])
def test_gradients_flow_to_sequences_states_and_what_is_used_from_outside(reverse):
    x, w, h0, h = rnn(reverse)
    got = function([x, h0], grad((h**2).sum(), [x, w, h0]))(X, torch.ones(3, 2))
    values = [v.clone().requires_grad_() for v in (X, W, torch.ones(3, 2))]
    cost = (unrolled(values[0], values[2], values[1], reverse) ** 2).sum()
    for a, b in zip(got, torch.autograd.grad(cost, values), strict=True):
        torch.testing.assert_close(a, b)


def test_several_states_and_further_outputs():
    x = tensor.vector("x")
    zero = tensor.constant(0.0)
    sums, counts, means = scan(
        lambda x_t, s, n: (s + x_t, n + 1, (s + x_t) / (n + 1)), sequences=[x], states=[zero, zero]
    )
    values = function([x], [sums, counts, means])([2.0, 4.0, 9.0])
    assert [v.tolist() for v in values] == [[2, 6, 15], [1, 2, 3], [2, 3, 5]]


def test_a_number_of_steps_without_sequences():
    n = tensor.lscalar("n")
    x = tensor.vector("x")
    [powers] = scan(lambda p: p * 2, states=[tensor.constant(1.0)], n_steps=5)
    assert powers.eval().tolist() == [2, 4, 8, 16, 32]
    [ones] = scan(lambda p: p * 1, states=[tensor.constant(1.0)], n_steps=3 * x.shape[0])
    assert ones.eval({x: [0.0, 0.0]}).shape == (6,)
    assert n.ndim == 0


def test_what_does_not_depend_on_the_step_is_computed_once():
    seen = []
    x, w = tensor.vector("x"), shared(2.0, "w")

    def step(x_t, s):
        return s + x_t * tensor.put_hook(w * 3, lambda value: seen.append(1))

    [s] = scan(step, sequences=[x], states=[tensor.constant(0.0)])
    assert s.eval({x: [1.0, 1.0, 1.0]})[-1] == 18.0 and len(seen) == 1


def test_draws_differ_from_step_to_step():
    stream = tensor.RandomStream(1)
    [u] = scan(lambda: stream.uniform((3,)), n_steps=4)
    f = function([], u)
    first, second = f(), f()
    assert len(set(first.flatten().tolist())) == 12 and not torch.equal(first, second)


def test_a_scan_inside_a_scan():
    x = tensor.matrix("x")

    def row(row_t, total):
        [s] = scan(lambda v, a: a + v, sequences=[row_t], states=[tensor.constant(0.0)])
        return total + s[-1]

    [totals] = scan(row, sequences=[x], states=[tensor.constant(0.0)])
    assert totals.eval({x: numpy.ones((3, 4), "float32")}).tolist() == [4, 8, 12]


def test_a_state_keeps_its_shape_and_dtype():
    x = tensor.matrix("x")
    with pytest.raises(ValueError, match=r"changes the state s \(2,\) float32 to .* \(3,\)"):
        scan(lambda s: s @ torch.ones(2, 3), states=[tensor.constant([0.0, 0.0], "s")], n_steps=2)
    with pytest.raises(TypeError, match="a state must keep its dtype"):
        scan(lambda x_t, s: x_t.sum() * 2, sequences=[x], states=[tensor.constant(0)])
    with pytest.raises(TypeError, match="needs n_steps, the number of steps"):
        scan(lambda s: s, states=[tensor.constant(0.0)])


def test_replacing_and_copying_reach_around_the_loop():
    x, _, h0, h = rnn()
    new_x, new_h0, new_h = copy.deepcopy([x, h0, h])
    value = new_h.eval({new_x: X, new_h0: torch.zeros(3, 2)})
    torch.testing.assert_close(value, unrolled(X, torch.zeros(3, 2), W))
    doubled = function([x, h0], h, givens={x: x * 2})(X, torch.zeros(3, 2))
    torch.testing.assert_close(doubled, unrolled(2 * X, torch.zeros(3, 2), W))


@pytest.mark.parametrize("execution", ["eager", "compiled"])
@pytest.mark.parametrize("reverse", [False, True])
def test_low_memory_changes_nothing_but_memory(execution, reverse):
    def gradients(low_memory, execution):
        x, w = tensor.tensor3("x"), shared(numpy.full((3, 3), 0.3, "float32"), "w")
        start = torch.zeros((x.shape[1], 3))
        [hs] = scan(
            lambda x_t, h: torch.tanh(h @ w + x_t),
            sequences=[x], states=[start], reverse=reverse, low_memory=low_memory,
        )  # fmt: skip
        cost = (hs**2).sum()
        return function([x], [hs, *grad(cost, [x, w])], execution=execution)

    low, usual = gradients(True, execution), gradients(False, "eager")
    for length in (1, 2, 9, 30):
        given = numpy.random.default_rng(length).normal(size=(length, 2, 3)).astype("float32")
        for ours, theirs in zip(low(given), usual(given), strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6)


def test_low_memory_keeps_fewer_intermediate_values():
    def most_kept(low_memory):
        x = tensor.tensor3("x")
        w = shared(numpy.full((3, 3), 0.3, "float32"), "w")
        [hs] = scan(
            lambda x_t, h: torch.tanh(torch.tanh(torch.tanh(h @ w) @ w) @ w + x_t),
            sequences=[x], states=[tensor.constant(torch.zeros(2, 3))], low_memory=low_memory,
        )  # fmt: skip
        f = function([x], grad((hs**2).sum(), w), execution="eager")
        sizes = []

        def pack(value):
            sizes.append(value.numel())
            return value

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda value: value):
            f(numpy.zeros((100, 2, 3), "float32"))
        return len(sizes)

    assert most_kept(True) < most_kept(False)


def test_no_steps_give_states_of_the_sizes_that_they_began_with():
    x, _, h0, h = rnn()
    f = function([x, h0], h, execution="eager")
    assert f(numpy.zeros((0, 3, 2), "float32"), numpy.zeros((3, 2), "float32")).shape == (0, 3, 2)


def test_tensors_numbers_and_arrays_are_taken_as_constants():
    def step(x, state, other, factor):
        return state + factor * x, other, torch.ones(2)

    sums, same, ones = tensor.scan(
        step,
        sequences=[numpy.array([1.0, 2.0, 3.0], "float32")],
        states=[torch.tensor(0.5), 1.0],
        contexts=[2.0],
    )
    assert sums.eval().tolist() == [2.5, 6.5, 12.5]
    assert same.eval().tolist() == [1.0] * 3
    assert ones.eval().tolist() == [[1.0, 1.0]] * 3
