"""The end of processes that a notebook has started."""

import logging
import os
import signal
import subprocess

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
