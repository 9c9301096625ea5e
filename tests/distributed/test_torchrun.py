"""A script that torchrun starts in several processes trains as in one, and writes all once."""

import os
import sqlite3
import subprocess
import sys

from tests.distributed.test_data_parallel import assert_same
from tests.support import train_in_processes
from tests.support.tree import ROOT
from workbench.log.sqlite import SQLiteLog


def recorded(folder):
    """Return the records of the only log in a folder."""
    frame = SQLiteLog(folder / "log.sqlite", read_only=True).frame
    names = ["cost", "valid_cost"]
    return {"records": {name: frame[name].dropna().tolist() for name in names}, "values": {}}


def test_torchrun_starts_the_same_script(tmp_path, capsys):
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir(), two.mkdir()
    train_in_processes.main(one)
    alone = capsys.readouterr().out
    script = str(ROOT / "tests/support/train_in_processes.py")
    run = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*run, script, str(two)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("AFTER ANOTHER EPOCH") == alone.count("AFTER ANOTHER EPOCH") == 2
    assert (two / "run.tar").exists()
    assert_same(recorded(one), recorded(two))
    with sqlite3.connect(two / "log.sqlite") as database:
        assert database.execute("SELECT count(DISTINCT uuid) FROM entries").fetchall() == [(1,)]
