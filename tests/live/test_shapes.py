"""Shapes on curves, which tell dense curves apart."""

import numpy as np
import pytest

from extensions_live.shapes import SHAPES, outline, places

from .test_still_image import line, pixels


def test_places_are_on_the_line():
    rng = np.random.default_rng(0)
    x, y = np.sort(rng.uniform(0, 10, 200)), rng.normal(size=200)
    for number in range(3):
        at, values = places(x, y, number, 3, low=0.0, high=10.0)
        assert len(at) == 4
        np.testing.assert_allclose(values, np.interp(at, x, y))


def test_places_of_several_curves_are_apart():
    x = np.arange(100.0)
    found = np.concatenate([places(x, x, i, 6, low=0.0, high=99.0)[0] for i in range(6)])
    assert np.diff(np.sort(found)).min() > 4


@pytest.mark.parametrize(
    ("x", "y", "expected"),
    [
        ([], [], []),
        ([4.0], [1.0], []),
        ([0.0, 8.0], [1.0, np.nan], []),
        ([0.0, 4.0, 8.0], [1.0, 1.0, np.inf], [1.0, 3.0]),
        ([2.0, 4.0, 8.0], [np.nan, 2.0, 2.0], [5.0, 7.0]),
        ([0.0, 1.0, 8.0], [np.nan, 2.0, np.nan], [1.0]),
    ],
)
def test_there_are_none_beside_gaps(x, y, expected):
    assert places(np.array(x), np.array(y), 0, 1, low=0.0, high=8.0)[0].tolist() == expected


def test_on_a_logarithmic_axis_they_are_on_the_drawn_line():
    x, y = np.array([0.0, 8.0]), np.array([1.0, 1e8])
    values = places(x, y, 0, 1, low=0.0, high=8.0, log_y=True)[1]
    np.testing.assert_allclose(values, [1e1, 1e3, 1e5, 1e7])


@pytest.mark.parametrize("shape", SHAPES)
def test_an_outline_is_within_its_circle(shape):
    assert np.linalg.norm(outline(shape), axis=1).max() < 1.5


def test_only_the_curves_of_several_in_a_still_image_have_shapes():
    dense = line(np.arange(4000) % 2)
    inside = np.s_[100:400, 150:-80]  # which a dense curve fills almost completely
    images = (pixels([lines])[inside] for lines in ([dense], [dense, dense]))
    alone, both = ((image > 200).all(2).sum() for image in images)
    assert both > alone + 100  # the outlines of shapes
