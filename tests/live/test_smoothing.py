"""Smoothing, against a direct sum of weights."""

import math

import numpy as np
import pytest

from extensions_live.log_values import read_curve
from extensions_live.smoothing import smoothed
from workbench.log import TrainingLog


def direct(x, y, over):
    weights = np.exp(-np.maximum(x[:, None] - x[None, :], 0.0) / over)
    weights[x[:, None] < x[None, :]] = 0.0
    weights[:, ~np.isfinite(y)] = 0.0
    return weights @ np.nan_to_num(y, posinf=0.0) / weights.sum(1)


@pytest.mark.parametrize("over", [0.5, 3.0, 200.0, 1e7])
def test_the_mean_has_weights_that_fall_with_the_distance(over):
    random = np.random.default_rng(1)
    x, y = np.cumsum(random.integers(1, 9, 2000)), random.normal(size=2000)
    np.testing.assert_allclose(smoothed(x, y, over), direct(x, y, over), rtol=1e-9, atol=1e-12)


def test_values_that_are_not_finite_have_no_weight_and_stay_gaps():
    x, y = np.arange(6), np.array([1.0, np.nan, 1.0, np.inf, 1.0, 1.0])
    assert smoothed(x, y, 10.0).tolist()[::2] == [1.0, 1.0, 1.0]
    assert np.isnan(smoothed(x, y, 10.0)[[1, 3]]).all()


def test_huge_values_and_gaps_do_not_overflow():
    x, y = np.array([0, 1, 10**12]), np.array([1e300, 1e300, -1e300])
    np.testing.assert_allclose(smoothed(x, y, 2.0), [1e300, 1e300, -1e300])


def test_a_curve_without_numbers_stays_without():
    assert np.isnan(smoothed(np.arange(3), np.full(3, np.nan), 5.0)).all()


def test_one_exploding_value_does_not_spoil_the_smoothed_curve():
    log = TrainingLog()
    for i in range(300):
        log[i]["cost"] = 1e30 if i == 50 else math.inf if i == 60 else 1.0 + i % 2
    x, y = read_curve(log, "cost", over=100.0).smooth
    assert 50 not in x and np.isnan(y[x == 60])
    assert np.nanmax(y) < 2
