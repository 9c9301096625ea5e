"""Learned facts about sizes, and their lifetime."""

import gc
import threading

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn import functional

from workbench import function, grad, shared, tensor
from workbench.tensor import shapes


def built():
    x, w = tensor.matrix("x"), shared(torch.ones(3, 2), "w")
    cost = torch.nn.functional.mse_loss((x @ w)[1:], tensor.matrix("y"))
    return grad(cost, [w])


@pytest.fixture
def few(monkeypatch):
    monkeypatch.setattr(shapes, "MOST_SYMBOLS", 40)
    monkeypatch.setattr(shapes, "NEWEST", 5)
    gc.collect()
    shapes._world().limit = 0
    shapes._world().last_use.clear()


def test_facts_about_deleted_graphs_are_removed(few):
    world = shapes._world()
    built()
    gc.collect()
    cached, bound = len(FakeTensorMode.cache), 2 * len(world.sizes.var_to_range) + 50
    for _ in range(60):
        built()
        gc.collect(1)  # what is older need not be searched sixty times
    assert len(FakeTensorMode.cache) == cached
    for name in (*shapes.BY_SYMBOL, "pending_fresh_unbacked_symbols"):
        assert len(getattr(world.sizes, name)) <= bound
    assert len(world.sizes.axioms) <= 20 * bound


def test_facts_about_living_variables_are_kept(few):
    x, y = tensor.matrix("x"), tensor.matrix("y")
    total = x @ torch.ones(3, 2) + y
    cost = torch.nn.functional.l1_loss(x[1:], tensor.variable("z", (7, None)))
    world = shapes._world()
    for _ in range(60):
        tensor.matrix()
        world.limit = 0
    assert (x.shape[1], y.shape[1]) == (3, 2)
    f = function([x, y], total)
    with pytest.raises(ValueError, match="must be equal"):
        f(torch.ones(4, 3), torch.ones(5, 2))
    assert cost.ndim == 0 and (total[1:] * y[1:]).ndim == 2
    with pytest.raises(ValueError, match="mul"):
        total * torch.ones(1, 3)


def test_sizes_are_kept_while_another_thread_constructs_a_variable(few):
    fakes = []

    def construct():
        fakes.append(shapes.fake_tensor([None], torch.float32, torch.device("cpu")))

    thread = threading.Thread(target=construct)
    thread.start()
    thread.join()
    world = shapes._world()
    for _ in range(20):
        world.limit = len(world.sizes.var_to_range)
        tensor.matrix()
    assert shapes._unknowns(fakes) <= world.sizes.var_to_range.keys()


def test_two_sizes_that_must_be_equal_are_not_taken_for_a_known_one():
    x, labels = tensor.matrix("x"), tensor.lvector("labels")
    cost = functional.linear_cross_entropy(x, torch.eye(3), labels)
    assert x.shape[1] == 3
    values = torch.randn(5, 3), torch.tensor([0, 2, 1, 1, 0])
    expected = functional.linear_cross_entropy(values[0], torch.eye(3), values[1])
    torch.testing.assert_close(cost.eval({x: values[0], labels: values[1]}), expected)


@pytest.mark.parametrize(
    "call",
    [
        lambda m, n: torch.baddbmm(m[None, 1:], n[None], torch.ones(1, 3, 3)),
        lambda m, n: m[1:].unsqueeze(0).baddbmm(n[None], torch.ones(1, 3, 3), beta=2),
        lambda m, n: functional.bilinear(m[1:], n, torch.ones(2, 3, 3)),
        lambda m, n: functional.bilinear(m[1:], n, torch.ones(2, 3, 3), torch.ones(2)),
        lambda m, n: torch.addbmm(m[1:], n[None], torch.ones(1, 3, 3)),
        lambda m, n: torch.addmv(m[1:, 0], n, torch.ones(3)),
    ],
)
def test_products_with_a_summand_take_computed_sizes(call):
    m, n = tensor.matrix("m"), tensor.matrix("n")
    values = torch.randn(5, 3), torch.randn(4, 3)
    result = call(m, n).eval({m: values[0], n: values[1]})
    torch.testing.assert_close(result, call(*values))
