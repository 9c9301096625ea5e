"""The still image of curves, drawn without a browser."""

import io
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageColor

from extensions_live.downsampling import downsample
from extensions_live.still_image import HEIGHT, SCALE, SHRINK, WIDTH, Line, draw, ticks

from .runs import make_loop, plot_of


def line(y, colour="#3b82f6"):
    return Line("cost", colour, downsample(np.arange(len(y)), np.array(y, np.float64)))


def pixels(panels):
    return np.asarray(Image.open(io.BytesIO(draw(panels))).convert("RGB"), np.int64)


@pytest.mark.parametrize(("panels", "rows"), [(1, 1), (2, 1), (3, 2)])
def test_a_row_has_two_panels(panels, rows):
    image = pixels([[line([1.0, 2.0])]] * panels)
    factor = SCALE // SHRINK
    assert image.shape == (HEIGHT * rows * factor, WIDTH * factor, 3)


def test_a_curve_is_drawn_in_its_colour():
    image = pixels([[line(np.linspace(0, 1, 100), "#ff0000")]])
    red = np.abs(image - ImageColor.getrgb("#ff0000")).sum(2) < 60
    assert red.sum() > 1000


@pytest.mark.parametrize("number", [1, 10, 300])
def test_white_stays_white_whatever_the_number_of_colours(number):
    colours = [f"#{i % 16:x}{i // 16 % 16:x}{i % 7:x}" for i in range(number)]
    image = pixels([[line([1.0, 2.0], colour) for colour in colours]])
    assert (image == 255).all(2).mean() > 0.8


@pytest.mark.parametrize("y", [[np.nan], [np.nan, np.inf], [5.0], [0.0, 0.0], [1e300, -1e300]])
def test_odd_curves_are_drawn(y):
    assert draw([[line(y)]]).startswith(b"\x89PNG")


@pytest.mark.parametrize(
    "y",
    [
        [1e308, -1e308, 0.0],
        [1.7e308],
        [5e-324, 1e-323],
        [5e-324],
        [0.0, 1e-310],
        [1.0, np.nextafter(1.0, 2.0)],
        [-1.7e308, np.nan, 1.7e308, np.inf],
    ],
)
def test_curves_at_the_limits_of_floats_are_drawn(y):
    assert draw([[line(y)]]).startswith(b"\x89PNG")
    assert draw([[line(y), line([0.5, 1.0])]]).startswith(b"\x89PNG")


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e9), st.integers(2, 8))
def test_ticks_are_round_increasing_and_inside(low, width, about):
    high = low + width
    found = ticks(low, high, about)
    assert len(found) <= 3 * about
    assert all(a < b for a, b in pairwise(found))
    slack = 1e-6 * max(abs(low), abs(high), width)
    assert all(low - slack <= tick <= high + slack for tick in found)


@pytest.mark.parametrize("gap", [2, 3])
def test_points_without_neighbours_are_visible(gap):
    whole = np.linspace(0, 1, 300)
    lone = np.where(np.arange(300) % gap == 0, whole, np.nan)

    def red(y):
        image = pixels([[line(y, "#ff0000")]])[100:]  # without the legend
        return (np.abs(image - ImageColor.getrgb("#ff0000")).sum(2) < 60).sum()

    assert red(lone) > 0.3 * red(whole)


def test_a_logarithmic_panel_leaves_out_what_it_cannot_show():
    steep = [line([1.0, 10.0, 100.0, 1000.0])]
    assert draw([steep], log_y=[0]) != draw([steep])
    assert draw([[line([0.0, -1.0])]], log_y=[0])[1:4] == b"PNG"


def test_the_image_follows_the_axes_of_the_page(hand_pump, wire):
    main_loop = make_loop(channels=["cost", "test_cost"])
    main_loop.run()
    view = plot_of(main_loop).view()
    before = view.still.bundles()[1]["image/png"]
    view.widgets[0].settings = {"log_y": [1]}
    assert view.still.log_y() == (1,)
    assert view.still.bundles()[1]["image/png"] != before
