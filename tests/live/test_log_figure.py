"""Static figures of a log, without a browser."""

import builtins
import json
import subprocess
import sys

import numpy as np
import pytest
from bokeh.models import Title
from bokeh.plotting import figure

from extensions_live import figure_view
from extensions_live.figure_view import FigureView, as_json
from extensions_live.log_curves import read_curves
from extensions_live.log_values import read_curve
from tests.support.tree import ROOT
from workbench.errors import LogError, MissingLibraryError, UnknownRecordError
from workbench.log import SQLiteLog, TrainingLog


@pytest.fixture
def log():
    """Return a log of two epochs."""
    log = TrainingLog()
    for i in range(8):
        cost = float("nan") if i == 3 else 8.0 - i
        log[i].update({"cost": cost, "</script>": -1.0, "done": True, "note": "a"})
    log[4]["seconds"], log[6]["seconds"] = 10.0, 20.0
    log.status.update(_epoch_ends=[4, 8], epochs_done=2)
    return log


def drawn(plot):
    """Return the data of the lines by the names of their curves."""
    return {one.name: one.data_source.data for one in plot.renderers if one.name}


def test_all_channels_of_numbers_are_drawn_with_their_gaps(log):
    plot = log.plot(title="a run")
    assert isinstance(plot, figure) and plot.title.text == "a run"
    lines = drawn(plot)
    assert list(lines) == ["cost", "</script>", "seconds"]
    np.testing.assert_array_equal(lines["cost"]["y"], [8.0, 7.0, 6.0, np.nan, 4.0, 3.0, 2.0, 1.0])
    assert [item.label.value for item in plot.legend.items] == list(lines)


def test_a_log_in_a_database_has_the_same_plot(log, tmp_path):
    stored = SQLiteLog(tmp_path / "a.sqlite")
    for i, cost in zip(*log.column("cost"), strict=True):
        stored[int(i)]["cost"] = float(cost)
    stored.flush()
    again = SQLiteLog(tmp_path / "a.sqlite", read_only=True)
    np.testing.assert_array_equal(
        drawn(again.plot("cost"))["cost"]["y"], drawn(log.plot("cost"))["cost"]["y"]
    )


def test_a_smoothed_curve_lies_over_the_recorded_one(log):
    lines = drawn(log.plot(["cost"], smoothing=0.5))
    assert list(lines) == ["cost as recorded", "cost"]
    smooth = lines["cost"]["y"]
    assert np.isnan(smooth[3]) and smooth[1] == pytest.approx((8 * 0.25 + 7 * 0.5) / 0.75)


def test_changes_of_the_run_are_marked(log):
    log[2]["interventions"] = ({"command": "set", "text": "set rate = <b>"},)
    log[5]["interventions"] = ({"command": "pause", "text": "pause"},)
    [marks] = [one for one in log.plot("cost").renderers if "text" in one.data_source.data]
    assert (marks.data_source.data["x"], marks.data_source.data["text"]) == (
        [2],
        ["set rate = <b>"],
    )
    other = log.plot("cost", x="epoch").renderers
    assert not [one for one in other if "text" in one.data_source.data]


def test_a_constant_stays_constant_when_smoothed():
    log = TrainingLog()
    for i in range(300):
        log[i]["rate"] = 1e-4
    for smoothing in (0.222, 0.9, 0.999):
        assert set(drawn(log.plot("rate", smoothing=smoothing))["rate"]["y"]) == {1e-4}


def test_smoothing_does_not_depend_on_what_follows():
    short, long = TrainingLog(), TrainingLog()
    y = np.random.default_rng(0).normal(size=50_000)
    for log, count in ((short, 5000), (long, 50_000)):
        x = np.arange(count)
        columns = {"cost": (x, y[:count])}
        log.load_state_dict({**log.state_dict(), "rows": x, "columns": columns})
    one, other = (drawn(log.plot(smoothing=0.99))["cost"] for log in (short, long))
    found = dict(zip(other["x"], other["y"], strict=True))
    same = [(y, found[x]) for x, y in zip(one["x"], one["y"], strict=True) if x in found]
    assert len(same) > 500 and all(a == pytest.approx(b) for a, b in same)


