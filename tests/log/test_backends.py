"""The registry of log backends: a backend of one's own, chosen by name."""

import pytest

from tests.support.runs import build
from workbench.config import config
from workbench.errors import ConfigurationError, LogError
from workbench.log import TrainingLog
from workbench.log.backends import BACKENDS, new_log, register
from workbench.main_loop import MainLoop


class CountingLog(TrainingLog):
    """A log in memory that counts its commits."""

    commits = 0

    def commit(self):
        self.commits += 1
        super().commit()


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
    with pytest.raises(LogError, match="called 'memry'; did you mean 'memory'"):
        new_log("memry")


def test_the_settings_refuse_an_unknown_backend_when_it_is_assigned():
    with pytest.raises(ConfigurationError, match=r"'sqlight' \(overridden in code\) must be"):
        config.override(log_backend="sqlight").__enter__()


def test_an_unknown_backend_from_outside_is_refused_when_it_is_read(monkeypatch):
    monkeypatch.setenv("WORKBENCH_LOG_BACKEND", "counting")
    try:
        config.load_yaml()
        assert config.floatx  # other settings can be read: the backend may still be registered
        with pytest.raises(ConfigurationError, match=r"'counting' \(.*WORKBENCH_LOG_BACKEND"):
            new_log()
    finally:
        monkeypatch.undo()
        config.load_yaml()
