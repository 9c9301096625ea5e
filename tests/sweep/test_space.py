"""Spaces of settings: what is drawn, what is refused, and what `build` takes."""

import numpy as np
import pytest

from workbench.errors import ArgumentError
from workbench.sweep import Between
from workbench.sweep.space import checked_space, settings_of


def build(learning_rate, units=8): ...


def test_a_grid_has_every_combination_once():
    big = [10.0**k for k in range(16)]
    grid = settings_of({"learning_rate": big, "units": [1, 3]}, None, 0)
    assert len({tuple(one.values()) for one in grid}) == len(grid) == 32


def test_bounds_on_a_logarithmic_scale_are_the_values_themselves():
    between = Between(1e-4, 1e-1, log=True)
    drawn = [one["x"] for one in settings_of({"x": between}, 400, 0)]
    assert 1e-4 <= min(drawn) < 2e-4 and 5e-2 < max(drawn) <= 1e-1
    assert np.log10(drawn).mean() == pytest.approx(-2.5, abs=0.15)


def test_whole_numbers_include_both_bounds_and_are_ints():
    drawn = settings_of({"x": Between(1, 3, whole=True)}, 50, 0)
    assert sorted(one["x"] for one in drawn) == [1, 2, 3]
    assert all(type(one["x"]) is int for one in drawn)


def test_more_runs_keep_the_settings_of_the_first():
    space = {"x": Between(0, 1), "kind": ["a", "b"]}
    assert settings_of(space, 30, 5)[:10] == settings_of(space, 10, 5)


WRONG = [
    ({}, "space must map the names of settings"),
    ({"learning_rate": (0.1, 0.2)}, r"could be two values or a range; write \[0.1, 0.2\]"),
    ({"learning_rate": []}, r"space\['learning_rate'\] is an empty list"),
    ({"learning_rate": 0.1}, "must be a list of values"),
    ({"learning_rate": "ab"}, "must be a list of values"),
    ({"learning_rate": [float("nan")]}, "must be a finite number"),
    ({"learning_rate": [0.1, {}]}, "must be a finite number, a string"),
    ({"learning_rate": [1, 1.0]}, "contains 1.0 twice"),
    ({"learning_rate": [0.1], "unit": [1]}, "no argument 'unit'.*did you mean 'units'"),
    ({"units": [1]}, "needs the argument 'learning_rate', which the space does not contain"),
]


@pytest.mark.parametrize(("space", "text"), WRONG, ids=str)
def test_a_wrong_space_is_refused(space, text):
    with pytest.raises(ArgumentError, match=text):
        checked_space(build, space)


def test_a_range_has_no_grid():
    with pytest.raises(ArgumentError, match=r"a grid needs lists, but space\['x'\] is Between"):
        settings_of({"x": Between(0, 1)}, None, 0)


@pytest.mark.parametrize(
    ("arguments", "options", "text"),
    [
        ((1, 1), {}, "low < high, not 1 and 1"),
        ((0, 1), {"log": True}, "needs bounds above 0, but low is 0"),
        ((0.5, 2), {"whole": True}, "needs whole numbers as bounds"),
        ((True, 2), {}, "two finite numbers"),
    ],
)
def test_a_wrong_range_is_refused(arguments, options, text):
    with pytest.raises(ArgumentError, match=text):
        Between(*arguments, **options)
