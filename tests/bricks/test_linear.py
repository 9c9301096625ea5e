"""Simple bricks against torch, in values and gradients."""

import numpy
import pytest
import torch
from numpy.testing import assert_allclose
from torch.nn import functional as F

from workbench import function, grad, tensor
from workbench.bricks import (
    GELU,
    Activation,
    Bias,
    Identity,
    LeakyRectifier,
    Linear,
    LinearMaxout,
    Logistic,
    Maxout,
    NDimensionalSoftmax,
    Rectifier,
    SiLU,
    Softmax,
    Softplus,
    Swish,
    Tanh,
)
from workbench.config import config
from workbench.graph import ComputationGraph
from workbench.initialization import Constant, Glorot, IsotropicGaussian, Uniform

ACTIVATIONS = {
    Identity: lambda x: x * 1,
    Tanh: torch.tanh,
    Logistic: torch.sigmoid,
    Softplus: F.softplus,
    Rectifier: torch.relu,
    LeakyRectifier: lambda x: F.leaky_relu(x, 0.01),
    GELU: F.gelu,
    SiLU: F.silu,
    Swish: F.silu,
}


@pytest.fixture
def data():
    return numpy.random.default_rng(3).normal(size=(5, 6)).astype("float32")


def test_every_activation_is_tested():
    assert set(ACTIVATIONS) == {
        cls
        for cls in Activation.__subclasses__()
        if cls.__module__ == "workbench.bricks.activations"
    }


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("shape", [(), (30,), (5, 6), (5, 3, 2)])
def test_activations_and_their_gradients_agree_with_torch(activation, shape, data):
    values = torch.tensor(data.ravel()[: int(numpy.prod(shape))].reshape(shape), requires_grad=True)
    x = tensor.variable("x", shape=[None] * len(shape))
    y = activation().apply(x)
    result, gradient = function([x], [y, grad(y.sum(), x)])(values)
    expected = ACTIVATIONS[activation](values)
    expected.sum().backward()
    assert_allclose(result, expected.detach(), rtol=1e-5)
    assert_allclose(gradient, values.grad, rtol=1e-5)


def test_gelu_may_be_approximated(data):
    expected = F.gelu(torch.tensor(data), approximate="tanh")
    assert_allclose(GELU(approximate=True).apply(data), expected, rtol=1e-5)
    assert repr(GELU(approximate=True)) == "<GELU gelu: approximate>"


@pytest.mark.parametrize("beta", [0, 0.5, numpy.float64(2), -1.5])
def test_swish_has_a_steepness(data, beta):
    x = torch.tensor(data)
    assert_allclose(Swish(beta).apply(x), x * torch.sigmoid(float(beta) * x), rtol=1e-5)
    assert repr(Swish(beta)) == f"<Swish swish: beta {beta}>"


@pytest.mark.parametrize("use_bias", [True, False])
@pytest.mark.parametrize("shape", [(6,), (5, 6), (2, 5, 6)])
def test_linear_agrees_with_torch(use_bias, shape):
    linear = Linear(
        6, 4, use_bias=use_bias, weights_init=Uniform(width=1), biases_init=Uniform(width=1)
    )
    linear.initialize()
    x = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    b = torch.tensor(linear.b.get_value()) if use_bias else None
    expected = F.linear(x, torch.tensor(linear.W.get_value().T), b)
    assert_allclose(linear.apply(x), expected, rtol=1e-4, atol=1e-6)
    assert len(linear.parameters) == 1 + use_bias


def test_linear_without_bias_has_no_b():
    linear = Linear(2, 3, use_bias=False)
    linear.allocate()
    with pytest.raises(AttributeError, match="linear has no biases b: use_bias is False"):
        linear.b


def test_norms_of_parameters_are_auxiliary_variables():
    linear = Linear(2, 3, weights_init=Constant(2), biases_init=Constant(-1))
    linear.initialize()
    norms = {v.name: v.eval() for v in linear.auxiliary_variables}
    assert norms == {"W_norm": pytest.approx(24**0.5), "b_norm": pytest.approx(3**0.5)}


def test_linear_teaches_about_wrong_inputs():
    linear = Linear(784, 10, name="first")
    wrong = r"^first\.apply: input_ has shape \(\?, 50\), but input_dim is 784.*set input_dim=50"
    with pytest.raises(ValueError, match=wrong):
        linear.apply(tensor.variable("x", shape=(None, 50)))
    with pytest.raises(ValueError, match=r"input_ has shape \(\)"):
        linear.apply(tensor.scalar("x"))
    with pytest.raises(
        TypeError, match=r"input_ has dtype int64, but must have a float .* input_\.float\(\)"
    ):
        linear.apply(tensor.lmatrix("x"))


def test_an_unknown_width_is_learned():
    x = tensor.matrix("x")
    Linear(784, 10).apply(x)
    assert x.shape[1] == 784


