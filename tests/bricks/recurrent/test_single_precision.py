"""Recurrent bricks in float32: their gradients are those of float64, but for rounding."""

import numpy
import pytest

from workbench import function, grad, tensor
from workbench.bricks import Tanh
from workbench.bricks.recurrent import (
    LSTM,
    Bidirectional,
    GatedRecurrent,
    RecurrentStack,
    SimpleRecurrent,
)
from workbench.config import config
from workbench.initialization import IsotropicGaussian

T, B, D = 40, 3, 4

BRICKS = {
    "simple": lambda: SimpleRecurrent(D, Tanh()),
    "lstm": lambda: LSTM(D),
    "gated": lambda: GatedRecurrent(D),
    "bidirectional": lambda: Bidirectional(LSTM(D)),
    "stack": lambda: RecurrentStack([SimpleRecurrent(D, Tanh()), SimpleRecurrent(D, Tanh())]),
}


def gradients(kind, floatx):
    """Return the gradients of a weighted sum of all outputs, by inputs and parameters."""
    rng = numpy.random.default_rng(3)
    with config.override(floatx=floatx):
        brick = BRICKS[kind]()
        brick.weights_init = IsotropicGaussian(0.5)
        brick.biases_init = IsotropicGaussian(0.1)
        names = [name for name in brick.apply.sequences if name != "mask"]
        inputs = {name: tensor.tensor3(name) for name in names}
        mask = tensor.matrix("mask")
        outputs = brick.apply(**inputs, mask=mask, as_list=True)
        brick.initialize()
        weights = [rng.normal(size=(T, B, 1)).astype(floatx) for _ in outputs]
        cost = sum((o * w).sum() for o, w in zip(outputs, weights, strict=True))
        parameters = all_parameters(brick)
        for parameter in parameters:
            parameter.set_value(0.5 * rng.normal(size=parameter.get_value().shape))
        values = [rng.normal(size=(T, B, brick.get_dim(name))).astype(floatx) for name in names]
        mask_value = (rng.uniform(size=(T, B)) < 0.8).astype(floatx)
        run = function([*inputs.values(), mask], grad(cost, [*inputs.values(), *parameters]))
        return run(*values, mask_value)


def all_parameters(brick):
    return [*brick.parameters, *(p for child in brick.children for p in all_parameters(child))]


@pytest.mark.parametrize("kind", BRICKS)
def test_gradients_in_float32_are_those_in_float64(kind):
    single, double = gradients(kind, "float32"), gradients(kind, "float64")
    assert len(single) == len(double) > 2
    for a, b in zip(single, double, strict=True):
        assert str(a.dtype) == "torch.float32" and bool(a.isfinite().all())
        scale = float(b.abs().max())
        numpy.testing.assert_allclose(a.double() / scale, b / scale, atol=2e-5)
