"""Threads of torch's parallel operations."""

import os
import subprocess
import sys

import pytest

from workbench import openmp

CODE = """
import os, torch
from workbench.openmp import release_workers
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


@pytest.mark.skipif(not openmp._loaded(), reason="torch does not use GNU's OpenMP here")
def test_a_team_that_was_released_comes_back_when_it_is_needed():
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["3", "0"]


CELL = """
import os
from IPython.core.interactiveshell import InteractiveShell
import torch
from workbench.openmp import release_workers_after_cells
shell = InteractiveShell.instance()
shell.run_cell("import torch; torch.set_num_threads(4); x = torch.arange(4_000_000.0)")
counts = []
for _ in range(2):
    shell.run_cell("x.exp().sum();")
    counts.append(len(os.listdir("/proc/self/task")))
    release_workers_after_cells()
print(counts[0] - counts[1])
"""


@pytest.mark.skipif(not openmp._loaded(), reason="torch does not use GNU's OpenMP here")
def test_a_team_goes_when_the_cell_has_run_that_made_it():
    done = subprocess.run([sys.executable, "-c", CELL], capture_output=True, text=True, check=True)
    assert done.stdout.split()[-1] == "3"


def test_nothing_happens_where_there_is_no_team(monkeypatch, tmp_path):
    monkeypatch.setattr(openmp, "_MAPS", tmp_path / "none")
    monkeypatch.setattr(openmp, "_libraries", openmp._libraries.__wrapped__)
    openmp.release_workers()
    (tmp_path / "maps").write_text(f"7f00-7f01 r-xp 0 00:00 1  {tmp_path}/with space/libgomp.so\n")
    monkeypatch.setattr(openmp, "_MAPS", tmp_path / "maps")
    assert openmp._loaded() == {f"{tmp_path}/with space/libgomp.so"}
    openmp.release_workers()


WAITING = """
import os
{before}
import workbench
print(os.environ.get("GOMP_SPINCOUNT"), os.environ.get("OMP_WAIT_POLICY"))
"""


@pytest.mark.parametrize(
    ("given", "before", "expected"),
    [
        ({}, "", "1000 None"),
        ({}, "import torch", "None None"),  # too late: libgomp has read it
        ({"GOMP_SPINCOUNT": "7"}, "", "7 None"),
        ({"OMP_WAIT_POLICY": "active"}, "", "None active"),
    ],
)
def test_idle_threads_sleep_soon_unless_the_environment_says_otherwise(given, before, expected):
    environment = {n: v for n, v in os.environ.items() if n not in openmp.ASKED} | given
    code = WAITING.format(before=before)
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == expected


LATE = """
import threading, torch
from workbench import function, tensor
x = tensor.matrix("x")
run = function([x], (x @ x.T).sum(), execution="eager")
named = lambda: sum(t.name == "idle OpenMP threads" for t in threading.enumerate())
run(torch.ones(8, 8))
small = named()
run(torch.ones(500, 2000))
run(torch.ones(500, 2000))
print(small, named())
"""


@pytest.mark.skipif(not openmp._loaded(), reason="torch does not use GNU's OpenMP here")
@pytest.mark.parametrize(("given", "expected"), [({}, "0 1"), ({"GOMP_SPINCOUNT": "7"}, "0 0")])
def test_where_torch_was_first_idle_threads_sleep_once_several_are_used(given, expected):
    environment = {n: v for n, v in os.environ.items() if n not in openmp.ASKED}
    environment |= {"OMP_NUM_THREADS": "2", **given}
    done = subprocess.run(
        [sys.executable, "-c", LATE], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == expected
