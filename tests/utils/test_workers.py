"""Teams of OpenMP threads."""

import subprocess
import sys

import pytest

from workbench.utils import workers

CODE = """
import os, torch
from workbench.utils.workers import release_workers
count = lambda: len(os.listdir("/proc/self/task"))
torch.set_num_threads(4)
numbers = torch.arange(4_000_000.0)
def work():
    numbers.exp().sum()
    return count()
full = work()
release_workers()
print(full - count(), work() - full)
"""


@pytest.mark.skipif(not workers._loaded(), reason="torch does not use GNU's OpenMP here")
def test_a_team_that_was_released_comes_back_when_it_is_needed():
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["3", "0"]


CELL = """
import os
from IPython.core.interactiveshell import InteractiveShell
import torch
from workbench.utils.workers import release_workers_after_cells
shell = InteractiveShell.instance()
shell.run_cell("import torch; torch.set_num_threads(4); x = torch.arange(4_000_000.0)")
counts = []
for _ in range(2):
    shell.run_cell("x.exp().sum();")
    counts.append(len(os.listdir("/proc/self/task")))
    release_workers_after_cells()
print(counts[0] - counts[1])
"""


@pytest.mark.skipif(not workers._loaded(), reason="torch does not use GNU's OpenMP here")
def test_a_team_goes_when_the_cell_has_run_that_made_it():
    done = subprocess.run([sys.executable, "-c", CELL], capture_output=True, text=True, check=True)
    assert done.stdout.split()[-1] == "3"


def test_nothing_happens_where_there_is_no_team(monkeypatch, tmp_path):
    monkeypatch.setattr(workers, "_MAPS", tmp_path / "none")
    monkeypatch.setattr(workers, "_libraries", workers._libraries.__wrapped__)
    workers.release_workers()
    (tmp_path / "maps").write_text(f"7f00-7f01 r-xp 0 00:00 1  {tmp_path}/with space/libgomp.so\n")
    monkeypatch.setattr(workers, "_MAPS", tmp_path / "maps")
    assert workers._loaded() == {f"{tmp_path}/with space/libgomp.so"}
    workers.release_workers()
