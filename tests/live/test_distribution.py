"""Distributions of unusual values."""

import math

import numpy as np
import pytest
import torch

from extensions_live.bounded_history import MOST, History
from extensions_live.distribution import BINS, distribution


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_values_that_are_not_finite_do_not_spoil_the_others(value):
    found = distribution(torch.tensor([1.0, 2.0, value, value]))
    assert (found.low, found.high, found.mean, found.broken) == (1, 2, 1.5, 0.5)
    assert found.counts.sum() == 2


def test_nothing_but_values_that_are_not_finite():
    found = distribution(torch.full((3,), math.nan))
    assert math.isnan(found.low) and math.isnan(found.mean)
    assert (found.broken, found.counts.sum()) == (1, 0)


def test_no_values():
    found = distribution(torch.zeros(0))
    assert (found.size, found.broken, found.zeros) == (0, 0, 0)


@pytest.mark.parametrize("value", [0.0, -3.5, 1e-45, 3e38])
def test_equal_values_are_in_the_middle_bin(value):
    found = distribution(torch.full((5,), value))
    assert found.low == found.high == pytest.approx(value)
    assert found.counts[BINS // 2] == 5


@pytest.mark.parametrize("largest", [3.4e38, 1e-40])
def test_extreme_ranges(largest):
    found = distribution(torch.tensor([-largest, 0.0, largest]))
    assert found.counts.sum() == 3
    assert (found.counts[0], found.counts[-1]) == (1, 1)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16, torch.int64])
def test_counts_are_those_of_numpy(dtype):
    values = torch.arange(-20, 44).to(dtype)
    found = distribution(values)
    np.testing.assert_array_equal(found.counts, np.histogram(values.double().numpy(), BINS)[0])


def test_a_history_stays_small_and_keeps_its_ends():
    history = History()
    for iteration in range(5000):
        history.add(iteration, iteration)
    assert len(history) == MOST
    assert (history.iterations[0], history.iterations[-1]) == (0, 4999)
    gaps = np.diff(history.iterations)
    assert gaps[-20:].max() < gaps[:20].min()
