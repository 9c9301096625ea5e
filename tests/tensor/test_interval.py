"""Allowed values of shared variables, from every source."""

import copy
import math
import pickle

import cloudpickle
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from workbench import shared
from workbench.errors import AlgorithmError, ArgumentError
from workbench.tensor.interval import Interval

BOUNDS = {
    "both": lambda low, x, high: low <= x <= high,
    "left": lambda low, x, high: low <= x < high,
    "right": lambda low, x, high: low < x <= high,
    "neither": lambda low, x, high: low < x < high,
}


@given(st.floats(), st.sampled_from(sorted(BOUNDS)), st.floats(-2, 0), st.floats(0, 2))
def test_an_interval_holds_finite_numbers_between_its_bounds(number, closed, low, high):
    expected = math.isfinite(number) and BOUNDS[closed](low, number, high)
    assert Interval(low, high, closed).holds(number) is expected


@pytest.mark.parametrize(
    "interval, text",
    [
        (Interval(), "finite"),
        (Interval(0), "0 or more"),
        (Interval(0, closed="neither"), "greater than 0"),
        (Interval(high=1), "1 or less"),
        (Interval(high=1, closed="left"), "less than 1"),
        (Interval(0, 1), "between 0 and 1"),
        (Interval(0, 1, "left"), r"between 0 and 1 \(1 excluded\)"),
        (Interval(0, 1, "neither"), r"between 0 and 1 \(0 and 1 excluded\)"),
    ],
)
def test_an_interval_describes_its_numbers(interval, text):
    with pytest.raises(
        ArgumentError, match=f"^x must be {text}, not 7$|^x must be a finite number"
    ):
        interval("x", torch.tensor(7.0), 7)
        interval("x", torch.tensor(math.nan), math.nan)


@pytest.mark.parametrize(
    "value", [-1, math.nan, math.inf, -math.inf, np.float64(-1), np.array(-1), torch.tensor(-1.0)]
)
def test_a_value_that_is_refused_changes_nothing(value):
    rate = shared(0.5, "rate", check=Interval(0))
    with pytest.raises(ArgumentError, match="^rate must be "):
        rate.set_value(value)
    with pytest.raises(ArgumentError, match="^rate must be "):
        shared(value, "rate", check=Interval(0))
    assert rate.get_value() == 0.5


def test_the_converted_value_is_checked():
    small = shared(1.0, "small", check=Interval(0, closed="neither"))
    with pytest.raises(ArgumentError, match=r"greater than 0, not 1e-60, which is 0.0 as float32"):
        small.set_value(1e-60)
    with pytest.raises(ArgumentError, match=r"not 1e\+39, which is inf as float32"):
        small.set_value(1e39)
    shared(np.float64(1.0), "large", check=Interval(0)).set_value(1e39)


def test_every_element_of_an_array_is_checked():
    weights = shared([1.0, 1.0], "weights", check=Interval(0))
    with pytest.raises(ArgumentError, match="weights must be 0 or more"):
        weights.set_value([1.0, -1.0])
    weights.set_value([2.0, 0.0])


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda v: pickle.loads(cloudpickle.dumps(v))]
)
def test_a_copy_knows_what_is_allowed(copied):
    rate = copied(shared(0.5, "rate", check=Interval(0, error=AlgorithmError, advice="; no")))
    with pytest.raises(AlgorithmError, match="rate must be 0 or more, not -1; no"):
        rate.set_value(-1)


def test_a_users_function_can_be_the_check():
    def even(name, value, given):
        if value % 2:
            raise ValueError(f"{name} is odd")

    size = shared(2, "size", check=even)
    with pytest.raises(ValueError, match="size is odd"):
        size.set_value(3)
