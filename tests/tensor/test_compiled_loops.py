"""Loops in the compiled tier: one program for all lengths, with the gradients of the eager tier."""

import gc
import os
import subprocess
import sys

import numpy
import pytest
import torch

from workbench import function, grad, scan, shared, tensor
from workbench.config import config
from workbench.errors import CompilationWarning
from workbench.tensor import RandomStream
from workbench.tensor import torch_internals as internals
from workbench.tensor.execution.compiled import Compiled

TOLERANCE = {"rtol": 1e-4, "atol": 1e-6}


def recurrent(execution, reverse=False):
    """Return a masked recurrent net: its cost, gradients, sums of states and collected values."""
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


def test_every_step_draws_the_same_numbers_in_every_tier():
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


def tiers_agree(inputs, outputs, *calls):
    """Assert that both tiers give the same results for all calls; return the compiled function."""
    f, g = (function(inputs, outputs, execution=e) for e in ("compiled", "eager"))
    for given in calls:
        for ours, theirs in zip(f(*given), g(*given), strict=True):
            torch.testing.assert_close(ours, theirs, **TOLERANCE)
    assert isinstance(f.execution.tier, Compiled)
    return f


def test_two_gradients_of_one_loop():
    x, w = tensor.matrix("x"), shared(numpy.full(3, 0.5, dtype="float32"), "w")
    [h] = scan(lambda x_t, h: torch.tanh(x_t + h * w), sequences=[x], states=[w])
    first, second = grad(h[-1].sum(), [w]), grad((h**2).sum(), [w])
    given = numpy.ones((5, 3), dtype="float32")
    tiers_agree([x], [*first, *second], [given], [given[:4]])


def test_inputs_that_have_the_same_gradient():
    x, y, h0 = tensor.matrix("x"), tensor.matrix("y"), tensor.vector("h0")
    [h] = scan(lambda x_t, y_t, h: x_t + y_t + h, sequences=[x, y], states=[h0])
    given = numpy.arange(12, dtype="float32").reshape(4, 3)
    tiers_agree([x, y, h0], grad((h**2).sum(), [x, y, h0]), [given, given, given[0]])


def test_a_loop_that_only_passes_states_on():
    x, h0 = tensor.matrix("x"), tensor.vector("h0")
    [h] = scan(lambda h: h, states=[h0], n_steps=x.shape[0] - 2)
    cost = (h**2).sum() + x.sum()
    given = numpy.arange(24, dtype="float32").reshape(8, 3)
    calls = [[given[:n], given[0]] for n in (8, 6, 3, 2)]
    tiers_agree([x, h0], [cost, *grad(cost, [h0])], *calls)


def test_one_program_for_loops_within_loops_of_any_length():
    x = tensor.tensor3("x")

    def step(x_t, h):
        return scan(lambda x_s, h: torch.tanh(x_s + h), sequences=[x_t], states=[h])[0][-1]

    [h] = scan(step, sequences=[x], states=[torch.zeros_like(x[0, 0])])
    calls = [[numpy.ones(shape, dtype="float32")] for shape in [(5, 4, 3), (7, 6, 2)]]
    f = tiers_agree([x], grad(h.sum(), [x]), *calls)
    assert len(f.execution.tier.variants) == 1


def test_failed_calls_and_deleted_functions_leave_nothing():
    from workbench.tensor.execution import loops

    x, w = tensor.vector("x"), shared(0.5, "w")
    [h] = scan(lambda x_t, h: torch.tanh(x_t + h * w), sequences=[x], states=[w])
    f = function([x], grad(h.sum(), [w]), execution="compiled")
    f(numpy.ones(5, dtype="float32"))
    number = max(loops._steps)
    step = loops._steps[number]
    step.backward = None
    with pytest.raises(AssertionError):
        f(numpy.ones(5, dtype="float32"))
    assert not loops._kept
    del f, step
    gc.collect()
    assert number not in loops._steps


def test_a_number_of_steps_that_is_computed_is_not_compiled():
    n, h0 = tensor.lscalar("n"), tensor.scalar("h0")
    [h] = scan(lambda h: h * 2, states=[h0], n_steps=n)
    f = function([n, h0], h.sum(), execution="compiled")
    with pytest.warns(CompilationWarning, match="steps of a compiled scan must be an integer"):
        assert f(3, 1.0) == 14


def test_gradients_of_transposed_sequences():
    w = shared(numpy.random.default_rng(1).normal(size=(4, 4)).astype("float32"), "w")

    def gradient(execution):
        x = tensor.tensor3("x")  # batches first
        [h] = scan(
            lambda x_t, h: torch.tanh(x_t + h),
            sequences=[(x @ w).transpose(0, 1).exp()],
            states=[x[:, 0]],
        )
        return function([x], grad((h**2).sum(), w), execution=execution)

    given = data(5, 7, 0)[0]
    ours, theirs = gradient("compiled")(given), gradient("eager")(given)
    torch.testing.assert_close(ours, theirs, **TOLERANCE)