@pytest.mark.parametrize("scheme", ["weights_init", "biases_init"])
def test_a_setting_that_is_no_scheme_is_named(scheme):
    schemes = {"weights_init": Constant(0), "biases_init": Constant(0)} | {scheme: 0.1}
    with pytest.raises(ValueError, match=rf"but is 0\.1; .* as in {scheme}=IsotropicGaussian"):
        Linear(2, 3, **schemes).initialize()


def test_without_schemes_weights_are_drawn_by_glorot_and_biases_are_zero():
    default, explicit = (
        Linear(2, 3, seed=1, **schemes)
        for schemes in ({}, {"weights_init": Glorot(), "biases_init": Constant(0)})
    )
    for linear in (default, explicit):
        linear.initialize()
    for one, other in zip(default.parameters, explicit.parameters, strict=True):
        assert (one.get_value() == other.get_value()).all()


def test_bricks_follow_floatx():
    with config.override(floatx="float64"):
        linear = Linear(2, 3, weights_init=IsotropicGaussian(), biases_init=Constant(0))
        linear.initialize()
        y = linear.apply(tensor.matrix("x"))
    assert linear.W.dtype is y.dtype is torch.float64


def test_bias_adds_to_the_last_dimension():
    bias = Bias(3, biases_init=Constant([1, 2, 3]))
    bias.initialize()
    assert_allclose(bias.apply(torch.zeros(2, 3)), [[1, 2, 3]] * 2)
    bias.input_dim = 5
    assert (bias.dim, bias.output_dim) == (5, 5)
    bias.output_dim = 4
    assert bias.get_dims(["input_", "output"]) == [4, 4]


@pytest.mark.parametrize("pieces", [1, 2, 3])
def test_maxout_takes_the_largest_of_neighbours(pieces, data):
    expected = data.reshape(5, 6 // pieces, pieces).max(-1)
    assert_allclose(Maxout(pieces).apply(data), expected)


def test_maxout_refuses_a_size_that_does_not_divide():
    x = tensor.variable("x", shape=(None, 5))
    with pytest.raises(
        ValueError, match=r"maxout\.apply: input_ has shape \(\?, 5\); .*num_pieces=2"
    ):
        Maxout(2).apply(x)


def test_linear_maxout_is_linear_then_maxout(data):
    brick = LinearMaxout(6, 4, 3, weights_init=IsotropicGaussian(), biases_init=IsotropicGaussian())
    brick.initialize()
    W, b = (p.get_value() for p in brick.linear.parameters)
    expected = (data @ W + b).reshape(5, 4, 3).max(-1)
    assert_allclose(brick.apply(data), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("scale", [1, 1000])
def test_softmax_agrees_with_torch(scale, data):
    x = torch.tensor(data) * scale
    assert_allclose(Softmax().apply(x), torch.softmax(x, -1), rtol=1e-5)
    assert_allclose(Softmax().log_probabilities(x), torch.log_softmax(x, -1), rtol=1e-5)


@pytest.mark.parametrize("integers", [True, False])
@pytest.mark.parametrize("scale", [1, 1000])
def test_cross_entropy_of_logits_agrees_with_torch(integers, scale, data):
    x = torch.tensor(data) * scale
    y = (
        torch.tensor([0, 5, 2, 1, 1])
        if integers
        else torch.softmax(torch.tensor(data[::-1].copy()), -1)
    )
    expected = F.cross_entropy(x, y, reduction="none")
    assert_allclose(Softmax().categorical_cross_entropy(y, x), expected, rtol=1e-5)


def test_cross_entropy_keeps_its_log_probabilities():
    cost = Softmax().categorical_cross_entropy(tensor.lvector("y"), tensor.matrix("x"))
    [kept] = ComputationGraph(cost).auxiliary_variables
    assert kept.name == "softmax_categorical_cross_entropy_log_probabilities"


def test_softmax_sends_more_dimensions_elsewhere():
    with pytest.raises(ValueError, match=r"NDimensionalSoftmax with extra_ndim=1"):
        Softmax().apply(tensor.tensor3("x"))


@pytest.mark.parametrize("extra_ndim", [0, 1, 2])
def test_softmax_over_more_dimensions(extra_ndim):
    x = torch.randn((2, 3, 4, 5)[2 - extra_ndim :], generator=torch.Generator().manual_seed(1))
    y = torch.zeros(x.shape[:-1], dtype=torch.int64)
    softmax = NDimensionalSoftmax()
    assert_allclose(softmax.apply(x, extra_ndim=extra_ndim), torch.softmax(x, -1), rtol=1e-5)
    costs = softmax.categorical_cross_entropy(y, x, extra_ndim=extra_ndim)
    assert_allclose(costs, -torch.log_softmax(x, -1)[..., 0], rtol=1e-5)
