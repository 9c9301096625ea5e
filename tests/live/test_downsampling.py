"""Curves downsampled to what a screen shows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extensions_live.downsampling import (
    COARSE_POINTS,
    MARKS,
    SPARSE,
    Curve,
    downsample,
    extremes,
    packed,
)

VALUES = st.floats(width=32) | st.just(float("nan")) | st.just(float("inf"))


@given(st.lists(VALUES, max_size=300), st.integers(6, 40))
def test_no_extreme_of_a_bucket_is_lost(values, points):
    y = np.array(values, np.float64)
    curve = downsample(np.arange(len(y)), y, points=points)
    finite = y[np.isfinite(y)]
    drawn = curve.y[np.isfinite(curve.y)]
    assert len(drawn) == 0 or (drawn.min(), drawn.max()) == (finite.min(), finite.max())
    assert (len(drawn) == 0) == (len(finite) == 0)


@given(st.lists(VALUES, max_size=300), st.integers(6, 40))
def test_indices_increase_and_are_few(values, points):
    y = np.array(values, np.float64)
    kept = extremes(y, points)
    assert (np.diff(kept) > 0).all()
    assert len(kept) <= points + 2
    assert len(y) == 0 or (kept[0], kept[-1]) == (0, len(y) - 1)


def test_a_short_curve_is_left_as_it_is():
    x, y = np.array([3, 5, 9]), np.array([1.0, np.nan, 2.0])
    curve = downsample(x, y)
    np.testing.assert_array_equal(curve.x, [3.0, 5.0, 9.0])
    np.testing.assert_array_equal(curve.y, y)
    assert curve.x.dtype == curve.y.dtype == curve.marks.dtype == np.float64


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_one_bad_value_among_many_breaks_the_line_and_is_marked(bad):
    y = np.sin(np.arange(100_000) / 1000.0)
    y[54_321] = bad
    curve = downsample(np.arange(100_000), y)
    assert curve.x[np.isnan(curve.y)].tolist() == [54_321.0]
    assert curve.marks.tolist() == [54_321.0]
    assert len(curve.x) <= 2002


def test_marks_are_spread_when_there_are_many():
    curve = downsample(np.arange(10_000), np.full(10_000, np.nan))
    assert len(curve.marks) == MARKS
    assert (curve.marks[0], curve.marks[-1]) == (0.0, 9999.0)


def test_the_visible_range_is_fine_and_the_rest_coarse():
    x = np.arange(1_000_000)
    curve = downsample(x, np.cos(x), start=500_000.5, stop=501_000.5)
    inside = curve.x[(curve.x > 500_000) & (curve.x < 501_001)]
    np.testing.assert_array_equal(inside, np.arange(500_001, 501_001))
    assert len(curve.x) <= 1002 + 2 * (COARSE_POINTS + 2)
    assert (curve.x[0], curve.x[-1]) == (0.0, 999_999.0)


def test_lines_reach_beyond_both_edges_of_the_visible_range():
    x = np.array([0, 100, 200, 300])
    curve = downsample(x, np.zeros(4), start=110, stop=190)
    assert {100.0, 200.0} <= set(curve.x.tolist())


def test_a_range_beyond_the_curve_shows_it_coarsely():
    curve = downsample(np.arange(10), np.arange(10.0), start=50, stop=60)
    assert curve.x.tolist() == list(range(10))


def test_few_points_are_all_dots():
    y = np.sin(np.arange(float(SPARSE)))
    y[5] = np.nan
    x, shown = downsample(np.arange(SPARSE), y).dots()
    assert len(x) == len(shown) == SPARSE - 1 and 5 not in x


@given(st.lists(st.booleans(), min_size=SPARSE + 1, max_size=200))
def test_every_value_is_on_a_line_or_a_dot(there):
    y = np.where(there, 1.0, np.nan)
    curve = downsample(np.arange(len(y)), y)
    dots, _ = curve.dots()
    for i in np.flatnonzero(there):
        alone = not (i > 0 and there[i - 1]) and not (i + 1 < len(y) and there[i + 1])
        assert (i in dots) == alone


def test_a_page_gets_every_array_of_a_curve():
    curve = Curve(np.arange(3.0), np.array([1.0, np.nan, 2.0]), np.array([1.0]))
    arrays = {name: np.frombuffer(data).tolist() for name, data in packed(curve).items()}
    assert arrays["dots_x"] == [0, 2] and arrays["dots_y"] == [1, 2] and arrays["marks"] == [1]
