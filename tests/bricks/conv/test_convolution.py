"""Convolutions against scipy, in values, and against torch in gradients."""

import itertools

import numpy
import pytest
import torch
from numpy.testing import assert_allclose
from scipy.signal import convolve2d
from torch.nn import functional as F

from tests.support.gradients import check_gradients
from workbench import function, grad, tensor
from workbench.bricks.conv import Convolutional, ConvolutionalSequence, ConvolutionalTranspose
from workbench.config import config
from workbench.errors import BrickError, ShapeError
from workbench.filter import VariableFilter
from workbench.graph import ComputationGraph
from workbench.initialization import Constant, IsotropicGaussian
from workbench.roles import BIAS, FILTER

SCHEMES = {"weights_init": IsotropicGaussian(), "biases_init": IsotropicGaussian(), "seed": 5}
MODES = ["valid", "full", "half", 0, 2, (1, 0)]


@pytest.fixture
def images():
    return numpy.random.default_rng(1).normal(size=(2, 3, 8, 7)).astype("float32")


def made(*args, kind=Convolutional, **kwargs):
    brick = kind(*args, **SCHEMES | kwargs)
    brick.initialize()
    return brick


def slow(images, W, border_mode, step):
    """Convolve by scipy, plane by plane, with a border made by hand."""
    if border_mode == "half":
        border_mode = W.shape[2] // 2, W.shape[3] // 2
    if not isinstance(border_mode, str):
        height, width = border_mode if isinstance(border_mode, tuple) else (border_mode,) * 2
        images = numpy.pad(images, [(0, 0), (0, 0), (height, height), (width, width)])
        border_mode = "valid"
    planes = [
        [
            sum(convolve2d(x, w, border_mode) for x, w in zip(image, filters, strict=True))
            for filters in W
        ]
        for image in images
    ]
    return numpy.array(planes)[:, :, :: step[0], :: step[1]]


@pytest.mark.parametrize("border_mode", MODES, ids=str)
@pytest.mark.parametrize(
    ("filter_size", "step"),
    [((3, 3), (1, 1)), ((2, 4), (1, 1)), ((1, 5), (2, 1)), ((4, 3), (3, 2))],
    ids=str,
)
def test_convolution_agrees_with_scipy(border_mode, filter_size, step, images):
    brick = made(filter_size, 4, 3, (8, 7), step, border_mode)
    expected = slow(images, brick.W.get_value(), border_mode, step)
    output = brick.apply(images)
    biases = brick.b.get_value().reshape(4, 1, 1)
    assert_allclose(output, expected + biases, rtol=1e-4, atol=1e-5)
    assert brick.get_dim("output") == tuple(output.shape[1:])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("tied", [True, False])