@pytest.mark.parametrize("x", ["iteration", "epoch", "seconds"])
def test_smoothing_is_over_iterations_as_in_a_live_plot(x):
    log, random = TrainingLog(), np.random.default_rng(0)
    for i in range(200):
        log[i].update({"seconds": i / 9, "cost": random.normal()})
        if i % 20 == 0:
            log[i]["test_cost"] = random.normal()
    log.status.update(_epoch_ends=[20], epochs_done=1)
    for name in ("cost", "test_cost"):
        live = read_curve(log, name, over=-1 / np.log(0.9))
        y = drawn(log.plot(name, smoothing=0.9, x=x))[name]["y"]
        np.testing.assert_array_equal(y, live.smooth[1])
    recorded = log.column("test_cost")[1]
    weights = 0.9 ** np.arange(180, -20, -20)
    assert y[-1] == pytest.approx(weights @ recorded / weights.sum())
    assert abs(y - recorded).max() < 0.5 < abs(np.diff(recorded)).max()


def test_epochs_and_channels_can_be_the_horizontal_axis(log):
    plot = log.plot(["cost"], x="epoch")
    assert drawn(plot)["cost"]["x"].tolist() == [0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75]
    assert plot.xaxis.axis_label == "epoch"
    line = drawn(log.plot(["cost"], x="seconds"))["cost"]
    assert line["x"].tolist() == [10.0, 20.0] and line["y"].tolist() == [4.0, 2.0]


def test_a_logarithmic_axis_has_gaps_at_values_without_a_logarithm(log):
    line = drawn(log.plot(["</script>"], log_y=True))["</script>"]
    assert np.isnan(line["y"]).all()


def test_a_long_run_keeps_its_spikes():
    log = TrainingLog()
    x = np.arange(200_000)
    y = np.zeros(len(x))
    y[123_456] = 9.0
    log.load_state_dict({**log.state_dict(), "rows": x, "columns": {"cost": (x, y)}})
    [curve] = read_curves(log)
    assert len(curve.curve.x) < 6100 and curve.curve.y.max() == 9.0 and curve.count == 200_000


@pytest.fixture
def exploding():
    """Return a log of noise around 1 with one enormous value."""
    log = TrainingLog()
    noise = np.random.default_rng(0).normal(1, 0.1, 500)
    for i, cost in enumerate(noise.tolist()):
        log[i]["cost"] = 1e30 if i == 300 else cost
    return log


def notes(plot):
    """Return the lines of text above a figure, from top to bottom."""
    return [one.text for one in plot.above if isinstance(one, Title)][::-1]


@pytest.mark.parametrize("log_y", [False, True])
def test_one_exploding_value_does_not_flatten_the_curve(exploding, log_y):
    plot = exploding.plot("cost", log_y=log_y)
    assert 0 < plot.y_range.start < 0.7 and 1.3 < plot.y_range.end < 2
    assert drawn(plot)["cost"]["y"].max() == 1e30
    text = "cost: 1 value is outside: 1e+30 at iteration 300"
    assert notes(plot) == [f"{text} (log.plot(robust=False) shows all values)"]
    [marks] = [one for one in plot.renderers if one.name == "cost outside"]
    assert marks.data_source.data["x"].tolist() == [300]


def test_all_values_can_be_shown(exploding):
    plot = exploding.plot("cost", robust=False)
    assert notes(plot) == [] and not isinstance(plot.y_range, type(exploding.plot("cost").y_range))


def test_an_exploding_value_does_not_raise_a_smoothed_curve(exploding):
    assert drawn(exploding.plot("cost", smoothing=0.9))["cost"]["y"].max() < 1.5


