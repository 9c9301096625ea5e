"""Several runs in one plot, and the table of what differs between them."""

import gc
import weakref

import numpy as np
import pandas as pd
import pytest

from extensions_live import Controls, Plot, view
from extensions_live.compare import lines_of
from extensions_live.log_values import latest
from extensions_live.plot_view import PlotView
from extensions_live.run_differences import differences
from extensions_live.runs import FinishedLog, Runs, log_from
from tests.support.runs import build
from workbench.errors import ArgumentError, SessionError
from workbench.log import SQLiteLog, TrainingLog

from .inside import train
from .runs import Clock, make_loop


def log_of(values, **status):
    log = TrainingLog()
    for i, value in enumerate(values):
        log[i]["cost"] = value
    log.status["iterations_done"] = len(values) - 1
    log.status.update(status)
    return log


def payload_of(one, pump):
    plot = one.widgets[-1]
    pump.serve(plot)
    assert plot.problem == ""
    return plot.payload


def values(payload, key):
    return np.frombuffer(payload["curves"][key]["y"]).tolist()


def test_every_kind_of_run_is_one(hand_pump, wire, tmp_path):
    stored = SQLiteLog(tmp_path / "runs.sqlite")
    stored[1]["cost"] = 3.0
    stored.flush()
    session = make_loop(channels=["cost"]).start()
    assert session.wait(20)
    one = Plot.compare(
        {
            "session": session,
            "log": log_of([5.0]),
            "path": tmp_path / "runs.sqlite",
            "frame": log_of([7.0, 8.0]).frame,
        }
    )
    payload = payload_of(one, hand_pump)
    assert [run["name"] for run in payload["runs"]] == ["session", "log", "path", "frame"]
    assert len(values(payload, "run0:cost")) == 12
    assert [values(payload, f"run{i}:cost") for i in (1, 2, 3)] == [[5.0], [3.0], [7.0, 8.0]]


@pytest.mark.parametrize(
    ("runs", "text"),
    [
        ({}, "there is nothing to compare"),
        ([1], "there is nothing to compare"),
        ({"a": 3}, "the run 'a' must be a session, a branch, a log, .*, not 3"),
        ({"a": "no.sqlite"}, "the run 'a' .* but there is no file 'no.sqlite'"),
        (
            {"a": pd.DataFrame({"cost": [1.0]}, index=["x"])},
            "the index of the run 'a' must contain iterations",
        ),
        (
            {"a": pd.DataFrame({"cost": [1.0, 2.0]}, index=[2, 1])},
            "whole numbers, 0 or more, in increasing order",
        ),
        (
            {"a": pd.DataFrame([[1.0, 2.0]], columns=[1, "1"])},
            "the column names of the run 'a' must differ as text, but '1' occurs 2 times",
        ),
    ],
)
def test_what_is_no_run_is_refused(runs, text):
    with pytest.raises(ArgumentError, match=text):
        Plot.compare(runs)


def test_a_frame_can_have_integers_beyond_64_bits_with_sign():
    frame = pd.DataFrame({"big": np.array([1, 2**63 + 5], np.uint64)})
    assert log_from(frame).channel("big").tolist() == [1, 2**63 + 5]


def test_a_frame_of_epochs_has_its_iterations_and_epochs():
    source = log_of([3.0, 2.0, 1.0], _epoch_ends=[1, 2])
    log = log_from(source.epochs)
    assert log.status["_epoch_ends"] == [1, 2]
    assert log.column("cost")[0].tolist() == [1, 2]


def test_curves_are_coloured_by_run_and_their_dashes_tell_the_channels_apart():
    several, pair = lines_of(["a", "b"], [["cost", "test"], ["rate"]])
    first, second, third, fourth = several
    assert first["colour"] == second["colour"] != third["colour"]
    assert first["dash"] == third["dash"] != second["dash"] == fourth["dash"]
    assert len({line["shape"] for line in several}) == 4
    assert pair[0]["dash"] != pair[1]["dash"]


def test_the_table_has_only_what_differs():
    slow = log_of([4.0, 3.0], best_cost=3.0)
    fast = log_of([4.0, 1.0], best_cost=1.0)
    change = {"command": "set", "variable": "rate", "path": "rule.rate", "value": 0.5, "by": "code"}
    fast[1]["interventions"] = (change,)
    lines = differences(Runs({"slow": slow, "fast": fast}).runs)
    found = {line["name"]: line["values"] for line in lines}
    assert found == {
        "changes": ["-", "rate 0.5 at 1, by code"],
        "cost (last batch)": ["3", "1"],
        "best cost": ["3", "1"],
    }


