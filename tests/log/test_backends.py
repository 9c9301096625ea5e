"""The registry of log backends: a user's backend, chosen by name."""

from contextlib import nullcontext

import numpy as np
import pandas as pd
import pytest

from tests.support.runs import build
from workbench.config import config
from workbench.errors import ConfigurationError, LogError
from workbench.log import TrainingLog, TrainingLogBase
from workbench.log.backends import BACKENDS, new_log, register
from workbench.log.column import MISSING, Column
from workbench.log.frames import Entries, Snapshot
from workbench.main_loop import MainLoop
from workbench.utils.values import to_python


class CountingLog(TrainingLog):
    """A log in memory that counts its commits."""

    commits = 0

    def commit(self):
        self.commits += 1
        super().commit()


class DictionaryLog(TrainingLogBase):
    """A backend with only the required methods, over a dictionary of rows."""

    version = 0

    def __init__(self):
        super().__init__()
        self.rows = {}

    def writing(self):
        return nullcontext()

    def commit(self):
        pass

    def record_all(self, iteration, records):
        records = {name: to_python(value) for name, value in records.items()}
        self.rows.setdefault(iteration, {}).update(records)

    def find(self, iteration, name):
        return self.rows.get(iteration, {}).get(name, MISSING)

    def names(self, iteration):
        return list(self.rows.get(iteration, {}))

    def forget(self, iteration, name):
        del self.rows[iteration][name]

    def snapshot(self, names=None):
        columns = {}
        for iteration in sorted(self.rows):
            for name, value in self.rows[iteration].items():
                columns.setdefault(name, Column()).put(iteration, value)
        kept = {n: Entries(*c.entries(), 0) for n, c in columns.items() if n in (names or columns)}
        return Snapshot(np.array(sorted(self.rows)), 0, kept, lasting=False)

    def replace(self, rows, columns):
        self.rows = {iteration: {} for iteration in rows.tolist()}
        for name, (iterations, values) in columns.items():
            for iteration, value in zip(iterations.tolist(), values, strict=True):
                self.rows[iteration][name] = to_python(value)


def test_a_backend_needs_no_more_than_the_protocol():
    main_loop, expected = build(5), build(5)
    main_loop.log = log = DictionaryLog()
    main_loop.run()
    expected.run()
    pd.testing.assert_frame_equal(log.frame, expected.log.frame)
    again = DictionaryLog()
    again.load_state_dict(log.state_dict())
    pd.testing.assert_frame_equal(again.frame, log.frame)
    log[5]["note"] = "so far so good"
    del log[5]["note"]
    assert len(log) == len(again) and "note" not in log[5] and 5 in log and 99 not in log


@pytest.fixture
def counting():
    register("counting", CountingLog)
    yield
    del BACKENDS["counting"]


def test_a_registered_backend_is_chosen_by_name(counting):
    assert type(MainLoop(None, None, log_backend="counting").log) is CountingLog


def test_a_registered_backend_is_chosen_by_the_settings(counting):
    with config.override(log_backend="counting"):
        main_loop = build(3)
    main_loop.run()
    assert type(main_loop.log) is CountingLog and main_loop.log.commits >= 3


def test_a_backend_registered_again_replaces_the_first(counting):
    register("counting", TrainingLog)
    assert type(new_log("counting")) is TrainingLog


def test_an_unknown_backend_is_refused_with_the_nearest_name():
    with pytest.raises(LogError, match="named 'memry'; .*did you mean 'memory'"):
        new_log("memry")


def test_the_settings_refuse_an_unknown_backend_when_it_is_assigned():
    with pytest.raises(ConfigurationError, match=r"'sqlight' \(overridden in code\) must be"):
        config.override(log_backend="sqlight").__enter__()


def test_an_unknown_backend_from_outside_is_refused_when_it_is_read(monkeypatch):
    monkeypatch.setenv("WORKBENCH_LOG_BACKEND", "counting")
    try:
        config.load_yaml()
        assert (
            config.floatx
        )  # other settings can be read, since the backend can be registered later
        with pytest.raises(ConfigurationError, match=r"'counting' \(.*WORKBENCH_LOG_BACKEND"):
            new_log()
    finally:
        monkeypatch.undo()
        config.load_yaml()
