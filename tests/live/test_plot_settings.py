"""Settings of a plot: checked, kept, and sent back to the page."""

import pytest

from extensions_live.plot_settings import settings
from workbench.errors import ArgumentError

from .runs import make_loop, plot_view


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"x": "epochs"}, "must be one of iteration, epoch, time, examples, not 'epochs'"),
        ({"smoothing": -1}, "must be a non-negative number of iterations, not -1"),
        ({"smoothing": float("nan")}, "must be a non-negative number of iterations"),
        ({"log_x": 1}, "must be True or False, not 1"),
        ({"log_y": [True]}, "must be a list of figure indices"),
        ({"marks": ["stars"]}, "must be a list whose items are among epoch, intervention"),
        ({"hidden": "cost"}, "must be a list of names, not 'cost'"),
        ({"names": {"a": 1}}, "must be a dictionary that maps strings to strings"),
        ({"logy": [0]}, "a plot has no setting 'logy'; .*did you mean 'log_y'"),
    ],
)
def test_a_wrong_setting_is_refused(given, text):
    with pytest.raises(ArgumentError, match=text):
        settings(given)


def test_settings_of_the_page_are_kept_and_sent_back(hand_pump, wire):
    main_loop = make_loop()
    main_loop.run()
    view = plot_view(main_loop)
    chosen = settings({"log_y": [0], "smoothing": 3.0})
    view.receive({"kind": "settings", "settings": chosen, "stamp": 7.0})
    hand_pump.serve(view)
    assert view.payload["settings"] == chosen
    assert view.payload["stamp"] == 7.0
    assert len(view.payload["curves"]["cost"]["smooth_y"]) > 0


def test_settings_that_arrive_late_are_ignored(hand_pump, wire):
    view = plot_view(make_loop())
    view.receive({"kind": "settings", "settings": settings({"log_x": True}), "stamp": 7.0})
    view.receive({"kind": "settings", "settings": settings(), "stamp": 6.0})
    assert view.settings["log_x"] is True


def test_python_changes_settings_too(hand_pump, wire):
    main_loop = make_loop()
    main_loop.run()
    view = plot_view(main_loop)
    view.settings = {"x": "epoch"}
    hand_pump.serve(view)
    assert view.payload["axis"]["kind"] == "epoch"
    assert view.payload["settings"]["x"] == "epoch"


def test_an_axis_that_is_missing_is_explained(hand_pump, wire):
    main_loop = make_loop()
    main_loop.run()
    view = plot_view(main_loop)
    view.settings = {"x": "examples"}
    hand_pump.serve(view)
    assert view.payload["curves"] == {}
    assert "number of examples" in view.payload["axis"]["missing"]["examples"]
