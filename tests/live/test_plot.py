"""The plot extension and its widget."""

import gc
import json
import weakref

import numpy as np
import pytest

from extensions_live import Plot
from extensions_live.plot_view import PlotView
from extensions_live.runs import FinishedLog
from workbench.errors import ExtensionError
from workbench.log import TrainingLog

from .runs import make_loop, plot_of, plot_view


def numbers(view, channel):
    """Return x and y as the page receives them."""
    curve = view.payload["curves"][channel]
    return np.frombuffer(curve["x"]).tolist(), np.frombuffer(curve["y"])


@pytest.mark.parametrize("channels", [(), "cost", [[]], [["cost"], []], [[1]], None, [["a"], 3]])
def test_channels_that_are_no_names_are_refused(channels):
    with pytest.raises(ExtensionError, match="one list of channel names for each figure"):
        Plot(channels=channels)


def test_a_session_is_no_title():
    with pytest.raises(ExtensionError, match=r"title must be a string, .* view\(session\)"):
        Plot(TrainingLog())


def test_names_alone_are_figures_and_every_channel_counts_once():
    plot = Plot("digits", ["cost", ["cost", "test_cost"]])
    assert plot.channels == [["cost"], ["cost", "test_cost"]]
    assert plot.names == ["cost", "test_cost"]
    assert repr(plot) == "Plot('digits', channels=[['cost'], ['cost', 'test_cost']])"


def test_a_plot_listens_to_no_batch():
    assert {"before_batch", "after_batch", "dispatch"}.isdisjoint(vars(Plot))


def test_a_view_made_after_training_shows_everything(hand_pump, wire):
    main_loop = make_loop(epochs=3, batches=4)
    main_loop.run()
    view = plot_view(main_loop)
    hand_pump.serve(view)
    x, y = numbers(view, "cost")
    assert x == list(range(1, 13))
    np.testing.assert_allclose(y, np.exp(-np.arange(1, 13) / 10))
    assert numbers(view, "test_cost")[0] == [4, 8, 12]
    assert view.payload["latest"]["test_cost"] == "0.5"


def test_a_change_is_one_message_and_no_change_is_none(hand_pump, wire):
    main_loop = make_loop()
    main_loop.run()
    view = plot_view(main_loop)
    wire.clear()
    for _ in range(3):
        hand_pump.serve(view)
    assert len(wire) == 1
    main_loop.log[12]["cost"] = 2.0
    hand_pump.serve(view)
    assert len(wire) == 2
    assert numbers(view, "cost")[1][-1] == 2.0


def test_numbers_travel_as_bytes(hand_pump, wire):
    main_loop = make_loop(channels=["cost"])
    main_loop.run()
    view = plot_view(main_loop)
    wire.clear()
    hand_pump.serve(view)
    _, state, buffers = wire[0]
    assert set(state) == {"payload"}
    # 12 points of a curve, no marks, and as few points are all dots
    assert [len(buffer) for buffer in buffers] == [12 * 8, 12 * 8, 0, 12 * 8, 12 * 8]


def test_zooming_asks_for_the_finer_range(hand_pump, wire):
    main_loop = make_loop(epochs=1, batches=20_000, channels=["cost"])
    main_loop.run()
    view = plot_view(main_loop)
    hand_pump.serve(view)
    assert len(numbers(view, "cost")[0]) < 2100
    view.receive({"kind": "range", "start": 100.5, "stop": 900.5})
    hand_pump.serve(view)
    x = numbers(view, "cost")[0]
    assert set(range(101, 901)) <= set(x)
    view.receive({"kind": "range", "start": None, "stop": None})
    hand_pump.serve(view)
    assert not set(range(101, 901)) <= set(numbers(view, "cost")[0])