def test_gradients_agree_with_torch(dtype, tied, images):
    images = torch.tensor(images.astype(dtype), requires_grad=True)
    with config.override(floatx=dtype):
        brick = made((3, 2), 4, 3, (8, 7), (2, 1), "half", tied)
        x = tensor.tensor4("x")
        cost = (brick.apply(x) ** 2).sum()
    gradients = function([x], grad(cost, [x, brick.W, brick.b]))(images.detach())
    W, b = (torch.tensor(p.get_value(), requires_grad=True) for p in brick.parameters)
    expected = F.conv2d(images, W.flip(2, 3), stride=(2, 1), padding=(1, 1))
    ((expected + (b[:, None, None] if tied else b)) ** 2).sum().backward()
    for gradient, leaf in zip(gradients, [images, W, b], strict=True):
        assert gradient.dtype is leaf.dtype is getattr(torch, dtype)
        assert_allclose(gradient, leaf.grad, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", [Convolutional, ConvolutionalTranspose])
@pytest.mark.parametrize("border_mode", ["valid", "full", 1], ids=str)
def test_gradients_agree_with_differences(kind, border_mode, images):
    def apply(x):
        return made((2, 3), 2, 3, step=(2, 1), border_mode=border_mode, kind=kind).apply(x)

    check_gradients(apply, images)


def test_biases_of_each_place():
    brick = made((2, 2), 3, 1, (4, 4), tied_biases=False, weights_init=Constant(0))
    assert brick.b.shape == (3, 3, 3)
    assert_allclose(brick.apply(torch.zeros(2, 1, 4, 4)), [brick.b.get_value()] * 2)


def test_without_biases():
    brick = Convolutional((2, 2), 3, 1, use_bias=False, weights_init=Constant(1))
    brick.initialize()
    assert_allclose(brick.apply(torch.ones(1, 1, 2, 2)), numpy.full((1, 3, 1, 1), 4.0))
    assert len(brick.parameters) == 1


@pytest.mark.parametrize("kind", [Convolutional, ConvolutionalTranspose])
def test_parameters_have_roles_and_norms(kind):
    brick = kind((2, 2), 3, 1)
    graph = ComputationGraph(brick.apply(tensor.tensor4("x")))
    assert VariableFilter(roles=[FILTER])(graph.variables) == [brick.W]
    assert VariableFilter(roles=[BIAS])(graph.variables) == [brick.b]
    assert {v.name for v in graph.auxiliary_variables} == {"W_norm", "b_norm"}


def test_sizes_may_be_integers_of_numpy():
    two, size = numpy.int64(2), tuple(numpy.array([4, 5]))
    brick = made((two, 3), two, numpy.int32(1), size, (two, 1), two)
    assert brick.get_dim("output") == (2, 4, 7)
    assert brick.apply(torch.zeros(1, 1, 4, 5)).shape == (1, 2, 4, 7)


def test_sizes_that_are_not_known_stay_open():
    brick = Convolutional((3, 3), 4, 1)
    assert brick.get_dims(["input_", "output"]) == [(1, None, None), (4, None, None)]
    brick.image_size = (None, 28)
    assert brick.get_dim("output") == (4, None, 26)
    assert repr(brick) == "<Convolutional convolutional: (1, ?, 28) -> (4, ?, 26)>"


def test_an_unknown_number_of_channels_is_learned():
    x = tensor.tensor4("x")
    assert Convolutional((3, 3), 4, 2).apply(x).shape[1] == 4
    assert x.shape[1] == 2


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"filter_size": 5}, r"it: filter_size is 5, but must be a pair .* such as \(5, 5\)"),
        ({"filter_size": 0}, r"a pair of positive integers, for the height and the width$"),
        ({"filter_size": (0, 2)}, r"filter_size is \(0, 2\).*positive integers"),
        ({"step": (1, 0)}, r"step is \(1, 0\)"),
        ({"border_mode": "vaild"}, r"it: border_mode is 'vaild'.*did you mean 'valid'"),
        ({"border_mode": -1}, r"border_mode is -1"),
        ({"border_mode": (1, -1)}, r"border_mode is \(1, -1\)"),
        ({"image_size": 28}, r"it: image_size is 28, but must be a pair"),
        ({"image_size": ("a", 28)}, r"it: image_size is \('a', 28\), but must be a pair"),
        ({"num_filters": 0}, r"it: num_filters is 0, but must be a whole number >= 1"),
        (
            {"num_filters": 2.0},
            r"num_filters is 2\.0, but must be a whole number .*; pass 2 instead",
        ),
        ({"image_size": (2, 9)}, r"filter_size \(3, 3\) do not fit .* image_size \(2, 9\)"),
        ({"tied_biases": False}, r"it: allocation requires image_size, since with tied_biases"),
    ],
    ids=str,
)
def test_settings_that_make_no_sense_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        brick = Convolutional(**{"filter_size": (3, 3), "num_filters": 2} | settings, name="it")
        brick.num_channels = 1
        brick.allocate()
        brick.get_dim("output")
        brick.apply(tensor.tensor4("x"))


@pytest.mark.parametrize(
    ("shape", "dtype", "message"),
    [
        ((None, 28, 28), torch.float32, r"it\.apply: input_ has shape \(\?, 28, 28\).*unsqueeze"),
        (
            (None, 3, 28, 28),
            torch.float32,
            r"have shape \(\?, 1, 28, 28\) because of num_channels",
        ),
        (
            (None, 1, 28, 27),
            torch.float32,
            r"have shape \(\?, 1, 28, 28\) because of image_size",
        ),
        (
            (None, 1, 28, 28),
            torch.uint8,
            r"has dtype uint8, but must .*input_\.float\(\) / 255",
        ),
    ],
)
def test_images_that_do_not_fit_are_refused(shape, dtype, message):
    brick = Convolutional((3, 3), 2, 1, (28, 28), name="it")
    with pytest.raises((ValueError, TypeError), match=message):
        brick.apply(tensor.variable("x", shape=shape, dtype=dtype))


def transposed(brick, original, images):
    """Return torch's gradient of the convolution that `brick` is the transpose of."""
    whole = torch.zeros(images.shape[0], brick.num_filters, *original, requires_grad=True)
    filters = torch.tensor(brick.W.get_value()).transpose(0, 1).flip(2, 3)
    small = F.conv2d(whole, filters, stride=brick.step, padding=brick._border())
    assert small.shape == images.shape
    small.backward(images)
    return whole.grad + torch.tensor(brick.b.get_value()).reshape(-1, 1, 1)


