"""Random crops and flips, which depend only on seed, epoch and position."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.data.support import batches_of, plain, ragged_batches
from workbench.config import config
from workbench.data import Cast, Prefetch, RandomFixedSizeCrop, RandomFlip, Unpack, as_stream
from workbench.errors import DataError

IMAGES = np.arange(12 * 6 * 5).reshape(12, 1, 6, 5)


def images(size=4):
    return batches_of(size, x=IMAGES, mask=IMAGES[:, 0])


def test_a_crop_is_a_window_of_its_image():
    for batch, _ in RandomFixedSizeCrop(images(), (4, 3), seed=0).iterate(0):
        assert batch.shape == (4, 1, 4, 3)
        for window in batch:
            number, place = divmod(int(window[0, 0, 0]), 30)
            top, left = divmod(place, 5)
            expected = IMAGES[number, :, top : top + 4, left : left + 3]
            np.testing.assert_array_equal(window, expected)


def test_every_place_is_drawn():
    corners = set()
    for epoch in range(40):
        for [batch, _] in RandomFixedSizeCrop(images(), (5, 5), seed=0).iterate(epoch):
            corners |= {int(window[0, 0, 0]) % 30 for window in batch}
    assert corners == {0, 5}


def test_sources_of_the_same_size_are_changed_in_the_same_way():
    stream = RandomFlip(RandomFixedSizeCrop(images(), (4, 3), seed=0), seed=1)
    for x, mask in stream.iterate(0):
        np.testing.assert_array_equal(x[:, 0], mask)


@pytest.mark.parametrize(
    "make", [RandomFlip, lambda s, seed: RandomFixedSizeCrop(s, (2, 2), seed=seed)]
)
def test_batches_depend_on_seed_epoch_and_position_alone(make):
    whole = plain(make(images(), seed=3).iterate(1))
    assert plain(make(images(), seed=3).iterate(1, 2)) == whole[2:]
    assert plain(make(images(), seed=4).iterate(1)) != whole
    assert plain(make(images(), seed=3).iterate(2)) != whole


def test_two_flips_with_one_seed_are_independent():
    once = RandomFlip(images(12), seed=0)
    twice = RandomFlip(once, axis=-2, seed=0)
    [[left, _]], [[both, _]] = once.iterate(0), twice.iterate(0)
    sideways = (left == IMAGES).all((1, 2, 3))
    upside_down = (both == left).all((1, 2, 3))
    assert 0 < sideways.sum() < 12 and 0 < upside_down.sum() < 12
    assert (sideways != upside_down).any()


def test_transformers_without_random_numbers_change_no_draw():
    below = Prefetch(Cast(images(), "int32"))
    assert plain(RandomFlip(below).iterate(0)) == plain(RandomFlip(images()).iterate(0))


def test_a_flip_is_that_of_numpy():
    [[x, _]] = RandomFlip(images(12), probability=1, axis=-2).iterate(0)
    np.testing.assert_array_equal(x, np.flip(IMAGES, 2))
    [[x, _]] = RandomFlip(images(12), probability=0).iterate(0)
    np.testing.assert_array_equal(x, IMAGES)


def test_examples_ragged_batches_and_tensors_are_accepted():
    assert next(RandomFixedSizeCrop(Unpack(images()), (2, 2)).iterate(0))[0].shape == (1, 2, 2)
    ragged = ragged_batches(2, x=[np.ones((3, 4)), np.ones((5, 3))])
    [[batch]] = RandomFixedSizeCrop(ragged, (2, 3)).iterate(0)
    assert batch.shape == (2, 2, 3)
    tensors = as_stream([torch.from_numpy(IMAGES)], sources=("x",))
    [[batch]] = RandomFlip(RandomFixedSizeCrop(tensors, (2, 3)), probability=1).iterate(0)
    assert isinstance(batch, torch.Tensor) and batch.shape == (12, 1, 2, 3)


def test_the_seed_comes_from_the_settings_or_from_a_generator():
    with config.override(default_seed=8):
        assert RandomFlip(images()).seed == 8
    drawn = [RandomFlip(images(), rng=np.random.default_rng(2)).seed for _ in range(2)]
    assert drawn[0] == drawn[1] != 8


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: RandomFixedSizeCrop(images(), 4),
            "must be a tuple of height and width, such as .28, 28., not 4",
        ),
        (
            lambda: RandomFixedSizeCrop(images(), (4, 0)),
            "a size in window_shape must be a whole number >= 1, not 0",
        ),
        (lambda: RandomFlip(images(), 2), "probability must be a number between 0 and 1, not 2"),
        (
            lambda: next(RandomFixedSizeCrop(images(), (7, 2)).iterate(0)),
            "7 x 2 .*, but its shape is .1, 6, 5.",
        ),
        (
            lambda: next(RandomFlip(images(), axis=3).iterate(0)),
            "axis=3 of RandomFlip must be an axis",
        ),
        (lambda: RandomFlip(images(), seed=1, rng=np.random.default_rng()), "RandomFlip accepts"),
    ],
)
def test_invalid_arguments_and_images_are_an_error(make, message):
    with pytest.raises(DataError, match=message):
        make()
