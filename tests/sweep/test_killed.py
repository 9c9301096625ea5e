"""A sweep whose process is killed continues from its database."""

import subprocess
import sys

import pytest

from tests.support.tree import ROOT
from tests.sweep import killed
from tests.sweep.runs import build
from workbench.log import SQLiteLog
from workbench.sweep import Sweep


@pytest.fixture
def database(tmp_path):
    """Return the database of a sweep that was killed within its second run."""
    path = tmp_path / "runs.sqlite"
    command = [sys.executable, "-m", "tests.sweep.killed", path]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        said = process.stdout.readline()
        process.kill()
    assert (said, process.returncode) == ("ready\n", -9)
    return path


def test_a_killed_sweep_has_all_runs_once(database, capsys):
    built = []

    def counted(learning_rate):
        built.append(learning_rate)
        return build(learning_rate)

    sweep = Sweep(counted, killed.RATES, record="cost", database=database)
    assert sweep.start().wait(60)
    assert "continues: 1 of its 3 runs have already ended" in capsys.readouterr().err
    assert built == [0.1, 0.2]  # the first run had ended, and is not repeated
    assert [run.state for run in sweep.runs] == ["finished"] * 3
    logs = [SQLiteLog(database, uuid=run.log, read_only=True) for run in sweep.runs]
    assert [log.status["sweep_settings"]["learning_rate"] for log in logs] == [0.01, 0.1, 0.2]
    assert [log.status["epochs_done"] for log in logs] == [4, 4, 4]
