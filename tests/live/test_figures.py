"""The figures that Bokeh builds."""

import json

import pytest

from extensions_live.figures import PALETTE, colours, document, lines_of


def test_one_root_for_each_list_and_one_source_for_each_channel():
    built = json.loads(document([["cost", "test_cost"], ["cost"]]))
    assert [root["name"] for root in built["roots"]] == ["Figure", "Figure"]
    text = json.dumps(built)
    assert text.count('"curve:cost"') == text.count('"marks:test_cost"') == 1


def test_figures_share_the_iteration_axis():
    first, second = json.loads(document([["a"], ["b"]]))["roots"]
    assert second["attributes"]["x_range"] == {"id": first["attributes"]["x_range"]["id"]}


def test_smoothed_curves_are_drawn_over_all_recorded_ones_and_shapes_over_both():
    [root] = json.loads(document([["a", "b"]]))["roots"]
    order = [one["attributes"]["tags"][1] for one in root["attributes"]["renderers"]]
    kinds = [kind for kind in order if kind in ("line", "smooth", "shape")]
    assert kinds == ["line", "line", "smooth", "smooth", "shape", "shape"]


def test_the_first_of_several_runs_is_drawn_over_the_others():
    lines = lines_of(["now", "branch"], [["cost", "test_cost"]])
    [root] = json.loads(document([], lines=lines))["roots"]
    tags = [one["attributes"]["tags"] for one in root["attributes"]["renderers"]]
    drawn = [key for key, kind in tags if kind == "line"]
    runs = {one["key"]: one["run"] for one in lines[0]}
    assert [runs[key] for key in drawn] == ["branch", "branch", "now", "now"]


def test_curves_of_a_figure_have_different_shapes():
    infos = lines_of(["run0", "run1", "run2"], [["cost", "test_cost"]])[0]
    assert len({info["shape"] for info in infos}) == 6


@pytest.mark.parametrize("count", [1, 8, 20])
def test_colours_differ_as_long_as_there_are_enough(count):
    found = colours([[f"channel {i}" for i in range(count)]])
    assert len(set(found.values())) == min(count, len(PALETTE))


def test_a_channel_keeps_its_colour_in_every_figure():
    found = colours([["a", "b"], ["b", "c"]])
    assert found["c"] != found["b"]
