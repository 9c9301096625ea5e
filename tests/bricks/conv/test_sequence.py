"""Sequences of bricks on images."""

import pytest
import torch
from torch.nn import functional as F

from workbench import tensor
from workbench.bricks import MLP, Identity, Linear, Rectifier, Sequence, Tanh
from workbench.bricks.conv import (
    AveragePooling,
    Convolutional,
    ConvolutionalSequence,
    ConvolutionalTranspose,
    Flattener,
    MaxPooling,
)
from workbench.graph import ComputationGraph
from workbench.initialization import Constant, IsotropicGaussian

SCHEMES = {"weights_init": IsotropicGaussian(0.3), "biases_init": Constant(0.1)}


def layers():
    return [
        Convolutional((5, 3), 4, name="conv_0"),
        Rectifier(),
        MaxPooling((2, 2), name="pool_0"),
        Convolutional((3, 3), 6, step=(1, 2), name="conv_1"),
        Tanh().apply,
        AveragePooling((2, 2), name="pool_1"),
    ]


def test_it_computes_what_torch_computes():
    sequence = ConvolutionalSequence(layers(), 1, (20, 22), **SCHEMES)
    sequence.initialize()
    (W0, b0), (W1, b1) = (
        [torch.tensor(p.get_value()) for p in sequence.children[i].parameters] for i in (0, 3)
    )
    x = torch.randn(2, 1, 20, 22)
    h = F.max_pool2d(F.conv2d(x, W0.flip(2, 3), b0).relu(), 2)
    expected = F.avg_pool2d(F.conv2d(h, W1.flip(2, 3), b1, stride=(1, 2)).tanh(), 2)
    output = sequence.apply(x)
    torch.testing.assert_close(output, expected)
    assert sequence.get_dim("output") == tuple(output.shape[1:]) == (6, 3, 2)


def test_shapes_go_from_layer_to_layer():
    sequence = ConvolutionalSequence(layers(), num_channels=1, image_size=(20, 22))
    sequence.push_allocation_config()
    conv_0, _, pool_0, conv_1, _, pool_1 = sequence.layers
    assert (conv_0.num_channels, conv_0.image_size) == (1, (20, 22))
    assert (pool_0.input_dim, conv_1.num_channels) == ((4, 16, 20), 4)
    assert (conv_1.image_size, pool_1.input_dim) == ((8, 10), (6, 6, 4))
    assert sequence.input_dim == sequence.get_dim("input_") == (1, 20, 22)


def test_sizes_that_are_not_known_stay_open():
    sequence = ConvolutionalSequence(layers(), num_channels=1)
    assert sequence.get_dim("output") == (6, None, None)
    assert sequence.apply(tensor.tensor4("x")).shape[1] == 6


def test_settings_are_pushed_only_if_given():
    first, second = Convolutional((3, 3), 2, border_mode="full"), Convolutional((3, 3), 2)
    sequence = ConvolutionalSequence([first, second], 1, (8, 8))
    sequence.push_allocation_config()
    assert (first.border_mode, second.border_mode, second.tied_biases) == ("full", "valid", True)
    sequence.border_mode, sequence.tied_biases, sequence.use_bias = "half", False, True
    assert sequence.get_dim("output") == (2, 8, 8)
    sequence.allocate()
    assert second.b.shape == (2, 8, 8) and first.border_mode == "half"
    sequence.use_bias = False
    sequence.allocate()
    assert len(ComputationGraph(sequence.apply(tensor.tensor4("x"))).parameters) == 2


def test_a_layer_may_be_changed_after_pushing():
    sequence = ConvolutionalSequence([Convolutional((3, 3), 2)], 1, (5, 5), border_mode="half")
    sequence.push_allocation_config()
    sequence.children[0].border_mode = "valid"
    assert sequence.get_dim("output") == (2, 3, 3)
    sequence.image_size = (6, 6)  # the sequence itself changes, and pushes again
    assert sequence.get_dim("output") == (2, 6, 6)


def test_sequences_in_sequences():
    encoder = ConvolutionalSequence(layers()[:3], name="encoder")
    decoder = ConvolutionalTranspose((4, 4), 1, step=(2, 2), name="decoder")
    both = ConvolutionalSequence([encoder, decoder, Identity()], 3, (12, 12), **SCHEMES)
    assert both.get_dim("output") == (1, 10, 12)
    both.initialize()
    assert both.apply(torch.zeros(2, 3, 12, 12)).shape == (2, 1, 10, 12)
    assert both.num_output_channels == 1


def test_a_sequence_of_activations_keeps_the_shape():
    sequence = ConvolutionalSequence([Tanh(), Rectifier()], num_channels=2, image_size=(3, 4))
    assert sequence.get_dim("output") == (2, 3, 4)


def test_into_a_perceptron():
    sequence = ConvolutionalSequence(layers(), 1, (20, 22))
    mlp = MLP([Tanh(), None], [6 * 3 * 2, 10, 3])
    network = Sequence([sequence, Flattener(), mlp])
    output = network.apply(tensor.tensor4("x"))
    assert (output.ndim, output.shape[1]) == (2, 3)
    assert mlp.children[0].W.shape == (36, 10)


@pytest.mark.parametrize("brick", [Linear(3, 4), Flattener(), Sequence([Tanh()])])
def test_what_is_no_layer_on_images_is_refused(brick):
    with pytest.raises(ValueError, match=rf"it: {brick!r} is neither an ImageLayer.*Flattener"):
        ConvolutionalSequence([Tanh(), brick], num_channels=1, name="it")


def test_missing_settings_are_named_with_the_path():
    sequence = ConvolutionalSequence([Convolutional(num_filters=3, name="first")], name="it")
    with pytest.raises(ValueError, match="^it: allocation requires num_channels"):
        sequence.allocate()
    sequence.num_channels = 1
    with pytest.raises(ValueError, match="^it/first: allocation requires filter_size"):
        sequence.get_dim("output")
    assert repr(sequence) == "<ConvolutionalSequence it: (1, ?, ?) -> (3, ?, ?)>"


@pytest.mark.parametrize(("given", "pushed"), [(None, "valid"), ("half", "half")])
def test_settings_are_pushed_before_sizes_are_known(given, pushed):
    inner = Convolutional()
    layers = [Convolutional(), Tanh(), MaxPooling((2, 2)), ConvolutionalSequence([inner])]
    sequence = ConvolutionalSequence(layers, border_mode=given)
    sequence.push_allocation_config()
    assert [layers[0].border_mode, inner.border_mode] == [pushed, pushed]
    assert not sequence.allocation_config_pushed
    sequence.num_channels, sequence.image_size = 3, (8, 8)
    for layer, number in ((layers[0], 4), (inner, 5)):
        layer.filter_size, layer.num_filters = (3, 3), number
    sequence.allocate()
    assert [layers[0].W.shape[:2], inner.W.shape[:2]] == [(4, 3), (5, 4)]
    assert sequence.get_dim("output") == ((5, 4, 4) if given else (5, 1, 1))


@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 4), (2, 3, 4, 5)])
def test_flattening_keeps_the_batch(shape):
    x = torch.randn(shape)
    assert torch.equal(Flattener().apply(x), x.reshape(2, -1))
