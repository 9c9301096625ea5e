"""Pooling against a plain loop over regions, and its gradients against torch."""

import itertools
import math

import numpy
import pytest
import torch
from numpy.testing import assert_allclose
from torch.nn import functional as F

from tests.support.gradients import check_gradients
from workbench import function, grad, tensor
from workbench.bricks.conv import AveragePooling, MaxPooling, Pooling
from workbench.errors import ShapeError

MODES = ["max", "sum", "average_exc_pad", "average_inc_pad"]


@pytest.fixture
def images():
    return numpy.random.default_rng(1).normal(size=(2, 3, 9, 7)).astype("float32")


def starts(n, size, step, ignore_border, padding):
    """Return the starts of regions along `n` pixels: those that fit, or that cover all."""
    if ignore_border:
        return range(-padding, n + padding - size + 1, step)
    count = max(1, math.ceil((n + 2 * padding - size) / step) + 1)
    return [s for s in (i * step - padding for i in range(count)) if s < n]


def slow(images, mode, size, step, ignore_border, padding):
    height, width = images.shape[-2:]
    rows = starts(height, size[0], step[0], ignore_border, padding[0])
    columns = starts(width, size[1], step[1], ignore_border, padding[1])
    output = numpy.empty((*images.shape[:-2], len(rows), len(columns)))
    for (i, y), (j, x) in itertools.product(enumerate(rows), enumerate(columns)):
        region = images[..., max(y, 0) : y + size[0], max(x, 0) : x + size[1]]
        total = region.sum((-2, -1))
        output[..., i, j] = {
            "max": region.max((-2, -1)),
            "sum": total,
            "average_exc_pad": region.mean((-2, -1)),
            "average_inc_pad": total / (size[0] * size[1]),
        }[mode]
    return output


REGIONS = [
    ((2, 2), (2, 2), (0, 0)),
    ((2, 3), (2, 3), (1, 1)),
    ((3, 2), (2, 1), (1, 0)),
    ((1, 2), (3, 4), (0, 1)),
    ((4, 4), (1, 3), (2, 2)),
]
WIDE = ((4, 3), (2, 2), (3, 2))


@pytest.mark.parametrize(
    ("mode", "ignore_border", "size", "step", "padding"),
    [
        *((mode, True, *region) for mode in MODES for region in [*REGIONS, WIDE]),
        *((mode, False, *region) for mode in MODES[:3] for region in REGIONS),
    ],
    ids=str,
)
def test_pooling_agrees_with_a_loop(mode, ignore_border, size, step, padding, images):
    brick = Pooling(mode, size, step, (3, 9, 7), ignore_border, padding)
    output = brick.apply(images)
    assert_allclose(
        output, slow(images, mode, size, step, ignore_border, padding), rtol=1e-5, atol=1e-5
    )
    assert brick.get_dim("output") == tuple(output.shape[1:])


@pytest.mark.parametrize("shape", [(5, 7), (3, 5, 7), (2, 3, 5, 7), (2, 1, 3, 5, 7)], ids=str)
def test_dimensions_in_front_stay(shape):
    images = numpy.random.default_rng(1).normal(size=shape)
    expected = slow(images, "max", (2, 3), (2, 3), True, (0, 0))
    assert_allclose(MaxPooling((2, 3)).apply(images), expected, rtol=1e-6)


def test_one_region_may_be_larger_than_the_image():
    brick = MaxPooling((3, 3), input_dim=(1, 2, 2), ignore_border=False)
    assert brick.get_dim("output") == (1, 1, 1)
    assert brick.apply(torch.tensor([[1.0, 2.0], [4.0, 3.0]])).tolist() == [[4.0]]


