"""Restarts by several notebooks at the same time, and the log that a session reads afterwards."""

import os
import signal
from types import SimpleNamespace

import pytest

import workbench
from tests.support.forked_runs import Forked, build
from tests.support.waiting import until
from workbench import errors
from workbench.interfaces import State
from workbench.log import SQLiteLog
from workbench.session.remote.folder import RunFolder
from workbench.session.remote.lifecycle import SESSIONS
from workbench.session.remote.session import RemoteSession


def as_in_another_kernel(session):
    """Return another session for the same run."""
    known = SESSIONS.pop(str(session._folder.path))
    try:
        other = workbench.attach(session.name)
    finally:
        SESSIONS[str(session._folder.path)] = known
    other._launcher = session._launcher
    return other


@pytest.fixture
def killed(start):
    """Return a session whose process was killed, and that of another notebook."""
    session = start(build(), paused=True)
    session.step(3).wait(60)
    until(lambda: session._link.facts.get("kept") is not None)
    os.kill(session.processes[0], signal.SIGKILL)
    with pytest.raises(errors.ProcessError):
        session.wait(60)
    return session, as_in_another_kernel(session)


class Interrupted(Forked):
    """Launcher during whose work another notebook acts."""

    def __init__(self, act):
        self.act = act

    def launch(self, *args, **options):
        self.act()
        return super().launch(*args, **options)


def test_of_two_simultaneous_restarts_one_wins(killed):
    session, other = killed
    said = []

    def restart_elsewhere():
        late = as_in_another_kernel(session)  # it knows the number of this launch
        for one in (other, late, session):
            with pytest.raises(errors.SessionError) as caught:
                one.restart()
            said.append(str(caught.value))

    session._launcher = Interrupted(restart_elsewhere)
    session.restart()
    assert "was restarted elsewhere; workbench.attach" in said[0]
    for text in said[1:]:
        assert text.startswith("another notebook or thread is starting the processes of")
    with pytest.raises(errors.SessionError, match="was restarted elsewhere; workbench.attach"):
        other.restart()
    assert session.call(lambda loop: 1).wait(60) == 1


def test_a_restart_that_failed_can_be_repeated(killed):
    session, _ = killed

    def fail():
        raise OSError("no processes left")

    session._launcher = Interrupted(fail)
    with pytest.raises(OSError, match="no processes left"):
        session.restart()
    session._launcher = Forked()
    session.restart()
    assert session.call(lambda loop: 1).wait(60) == 1


def test_the_processes_of_another_notebook_end_without_a_wait(start, monkeypatch):
    session = start(build(epochs=1), detached=True)
    assert session.wait(60)
    other = as_in_another_kernel(session)
    never = 10_000.0  # so that the test does not end if the wait has no other end
    monkeypatch.setattr("workbench.session.remote.session.GOODBYE", never)
    other.restart()
    until(lambda: session._link.launched.status(0) is not None, timeout=60)
    assert other.processes != session.processes
    other.close(end=True)


def test_a_run_that_failed_can_be_restarted_after_its_session_was_closed(killed):
    session, _ = killed
    kept, costs = session._link.facts["kept"], list(session.log.column("cost")[1])
    session.close()
    again = workbench.attach(session.name)
    assert again.state is State.FAILED and list(again.log.column("cost")[1]) == costs
    assert again._folder.snapshot.exists()
    begun = again.restart()
    assert again._link.facts["kept"] >= begun >= kept  # the snapshot on disk is known at once
    again.close()
    assert not os.path.exists(again.folder)


def test_the_folder_of_a_failure_that_is_not_yet_known_is_kept(start, monkeypatch):
    session = start(build(), paused=True)
    monkeypatch.setattr(session._link._failures, "found", lambda: None)
    os.kill(session.processes[0], signal.SIGKILL)
    until(lambda: session._link.launched.status(0) is not None)
    session.close()
    assert os.path.exists(session.folder)
    again = workbench.attach(session.name)
    workbench.session.remote.remove(again)
    assert not os.path.exists(session.folder) and again.state is State.FAILED


@pytest.mark.parametrize("rank", [0, 1])
def test_a_run_of_another_notebook_is_restarted_after_a_process_was_killed(start, rank):
    name = f"left by {rank}"
    session = start(build(), processes=2, paused=True, detached=True, name=name)
    session.close()  # as the end of its notebook does
    other = workbench.attach(name)
    pid = other.processes[rank]
    os.kill(pid, signal.SIGKILL)
    text = rf"process {rank} of 2 in '{name}' \(pid {pid}\) ended.*: the connection to it was lost"
    with pytest.raises(errors.ProcessError, match=text):
        other.wait(60)
    other.restart()  # with the launcher of the other notebook
    assert session._link.launched.status(0) is not None
    assert other.call(lambda loop: 1).wait(60) == 1
    other.close(end=True)


def test_the_log_follows_as_soon_as_its_identity_is_known(tmp_path):
    written = SQLiteLog(tmp_path / "log.sqlite")
    written[1]["cost"] = 1.0
    written.flush()
    folder = RunFolder(tmp_path)
    folder.write({"name": "no run", "launch": 0, "database": written.database})
    session = RemoteSession(folder, Forked())
    session._link = SimpleNamespace(facts={"uuid": written.h_uuid})
    assert list(session.log.column("cost")[1]) == [1.0]
    written.resume()
    written[2]["cost"] = 2.0
    written.flush()
    session._link.facts = {"uuid": written.h_uuid}  # `_see_changes` has not been called
    assert list(session.log.column("cost")[1]) == [1.0, 2.0]
