"""Mixed precision, and modes that need a GPU."""

import numpy
import pytest
import torch

from tests.tensor.test_execution import batch, descent
from workbench import shared, tensor
from workbench.algorithms import GradientDescent, Scale
from workbench.config import config
from workbench.errors import NotFiniteError
from workbench.tensor.execution.captured import Captured, Replay
from workbench.tensor.transfer import Arrivals, Arriving, upload

without = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


def gpu(test):
    """Mark a test that needs a GPU."""
    return pytest.mark.gpu(without(test))


@pytest.mark.parametrize("execution", ["eager", "compiled"])
def test_bf16_rounds_products_and_keeps_parameters_in_float32(execution):
    with config.override(precision="bf16"):
        rounded, parameters = descent(execution)
    exact, expected = descent("eager")
    (cost, _), (true, _) = rounded(*batch(20)), exact(*batch(20))
    assert cost.dtype is torch.float32 and cost != true
    torch.testing.assert_close(cost, true, rtol=2e-2, atol=2e-2)
    for ours, theirs in zip(parameters, expected, strict=True):
        assert ours.tensor.dtype is torch.float32
        numpy.testing.assert_allclose(ours.get_value(), theirs.get_value(), rtol=0.05, atol=0.02)


def test_tf32_is_float32_where_there_is_no_gpu():
    with config.override(precision="tf32", device="cpu"):
        f, _ = descent("eager")
    with config.override(device="cpu"):
        g, _ = descent("eager")
    assert torch.equal(f(*batch(8))[0], g(*batch(8))[0])


def test_a_value_that_is_on_the_cpu_has_arrived():
    value = Arriving(torch.tensor(3.0))
    assert value.arrived and value.get() == 3.0


def test_values_are_received_in_order_and_few_may_stay_on_their_way(monkeypatch):
    monkeypatch.setattr(Arriving, "arrived", property(lambda self: bool(self._value < 2)))
    coming = Arrivals()
    for number in range(6):
        coming.send(number, [torch.tensor(number)])
    assert list(coming.received()) == [(0, [0]), (1, [1])]
    assert list(coming.received(most=3)) == [(2, [2])] and len(coming) == 3
    assert [key for key, _ in coming.received(wait=True)] == [3, 4, 5] and not coming


@gpu
def test_a_batch_is_uploaded_and_a_value_arrives():
    value = upload(torch.arange(5.0), torch.device("cuda", 0))
    coming = Arriving(value * 2)
    assert coming.get().tolist() == [0.0, 2.0, 4.0, 6.0, 8.0] and coming.arrived


@gpu
def test_captured_steps_agree_with_eager_ones():
    with config.override(device="cuda"):
        (f, ours), (g, theirs) = descent("compiled"), descent("eager")
        for seed, n in enumerate([8, 8, 8, 8, 8, 3, 8, 3]):
            values = [f(*batch(n, seed))[0], g(*batch(n, seed))[0]]
            torch.testing.assert_close(*values, rtol=1e-4, atol=1e-5)
        for a, b in zip(ours, theirs, strict=True):
            numpy.testing.assert_allclose(a.get_value(), b.get_value(), rtol=1e-4, atol=1e-5)
        runner = f.execution.tier.find(f.execution.task.sizes([torch.zeros(8, 5), torch.zeros(8)]))
        assert isinstance(f.execution.tier, Captured)
        assert isinstance(runner._run, Replay) and runner._run.graph is not None


@gpu
@pytest.mark.parametrize("precision", ["tf32", "bf16"])
@pytest.mark.parametrize("execution", ["eager", "compiled"])
def test_reduced_precision_on_a_gpu_is_near_float32(precision, execution):
    with config.override(device="cuda", precision=precision):
        f, _ = descent(execution)
    with config.override(device="cuda"):
        g, _ = descent("eager")
    torch.testing.assert_close(f(*batch(64))[0], g(*batch(64))[0], rtol=2e-2, atol=2e-2)


@gpu
@pytest.mark.parametrize("execution", ["eager", "compiled"])
def test_a_cost_that_is_not_finite_changes_nothing_and_is_reported_later(execution):
    with config.override(device="cuda"):
        x, w = tensor.vector("x"), shared([1.0, 2.0], "w")
        algorithm = GradientDescent(
            cost=(w * x).sum(), parameters=[w], step_rule=Scale(0.5),
            function_kwargs={"execution": execution},
        )  # fmt: skip
        with pytest.raises(NotFiniteError, match="in batch 2 of this run"):
            algorithm.process_batch({"x": numpy.ones(2, "float32")})
            algorithm.process_batch({"x": numpy.full(2, numpy.nan, "float32")})
            algorithm.settle()
        assert w.get_value().tolist() == [0.5, 1.5]
