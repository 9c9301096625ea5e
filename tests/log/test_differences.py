"""Comparison of settings, interventions and results of runs, in one frame."""

import numpy as np
import pytest

from tests.support.logs import every_backend
from workbench.algorithms import GradientDescent, Scale
from workbench.errors import LogError, UnknownRecordError
from workbench.log import SQLiteLog, TrainingLog, compare
from workbench.main_loop import MainLoop
from workbench.tensor import shared


def run_with(rate, log=None):
    """Return a main loop that trained on four batches."""
    w = shared(np.float64(1.0), "w")
    algorithm = GradientDescent(cost=(w**2).copy("cost"), parameters=[w], step_rule=Scale(rate))
    main_loop = MainLoop(algorithm, [{}] * 4, log=log)
    main_loop.run(batches=4)
    main_loop.log.current_row["weight"] = float(w.get_value())
    return main_loop


def filled(values, **facts):
    log = TrainingLog()
    for i, cost in enumerate(values):
        log[i].update({"cost": cost, "rate": 10.0 - i})
    log.status.update(iterations_done=len(values), **facts)
    return log


def test_hyperparameters_and_results_that_differ_are_shown():
    slow, fast = run_with(0.01), run_with(0.1)
    frame = slow.log.compare({"fast": fast.log})
    assert list(frame) == ["this", "fast"] and frame.index.names == ["what", "name"]
    [(path, row)] = frame.loc["hyperparameter"].iterrows()
    assert path.endswith("learning_rate") and row.tolist() == [0.01, 0.1]
    assert frame.loc[("result", "weight"), "this"] > frame.loc[("result", "weight"), "fast"]
    assert "version" not in frame.index.get_level_values("what")


@every_backend
def test_interventions_are_compared_by_their_texts(new):
    one, two = new(), filled([1.0, 1.0])
    for i in range(2):
        one[i].update({"cost": 1.0, "rate": 10.0 - i})
    one.status["iterations_done"] = 2
    for i in (0, 1):
        one[i]["interventions"] = ({"text": "set rate = 1", "by": "code"},)
    frame = one.compare({"two": two})
    assert frame.index.tolist() == [("intervention", "set rate = 1")]
    assert frame.iloc[0].tolist() == ["at 0, 1", None]


def test_results_can_be_those_of_the_best_row():
    one, two = filled([3.0, 1.0, 2.0]), filled([0.5, 4.0, 5.0])
    frame = one.compare({"two": two}, best="cost")
    assert frame.loc[("result", "iteration")].tolist() == [1, 0]
    assert frame.loc[("result", "rate")].tolist() == [9.0, 10.0]
    frame = one.compare({"two": two}, best="cost", largest=True)
    assert frame.loc[("result", "cost")].tolist() == [3.0, 5.0]


def test_what_is_the_same_is_shown_on_request():
    one, two = filled([1.0], threads=2), filled([1.0], threads=2)
    assert one.compare([two]).empty
    frame = one.compare([two], everything=True)
    assert frame.loc[("run", "threads")].tolist() == [2, 2]


@pytest.fixture
def small():
    """Return the differences between a run with tiny numbers and another one."""
    facts = [{"learning_rate": 1e-08, "decay": 0.1}, {"learning_rate": 0.1, "decay": 0.1 + 1e-10}]
    one, two = (filled([1e-9], hyperparameters=found) for found in facts)
    return one.compare({"two": two})


def test_small_numbers_and_small_differences_are_shown(small):
    for text in (
        repr(small),
        small.to_string(),
        small._repr_html_(),
        repr(small.loc["hyperparameter"]),
    ):
        assert {"1e-08", "0.1000000001"} <= set(text.replace("<", " ").replace(">", " ").split())
    row = small.loc[("hyperparameter", "learning_rate")]
    assert repr(row).split()[:2] == ["this", "1e-08"]
    assert small["two"].tolist() == [0.1, 0.1 + 1e-10]  # only the display has texts


def test_a_log_shows_a_small_number_beside_other_values():
    log = TrainingLog()
    log[1]["note"], log[2]["note"] = "none", 1e-08
    assert "<td>1e-08</td>" in log._repr_html_()
    other = filled([1e-09])
    assert "<td>1e-09</td>" in other.summary()._repr_html_()


def test_paths_sessions_and_frames_are_runs(tmp_path):
    stored = SQLiteLog(tmp_path / "run.sqlite")
    stored[1]["cost"] = 7.0
    stored.flush()
    session = run_with(0.1).start(paused=True, batches=1, name="mine")
    frame = filled([5.0]).compare([tmp_path / "run.sqlite", session, filled([6.0]).frame])
    session.stop()
    session.wait()
    assert list(frame) == ["this", "run", "mine", "frame"]
    assert list(session.log.compare({"other": filled([6.0])})) == ["mine", "other"]
    assert list(session.log.compare([session])) == ["this", "mine"]
    costs = frame.loc[("result", "cost")]
    assert costs[["this", "run", "frame"]].tolist() == [5.0, 7.0, 6.0]
    names = compare([session, filled([6.0]).frame]).columns.get_level_values("log")
    assert set(names) == {"mine", "frame"}


def test_wrong_comparisons_are_refused():
    one, two = filled([1.0]), filled([2.0])
    with pytest.raises(LogError, match="at least two runs, not 1"):
        one.compare([])
    with pytest.raises(UnknownRecordError, match="has a channel 'csot'; did you mean 'cost'"):
        one.compare([two], best="csot")
    with pytest.raises(LogError, match="a session, a frame .* not 3"):
        one.compare([3])
    two[1]["word"] = "a"
    with pytest.raises(
        LogError, match="'word' must contain finite numbers, since its smallest value is required"
    ):
        one.compare([two], best="word")


@every_backend
def test_a_result_that_became_nan_is_compared_as_nan(new):
    good, diverged = filled([1.0, 0.5]), new()
    for i, cost in enumerate([1.0, 0.2, np.nan]):
        diverged[i].update(cost=cost, rate=10.0 - i)
    costs = good.compare({"diverged": diverged}).loc[("result", "cost")]
    assert costs["this"] == 0.5 and np.isnan(costs["diverged"])
    best = good.compare({"diverged": diverged}, best="cost").loc[("result", "cost")]
    assert best.tolist() == [0.5, 0.2]


def test_values_of_the_last_batch_are_marked_where_results_are_shown():
    logs = {}
    for name in ("a", "b"):
        log = logs[name] = TrainingLog()
        for i in range(1, 5):
            log[i]["cost"] = float(i * len(logs))
        log[4]["validation_cost"] = 7.0 * len(logs)
        log.status["iterations_done"], log.status["epochs_done"] = 4, 1
    found = logs["a"].compare({"b": logs["b"]})
    assert list(found.index)[-2:] == [("result", "validation_cost"), ("result", "cost")]
    for text in (repr(found), found._repr_html_(), repr(found.loc[["result"]])):
        assert "cost (last batch)" in text and "validation_cost (" not in text