@pytest.mark.parametrize(
    "values",
    [
        [0.05 + 0.001 * (i % 7) for i in range(990)] + [10.0] * 15,
        [1e4] * 8 + [0.05 + 0.001 * (i % 7) for i in range(990)] + [1e30],
    ],
)
def test_a_smoothed_curve_has_the_first_and_the_last_values(values):
    log = TrainingLog()
    for i, value in enumerate(values):
        log[i]["cost"] = value
    x, y = read_curve(log, "cost", over=-1 / np.log(0.9)).smooth
    assert (x[0], x[-1], y[0]) == (0, len(values) - 1, values[0]) and y[-1] > 0.5
    for log_y in (False, True):
        static = drawn(log.plot("cost", smoothing=0.9, log_y=log_y))["cost"]
        assert (static["x"][[0, -1]] == x[[0, -1]]).all() and static["y"][-1] == y[-1]


def test_an_outlier_removes_no_other_value_at_the_same_place(exploding):
    for i in range(len(exploding)):
        exploding[i]["stage"] = i // 100
    [whole] = read_curves(exploding, "cost", smoothing=0.9)
    [staged] = read_curves(exploding, "cost", x="stage", smoothing=0.9)
    np.testing.assert_array_equal(staged.curve.y, whole.curve.y)


def test_no_curve_of_a_figure_is_left_out_whole(exploding):
    for i in range(100, 500):
        exploding[i]["large"] = 1e9 + i
    plot = exploding.plot()
    assert plot.y_range.end > 1e9 and notes(plot)[0].startswith("cost: 1 value is outside")


@pytest.mark.parametrize(
    "values",
    [
        [1.0] * 50 + [2.0],
        [10 * 0.9**i for i in range(100)],
        [1.0, 2.0, 1e30],
        [float("nan")] * 20,
        [2.3, 1.9, 1.2, 0.8, 1.1, 0.6, *(0.05 + 0.02 * (i % 5) for i in range(1000))],
    ],
)
def test_steps_and_descents_have_no_outliers(values):
    log = TrainingLog()
    for i, value in enumerate(values):
        log[i]["cost"] = value
    assert notes(log.plot("cost")) == []


def test_a_dense_curve_has_no_dashes_and_the_others_have():
    log = TrainingLog()
    for i in range(1000):
        log[i].update({"a": i / 1000, "noisy": float(i % 7), "steady": i / 500})
    lines = {line.name: line.glyph.line_dash for line in log.plot().renderers if line.name}
    assert [bool(lines[name]) for name in ("a", "noisy", "steady")] == [False, False, True]


def test_dense_curves_have_shapes_on_their_lines_and_in_the_legend():
    log = TrainingLog()
    for i in range(1000):
        log[i].update({"noisy": float(i % 7), "other": float(i % 5), "few": 1.0})
    plot = log.plot()
    found = {one.name: one for one in plot.renderers if (one.name or "").startswith("shape of")}
    assert len(found) == 3 and len({one.glyph.marker for one in found.values()}) == 3
    at = found["shape of noisy"].data_source.data
    np.testing.assert_allclose(at["y"], np.interp(at["x"], *log.column("noisy")))
    assert [len(item.renderers) for item in plot.legend[0].items] == [2, 2, 2]
    calm = log.plot(["few"])
    assert not [one for one in calm.renderers if (one.name or "").startswith("shape of")]


def test_a_logarithmic_figure_names_the_channels_that_it_cannot_show():
    log = TrainingLog()
    for i in range(20):
        log[i].update({"cost": 1.0 + i, "gain": float(-i)})
    text = "gain: values of 0 or less cannot be shown on a logarithmic axis"
    assert notes(log.plot(log_y=True)) == [text]
    assert notes(log.plot()) == []


def test_smoothed_curves_are_over_all_recorded_ones():
    log = TrainingLog()
    for i in range(100):
        log[i].update({"a": float(i % 7), "b": float(i % 5)})
    names = [one.name for one in log.plot(smoothing=0.9).renderers if one.name]
    lines = [name for name in names if not name.startswith("shape of")]
    assert lines == ["a as recorded", "b as recorded", "a", "b"]


def test_an_explosion_at_the_start_is_an_outlier():
    log = TrainingLog()
    for i, value in enumerate([2.3, 1e9, *(0.05 + 0.02 * (i % 5) for i in range(1000))]):
        log[i]["cost"] = value
    assert notes(log.plot("cost"))[0].startswith("cost: 1 value is outside: 1e+09")