@pytest.mark.parametrize("border_mode", MODES, ids=str)
@pytest.mark.parametrize("edge", [*itertools.product([0, 1], [0, 1, 2])], ids=str)
def test_the_transpose_is_the_gradient_of_the_convolution(border_mode, edge):
    images = torch.randn(2, 3, 5, 4, generator=torch.Generator().manual_seed(1))
    brick = made(
        (4, 5), 2, 3, None, edge, step=(2, 3), border_mode=border_mode,
        image_size=(5, 4), kind=ConvolutionalTranspose,
    )  # fmt: skip
    output = brick.apply(images)
    assert tuple(output.shape[1:]) == brick.get_dim("output") == (2, *brick.original_image_size)
    expected = transposed(brick, brick.original_image_size, images)
    assert_allclose(output, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("original", [*itertools.product([12, 13, 14], [11, 12])], ids=str)
def test_a_given_original_size_is_that_of_the_output(original):
    images = torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(1))
    brick = made((3, 3), 2, 3, original, step=(3, 2), kind=ConvolutionalTranspose)
    assert brick.get_dims(["input_", "output"]) == [(3, 4, 5), (2, *original)]
    expected = transposed(brick, original, images)
    assert_allclose(brick.apply(images), expected, rtol=1e-4, atol=1e-5)


def test_an_edge_as_wide_as_the_step_gets_biases_only():
    brick = made((2, 2), 1, 1, None, (2, 2), step=(2, 2), kind=ConvolutionalTranspose)
    output = brick.apply(torch.ones(1, 1, 3, 3))
    assert output.shape == (1, 1, 8, 8)
    assert_allclose(output[..., 6:], numpy.full((1, 1, 8, 2), brick.b.get_value()[0]))


def test_sizes_of_a_transpose():
    brick = ConvolutionalTranspose((4, 5), 10, 5, step=(3, 2), image_size=(6, 9))
    assert brick.original_image_size == (19, 21)
    brick.unused_edge = (1, 0)
    assert brick.get_dim("output") == (10, 20, 21)
    brick.original_image_size = (21, 22)
    assert brick.get_dim("output") == (10, 21, 22)
    assert ConvolutionalTranspose((4, 5), 10, 5).get_dim("output") == (10, None, None)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"unused_edge": (0, 3)}, r"it: unused_edge is \(0, 3\), but must not exceed step=\(2, 2"),
        ({"original_image_size": (9, 9), "image_size": (5, 4)},
         r"it: original_image_size is \(9, 9\), .* to \(4, 4\), but image_size is \(5, 4\)"),
        ({"original_image_size": 9}, r"it: (original_image_size|image_size) is 9"),
    ],
)  # fmt: skip
def test_sizes_that_contradict_each_other_are_refused(settings, message):
    brick = ConvolutionalTranspose((3, 3), 1, 1, step=(2, 2), name="it", **settings)
    with pytest.raises(ValueError, match=message):
        brick.get_dim("output")
        brick.apply(tensor.tensor4("x"))


def test_a_subclass_may_convolve_in_another_way():
    class Correlation(Convolutional):
        """Does not flip its filters."""

        def conv2d_impl(self, input_, W, input_shape, subsample, border_mode, filter_shape):
            assert (input_shape, filter_shape) == ((None, 1, None, None), (1, 1, 1, 2))
            return F.conv2d(input_, W, stride=subsample)

    brick = made((1, 2), 1, 1, use_bias=False, biases_init=None, kind=Correlation)
    images = torch.randn(1, 1, 2, 3)
    assert_allclose(
        brick.apply(images), F.conv2d(images, torch.tensor(brick.W.get_value())), rtol=1e-5
    )


@pytest.mark.parametrize(
    "images", [torch.zeros(2, 1, 3, 4), tensor.variable("images", shape=(None, 1, 3, 4))]
)
def test_images_smaller_than_the_filters_are_refused(images):
    layer = Convolutional((4, 4), 2, name="layer", biases_init=Constant(0))
    brick = ConvolutionalSequence([layer], 1, weights_init=Constant(1), name="seq")
    brick.initialize()
    text = r"^seq/layer.apply: input_ has shape \(., 1, 3, 4\), but filters of filter_size \(4"
    with pytest.raises(ShapeError, match=text):
        brick.apply(images)
    brick.image_size = (3, 4)
    with pytest.raises(BrickError, match=r"^seq/layer: filters .* image_size \(3, 4\) .*; pass"):
        brick.allocate()
    with pytest.raises(BrickError, match=r"^alone: filters of filter_size \(4, 4\) do not fit"):
        Convolutional((4, 4), 2, 1, image_size=(3, 4), name="alone").allocate()
