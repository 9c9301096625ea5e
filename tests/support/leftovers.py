"""Plugin of pytest that fails, and ends the processes, if the tests leave processes behind.

Each test sets an environment variable, which its processes and their own processes inherit, even if
their parent ends. So detached runs are found too, and the message names the test that began the
chain. Processes that serve many tests, such as the server that forks processes, are left out: they
end with this process.

The status of pytest is then that of an internal error, so that a second attempt, at which only the
last test runs, does not hide it.
"""

from __future__ import annotations

import contextlib
import gc
import os
import secrets
import signal
import time
from collections.abc import Iterator
from multiprocessing import forkserver
from pathlib import Path

import pytest

from workbench.data.hdf5 import examine

MARK = "TESTS_STARTED_BY"
"""Environment variable with a token of this process, and the test that runs."""

PATIENCE = 10.0
"""Seconds in which processes must end after the last test."""

SHARED = (
    "_inductor/compile_worker",
    "multiprocessing.resource_tracker",
    examine.PROGRAM,
)
"""Parts of the commands of processes that end with the process that has started them."""

LEFT = "processes that tests have started are left, and were ended now"
PROC = Path("/proc")

_token = secrets.token_hex(8)
_found: list[str] = []


def pytest_report_header() -> str | None:
    """Say that nothing is checked on systems without a list of processes."""
    return None if PROC.is_dir() else "processes that are left behind: not checked without /proc"


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> None:
    """Mark the processes of a test."""
    os.environ[MARK] = f"{_token} {item.nodeid.partition('[')[0]}"


@pytest.fixture(scope="session", autouse=True)
def no_process_is_left() -> Iterator[None]:
    """Fail if a process is left after the last test, when all other fixtures have ended."""
    yield
    gc.collect()  # a data loader in a cycle of references ends its processes only now
    left = left_processes(PATIENCE)
    for pid in left:
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)
    if left:
        pytest.fail("\n".join([f"{LEFT}:", *left.values()]), pytrace=False)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Note a failure of the fixture, which can come from another process."""
    if report.failed and LEFT in report.longreprtext:
        _found.append(report.nodeid)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Change the status, unless it is already worse."""
    if _found:
        session.exitstatus = pytest.ExitCode.INTERNAL_ERROR


def left_processes(seconds: float) -> dict[int, str]:
    """Return the processes of tests that are left after some seconds, with a line on each."""
    end = time.monotonic() + seconds
    while (left := _marked()) and time.monotonic() < end:
        time.sleep(0.05)
    return left


def _marked() -> dict[int, str]:
    server = forkserver._forkserver._forkserver_pid
    mark = f"{MARK}={_token} ".encode()
    found = {}
    for path in PROC.glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended, or belongs to another user
            marks = [v for v in (path / "environ").read_bytes().split(b"\0") if v.startswith(mark)]
            command = (path / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if not marks or int(path.name) == server or any(one in command for one in SHARED):
                continue
            test = marks[0].removeprefix(mark).decode(errors="replace")
            found[int(path.name)] = f"{path.name} of {test}: {command:.200}"
    return found
