"""A script that torchrun starts in several processes trains as in one, and writes all once."""

import os
import sqlite3
import subprocess
import sys

import pytest

from tests.distributed.test_data_parallel import assert_same
from tests.support import train_in_processes
from tests.support.sockets import LOOPBACK
from tests.support.tree import ROOT
from workbench.log.sqlite import SQLiteLog

LAUNCH = [
    *(sys.executable, "-m", "torch.distributed.run", "--nnodes=1", "--nproc-per-node=3"),
    *("--local-addr=127.0.0.1", "--rdzv-backend=c10d", "--rdzv-conf=store_type=file"),
]
ON_LOOPBACK = {"TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1"}
"""Environment in which torchrun does not listen; it meets itself in a file, by `LAUNCH`."""


def recorded(folder):
    """Return the records of the only log in a folder."""
    frame = SQLiteLog(folder / "log.sqlite", read_only=True).frame
    names = ["cost", "valid_cost"]
    return {"records": {name: frame[name].dropna().tolist() for name in names}, "values": {}}


@pytest.mark.slow
def test_torchrun_starts_the_same_script(tmp_path, capsys):
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir(), two.mkdir()
    train_in_processes.main(one)
    alone = capsys.readouterr().out
    script = str(ROOT / "tests/support/train_in_processes.py")
    environment = {**os.environ, **ON_LOOPBACK, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*LAUNCH, f"--rdzv-endpoint={tmp_path / 'meeting'}", script, str(two)],
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
    if os.path.exists("/proc/net/tcp"):
        addresses = [(two / f"listening-{rank}.txt").read_text().split() for rank in range(3)]
        assert all(addresses) and set().union(*addresses) <= LOOPBACK
    with sqlite3.connect(two / "log.sqlite") as database:
        assert database.execute("SELECT count(DISTINCT uuid) FROM entries").fetchall() == [(1,)]
