"""The log as a mapping: rows, status, identity, display, errors."""

import math
import uuid

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extensions_live.runs import log_from
from tests.support.logs import every_backend
from workbench.errors import LogError, UnknownRecordError

pytestmark = every_backend

VALUES = st.one_of(
    st.floats(allow_nan=False), st.integers(-(2**60), 2**60), st.booleans(), st.text()
)
RECORDS = st.lists(st.tuples(st.integers(0, 12), st.sampled_from("abcd"), VALUES), max_size=40)


def filled(new, records):
    log, model = new(), {}
    for iteration, name, value in records:
        log[iteration][name] = value
        model.setdefault(iteration, {})[name] = value
    return log, model


@given(RECORDS)
def test_a_log_reads_like_a_dictionary_of_dictionaries(new, records):
    log, model = filled(new, records)
    assert {i: dict(row) for i, row in log.items()} == model
    assert len(log) == len(model)
    assert list(log) == sorted(model)


@given(RECORDS, st.data())
@settings(max_examples=60)
def test_the_frame_is_that_of_the_dictionary_however_often_it_was_asked_for(new, records, data):
    log = new()
    for i, (iteration, name, value) in enumerate(records):
        log[iteration][name] = value
        if data.draw(st.booleans()):
            _, model = filled(new, records[: i + 1])
            expected = pd.DataFrame.from_dict(model, orient="index", dtype=object).sort_index()
            frame = log.frame
            assert frame.index.tolist() == expected.index.tolist()
            for channel in frame:
                known = expected[channel].notna()
                assert frame[channel][known].tolist() == expected[channel][known].tolist()
                assert frame[channel].notna().tolist() == known.tolist()


def test_a_row_is_live(new):
    log = new()
    row = log[4]
    assert (dict(row), 4 in log, len(log)) == ({}, False, 0)
    log[4]["cost"] = 0.5
    assert (dict(row), 4 in log, 5 in log, row.get("none", 7)) == ({"cost": 0.5}, True, False, 7)
    del row["cost"]
    assert "cost" not in log[4]


def test_rows_relative_to_the_status(new):
    log = new()
    for i in range(4):
        log.status["iterations_done"] = i
        log.current_row["cost"] = float(i)
    log.status["_epoch_ends"] = [2]
    assert [r["cost"] for r in (log.current_row, log.previous_row, log.last_epoch_row)] == [3, 2, 2]


def test_rows_that_there_cannot_be_say_so(new):
    log = new()
    with pytest.raises(LogError, match="no iteration has been completed yet"):
        _ = log.previous_row
    with pytest.raises(LogError, match="no epoch has ended yet"):
        _ = log.last_epoch_row
    with pytest.raises(LogError, match="must be a non-negative number of iterations, not -1"):
        log[-1]
    with pytest.raises(LogError, match="not 'cost'"):
        log["cost"]
    with pytest.raises(LogError, match=r"write log\[3\].update"):
        log[3] = {"cost": 0.5}
    with pytest.raises(LogError, match="name of a record must be a string, not 3"):
        log[3][3] = 0.5


def test_an_unknown_channel_is_answered_with_the_nearest_one(new):
    log = new()
    with pytest.raises(UnknownRecordError, match="no channel 'cost'; it is empty"):
        log.channel("cost")
    log[0]["cost"] = 1.0
    with pytest.raises(UnknownRecordError, match="'x'; its only channel is cost"):
        log.channel("x")
    log[0]["error_rate"] = 0.5
    with pytest.raises(UnknownRecordError, match="no channel 'csot'; did you mean 'cost'?"):
        log.column("csot")
    with pytest.raises(UnknownRecordError, match="'x'; its channels are cost, error_rate"):
        log.channel("x")
    with pytest.raises(KeyError, match="0 has no record 'eror_rate'; did you mean 'error_rate'"):
        log[0]["eror_rate"]


def test_columns_are_numbers_from_an_iteration_on(new):
    log = new()
    for i in range(5):
        log[2 * i].update(cost=i / 2, count=i, best=i > 2, note=None if i else 0.5)
    iterations, values = log.column("cost", start=3)
    assert (iterations.tolist(), values.tolist()) == ([4, 6, 8], [1.0, 1.5, 2.0])
    assert log.column("count")[1].dtype == log.column("best")[1].dtype == np.float64
    np.testing.assert_array_equal(log.column("note")[1], [0.5, *[np.nan] * 4])
    log[9]["note"] = "text"
    with pytest.raises(LogError, match="'note' .* has a value of type str at iteration 9"):
        log.column("note")