def test_wrong_requests_are_refused(log):
    with pytest.raises(UnknownRecordError, match="no channel 'csot'; did you mean 'cost'"):
        log.plot(["csot"])
    with pytest.raises(LogError, match="'note' must contain only numbers"):
        log.plot(["note"])
    with pytest.raises(UnknownRecordError, match="no channel 'epochs'"):
        log.plot(["cost"], x="epochs")
    for smoothing in (1, -0.1, "0.5", float("nan")):
        with pytest.raises(LogError, match="smoothing must be a number that is at least 0"):
            log.plot(["cost"], smoothing=smoothing)
    with pytest.raises(LogError, match="no numeric channel"):
        TrainingLog().plot()
    with pytest.raises(LogError, match="at least one finished epoch; use x='iteration'"):
        log.status["_epoch_ends"] = []
        log.plot(["cost"], x="epoch")
    with pytest.raises(LogError, match="must be a list of names"):
        log.plot([["cost"]])


def test_a_figure_stays_free_and_its_data_are_in_the_json(log):
    plot = log.plot(["cost"])
    text = as_json([plot])
    assert plot.document is None
    [root] = json.loads(text)["roots"]
    assert root["name"] == "Figure" and '"ndarray"' in text and '"data":{"id"' not in text


def test_the_widget_carries_the_figure(log, hand_pump, wire):
    plot = log.plot(["cost"])
    view = FigureView(plot)
    assert json.loads(view.figures)["roots"][0]["id"] == plot.id
    hand_pump.serve(view)
    assert view.payload == {} and view.problem == ""
    view.close()


def test_a_cell_gets_the_widget_a_table_and_an_image(log, hand_pump, wire, monkeypatch):
    sent = []
    monkeypatch.setattr(figure_view, "shell", lambda: True)
    monkeypatch.setattr(figure_view, "publish", lambda data, *rest: sent.append(data))
    log.plot(["cost", "</script>"])._ipython_display_()
    widget, table, image = sent
    assert "application/vnd.jupyter.widget-view+json" in widget
    assert "&lt;/script&gt;" in table["text/html"] and "wb-still" in table["text/html"]
    assert len(image["image/png"]) > 1000


def test_the_engine_loads_no_bokeh_and_says_what_is_missing(log, monkeypatch):
    code = "import sys, workbench, workbench.log; print('bokeh' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["False"]
    for name in [name for name in sys.modules if name.startswith(("bokeh", "extensions_live"))]:
        monkeypatch.delitem(sys.modules, name)
    real = builtins.__import__

    def without_bokeh(name, *rest):
        if name.split(".")[0] == "bokeh":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without_bokeh)
    with pytest.raises(MissingLibraryError, match=r"log.plot\(\) needs the library bokeh"):
        log.plot()


def test_the_legend_has_the_colour_of_the_page(log):
    (legend,) = log.plot("cost").legend
    assert ".bk-label { color: inherit" in legend.stylesheets[0]


def test_ticks_of_a_logarithmic_axis_are_plain_numbers(log):
    # the formatter of Bokeh for such an axis can label 0.2 and 0.4 as powers of 10
    assert log.plot("cost", log_y=True).yaxis.formatter.format == "%.6g"


def test_the_same_channel_of_several_runs_is_in_one_figure():
    slow, fast, nameless = TrainingLog(), TrainingLog(), TrainingLog()
    for step in (1, 2):
        slow[step]["cost"], fast[step]["cost"], nameless[step]["cost"] = 3.0, 2.0, 1.0
    slow.status["session_name"] = "slow"
    figure = slow.plot("cost", others={"fast": fast})
    assert [item.label.value for item in figure.legend.items] == ["cost (slow)", "cost (fast)"]
    figure = nameless.plot("cost", others=[slow])
    labels = [item.label.value for item in figure.legend.items]
    assert labels == [f"cost ({nameless.h_uuid[:8]})", "cost (slow)"]
