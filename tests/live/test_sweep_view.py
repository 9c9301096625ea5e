"""The view of a sweep without a browser: its table, its lines and its still image."""

import io

import pytest
from PIL import Image

from extensions_live import SweepView
from extensions_live.parallel_coordinates import axes_of, figure_of_sweep, lines_of, sources_of
from extensions_live.parallel_still import draw_sweep
from workbench.errors import SessionError
from workbench.interfaces import State
from workbench.sweep import Between, SweepRun

NAN = float("nan")


class Given:
    """An object with the attributes of a sweep."""

    def __init__(self, **attributes):
        vars(self).update(attributes)


def sweep_of(*values, space=None, lower=True):
    """Return what a view needs of a sweep whose runs have some values."""
    space = {"rate": Between(1e-4, 1.0, log=True), "kind": ["a"]} if space is None else space
    runs = [
        SweepRun(number, {"rate": 10.0 ** -(number % 5), "kind": "a"}, "finished", value)
        for number, value in enumerate(values)
    ]
    return Given(
        name="x", record="cost", lower=lower, space=space, runs=runs, version=1, note="",
        state=State.FINISHED, stop=list,
    )  # fmt: skip


def heights(sweep):
    return {line.run.number: line.heights for line in lines_of(sweep, axes_of(sweep))}


def test_axes_are_logarithmic_where_the_range_is():
    found = heights(sweep_of(1.0, 2.0, 3.0))
    assert [found[i][0] for i in range(3)] == pytest.approx([1.0, 0.75, 0.5])


def test_a_single_value_has_a_place():
    assert heights(sweep_of(1.0))[0] == [1.0, 0.5, 0.5]


def test_one_diverged_run_does_not_hide_the_others():
    found = heights(sweep_of(0.5, 1.0, 5000.0))
    assert found[1][-1] - found[0][-1] > 0.05


@pytest.mark.parametrize("value", [None, NAN, float("inf")])
def test_a_run_without_a_finite_value_ends_before_the_last_axis(value):
    found = heights(sweep_of(1.0, value, 3.0))
    assert [len(found[i]) for i in range(3)] == [3, 2, 3]


@pytest.mark.parametrize(("lower", "best"), [(True, 1), (False, 2)])
def test_the_best_run_is_drawn_last_and_listed_first(lower, best):
    sweep = sweep_of(2.0, 1.0, 3.0, NAN, lower=lower)
    assert sources_of(sweep)["runs"]["run"][-1] == best
    payload = SweepView(sweep).snapshot(sweep)
    assert payload["best"] == payload["rows"][0][0] == str(best)
    assert payload["rows"][-1][0] == "3"


def test_the_figure_has_the_columns_that_are_sent():
    sweep = sweep_of(1.0, 2.0)
    plot = figure_of_sweep(sweep)
    for name, columns in sources_of(sweep).items():
        source = plot.select_one({"name": name})
        assert source.data.keys() == columns.keys()
        assert len({len(one) for one in columns.values()}) == 1


def test_nothing_is_sent_without_a_change():
    sweep = sweep_of(1.0)
    view = SweepView(sweep)
    assert view.snapshot(sweep) is not None
    assert view.snapshot(sweep) is None


@pytest.mark.parametrize("values", [(), (None,), (1.0, NAN, 2.0)])
def test_the_still_image_is_a_png(values):
    image = Image.open(io.BytesIO(draw_sweep(sweep_of(*values))))
    assert image.format == "PNG"
    assert len(set(image.convert("L").tobytes())) > 2


def test_other_objects_are_refused():
    with pytest.raises(SessionError, match=r"needs a sweep, .* not 'sweep'"):
        SweepView("sweep")
