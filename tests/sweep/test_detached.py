"""A sweep whose runs train in other processes."""

import sqlite3

import pytest

from tests.sweep.runs import build
from workbench.config import config
from workbench.interfaces import State
from workbench.log import SQLiteLog
from workbench.session.remote import RemoteSession
from workbench.sweep import Sweep


def detached(learning_rate):
    return build(learning_rate).start(detached=True, linger=10)


@pytest.mark.slow
def test_detached_runs_are_compared_and_the_best_is_opened(tmp_path, monkeypatch):
    monkeypatch.setattr(config, "runs_path", tmp_path / "runs")
    path = tmp_path / "runs.sqlite"
    sweep = Sweep(
        detached, {"learning_rate": [0.01, 0.2]}, record="cost", database=path, epochs=2, halving=2
    )
    assert sweep.start().wait(120)
    assert [run.state for run in sweep.runs] == ["ended early", "finished"]
    assert [run.epochs for run in sweep.runs] == [1, 2]
    alone = build(0.2, epochs=2)
    alone.run()
    assert sweep.best.value == pytest.approx(alone.log.latest()["cost"])
    logs = [SQLiteLog(path, uuid=run.log, read_only=True) for run in sweep.runs]
    assert [log.status["sweep_settings"] for log in logs] == [run.settings for run in sweep.runs]
    with sqlite3.connect(path) as connection:  # no log without rows beside them
        assert connection.execute("SELECT count(*) FROM logs").fetchone() == (2,)
    session = sweep.open()
    assert isinstance(session, RemoteSession) and session.state is State.FINISHED
    session.close(end=True)