def test_a_hyperparameter_that_is_unknown_in_other_runs_is_no_difference():
    changed = log_of([1.0])
    changed[0]["interventions"] = ({"command": "set", "variable": "rate", "value": 0.5},)
    groups = {line["group"] for line in differences(Runs({"a": changed, "b": log_of([1.0])}).runs)}
    assert groups == {"changes to training"}


def test_values_that_differ_beyond_the_shown_digits_are_listed():
    lines = differences(Runs({"a": log_of([0.10001]), "b": log_of([0.10002])}).runs)
    assert [line["values"] for line in lines] == [["0.1", "0.1"]]


def test_an_integer_beyond_all_floats_is_shown_as_infinite(hand_pump, wire):
    huge = log_of([0.5, 10**400], best_states=-(10**400))
    huge[1]["interventions"] = ({"variable": "states", "value": 10**400, "text": "set states"},)
    runs = Runs({"a": huge, "b": log_of([0.5])}).runs
    shown = {line["name"]: line["values"] for line in differences(runs)}
    assert shown["cost (last batch)"] == ["inf", "0.5"] and shown["best states"] == ["-inf", "-"]
    assert latest(huge) == {"cost": "inf"}
    assert huge.summary().channels.loc["cost", "last"] == np.inf
    payload = payload_of(Plot.compare({"a": huge}), hand_pump)
    assert values(payload, "run0:cost")[0] == 0.5


def test_a_comparison_does_not_keep_a_finished_run_alive(hand_pump, wire):
    main_loop = make_loop()
    session = main_loop.start()
    assert session.wait(20)
    one = Plot.compare({"a": session}, channels=["cost"])
    before = payload_of(one, hand_pump)["curves"]
    run = weakref.ref(main_loop)
    del main_loop, session
    gc.collect()
    assert run() is None
    one.widgets[0].settings = {"log_x": True}
    assert payload_of(one, hand_pump)["curves"] == before


def test_a_view_of_several_sessions_has_their_bars_and_one_plot(hand_pump, wire):
    sessions = []
    for _ in range(2):
        sessions.append(make_loop(channels=["cost"]).start())
        assert sessions[-1].wait(20)
    one = view(*sessions)
    *bars, plot = one.widgets
    assert [isinstance(bar, Controls) for bar in bars] == [True, True]
    assert isinstance(plot, PlotView)
    assert set(payload_of(one, hand_pump)["curves"]) == {"run0:cost", "run1:cost"}


def test_an_argument_that_is_no_session_is_refused():
    session = make_loop().start()
    with pytest.raises(SessionError, match="must be a session"):
        view(session, 3)
    assert session.wait(20)


def test_a_run_that_appears_later_is_drawn_then(hand_pump, wire):
    log = TrainingLog()
    one = Plot.compare({"a": log, "b": log_of([1.0])}, channels=["cost"])
    assert set(payload_of(one, hand_pump)["curves"]) == {"run1:cost"}
    log[0]["cost"] = 2.0
    assert values(payload_of(one, hand_pump), "run0:cost") == [2.0]


def test_the_first_settings_are_those_of_the_call(hand_pump, wire):
    one = Plot.compare({"a": log_of([1.0])}, settings={"log_y": [0], "smoothing": 5})
    assert payload_of(one, hand_pump)["settings"]["log_y"] == [0]
    with pytest.raises(ArgumentError, match="no setting 'smooth'"):
        Plot.compare({"a": log_of([1.0])}, settings={"smooth": 5})


def test_as_text_a_comparison_is_the_table():
    text = repr(Plot.compare({"a": log_of([2.0]), "b": log_of([1.0])}))
    assert "a (not finished), b (not finished)" in text
    assert "a: 2; b: 1" in text


def test_a_run_that_no_longer_records_is_not_shown_as_running():
    log, clock = log_of([1.0]), Clock()
    killed = FinishedLog(log, growing=True, clock=clock)
    assert killed.state_in_words == "not finished"
    log[1]["cost"] = 2.0
    assert killed.state_in_words == "running"
    clock.now = 61.0
    assert killed.state_in_words == "not finished"
    log.status["training_error"] = "ValueError: the weights ran away"
    assert killed.state_in_words == "failed"
    log.current_row["training_finished"] = True
    assert killed.state_in_words == "finished"


