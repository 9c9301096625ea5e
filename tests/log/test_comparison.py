"""Comparison of logs in one frame."""

import numpy as np
import pandas as pd
import pytest

from tests.support.logs import every_backend
from workbench.errors import LogError, UnknownRecordError
from workbench.log import SQLiteLog, TrainingLog, compare


def filled(log, slope=0.5):
    for i in range(1, 4):
        log[i].update({"cost": i * slope, "count": i})
    return log


@every_backend
def test_logs_are_side_by_side_by_channel(new):
    one, two = filled(new()), filled(TrainingLog(), slope=2.0)
    two[7]["cost"] = 9.0
    frame = compare([one, two], channels=["cost"])
    assert frame.index.tolist() == [1, 2, 3, 7] and frame.index.name == "iteration"
    assert list(frame) == [("cost", one.h_uuid[:8]), ("cost", two.h_uuid[:8])]
    np.testing.assert_array_equal(frame["cost"].iloc[:, 0], [0.5, 1.0, 1.5, np.nan])
    assert frame["cost", two.h_uuid[:8]].tolist() == [2.0, 4.0, 6.0, 9.0]
    two.status["session_name"] = "of yesterday"
    assert list(compare([one, two], ["cost"])) == [
        ("cost", one.h_uuid[:8]),
        ("cost", "of yesterday"),
    ]
    assert set(compare({"x": one, "y": two}).columns.get_level_values(0)) == set(one.channels)


def test_one_channel_needs_no_list():
    assert list(compare({"x": filled(TrainingLog())}, "cost")) == [("cost", "x")]


def test_a_path_means_the_newest_log_of_a_database(tmp_path):
    for slope in (1.0, 3.0):
        filled(SQLiteLog(tmp_path / "run.sqlite"), slope).flush()
    frame = compare([tmp_path / "run.sqlite", str(tmp_path / "run.sqlite")], ["cost"])
    assert frame.columns.get_level_values("log").tolist() == ["run", "run (2)"]
    assert frame["cost", "run"].tolist() == [3.0, 6.0, 9.0]


def test_invalid_comparisons_are_refused():
    log = filled(TrainingLog())
    with pytest.raises(UnknownRecordError, match="has a channel 'csot'; did you mean 'cost'"):
        compare([log], ["csot"])
    with pytest.raises(UnknownRecordError, match="'x'; their channels are cost, count"):
        compare([log], ["x"])
    with pytest.raises(UnknownRecordError, match="'x'; they are empty"):
        compare([TrainingLog()], ["x"])
    with pytest.raises(LogError, match="at least one log"):
        compare([])
    with pytest.raises(LogError, match="path of a database of logs, not 3"):
        compare([3])
    assert compare([TrainingLog()]).empty


@pytest.mark.parametrize(
    ("frame", "text"),
    [
        (pd.DataFrame({"cost": [1.0, 2.0]}, index=[0.5, 1.0]), "the index of the frame 'f' must"),
        (pd.DataFrame({"cost": [1.0, 2.0]}, index=[1, 1]), "whole numbers, 0 or more, in incr"),
        (pd.DataFrame({"cost": [1.0]}, index=["a"]), "log.frame and log.epochs are valid frames"),
        (pd.DataFrame({"cost": [1.0]}, index=[np.inf]), "whole numbers, 0 or more"),
        (pd.DataFrame([[1.0, 2.0]], columns=["cost", "cost"]), "'cost' occurs 2 times; rename"),
    ],
)
def test_frames_that_are_no_runs_are_refused(frame, text):
    for compared in (compare, TrainingLog().compare):
        with pytest.raises(LogError, match=text):
            compared({"log": TrainingLog(), "f": frame})


def test_frames_can_have_numbers_as_names_and_iterations_in_a_column():
    frame = pd.DataFrame({"iteration": [3, 6], 0: [0.5, 0.25]})
    found = compare({"log": filled(TrainingLog()), "frame": frame}, ["0"])
    assert found["0", "frame"].dropna().to_dict() == {3: 0.5, 6: 0.25}


def test_how_runs_ended_is_left_out_unless_asked_for():
    log = filled(TrainingLog())
    log[3]["training_finished"] = True
    log.status["_epoch_ends"] = [3]
    assert list(compare({"a": log})) == [("cost", "a"), ("count", "a")]
    assert list(compare({"a": log}, "training_finished")) == [("training_finished", "a")]
    assert list(log.epochs) == ["iteration", "cost", "count"]
