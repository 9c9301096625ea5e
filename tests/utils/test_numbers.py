"""Checks of numbers: what counts as one, and the error for anything else."""

import math

import numpy as np
import pytest
import torch

from workbench.errors import ArgumentError, DataError
from workbench.utils.numbers import as_whole, check_finite, is_count, is_finite, is_single, is_whole


@pytest.mark.parametrize(
    ("value", "whole", "finite"),
    [
        (3, True, True),
        (10**400, True, False),
        (np.int8(3), True, True),
        (3.0, False, True),
        (np.float32(0.5), False, True),
        (math.inf, False, False),
        (math.nan, False, False),
        (True, False, False),
        ("3", False, False),
        (None, False, False),
    ],
)
def test_whole_and_finite_numbers(value, whole, finite):
    assert (is_whole(value), is_finite(value)) == (whole, finite)
    assert is_count(value) == whole


@pytest.mark.parametrize("value", [0.1, 3, np.float32(1), np.array(1.0), torch.tensor(1)])
def test_single_numbers(value):
    assert is_single(value)


@pytest.mark.parametrize("value", [[1.0], np.ones(1), 1j, "a", None, torch.ones(2)])
def test_values_that_are_not_a_single_number(value):
    assert not is_single(value)


@pytest.mark.parametrize("value", [3, np.int64(3), np.array(3), torch.tensor(3)])
def test_whole_numbers_become_ints(value):
    number = as_whole(value, "size", DataError)
    assert (number, type(number)) == (3, int)


@pytest.mark.parametrize("value", [True, 3.0, "3", None, np.array([3, 4])])
def test_values_that_are_not_a_whole_number_are_named(value):
    with pytest.raises(DataError, match="size must be a whole number, not "):
        as_whole(value, "size", DataError)


def test_a_whole_number_that_is_too_small_is_named_with_the_bound():
    assert as_whole(-1, "offset", DataError) == -1
    with pytest.raises(DataError, match="offset must be a whole number >= 0, not -1"):
        as_whole(-1, "offset", DataError, 0)


def test_a_number_that_is_not_finite_raises_the_error_of_the_caller():
    check_finite(0.5, "rate", ArgumentError)
    with pytest.raises(ArgumentError, match="rate must be a finite number, not inf"):
        check_finite(math.inf, "rate", ArgumentError)
