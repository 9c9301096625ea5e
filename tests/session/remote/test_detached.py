"""Runs that outlive the process that started them, and runs that must not."""

import os
import subprocess
import sys

import numpy as np
import pytest

import workbench
from tests.support.forked_runs import Forked, build, costs
from tests.support.sockets import LOOPBACK, listening
from tests.support.tree import ROOT
from tests.support.waiting import paused_at, until
from workbench import errors
from workbench.interfaces import State
from workbench.session.remote import RemoteSession, remove


def start_and_die(folder, name, kind, processes):
    """Run the script that starts a run and is killed; return the numbers of its processes."""
    script = str(ROOT / "tests/support/start_and_die.py")
    done = subprocess.run(
        [sys.executable, script, str(folder), name, kind, str(processes)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.stdout, done.stderr
    assert done.returncode == -9
    return [int(pid) for pid in done.stdout.split()]


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.skipif(not os.path.exists("/proc/net/tcp"), reason="no /proc")
@pytest.mark.parametrize("size", [1, 2])
def test_a_detached_run_outlives_its_notebook(folder_of_runs, size):
    name = f"long {size}"
    pids = start_and_die(folder_of_runs, name, "detached", size)
    assert len(pids) == size
    for pid in pids:
        assert is_alive(pid)
        assert os.getsid(pid) == pid  # a terminal that is closed ends those of its own session
    session = workbench.attach(name)
    assert session.detached and session.processes == pids
    assert workbench.sessions()[name] is session
    assert {address for pid in pids for address in listening(pid)} <= LOOPBACK
    assert listening(pids[0])
    session.pause().wait(60)
    done = session.log.status["iterations_done"]
    assert done > 5
    whole = build(epochs=20)
    whole.run()
    first = min(done, len(costs(whole.log)))
    np.testing.assert_allclose(costs(session.log)[:first], costs(whole.log)[:first], rtol=1e-5)
    session.stop().wait(60)
    assert session.wait(60)
    kept = session._run["database"]
    session.close(end=True)  # a detached run is ended here, so that nothing is left
    until(lambda: not any(map(is_alive, pids)), timeout=60)
    # the run has ended, but its curve and its last state are still there
    workbench.session.remote.lifecycle.SESSIONS.clear()
    again = workbench.attach(kept)
    assert again.state is State.FINISHED
    np.testing.assert_array_equal(costs(again.log), costs(session.log))
    again._launcher = Forked()
    with pytest.raises(errors.SessionError, match="have ended; restart.. continues from the last"):
        again.resume()
    assert again.restart() == done
    again.train(batches=2)
    again.stop()
    again.wait(60)
    remove(again)
    assert all(again._link.launched.status(rank) is not None for rank in range(size))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["attached", "torchrun"])
def test_all_processes_of_another_run_end_with_its_notebook(folder_of_runs, kind):
    pids = start_and_die(folder_of_runs, "short", kind, 2)
    assert len(pids) == 2
    until(lambda: not any(map(is_alive, pids)), timeout=60)


@pytest.mark.parametrize("size", [1, 2])
def test_a_detached_run_that_is_not_held_ends_by_itself(folder_of_runs, size):
    options = {"detached": True, "launcher": Forked(), "linger": 0.2}
    session = build(epochs=2).start(processes=size, name="alone", **options)
    assert session.wait(60)
    launched = session._link.launched
    session.close()
    until(lambda: all(launched.status(rank) == 0 for rank in range(size)), timeout=60)
    assert "alone" not in [one.name for one in workbench.session.remote.live()]


@pytest.mark.parametrize("size", [1, 2])
def test_a_pause_outlives_the_processes(folder_of_runs, size):
    name = f"{size} rest"
    options = {"detached": True, "launcher": Forked(), "linger": 0.1, "paused": True}
    session = build().start(processes=size, name=name, **options)
    session.step(3).wait(60)
    launched = session._link.launched
    session.close()
    until(lambda: all(launched.status(rank) == 0 for rank in range(size)), timeout=60)
    again = workbench.attach(name)
    assert again.state is State.STOPPED and again.wait(0)
    assert "restart() starts them again, paused" in again.note
    [alert] = again.log[3]["alerts"]
    assert alert["text"].startswith("no notebook was connected to this paused run for 0.1")
    assert again.restart() == 3
    paused_at(again, 3)
    assert again.note == ""
    again.close(end=True)


def test_the_processes_of_a_detached_run_can_be_ended(folder_of_runs):
    session = build(epochs=1).start(detached=True, launcher=Forked(), name="done")
    launched = session._link.launched
    assert session.wait(60)
    session.close()
    assert launched.status(0) is None and session._folder.is_live()
    session.close(end=True)
    until(lambda: launched.status(0) == 0, timeout=60)
    assert os.path.exists(session.folder)
    assert workbench.attach("done").state is State.FINISHED
    remove(session)
    assert not os.path.exists(session.folder)
    remove(session)  # again
    session.close(end=True)


def test_a_name_leads_to_the_newest_run_if_none_is_live(folder_of_runs):
    folders = []
    for _ in range(2):
        session = build(epochs=1).start(detached=True, launcher=Forked(), name="twice")
        facts = session._folder.announced()
        session.wait(60)
        launched = session._link.launched
        session.close(end=True)
        until(lambda one=launched: one.status(0) == 0, timeout=60)
        folders.append(session._folder)
        if len(folders) == 1:
            folders[0].announce(facts)  # as if the machine had been switched off
    assert workbench.attach("twice").folder == str(folders[1].path)
    for folder in folders:
        folder.remove()


def test_processes_that_do_not_end_are_an_error(folder_of_runs, monkeypatch):
    session = build(epochs=1).start(detached=True, launcher=Forked(), name="stays")
    assert session.wait(60)
    with monkeypatch.context() as patched:
        patched.setattr(session._folder, "is_live", lambda: True)
        patched.setattr(RemoteSession, "connect", lambda *_, **__: None)
        with pytest.raises(errors.ProcessError, match="of 'stays' did not end within"):
            remove(session)
    assert os.path.exists(session.folder)
    remove(session)
