"""The plugin that finds processes that tests leave behind."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.tree import ROOT
from tests.support.waiting import until

TESTS = """
import subprocess

def test_that_ends_its_process():
    subprocess.run(["sleep", "0"], check=True)

def test_that_leaves_one_behind():
    shell = subprocess.Popen(["sh", "-c", "sleep 600 & echo $!"], stdout=subprocess.PIPE,
                             start_new_session=True)
    print("left", shell.stdout.readline().decode())
    assert shell.wait() == 0

def test_that_is_the_last():
    pass
"""

SOON = "from tests.support import leftovers\n\nleftovers.PATIENCE = 0.1\n"


def suite(folder, *options):
    """Run some tests with the plugin alone, and return the completed process."""
    (folder / "test_some.py").write_text(TESTS)
    (folder / "conftest.py").write_text(SOON)
    (folder / "pytest.ini").write_text("[pytest]\n")
    command = [sys.executable, "-m", "pytest", "-s", "-p", "tests.support.leftovers", *options]
    return subprocess.run(
        [*command, "-p", "no:cacheprovider", "test_some.py"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="no /proc")
def test_a_process_that_is_left_behind_is_ended_and_named(tmp_path):
    done = suite(tmp_path)
    assert done.returncode == pytest.ExitCode.INTERNAL_ERROR, done.stdout
    assert "processes that tests have started are left, and were ended now:" in done.stdout
    pid = done.stdout.partition("left ")[2].split()[0]
    assert f"{pid} of test_some.py::test_that_leaves_one_behind: sleep 600" in done.stdout
    command = Path("/proc") / pid / "cmdline"
    until(lambda: not command.exists() or not command.read_bytes(), "the end of the process")


def test_a_suite_that_leaves_nothing_passes(tmp_path):
    done = suite(tmp_path, "-k", "not behind")
    assert done.returncode == 0, done.stdout