@pytest.mark.parametrize("ignore_border", [True, False])
def test_gradients_agree_with_torch(ignore_border, images):
    x, settings = tensor.tensor4("x"), {"ceil_mode": not ignore_border, "padding": 1, "stride": 2}
    given = torch.tensor(images, requires_grad=True)
    for kind, expected in [
        (MaxPooling, F.max_pool2d(given, 3, **settings)),
        (AveragePooling, F.avg_pool2d(given, 3, count_include_pad=False, **settings)),
    ]:
        brick = kind((3, 3), (2, 2), padding=(1, 1), ignore_border=ignore_border)
        gradient = function([x], grad((brick.apply(x) ** 2).sum(), x))(images)
        [wanted] = torch.autograd.grad((expected**2).sum(), given)
        assert_allclose(gradient, wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("padding", [(1, 1), (3, 2)], ids=str)
def test_gradients_agree_with_differences(mode, padding, images):
    brick = Pooling(mode, (4, 3), (2, 2), padding=padding)
    check_gradients(brick.apply, images)


def test_the_step_is_the_size_unless_given():
    assert MaxPooling((2, 3), input_dim=(4, 8, 9)).get_dim("output") == (4, 4, 3)
    assert MaxPooling((2, 3), (1, 1), input_dim=(4, 8, 9)).get_dim("output") == (4, 7, 7)


def test_averages_with_and_without_padding():
    ones = torch.ones(1, 1, 2, 2)
    settings = {"pooling_size": (2, 2), "step": (1, 1), "padding": (1, 1)}
    assert AveragePooling(**settings).apply(ones)[0, 0, 0, 0] == 1
    assert AveragePooling(**settings, include_padding=True).apply(ones)[0, 0, 0, 0] == 0.25


def test_sizes_may_come_one_by_one():
    brick = MaxPooling((2, 2))
    assert brick.get_dims(["input_", "output"]) == [(None, None, None)] * 2
    brick.num_channels, brick.image_size = 3, (8, None)
    assert (brick.input_dim, brick.num_output_channels) == ((3, 8, None), 3)
    assert brick.output_dim == brick.get_dim("output") == (3, 4, None)
    assert repr(brick) == "<MaxPooling maxpooling: (3, 8, ?) -> (3, 4, ?), max of (2, 2)>"


@pytest.mark.parametrize(
    ("kind", "settings", "message"),
    [
        (Pooling, {"mode": "maximum"}, r"it: mode is 'maximum', but must be one of max.*'max'"),
        (Pooling, {"mode": "max", "pooling_size": 2}, r"it: pooling_size is 2, but must be a pair"),
        (MaxPooling, {"padding": (0, 2)}, r"padding is \(0, 2\), but must be smaller than pool"),
        (MaxPooling, {"pooling_size": (3, 3), "padding": (2, 0), "ignore_border": False},
         r"padding is \(2, 0\), but must be at most half of pooling_size"),
        (AveragePooling, {"include_padding": True, "ignore_border": False},
         r"it: ignore_border is False, but averages can include the padding only with"),
        (MaxPooling, {"input_dim": 7}, r"input_dim is 7, but must be \(channels, height, width\)"),
        (MaxPooling, {"input_dim": (8, 9)}, r"input_dim is \(8, 9\), but must be \(channels"),
        (MaxPooling, {"input_dim": (1, "8", 5)}, r"input_dim is .*, which contains '8'"),
        (MaxPooling, {"input_dim": (1, 1, 5)}, r"pooling_size \(2, 2\) do not fit .* \(1, 5\)"),
    ],
)  # fmt: skip
def test_settings_that_make_no_sense_are_refused(kind, settings, message):
    with pytest.raises(ValueError, match=message):
        brick = kind(**{"pooling_size": (2, 2)} | settings, name="it")
        brick.allocate()
        brick.get_dim("output")


@pytest.mark.parametrize(
    ("variable", "message"),
    [
        (tensor.vector("x"), r"it\.apply: input_ has shape \(\?,\), but must have at least two"),
        (tensor.variable("x", shape=(None, 1, 8, 8)), r"input_dim is \(1, 8, 9\); set input_dim"),
        (
            tensor.variable("x", shape=(None, 2, 8, 9)),
            r"\(\?, 2, 8, 9\), but input_dim is \(1, 8, 9",
        ),
        (tensor.variable("x", shape=(2, 8, 8)), r"input_dim is \(1, 8, 9\)"),
        (
            tensor.variable("x", shape=(8, 9), dtype=torch.uint8),
            r"input_ has dtype uint8.*input_\.float",
        ),
    ],
)
def test_images_that_do_not_fit_are_refused(variable, message):
    brick = MaxPooling((2, 2), input_dim=(1, 8, 9), name="it")
    with pytest.raises((ValueError, TypeError), match=message):
        brick.apply(variable)


def test_regions_that_do_not_fit_into_the_given_images_are_an_error_with_both_sizes():
    images = tensor.variable("x", (None, 3, 17, 13))
    with pytest.raises(ShapeError, match=r"pooling_size \(20, 20\) do not fit .* \(17, 13\)"):
        MaxPooling((20, 20)).apply(images)
    assert MaxPooling((20, 20), ignore_border=False).apply(images).shape[-2:] == (1, 1)
