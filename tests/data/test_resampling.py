"""Enlarged and rotated images, against Pillow and numpy."""

import math

import numpy as np
import pytest
import torch
from PIL import Image

from tests.data.support import batches_of, examples_of, ragged_batches
from workbench.data import MinimumImageDimensions, Random2DRotation, as_stream
from workbench.data.transformers.resampling import rotated
from workbench.errors import DataError

DRAW = np.random.default_rng(1)
IMAGE = DRAW.integers(0, 256, (3, 7, 5), dtype=np.uint8)
METHODS = {"nearest": Image.Resampling.NEAREST, "bilinear": Image.Resampling.BILINEAR}


def turned(image, angle, resample="nearest"):
    image = Image.fromarray(image.astype(np.float32))
    return np.asarray(image.rotate(math.degrees(angle), METHODS[resample]))


@pytest.mark.parametrize("angle", [0.3, -1.1, 2.5])
@pytest.mark.parametrize("shape", [(9, 9), (7, 12), (12, 7)])
def test_an_image_is_rotated_as_by_pillow(angle, shape):
    image = DRAW.random(shape)
    nearest = rotated(image, angle, "nearest")
    # if two pixels are equally near, Pillow, which computes with few bits, may take the other one
    assert np.isclose(nearest, turned(image, angle)).mean() > 0.98
    inner = (slice(3, -3),) * 2  # at the edges torch interpolates with zero, and Pillow does not
    mixed = rotated(image, angle, "bilinear")
    np.testing.assert_allclose(mixed[inner], turned(image, angle, "bilinear")[inner], atol=2e-3)


def test_a_quarter_turn_is_counter_clockwise():
    square = IMAGE[:, :5]
    for quarters in range(4):
        result = rotated(square, quarters * math.pi / 2, "nearest")
        np.testing.assert_array_equal(result, np.rot90(square, quarters, (1, 2)))
    assert rotated(square, 0.0, "bicubic").tolist() == square.tolist()


def test_angles_are_within_their_bounds_and_reproducible():
    image = np.zeros((1, 31, 31))
    image[0, 15, 16:] = 1  # a hand that points to the right
    stream = Random2DRotation(batches_of(200, x=np.stack([image] * 200)), 0.5, seed=3)
    [[batch]] = stream.iterate(0)
    rows, columns = np.indices((31, 31)) - 15
    angles = np.arctan2((batch[:, 0] * -rows).sum((1, 2)), (batch[:, 0] * columns).sum((1, 2)))
    assert -0.53 < angles.min() < -0.4 and 0.4 < angles.max() < 0.53
    np.testing.assert_array_equal(next(stream.iterate(0))[0], batch)
    assert not np.array_equal(next(stream.iterate(1))[0], batch)


@pytest.mark.parametrize("resample", ["nearest", "bilinear", "bicubic"])
@pytest.mark.parametrize("dtype", ["uint8", "float32", "int16", "bool"])
def test_dtype_and_shape_are_kept(resample, dtype):
    image = IMAGE.astype(dtype)
    [result] = next(Random2DRotation(examples_of(x=[image]), 1, resample).get_epoch_iterator())
    assert (result.dtype, result.shape) == (image.dtype, image.shape)
    assert result.min() >= image.min() or resample == "bicubic" or result.min() == 0


def test_tensors_are_rotated():
    tensor = torch.from_numpy(IMAGE[None])
    [result] = next(Random2DRotation(as_stream([{"x": tensor}]), 1, seed=2).get_epoch_iterator())
    [array] = next(Random2DRotation(batches_of(1, x=IMAGE[None]), 1, seed=2).get_epoch_iterator())
    assert isinstance(result, torch.Tensor) and result.dtype == torch.uint8
    np.testing.assert_array_equal(result.numpy(), array)


@pytest.mark.parametrize(
    ("minimum", "shape"),
    [
        ((7, 5), (7, 5)),
        ((14, 5), (14, 10)),
        ((7, 10), (14, 10)),
        ((8, 6), (9, 6)),
        ((1, 1), (7, 5)),
    ],
)
def test_small_images_are_enlarged_in_proportion(minimum, shape):
    stream = MinimumImageDimensions(examples_of(x=[IMAGE]), minimum)
    [result] = next(stream.get_epoch_iterator())
    assert result.shape == (3, *shape)
    image = Image.fromarray(IMAGE[0]).resize(shape[::-1], Image.Resampling.NEAREST)
    np.testing.assert_array_equal(result[0], np.asarray(image))


@pytest.mark.parametrize("resample", ["bilinear", "bicubic"])
def test_interpolation_is_that_of_torch(resample):
    stream = MinimumImageDimensions(examples_of(x=[IMAGE]), (14, 10), resample)
    [result] = next(stream.get_epoch_iterator())
    pixels = torch.from_numpy(IMAGE[None].astype(np.float64))
    wanted = torch.nn.functional.interpolate(pixels, (14, 10), mode=resample)[0]
    np.testing.assert_array_equal(result, wanted.round().clip(0, 255).numpy().astype(np.uint8))


def test_batches_of_equal_and_of_different_images():
    [same] = next(MinimumImageDimensions(batches_of(2, x=IMAGE[:2, None]), (14, 10)).iterate(0))
    assert same.shape == (2, 1, 14, 10)
    stream = MinimumImageDimensions(ragged_batches(2, x=[IMAGE, IMAGE[:, :3]]), (6, 5))
    [different] = next(stream.get_epoch_iterator())
    assert [image.shape for image in different] == [(3, 7, 5), (3, 6, 10)]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda s: MinimumImageDimensions(s, (4,)), "minimum_shape must be .* not .4,."),
        (
            lambda s: MinimumImageDimensions(s, (0, 4)),
            "a size in minimum_shape must be a whole number >= 1, not 0",
        ),
        (
            lambda s: MinimumImageDimensions(s, (4, 4), "cubic"),
            "resample must be one of .* not 'cubic'",
        ),
        (
            lambda s: Random2DRotation(s, -1),
            "maximum_rotation must be a finite, non-negative angle .* not -1",
        ),
        (
            lambda s: Random2DRotation(s, math.nan),
            "maximum_rotation must be a finite, non-negative angle .* not nan",
        ),
        (lambda s: next(Random2DRotation(s).iterate(0)), "an array of shape .3,."),
        (
            lambda s: next(MinimumImageDimensions(s, (4, 4)).iterate(0)),
            "an array of shape .3,.",
        ),
    ],
)
def test_wrong_arguments_and_examples(make, message):
    with pytest.raises(DataError, match=message):
        make(examples_of(x=[np.zeros(3)]))
