"""Rewrites of a flat graph: their conditions, and unchanged values."""

from __future__ import annotations

from typing import Any

import numpy
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench import errors, function, grad, shared, tensor
from workbench.algorithms import GradientDescent, Scale
from workbench.tensor import Function
from workbench.tensor.execution import memory, products

RATE = 0.1
onednn = pytest.mark.skipif(not products.AVAILABLE, reason="torch has one library for products")


def numbers(*shape: int, seed: int = 0) -> torch.Tensor:
    """Return a tensor of random numbers."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def called(compiled: Function) -> set[str]:
    """Return the operations of the compiled program."""
    (variant,) = compiled.execution.tier.variants  # type: ignore[union-attr]
    return {str(node.target) for node in variant.trace.graph.graph.nodes}


def descent(inputs: int, **kwargs: Any) -> tuple[GradientDescent, Any, list[Any]]:
    """Return plain gradient descent on least squares: the algorithm, its weights and its cost."""
    x, y = tensor.matrix("x"), tensor.matrix("y")
    w = shared(numbers(inputs, 64, seed=1).numpy(), "w")
    cost = ((x @ w - y) ** 2).mean()
    cost.name = "cost"
    algorithm = GradientDescent(cost=cost, parameters=[w], step_rule=Scale(RATE), **kwargs)
    return algorithm, w, [cost]


def batch(inputs: int) -> dict[str, torch.Tensor]:
    """Return a batch for `descent`."""
    return {"x": numbers(8, inputs, seed=2), "y": numbers(8, 64, seed=3)}


@onednn
@settings(deadline=None, max_examples=20)
@given(st.integers(1, 200), st.integers(1, 200), st.integers(1, 200), st.booleans(), st.booleans())
def test_a_product_is_that_of_torch(m: int, k: int, n: int, first: bool, second: bool) -> None:
    left = numbers(k, m).t() if first else numbers(m, k)
    right = numbers(n, k).t() if second else numbers(k, n)
    found = torch.ops.workbench.product(left, right)
    torch.testing.assert_close(found, left @ right, rtol=1e-4, atol=1e-4)


@onednn
@pytest.mark.parametrize(("size", "expected"), [(64, False), (256, True)])
def test_large_products_use_onednn(size: int, expected: bool) -> None:
    x, w = tensor.matrix("x"), shared(numbers(size, size).numpy(), "w")
    f = function([x], torch.tanh(x @ w), execution="compiled")
    value = numbers(size, size, seed=1)
    torch.testing.assert_close(f(value), torch.tanh(value @ w.tensor), rtol=1e-4, atol=1e-4)
    assert ("workbench.product.default" in called(f)) is expected


def test_double_precision_stays_where_it_is() -> None:
    assert not products.by_onednn(*[torch.ones(512, 512, dtype=torch.float64)] * 2)


def test_descent_writes_no_gradient_to_memory() -> None:
    both = [descent(512, function_kwargs={"execution": tier}) for tier in ("eager", "compiled")]
    for algorithm, _, _ in both:
        for _ in range(3):
            algorithm.process_batch(batch(512))
    (_, eager, _), (algorithm, compiled, _) = both
    assert "workbench.descend.default" in called(algorithm.function)  # type: ignore[arg-type]
    torch.testing.assert_close(compiled.tensor, eager.tensor, rtol=1e-5, atol=1e-6)


def test_descent_on_a_small_matrix_is_left_to_inductor() -> None:
    algorithm, _, _ = descent(16, function_kwargs={"execution": "compiled"})
    algorithm.process_batch(batch(16))
    assert "workbench.descend.default" not in called(algorithm.function)  # type: ignore[arg-type]


def test_a_gradient_with_another_user_is_computed() -> None:
    algorithm, w, _ = descent(512, function_kwargs={"execution": "compiled"})
    seen: list[Any] = []
    algorithm.add_observer([algorithm.gradients[w]], seen.extend)
    before = w.get_value()
    algorithm.process_batch(batch(512))
    numpy.testing.assert_allclose(before - RATE * seen[0].numpy(), w.get_value(), rtol=1e-5)


@pytest.mark.parametrize(("rate", "given"), [(numpy.nan, 1.0), (numpy.inf, 1.0), (0.0, numpy.nan)])
def test_descent_at_a_rate_that_is_not_finite_or_zero(rate: float, given: float) -> None:
    x, scale = tensor.matrix("x"), shared(rate, "rate")
    w = shared(numpy.ones((128, 128), dtype="float32"), "w")
    f = function([x], [], updates=[(w, w - (x.T @ x) * scale)], execution="compiled")
    f(torch.full((4, 128), given))
    assert "workbench.descend.default" in called(f)
    expected = 1 - numpy.float32(4 * given**2) * numpy.float32(rate)
    numpy.testing.assert_array_equal(w.get_value(), numpy.full((128, 128), expected))


def test_descent_does_nothing_where_the_cost_is_not_finite() -> None:
    algorithm, w, _ = descent(512, function_kwargs={"execution": "compiled"})
    algorithm.process_batch(batch(512))
    before = w.get_value()
    broken = batch(512)
    broken["x"][3, 7] = numpy.nan
    with pytest.raises(errors.NotFiniteError, match="the batch changed no parameter"):
        algorithm.process_batch(broken)
    numpy.testing.assert_array_equal(w.get_value(), before)


def test_factors_that_are_updated_themselves_are_the_old_ones() -> None:
    x, rate = tensor.matrix("x"), shared(RATE, "rate")
    v = shared(numbers(256, 128).numpy(), "v")
    w = shared(numbers(256, 128, seed=1).numpy(), "w")
    updates = [(v, v * 2), (rate, rate / 2), (w, w - (v @ x) * rate)]
    fs = [function([x], [], updates=updates, execution=tier) for tier in ("eager", "compiled")]
    value, old_v, old_w = numbers(128, 128, seed=2), v.get_value(), w.get_value()
    for f in fs:
        for variable, old in ((v, old_v), (w, old_w), (rate, RATE)):
            variable.set_value(old)
        f(value)
        expected = old_w - old_v @ value.numpy() * RATE
        numpy.testing.assert_allclose(w.get_value(), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("dim", [0, 1, -1])
def test_the_gradient_of_a_choice_is_a_comparison(dim: int) -> None:
    x, index = tensor.variable("x", (6, 6)), tensor.variable("index", (6,), torch.int64)
    chosen = x.gather(dim, index.unsqueeze(dim))
    f = function([x, index], grad((chosen**2).sum(), x), execution="compiled")
    value, places = numbers(6, 6), torch.tensor([3, 0, 5, 5, 2, 1])
    leaf = value.clone().requires_grad_()
    leaf.gather(dim, places.unsqueeze(dim)).pow(2).sum().backward()
    torch.testing.assert_close(f(value, places), leaf.grad)
    assert "aten.scatter_add.default" not in called(f)


def test_several_choices_from_a_row_add_up() -> None:
    x, index = tensor.variable("x", (2, 4)), tensor.variable("index", (2, 3), torch.int64)
    f = function([x, index], grad(x.gather(1, index).sum(), x), execution="compiled")
    found = f(numbers(2, 4), [[1, 1, 1], [0, 3, 3]])
    assert found.tolist() == [[0.0, 3.0, 0.0, 0.0], [1.0, 0.0, 0.0, 2.0]]


def test_memory_is_kept_unless_the_environment_says_how(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MALLOC_ARENA_MAX", "2")
    assert memory.keep_memory.__wrapped__() is False


@pytest.mark.parametrize("transposed", [False, True])
def test_small_products_need_no_library(transposed: bool) -> None:
    x, w = tensor.matrix("x"), shared(numbers(10, 10).numpy(), "w")
    f = function([x], torch.tanh(x @ (w.T if transposed else w)), execution="compiled")
    value = numbers(7, 10, seed=1)
    expected = torch.tanh(value @ (w.tensor.T if transposed else w.tensor))
    torch.testing.assert_close(f(value), expected)
    assert "aten.mm.default" not in called(f)


@pytest.mark.parametrize("dtype", [torch.int32, torch.uint8])
def test_products_of_integers_keep_their_dtype(dtype: torch.dtype) -> None:
    x, y = tensor.variable("x", (None, 4), dtype), tensor.variable("y", (4, 3), dtype)
    f = function([x, y], x @ y, execution="compiled")
    left, right = torch.full((2, 4), 7, dtype=dtype), torch.full((4, 3), 9, dtype=dtype)
    torch.testing.assert_close(f(left, right), left @ right)


@pytest.mark.parametrize("dtype", [torch.bool, torch.uint8])
def test_values_without_negatives_are_added_to_a_product(dtype: torch.dtype) -> None:
    x, added = tensor.matrix("x"), tensor.variable("added", (None, 300), dtype)
    w = shared(numbers(300, 300).numpy(), "w")
    f = function([x, added], torch.relu(x @ w + added), execution="compiled")
    value, ones = numbers(6, 300, seed=1), torch.ones(6, 300, dtype=dtype)
    torch.testing.assert_close(f(value, ones), torch.relu(value @ w.tensor + 1))
    assert f.execution.tier.name == "compiled"


def test_a_size_is_added_to_a_product() -> None:
    x, w = tensor.matrix("x"), shared(numbers(300, 300).numpy(), "w")
    f = function([x], torch.relu(x @ w + x.shape[0]), execution="compiled")
    value = numbers(6, 300, seed=1)
    torch.testing.assert_close(f(value), torch.relu(value @ w.tensor + 6))
    assert f.execution.tier.name == "compiled"


def test_a_product_of_unknown_size_is_compiled() -> None:
    x, w = tensor.matrix("x"), shared(numbers(6, 3).numpy(), "w")
    f = function([x], x[x[:, 0] > 0] @ w, execution="compiled")
    for value in (numbers(5, 6), -numbers(5, 6).abs()):
        torch.testing.assert_close(f(value), value[value[:, 0] > 0] @ w.tensor)
    assert f.execution.tier.name == "compiled"


@pytest.mark.parametrize("half", [False, True])
def test_descent_by_another_shape_or_dtype_is_left_to_inductor(half: bool) -> None:
    x, rate = tensor.matrix("x"), shared(RATE, "rate")
    factor = x.to(torch.bfloat16) if half else x
    w = shared(numbers(*([] if half else [4]), 128, 128).numpy(), "w")
    f = function([x], [], updates=[(w, w - (factor.T @ factor) * rate)], execution="compiled")
    value, old = torch.ones(4, 128), w.get_value()
    f(value)
    numpy.testing.assert_allclose(w.get_value(), old - RATE * 4, rtol=1e-2, atol=1e-2)
