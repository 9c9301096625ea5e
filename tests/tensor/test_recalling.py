"""Inference that recalls results inside of `symbolic_parameters`."""

import pytest
import torch

from workbench import tensor
from workbench.bricks import symbolic_parameters
from workbench.errors import ShapeError
from workbench.tensor import recalling, shapes


@pytest.fixture
def applied(monkeypatch):
    """Yield a list of the functions that inference applies."""
    found = []
    real = shapes.infer

    def infer(function, *args):
        found.append(function)
        return real(function, *args)

    monkeypatch.setattr(shapes, "infer", infer)
    monkeypatch.setattr(recalling, "_kept", {})
    with symbolic_parameters():
        yield found


def test_the_same_function_of_the_same_shapes_is_applied_once(applied):
    x = tensor.variable("x", (None, 7))
    before = len(applied)
    first, second = torch.relu(x), torch.relu(x)
    assert len(applied) == before + 1
    assert first is not second
    assert [one.shape[1] for one in (first, second)] == [7, 7]
    assert shapes.symbol(first.fake.shape[0]) == shapes.symbol(x.fake.shape[0])


@pytest.mark.parametrize(
    "other",
    [
        lambda x: torch.sum(x, dim=0),
        lambda x: torch.sum(x, dim=1, keepdim=True),
        lambda x: torch.sum(x.double(), dim=1),
        lambda x: torch.sum(tensor.variable("y", (None, 5)), dim=1),
    ],
)
def test_other_arguments_give_their_own_result(applied, other):
    x = tensor.variable("x", (None, 7))
    wanted = shapes.describe(other(x).fake)
    recalling._kept.clear()
    torch.sum(x, dim=1)
    assert shapes.describe(other(x).fake) == wanted


def test_a_function_that_learns_a_size_learns_it_each_time(applied):
    for _ in range(2):
        x = tensor.variable("x", (None, None))
        x @ torch.ones(7, 3)
        assert x.shape[1] == 7


def test_a_result_that_shares_memory_or_has_a_new_size_is_not_recalled(applied):
    x = tensor.variable("x", (None, 7))
    for function in (lambda: x[0], lambda: torch.nonzero(x)):
        before = len(applied)
        sizes = [function().fake for _ in range(2)]
        assert len(applied) == before + 2
        assert sizes[0] is not sizes[1]


def test_a_fault_is_raised_each_time(applied):
    x, y = tensor.variable("x", (None, 7)), tensor.variable("y", (None, 5))
    for _ in range(2):
        with pytest.raises(ShapeError, match="add"):
            x + y
