"""Normalisation over features against torch, in values and gradients."""

import pytest
import torch
from numpy.testing import assert_allclose
from torch.nn import functional as F

from tests.support.gradients import check_gradients
from workbench import function, grad, tensor
from workbench.bricks import MLP, LayerNormalization, RMSNormalization, Tanh
from workbench.config import config
from workbench.graph import ComputationGraph
from workbench.initialization import Constant, IsotropicGaussian, Uniform
from workbench.roles import BIAS, WEIGHT

ORACLES = {
    LayerNormalization: lambda x, *own: F.layer_norm(x, (4,), *own, eps=1e-3),
    RMSNormalization: lambda x, *own: F.rms_norm(x, (4,), *own, eps=1e-3),
}
kinds = pytest.mark.parametrize("kind", ORACLES)


def made(kind, **kwargs):
    schemes = {"scale_init": Uniform(1, 1), "seed": 2}
    if kind is LayerNormalization:
        schemes["shift_init"] = IsotropicGaussian()
    brick = kind(4, 1e-3, **schemes | kwargs)
    brick.initialize()
    return brick


@kinds
@pytest.mark.parametrize("shape", [(4,), (3, 4), (2, 3, 4)], ids=str)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_values_and_gradients_agree_with_torch(kind, shape, dtype):
    given = torch.randn(shape, dtype=getattr(torch, dtype), requires_grad=True)
    with config.override(floatx=dtype):
        brick, x = made(kind), tensor.variable("x", shape=[None] * len(shape))
        y = brick.apply(x)
    results = function([x], [y, *grad((y**3).sum(), [x, *brick.parameters])])(given.detach())
    own = [torch.tensor(p.get_value(), requires_grad=True) for p in brick.parameters]
    expected = ORACLES[kind](given, *own)
    wanted = torch.autograd.grad((expected**3).sum(), [given, *own])
    for value, other in zip(results, [expected.detach(), *wanted], strict=True):
        assert_allclose(value, other, rtol=1e-4, atol=1e-5)


@kinds
def test_gradients_agree_with_differences(kind):
    check_gradients(lambda x: made(kind).apply(x), torch.randn(3, 4).numpy())


@kinds
def test_parameters_may_be_left_out(kind):
    x = torch.randn(3, 4)
    bare = made(kind, learn_scale=False, **{"learn_shift": False} if "Layer" in str(kind) else {})
    assert bare.parameters == []
    assert_allclose(bare.apply(x), ORACLES[kind](x), rtol=1e-5, atol=1e-6)


def test_only_the_scale_may_be_left_out():
    x, brick = torch.randn(3, 4), made(LayerNormalization, learn_scale=False)
    [shift] = brick.parameters
    assert_allclose(
        brick.apply(x), ORACLES[LayerNormalization](x) + shift.tensor, rtol=1e-5, atol=1e-6
    )


def test_parameters_have_roles_and_schemes_of_their_own():
    normalization = LayerNormalization(4)
    mlp = MLP([normalization, Tanh()], [3, 4, 4], weights_init=Constant(5), biases_init=Constant(5))
    mlp.initialize()
    scale, shift = normalization.parameters
    assert (scale.get_value().tolist(), shift.get_value().tolist()) == ([1] * 4, [0] * 4)
    assert (scale.tag.roles, shift.tag.roles) == ([WEIGHT], [BIAS])
    graph = ComputationGraph(mlp.apply(tensor.matrix("x")))
    assert {"scale_norm", "shift_norm"} <= {v.name for v in graph.auxiliary_variables}


@kinds
def test_inputs_that_do_not_fit_are_refused(kind):
    with pytest.raises(ValueError, match=r"it\.apply: input_ has shape \(\?, 5\), but dim is 4"):
        made(kind, name="it").apply(tensor.variable("x", shape=(None, 5)))
    with pytest.raises(TypeError, match=r"it\.apply: input_ has dtype int64"):
        made(kind, name="it").apply(tensor.lmatrix("x"))