@pytest.mark.parametrize("over", [0.0, 500.0])
@pytest.mark.parametrize("visible", [(None, None), (1e3, 9e3)])
def test_a_push_of_a_long_run_stays_small(hand_pump, wire, over, visible):
    log, random = TrainingLog(), np.random.default_rng(0)
    rows = np.arange(1_000_000)
    values = {name: random.normal(size=len(rows)) for name in "abcd"}
    values["a"][::7] = np.nan
    change = {"command": "set", "variable": "rate" * 20, "value": 1.0, "by": "button"}
    columns = {name: (rows, one) for name, one in values.items()}
    columns["interventions"] = (rows[::200], [(change,)] * 5000)
    log.load_state_dict({**log.state_dict(), "rows": rows, "columns": columns})
    log.status.update(iterations_done=999_999, _epoch_ends=list(range(100, 1_000_000, 100)))
    source = FinishedLog(log, growing=False)
    view = PlotView(source, {"title": "", "channels": [list("abcd")], "height": 250})
    view.settings = {"smoothing": over, "x": "epoch"}
    view.receive({"kind": "range", "start": visible[0], "stop": visible[1]})
    hand_pump.serve(view)
    _, state, buffers = wire[-1]
    size = len(json.dumps(state)) + sum(len(buffer) for buffer in buffers)
    assert 100_000 < size < 160_000


def test_a_view_made_before_there_is_a_run_shows_it_later(hand_pump, wire):
    main_loop = make_loop()
    view = plot_view(main_loop)
    hand_pump.serve(view)
    assert view.payload == {}
    main_loop.run()
    hand_pump.serve(view)
    assert len(numbers(view, "cost")[0]) == 12


def test_a_misspelt_channel_is_explained_in_the_view(hand_pump, wire):
    main_loop = make_loop(channels=[["cost", "test_csot"]])
    main_loop.run()
    view = plot_view(main_loop)
    hand_pump.serve(view)
    assert view.payload["notes"] == {
        "test_csot": "the log has no channel 'test_csot' yet; did you mean 'test_cost'?"
    }
    assert set(view.payload["curves"]) == {"cost"}


def test_a_channel_of_texts_is_no_curve(hand_pump, wire):
    main_loop = make_loop(channels=[["cost", "training_finished", "note"]])
    main_loop.log[0]["note"] = "begun"
    main_loop.run()
    view = plot_view(main_loop)
    hand_pump.serve(view)
    assert "note" not in view.payload["curves"]
    assert "note" not in view.payload["latest"]


def test_an_error_in_a_view_is_shown_there_and_gone_when_it_is(hand_pump, wire, monkeypatch):
    main_loop = make_loop()
    view = plot_view(main_loop)
    with monkeypatch.context() as broken:
        broken.setattr("extensions_live.plot_view.read_curve", lambda *_, **__: 1 / 0)
        main_loop.run()
        hand_pump.serve(view)
        assert view.problem == "ZeroDivisionError: division by zero"
    hand_pump.serve(view)
    assert view.problem == ""
    assert len(numbers(view, "cost")[0]) == 12


def test_two_views_of_one_plot_are_independent(hand_pump, wire):
    main_loop = make_loop()
    main_loop.run()
    first, second = plot_view(main_loop), plot_view(main_loop)
    hand_pump.serve(first)
    first.close()
    hand_pump.serve(second)
    assert second.payload == first.payload
    assert hand_pump.views == (second,)


def test_nothing_is_drawn_while_nobody_looks(hand_pump, wire):
    view = plot_view(make_loop())
    assert view.watched()
    view._hear(view, {"kind": "visibility", "rendering": "a", "visible": False, "number": 1}, [])
    assert not view.watched()
    view._hear(view, {"kind": "visibility", "rendering": "a", "visible": True, "number": 2}, [])
    assert view.watched()


def test_a_view_does_not_keep_a_finished_run_alive(hand_pump, wire):
    main_loop = make_loop()
    main_loop.run()
    view = plot_view(main_loop)
    hand_pump.serve(view)
    run = weakref.ref(main_loop)
    shown = dict(view.payload)
    del main_loop
    gc.collect()
    assert run() is None
    hand_pump.serve(view)
    assert view.payload == shown


def test_a_view_keeps_a_run_until_its_end_was_shown(hand_pump, wire):
    main_loop = make_loop()
    view = plot_view(main_loop)
    main_loop.run()
    del main_loop
    gc.collect()
    hand_pump.serve(view)
    assert len(numbers(view, "cost")[0]) == 12


def test_a_plot_knows_when_training_ended_or_failed_and_goes_on():
    main_loop = make_loop(epochs=2, fail_at=3)
    plot = plot_of(main_loop)
    with pytest.raises(ValueError, match="ran away"):
        main_loop.run()
    assert plot.finished
    plot.on_resumption()
    assert not plot.finished