def test_a_run_without_branches_is_not_compared_and_says_why(hand_pump, wire):
    session = make_loop(channels=["cost"]).start()
    assert session.wait(20)
    one = view(session)
    plot = one.widgets[-1]
    plot.receive({"kind": "compare", "start": 5})
    payload = payload_of(one, hand_pump)
    assert payload["command"]["refused"] is True
    assert payload["command"]["text"] == (
        "compare: refused: this run has no fork, and no other branch that reaches beyond iteration "
        "5; rewind or fork the run first"
    )
    assert set(payload["curves"]) == {"cost"}


def test_only_a_plot_of_a_session_offers_ways_back(hand_pump, wire):
    session = make_loop(channels=["cost"]).start()
    assert session.wait(20)
    assert payload_of(view(session), hand_pump)["possible"] == ["rewind", "fork"]
    assert payload_of(Plot.compare({"a": session}), hand_pump)["possible"] == []


def test_a_refused_way_back_is_in_the_plot(hand_pump, wire):
    session = make_loop(channels=["cost"]).start()
    assert session.wait(20)
    one = view(session)
    request = {"kind": "command", "name": "rewind", "arguments": {"iteration": "x"}, "id": "1"}
    one.widgets[-1].receive(request)
    command = payload_of(one, hand_pump)["command"]
    assert command["refused"] is True
    assert command["text"].startswith("rewind: refused: iteration must be a non-negative integer")


def test_the_bars_of_several_sessions_have_their_names_and_no_values_of_the_plot(hand_pump, wire):
    one = make_loop(channels=["cost"]).start(name="one")
    assert one.wait(20)
    two = make_loop(channels=["cost"]).start(name="two")
    assert two.wait(20)
    bars = view(one, two).widgets[:2]
    for bar in bars:
        hand_pump.serve(bar)
        assert "cost" not in [name for name, _ in bar.payload["values"]]
    assert [bar.title for bar in bars] == ["one", "two"]
    assert view(one).widgets[0].title == "one"


def test_the_still_table_has_a_column_for_each_run(hand_pump, wire):
    one = Plot.compare({"a": log_of([2.0]), "<b>": log_of([1.0])})
    table = one.still.bundles()[0]["text/html"].partition("<table")[2]
    assert "<tr><th></th><th>a</th><th>&lt;b&gt;</th></tr>" in table
    assert "<tr><td>cost</td><td>2</td><td>1</td></tr>" in table


def trained(batches):
    """Return a paused session that has trained on some batches, and its view with a plot."""
    loop = build(30)
    loop.extensions.append(Plot(channels=["cost"]))
    session = loop.start(paused=True)
    train(session, batches)
    return session, view(session)


@pytest.mark.usefixtures("no_session_is_left")
def test_a_comparison_follows_the_branches_of_its_run(hand_pump, wire):
    session, one = trained(12)
    session.rewind(8).wait(20)
    train(session, 2)
    one.widgets[-1].receive({"kind": "compare", "start": 4})
    assert [run["name"] for run in payload_of(one, hand_pump)["runs"]] == ["branch 1", "main"]
    session.rewind(5).wait(20)
    names = [run["name"] for run in payload_of(one, hand_pump)["runs"]]
    assert names == ["branch 2", "main", "branch 1"]
    session.branches[0].name = "first try"
    names = [run["name"] for run in payload_of(one, hand_pump)["runs"]]
    assert names == ["branch 2", "branch 1", "first try"]  # the others keep their places


@pytest.mark.usefixtures("no_session_is_left")
def test_what_a_rewind_ended_stays_faint_in_the_plot(hand_pump, wire):
    session, one = trained(12)
    assert payload_of(one, hand_pump)["kept"] is None
    session.rewind(8).wait(20)
    payload = payload_of(one, hand_pump)
    assert payload["kept"] == {
        "start": 8,
        "text": "faint: iterations 9 to 12 before the rewind, kept as branch 'main'",
    }
    assert np.frombuffer(payload["curves"]["cost"]["kept_x"]).tolist() == [8, 9, 10, 11, 12]
    one.widgets[-1].settings = {"marks": ["epoch"]}
    assert payload_of(one, hand_pump)["kept"] is None
