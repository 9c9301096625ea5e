"""Horizontal fusion: one call for the same operation on many parameters."""

import numpy
import pytest
import torch

from workbench import grad, shared, tensor
from workbench.algorithms import Adam, GradientDescent, Momentum, RMSProp, Scale
from workbench.tensor import lowering

RULES = [Scale(0.1), Momentum(0.1, 0.9), Adam(0.01), RMSProp(0.01)]


def algorithm(make):
    generator = numpy.random.default_rng(1)
    x = tensor.matrix("x")
    shapes = [(4, 3), (3,), (3, 2), (2,)]
    w, b, v, c = parameters = [
        shared(generator.normal(size=shape).astype("float32"), f"p{i}")
        for i, shape in enumerate(shapes)
    ]
    cost = ((torch.tanh(x @ w + b) @ v + c) ** 2).mean()
    descent = GradientDescent(
        cost=cost, parameters=parameters, step_rule=make(),
        function_kwargs={"execution": "eager"},
    )  # fmt: skip
    descent.initialize()
    return descent


def targets(descent):
    return [str(node.target) for node in descent.function.program.module.graph.nodes]


@pytest.mark.parametrize("make", [lambda r=r: type(r)() for r in RULES], ids=map(repr, RULES))
def test_parameters_are_the_same_to_the_last_bit(make, monkeypatch):
    wide = algorithm(make)
    monkeypatch.setattr(lowering, "widen", lambda *args: {})
    narrow = algorithm(make)
    assert len(targets(wide)) != len(targets(narrow))
    for seed in range(5):
        batch = {"x": numpy.random.default_rng(seed).normal(size=(6, 4)).astype("float32")}
        wide.process_batch(batch)
        narrow.process_batch(batch)
    for one, other in zip(wide.parameters, narrow.parameters, strict=True):
        numpy.testing.assert_array_equal(one.get_value(), other.get_value())


def test_one_call_serves_all_parameters():
    called = targets(algorithm(lambda: Scale(0.1)))
    assert sum("_foreach_mul" in name for name in called) == 1
    assert sum("_foreach_sub" in name for name in called) == 1


def test_tensors_of_other_dtypes_are_left_alone():
    w, v = shared([1.0], "w"), shared([1.0], "v", dtype=torch.float64)
    x = tensor.vector("x")
    cost = (w * x).sum() + (v * x).sum().float()
    gradients = dict(zip([w, v], grad(cost, [w, v]), strict=True))
    descent = GradientDescent(gradients=gradients, step_rule=Scale(0.5))
    descent.process_batch({"x": numpy.ones(1, "float32")})
    assert (w.get_value(), v.get_value()) == (0.5, 0.5)
    assert not any("_foreach" in name for name in targets(descent))


def test_an_error_in_a_joined_call_names_the_operation():
    w, v, x = shared([1.0, 2.0], "w"), shared([1.0, 2.0], "v"), tensor.vector("x")
    descent = GradientDescent(gradients={w: x, v: x}, step_rule=Scale(0.5))
    with pytest.raises((RuntimeError, ValueError)) as caught:
        descent.process_batch({"x": numpy.ones(3, "float32")})
    assert "x" in str(caught.value) or any("x" in note for note in caught.value.__notes__)