STEPS = {
    "turned": lambda x_t, h, c: (h * 0.5 + x_t.sum(2), x_t.permute(2, 0, 1).exp() * c),
    "channels last": lambda x_t, h, c: (h.sin(), (x_t * c).unsqueeze(0).permute(0, 3, 1, 2).exp()),
    "views": lambda x_t, h, c: (torch.tanh(x_t.unbind(2)[0] * h * c), h.t().exp()),
    "product": lambda x_t, h, c: (torch.tanh(x_t[:, 0] @ x_t[0].t() * h * c), h.t() @ h),
}
"""Steps for elements of shape (2, 3, 4), a state of shape (2, 3) and a scalar."""


@pytest.mark.parametrize("name", STEPS)
def test_loops_behave_as_programs_assume(name):
    generator = numpy.random.default_rng(0)
    x, h0, c = (
        tensor.variable(n, s) for n, s in (("x", (None, 2, 3, 4)), ("h0", (2, 3)), ("c", ()))
    )
    results = scan(STEPS[name], sequences=[x], states=[h0], contexts=[c])
    gradients = grad(sum((r**2).sum() for r in results), [x, h0, c])
    given = [
        generator.normal(size=(5, 2, 3, 4)).astype("float32"),
        numpy.ones((2, 3), "float32"),
        0.5,
    ]
    f = tiers_agree([x, h0, c], [*results, *gradients], given)
    # The operations by themselves: their layouts, and no use of the inputs after the loop.
    from workbench.tensor.execution import loops

    number, operations = max(loops._steps), torch.ops.workbench

    def layouts(values):
        return [(value.shape, value.stride(), value.dtype) for value in values]

    def run(values, again):
        *outputs, key = operations.loop_forward(values, 5, number)
        incoming = [output * 2 for output in outputs]
        for value in values:
            value.fill_(torch.nan)
        return outputs, operations.loop_backward(again, incoming, key, 5, number)

    def tensors():
        return [torch.as_tensor(value, dtype=torch.float32).clone() for value in given]

    outputs, found = run(tensors(), tensors())
    torch.testing.assert_close([*outputs, *found], [*f(*given)], **TOLERANCE)
    with internals.FakeTensorMode(allow_non_fake_inputs=True) as mode:
        fakes = [mode.from_tensor(value) for value in tensors()]
        *promised, key = operations.loop_forward(fakes, 5, number)
        promised_gradients = operations.loop_backward(fakes, promised, key, 5, number)
    assert layouts([*outputs, *found]) == layouts([*promised, *promised_gradients])


def simple(execution):
    """Return a recurrent net whose sequence and first state are copied for the loop."""
    x, w = tensor.tensor3("x"), shared(numpy.eye(4, dtype="float32") * 0.3, "w")
    u = shared(numpy.full((4, 4), 0.2, "float32"), "u")
    [h] = scan(
        lambda x_t, h: torch.tanh(x_t @ w + h @ u),
        sequences=[x[1:] * 1.0],
        states=[torch.zeros_like(x[0]).t().exp().t()],
    )
    return function([x], [h, *grad((h**2).sum(), [x, w, u])], execution=execution)


def test_memory_of_inputs_is_reused_after_a_loop():
    given = data(8, 5, 0)[0]
    for ours, theirs in zip(simple("compiled")(given), simple("eager")(given), strict=True):
        torch.testing.assert_close(ours, theirs, **TOLERANCE)


def test_a_loop_in_mixed_precision():
    with config.override(precision="bf16"):
        f, g = simple("compiled"), simple("eager")
    given = data(8, 5, 0)[0]
    for ours, theirs in zip(f(given), g(given), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0.05, atol=0.1)


@pytest.mark.slow
def test_cached_programs_of_other_loops_are_not_used(tmp_path):
    script = """
import sys, numpy, torch
from workbench import function, scan, tensor
x = tensor.matrix("x")
[wide] = scan(lambda x_t: torch.cat([x_t] * int(sys.argv[1])), sequences=[x])
f = function([x], (wide * 2).sum(), execution="compiled")
print(f(numpy.ones((5, 4), "float32")).item(), f.execution.described)
"""
    environment = {**os.environ, "TORCHINDUCTOR_CACHE_DIR": str(tmp_path)}
    for copies in (2, 3):  # the graph around the loop is the same
        command = [sys.executable, "-c", script, str(copies)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert done.stdout == f"{40.0 * copies} compiled: requested\n", done.stderr
