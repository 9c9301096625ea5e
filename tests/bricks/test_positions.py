"""Positional encodings against their formulas."""

import math

import numpy
import pytest
import torch
from numpy.testing import assert_allclose

from tests.support.gradients import check_gradients
from workbench import tensor
from workbench.bricks import LearnedPositions, RotaryPositions, SinusoidalPositions
from workbench.initialization import IsotropicGaussian


@pytest.mark.parametrize("shape", [(5, 6), (2, 5, 6), (3, 2, 5, 6)], ids=str)
def test_sines_and_cosines_are_added(shape):
    expected = numpy.zeros(shape)
    for t in range(5):
        for i in range(3):
            angle = t / 10_000 ** (2 * i / 6)
            expected[..., t, 2 * i] = math.sin(angle)
            expected[..., t, 2 * i + 1] = math.cos(angle)
    ones = torch.ones(shape)
    assert_allclose(SinusoidalPositions(6).apply(ones), expected + 1, rtol=1e-6)


@pytest.mark.parametrize("shape", [(5, 6), (2, 5, 6), (3, 2, 5, 6)], ids=str)
def test_pairs_are_turned_like_complex_numbers(shape):
    x = torch.randn(shape, dtype=torch.float64)
    frequencies = 500.0 ** (-torch.arange(0, 6, 2, dtype=torch.float64) / 6)
    angles = torch.outer(torch.arange(5, dtype=torch.float64), frequencies)
    turns = torch.polar(torch.ones_like(angles), angles)
    expected = torch.view_as_real(torch.view_as_complex(x.unflatten(-1, (3, 2))) * turns)
    assert_allclose(RotaryPositions(6, base=500.0).apply(x), expected.flatten(-2), rtol=1e-6)


def test_products_of_turned_vectors_depend_on_the_distance_alone():
    q, k = torch.randn(8, dtype=torch.float64), torch.randn(8, dtype=torch.float64)
    turned = RotaryPositions(8)
    queries, keys = turned.apply(q.expand(10, 8)), turned.apply(k.expand(10, 8))
    products = queries @ keys.T
    for distance in range(-4, 5):
        along = products.diagonal(distance)
        torch.testing.assert_close(along, along[0].expand_as(along))


def test_learned_vectors_are_added_as_far_as_the_sequence_goes():
    positions = LearnedPositions(7, 4, weights_init=IsotropicGaussian())
    positions.initialize()
    x = torch.randn(2, 5, 4)
    assert_allclose(positions.apply(x), x + positions.W.tensor[:5], rtol=1e-6)


@pytest.mark.parametrize("kind", [LearnedPositions, SinusoidalPositions, RotaryPositions])
def test_gradients_agree_with_differences(kind):
    def apply(x):
        learned = {"length": 9, "weights_init": IsotropicGaussian()}
        brick = kind(dim=4, **learned if kind is LearnedPositions else {})
        brick.initialize()
        return brick.apply(x) ** 2

    check_gradients(apply, torch.randn(2, 5, 4).numpy())


@pytest.mark.parametrize("kind", [SinusoidalPositions, RotaryPositions])
def test_features_come_in_pairs(kind):
    with pytest.raises(ValueError, match="it: dim is 5, but must be even"):
        kind(5, name="it").allocate()


def test_sequences_that_do_not_fit_are_refused():
    learned = LearnedPositions(7, 4, name="it")
    with pytest.raises(ValueError, match=r"has shape \(\?, 8, 4\), that is, 8 time steps, .*=7"):
        learned.apply(tensor.variable("x", shape=(None, 8, 4)))
    with pytest.raises(ValueError, match=r"it\.apply: input_ has shape \(4,\), but a sequence"):
        learned.apply(tensor.variable("x", shape=(4,)))
    with pytest.raises(ValueError, match=r"input_ has shape \(\?, \?, 6\), but dim is 4"):
        learned.apply(tensor.variable("x", shape=(None, None, 6)))
