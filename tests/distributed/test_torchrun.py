"""A script that torchrun starts in several processes trains as in one, and writes everything once."""

import os
import sqlite3
import subprocess
import sys

from tests.distributed.test_data_parallel import assert_same
from tests.support import train_in_processes
from tests.support.tree import ROOT
from workbench.log.sqlite import SQLiteLog


def columns(path):
    with SQLiteLog(path).writing() as _:
        pass
    frame = SQLiteLog(path).frame
    names = ["cost", "valid_cost"]
    return {"records": {n: frame[n].dropna().tolist() for n in names}, "values": {}}


def test_torchrun_starts_the_same_script(tmp_path, capsys):
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir(), two.mkdir()
    train_in_processes.main(one)
    alone = capsys.readouterr().out
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2",
               str(ROOT / "tests/support/train_in_processes.py"), str(two)]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("AFTER ANOTHER EPOCH") == alone.count("AFTER ANOTHER EPOCH") == 2
    assert sorted(p.name for p in two.iterdir()) == sorted(p.name for p in one.iterdir())
    assert_same(columns(one / "log.sqlite"), columns(two / "log.sqlite"))
    with sqlite3.connect(two / "log.sqlite") as database:
        assert database.execute("SELECT count(DISTINCT uuid) FROM entries").fetchall() == [(1,)]
