"""Indices out of range in all tiers: an error names them, and nothing is updated."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from torch.nn import functional

import workbench
from workbench import tensor
from workbench.errors import OutOfRangeError
from workbench.tensor.execution import indices

ROWS, WIDTH = 5, 4
TIERS = ("eager", "compiled")
OPERATIONS = {
    "getitem": lambda w, i: w[i],
    "getitem of two": lambda w, i: w[i, i % 2],
    "gather": lambda w, i: w.gather(0, i[:, None].expand(-1, WIDTH)),
    "embedding": lambda w, i: functional.embedding(i, w),
    "index_select": lambda w, i: w.index_select(0, i),
    "take": lambda w, i: torch.take(w, i * WIDTH),
    "scatter": lambda w, i: w.scatter(0, i[:, None].expand(-1, WIDTH), 1.0),
    "scatter_add": lambda w, i: w.scatter_add(
        0, i[:, None].expand(-1, WIDTH), torch.ones(2, WIDTH)
    ),
    "index_add": lambda w, i: w.index_add(0, i, torch.ones(2, WIDTH)),
    "index_fill": lambda w, i: w.index_fill(0, i, 1.0),
    "index_put": lambda w, i: torch.index_put(w, (i,), torch.ones(2, WIDTH), accumulate=True),
    "one_hot": lambda w, i: functional.one_hot(i, ROWS).to(torch.float32) @ w,
}
FROM_THE_END = {
    "getitem", "getitem of two", "take", "index_fill", "index_put",
}  # fmt: skip


def step(name, execution):
    """Return a function of two indices that updates a matrix, and the matrix."""
    w = workbench.shared(np.arange(20, dtype="float32").reshape(ROWS, WIDTH), "w")
    i = tensor.variable("i", shape=(2,), dtype=torch.int64)
    cost = (OPERATIONS[name](w, i) ** 2).sum()
    (gradient,) = tensor.grad(cost, [w])
    updates = [(w, w - 0.1 * gradient)]
    return workbench.function([i], [cost, gradient], updates=updates, execution=execution), w


@pytest.mark.parametrize("name", OPERATIONS)
def test_indices_that_exist_give_the_same_in_all_tiers(name):
    results = []
    for tier in TIERS:
        run, w = step(name, tier)
        results.append([*run(np.array([0, 4])), w.tensor])
        if tier == "compiled":
            assert run.execution.tier.variants[0].trace.reports_success
    torch.testing.assert_close(*results)


@pytest.mark.parametrize("name", sorted(FROM_THE_END))
def test_indices_from_the_end_exist(name):
    results = [step(name, tier)[0](np.array([0, -1])) for tier in TIERS]
    torch.testing.assert_close(*results)


@pytest.mark.parametrize("tier", TIERS)
@pytest.mark.parametrize("name", OPERATIONS)
def test_an_index_that_does_not_exist_is_an_error_and_nothing_is_updated(name, tier):
    run, w = step(name, tier)
    before = w.tensor.clone()
    wrong = [[0, 7], [0, -9]] + ([] if name in FROM_THE_END else [[0, -1]])
    for pair in wrong:
        with pytest.raises(OutOfRangeError, match="every index and every class must be in range"):
            run(np.array(pair))
    assert torch.equal(w.tensor, before)
    run(np.array([0, 4]))
    assert not torch.equal(w.tensor, before)


def test_the_error_names_the_call_and_the_index():
    run, _ = step("getitem", "compiled")
    with pytest.raises(OutOfRangeError, match=r"getitem\(w .*, i .*\): index 7 is out of bounds"):
        run(np.array([0, 7]))


def test_a_mask_chooses_what_exists():
    x = tensor.matrix("x")
    run = workbench.function([x], torch.where(x > 0, x, 0.0).sum(), execution="compiled")
    run(np.ones((3, 3), "float32"))
    assert not run.execution.tier.variants[0].trace.reports_success


@pytest.mark.parametrize("tier", TIERS)
def test_within_a_loop_too(tier):
    w = workbench.shared(np.ones((ROWS, WIDTH), "float32"), "w")
    i = tensor.variable("i", shape=(None, 2), dtype=torch.int64)
    [s] = tensor.scan(lambda j, s: s + w[j].sum(1), sequences=[i], states=[torch.zeros(2)])
    run = workbench.function([i], s.sum(), execution=tier)
    assert run(np.zeros((6, 2), "int64")) == 2 * WIDTH * sum(range(1, 7))
    with pytest.raises(OutOfRangeError, match=r"scan\(.*index 7 is out of bounds"):
        run(np.full((6, 2), 7))


THREADS = """
import numpy as np, torch, workbench
from workbench import tensor
from workbench.config import config
config.threads = 2
torch.set_num_threads(2)
x, i = tensor.matrix("x"), tensor.variable("i", shape=(None,), dtype=torch.int64)
run = workbench.function([x, i], x[i], execution="compiled")
run(np.ones((5, 400), "float32"), np.zeros(3000, "int64"))
try:
    run(np.ones((5, 400), "float32"), np.full(3000, 900))
except IndexError as error:
    print(type(error).__name__)
"""


@pytest.mark.slow
def test_several_threads_that_find_one_do_not_end_the_process():
    done = subprocess.run([sys.executable, "-c", THREADS], capture_output=True, text=True)
    assert done.stdout.split() == ["OutOfRangeError"], done.stderr


def test_without_checks_no_rule_changes_its_operation():
    rules = indices.safe_operations().values()
    assert rules and all(rule(torch.ones(1)) is NotImplemented for rule in rules)
