"""Durations and times as records."""

import datetime
import pickle
import re
import time

import pytest

from tests.support.fakes import make
from workbench.extensions import CallbackName, FinishAfter, Timestamp, Timing


def records(log, *names):
    return [[log[i].get(name) for name in names] for i in log]


def fake_times(monkeypatch, seconds):
    """Make every second reading of the clock `seconds` later than the first."""
    ticks = iter(range(1_000_000))
    monkeypatch.setattr("workbench.main_loop.run.perf_counter", lambda: next(ticks) * seconds)


def test_the_times_of_an_epoch_are_those_of_its_batches(monkeypatch):
    fake_times(monkeypatch, 0.5)
    main_loop = make(Timing(), FinishAfter(after_n_epochs=2))
    main_loop.run()
    for end, total in ((3, 1.5), (6, 3.0)):
        assert main_loop.log[end]["time_train_this_epoch"] == 1.5
        assert main_loop.log[end]["time_read_data_this_epoch"] == 1.5
        assert main_loop.log[end]["time_train_total"] == total
    assert main_loop.log[0]["time_initialization"] >= 0


def test_a_pickled_main_loop_measures_from_zero(monkeypatch):
    fake_times(monkeypatch, 0.5)
    main_loop = make(Timing(), FinishAfter(after_n_epochs=1))
    main_loop.run()
    copy = pickle.loads(pickle.dumps(main_loop))
    copy.run(epochs=1)
    assert copy.log[6]["time_train_this_epoch"] == copy.log[6]["time_train_total"] == 1.5


def test_times_are_averaged_over_the_batches_since_the_last(monkeypatch):
    fake_times(monkeypatch, 0.5)
    timing = Timing("my", every_n_batches=2, after_epoch=False)
    main_loop = make(timing, FinishAfter(after_n_batches=4))
    main_loop.run()
    log = main_loop.log
    assert log.channel("my_time_train_this_batch").to_dict() == {2: 0.5, 4: 0.5}
    assert log.channel("my_time_train_total").to_dict() == {2: 1.0, 4: 2.0}


def test_a_resumed_log_does_not_spoil_the_average(monkeypatch):
    fake_times(monkeypatch, 0.5)
    old = make(FinishAfter(after_n_batches=90))
    old.run()
    main_loop = make(Timing(after_batch=True), FinishAfter(after_n_batches=91), log=old.log)
    main_loop.run()
    assert main_loop.log[91]["time_train_this_batch"] == 0.5


@pytest.mark.parametrize("triggers", [{}, {"after_epoch": True, "every_n_epochs": 1}])
def test_an_average_is_not_overwritten_where_two_triggers_hold(monkeypatch, triggers):
    fake_times(monkeypatch, 0.5)
    main_loop = make(Timing(**{"every_n_epochs": 2, **triggers}), FinishAfter(after_n_epochs=4))
    main_loop.run()
    log = main_loop.log
    assert log.channel("time_train_this_epoch").to_dict() == dict.fromkeys((3, 6, 9, 12), 1.5)
    assert log.channel("time_read_data_this_epoch").to_dict() == dict.fromkeys((3, 6, 9, 12), 1.5)


def test_every_other_epoch_has_the_average_of_two(monkeypatch):
    fake_times(monkeypatch, 0.5)
    timing = Timing(every_n_epochs=2, after_epoch=False)
    main_loop = make(timing, FinishAfter(after_n_epochs=4))
    main_loop.run()
    assert main_loop.log.channel("time_train_this_epoch").to_dict() == {6: 1.5, 12: 1.5}


@pytest.mark.parametrize("trigger", ["after_training", "on_interrupt", "on_error"])
def test_at_the_end_there_are_totals_and_nothing_else_is_touched(monkeypatch, trigger):
    fake_times(monkeypatch, 0.5)
    main_loop = make(Timing(**{trigger: True}), FinishAfter(after_n_epochs=1))
    timing = main_loop.extensions[0]
    main_loop.run()
    first, before = main_loop.log[0]["time_initialization"], dict(main_loop.log[3])
    timing.do(CallbackName(trigger))
    assert dict(main_loop.log[3]) == before and before["time_train_this_epoch"] == 1.5
    assert (main_loop.log[0]["time_initialization"], before["time_train_total"]) == (first, 1.5)


def test_timestamps_are_local_times_in_iso_form():
    main_loop = make(Timestamp(), FinishAfter(after_n_epochs=1))
    before = datetime.datetime.now().astimezone()
    main_loop.run()
    after = datetime.datetime.now().astimezone()
    stamps = [datetime.datetime.fromisoformat(main_loop.log[i]["timestamp"]) for i in (0, 3)]
    assert before <= stamps[0] < stamps[1] <= after
    assert stamps[0].utcoffset() == before.utcoffset()
    assert main_loop.log[0]["timestamp"][10] == " "


@pytest.mark.parametrize("zone, offset", [("UTC", "+00:00"), ("XYZ-05:30", "+05:30")])
def test_a_timestamp_has_microseconds_and_its_offset(monkeypatch, zone, offset):
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        text = Timestamp().get_timestamp()
    finally:
        monkeypatch.undo()
        time.tzset()
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}" + re.escape(offset), text)


def test_a_timestamp_is_made_when_something_goes_wrong():
    main_loop = make(Timestamp("when", separator="T", before_training=False))
    main_loop.algorithm.errors[2] = ValueError("no")
    with pytest.raises(ValueError, match="no"):
        main_loop.run()
    assert list(main_loop.log) == [1]
    assert main_loop.log[1]["when"][10] == "T"