def test_a_channel_is_a_series_of_its_own_records(new):
    log = new()
    for i in range(0, 10, 5):
        log[i].update(count=i)
    log[3]["note"] = "text"
    series = log.channel("count")
    assert (series.name, series.dtype, series.index.name) == ("count", np.int64, "iteration")
    assert series.to_dict() == {0: 0, 5: 5}
    assert log.channel("note").to_dict() == {3: "text"}


def test_epochs_have_one_row_each(new):
    log = new()
    for i in range(7):
        log[i]["cost"] = float(i)
    log[6]["test_cost"] = 0.5
    log.status["_epoch_ends"] = [3, 6, 9]
    epochs = log.epochs
    assert epochs.index.tolist() == [1, 2, 3]
    assert epochs.iteration.tolist() == [3, 6, 9]
    np.testing.assert_array_equal(epochs.cost, [3.0, 6.0, np.nan])
    np.testing.assert_array_equal(epochs.test_cost, [np.nan, 0.5, np.nan])


def test_no_epochs_make_an_empty_frame(new):
    assert new().epochs.empty
    assert new().frame.empty


def test_a_frame_given_away_stays_as_it_was(new):
    log = new()
    for i in range(50):
        log[i]["cost"] = float(i)
    log[0]["test_cost"] = 1.0
    given_away = log.frame
    copy = given_away.copy()
    log[49]["test_cost"] = 0.5
    log[20]["cost"] = -1.0
    log[50]["note"] = "text"
    assert log.frame.loc[49, "test_cost"] == 0.5
    pd.testing.assert_frame_equal(given_away, copy)


def test_resuming_gives_a_new_identity_and_remembers_the_old_one(new):
    log = new()
    log.uuid = uuid.UUID(int=5)
    log.status["iterations_done"] = 3
    log[3]["cost"] = 0.5
    assert log.h_uuid == "0" * 31 + "5"
    log.resume()
    assert log.uuid != uuid.UUID(int=5)
    assert log.status["resumed_from"] == "0" * 31 + "5"
    assert (log.status["iterations_done"], log[3]["cost"]) == (3, 0.5)


def test_a_log_shows_its_contents(new):
    log = new()
    log.uuid = uuid.UUID(int=5)
    assert repr(log) == f"<{type(log).__name__} 00000000: 0 rows; 0 iterations, 0 epochs done>"
    log[0]["<cost>"] = 0.5
    log.status["iterations_done"] = 1
    assert "1 row of <cost>; 1 iteration, 0 epochs done" in repr(log)
    assert "<cost>" not in log._repr_html_()
    assert "0.5" in log._repr_html_()


def test_the_version_grows_with_visible_changes(new):
    log = new()
    versions = [log.version]
    log[0]["cost"] = 1.0
    versions.append(log.version)
    with log.writing():
        log[1]["cost"] = 1.0
        assert log.version == versions[-1]
        log.commit()
        versions.append(log.version)
    del log[1]["cost"]
    versions.append(log.version)
    assert versions == sorted(set(versions))


@pytest.mark.parametrize("value", [2**53 + 1, -(2**53) - 1, 2**62 + 1])
@pytest.mark.parametrize("looks", [(), (1,), (1, 2, 3)])
def test_an_integer_beside_a_gap_keeps_every_digit(new, value, looks):
    log = new()
    for iteration, records in enumerate([{"a": 7}, {"b": 1}, {"a": value}, {"b": 2}]):
        log[iteration].update(records)
        if iteration in looks:
            assert log.frame["a"][0] == 7
    frame = log.frame
    assert int(frame["a"][2]) == value and math.isnan(frame["a"][3]) and int(frame["a"][0]) == 7
    assert frame["b"].dtype == "float64"


@pytest.mark.parametrize("kind", [int, np.int64, np.uint8])
def test_a_log_contains_the_iterations_by_which_it_can_be_indexed(new, kind):
    log = new()
    log[3]["cost"] = 0.5
    assert kind(3) in log and kind(4) not in log
    assert log.get(kind(3)) == {"cost": 0.5}
    assert not any(other in log for other in (3.0, "3", [3], None))


def test_a_channel_named_iteration_does_not_replace_the_iterations(new):
    log = new()
    for i in range(1, 7):
        log[i].update(cost=1 / i, iteration=(i - 1) % 3)
    log.status["_epoch_ends"] = [3, 6]
    assert log.query("iteration > 4").index.tolist() == [5, 6]
    assert log.epochs["iteration"].tolist() == [3, 6]
    assert log_from(log.frame).column("cost")[0].tolist() == [1, 2, 3, 4, 5, 6]
