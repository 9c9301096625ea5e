"""Residual connections."""

import pytest
import torch

from workbench import tensor
from workbench.bricks import (
    MLP,
    Brick,
    FeedforwardSequence,
    Linear,
    Rectifier,
    Residual,
    Softmax,
    Tanh,
    application,
)
from workbench.bricks.conv import Convolutional, ConvolutionalSequence, MaxPooling
from workbench.graph import ComputationGraph
from workbench.initialization import Constant, IsotropicGaussian

SCHEMES = {"weights_init": IsotropicGaussian(), "biases_init": Constant(0.5)}


@pytest.fixture
def x():
    return torch.randn(3, 4, generator=torch.Generator().manual_seed(1))


def test_the_inner_brick_is_added(x):
    residual = Residual(MLP([Tanh()], [4, 4]), **SCHEMES)
    residual.initialize()
    torch.testing.assert_close(residual.apply(x), x + residual.children[0].apply(x))


def test_a_shortcut_takes_the_place_of_the_input(x):
    residual = Residual(Linear(4, 2, name="inner"), Linear(4, 2, name="shortcut"), **SCHEMES)
    residual.initialize()
    inner, shortcut = residual.children
    torch.testing.assert_close(residual.apply(x), inner.apply(x) + shortcut.apply(x))
    assert residual.get_dims(["input_", "output"]) == [4, 2]


def test_any_application_can_be_inside(x):
    softmax = Softmax()
    residual = Residual(softmax.log_probabilities)
    torch.testing.assert_close(residual.apply(x), x + torch.log_softmax(x, -1))


def test_in_a_sequence_it_passes_dimensions_on():
    sequence = FeedforwardSequence([Residual(Linear()), Rectifier(), Residual(Linear(4, 4))])
    sequence.input_dim = sequence.children[0].output_dim = 4
    assert (sequence.input_dim, sequence.output_dim) == (4, 4)
    assert sequence.apply(tensor.matrix("x")).shape[1] == 4
    assert len(ComputationGraph(sequence.apply(tensor.matrix("x"))).parameters) == 4


def test_layers_on_images():
    inner = ConvolutionalSequence([Convolutional((3, 3), 6, step=(2, 2)), Rectifier()])
    inner.border_mode = "half"
    block = Residual(inner, Convolutional((1, 1), 6, step=(2, 2)), name="block")
    network = ConvolutionalSequence([block, MaxPooling((2, 2))], 3, (9, 9), **SCHEMES)
    assert network.get_dim("output") == (6, 2, 2)
    network.initialize()
    assert network.apply(torch.zeros(1, 3, 9, 9)).shape == (1, 6, 2, 2)
    assert (block.num_channels, block.image_size, block.num_output_channels) == (3, (9, 9), 6)


class Half(Brick):
    @application(inputs=["x"])
    def apply(self, x):
        return x[:, :2]


def test_shapes_that_differ_are_refused():
    with pytest.raises(
        ValueError, match=r"it\.apply: the output of inner has shape \(\?, 5\), but input_ has"
    ):
        Residual(Linear(4, 5, name="inner"), name="it").apply(tensor.matrix("x"))
    both = Residual(Linear(4, 5, name="inner"), Linear(4, 3), name="it")
    with pytest.raises(ValueError, match=r"but the output of the shortcut has shape \(\?, 3\)"):
        both.apply(tensor.matrix("x"))
    with pytest.raises(ValueError, match="the output of half has shape"):
        Residual(Half(name="half")).apply(tensor.variable("x", (None, 4), torch.float32))


def test_what_takes_no_dimensions_says_so():
    residual = Residual(Tanh(), name="it")
    with pytest.raises(ValueError, match="it: <Tanh tanh> is not an instance of Feedforward"):
        residual.input_dim = 3
    with pytest.raises(ValueError, match="it: <Tanh tanh> is not an instance of ImageLayer"):
        residual.num_channels = 3
