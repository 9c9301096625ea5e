"""The end of processes that a notebook has started."""

import logging
import os
import signal
import subprocess
import sys

import pytest

from tests.support.waiting import until
from workbench.session.remote import children, identity
from workbench.session.remote.identity import birth, exists

pytestmark = pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="no /proc")


@pytest.fixture
def child():
    """Yield a process that does not end by itself."""
    process = subprocess.Popen(["sleep", "600"])
    yield process
    if exists(process.pid):
        os.kill(process.pid, signal.SIGKILL)
    process.wait()


def is_listed(pid):
    """Return True if the system lists a process, which it also does after its end."""
    return os.path.exists(f"/proc/{pid}")


def test_a_process_that_was_left_is_not_listed_after_its_end(child):
    children.leave(child)
    assert is_listed(child.pid)
    os.kill(child.pid, signal.SIGKILL)
    until(lambda: not is_listed(child.pid))


@pytest.fixture
def leader():
    """Yield the leader of a group of two processes, and the ID of the other process."""
    command = ["sh", "-c", "sleep 600 & echo $!; wait"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True)
    with process.stdout:
        yield process, int(process.stdout.readline())
    children.kill([process])


@pytest.mark.parametrize("end", ["killed", "killed here", "left"])
def test_the_processes_that_a_process_has_started_end_with_it(leader, end):
    process, other = leader
    if end == "left":
        children.leave(process)
    assert exists(other)
    if end == "killed here":
        children.kill([process])
    else:
        os.kill(process.pid, signal.SIGKILL)
        until(lambda: children.status(process) is not None)
    until(lambda: not exists(other))


def test_a_process_that_ended_by_itself_has_its_own_status(leader):
    process, other = leader
    os.kill(other, signal.SIGTERM)
    until(lambda: children.status(process) == 0)


def test_a_forked_process_ends_with_its_parent():
    code = (
        "import os, time; from workbench.session.remote import children\n"
        "children.CHECK = 0.01; children.end_forks_with_this_process()\n"
        "print(pid, flush=True) if (pid := os.fork()) else time.sleep(600); os._exit(0)"
    )
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    until(lambda: not exists(int(process.stdout)))


def test_a_process_that_cannot_be_killed_makes_nothing_wait(child, caplog, monkeypatch):
    monkeypatch.setattr(children, "PATIENCE", 0)
    with caplog.at_level(logging.WARNING):
        children.await_end([child])
    assert f"process {child.pid} was killed, but did not end within 0 s" in caplog.text
    assert child.returncode == -signal.SIGKILL


def test_the_name_of_a_process_can_be_cut_within_a_character(tmp_path, monkeypatch):
    monkeypatch.setattr(identity, "PROC", tmp_path)
    (tmp_path / "7").mkdir()
    fields = b" ".join(b"%d" % number for number in range(2, 30))
    (tmp_path / "7" / "stat").write_bytes(b"7 (caf\xc3) S " + fields)
    assert exists(7)
    assert birth(7) is None  # this system does not say when it was started


def test_a_process_that_has_ended_does_not_exist(child):
    assert exists(child.pid) and birth(child.pid) != birth(os.getpid())
    child.kill()
    until(lambda: not exists(child.pid))
    assert is_listed(child.pid)
    child.wait()
    assert birth(child.pid) is None
