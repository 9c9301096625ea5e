"""Launchers other than the local one: torchrun, and Ray on this machine."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.distributed.test_data_parallel import assert_same
from tests.session.remote.test_several_processes import reference
from tests.support.forked_runs import build, outcome
from tests.support.sockets import LOOPBACK, listening
from tests.support.tree import ROOT
from tests.support.waiting import until
from workbench import errors
from workbench.algorithms import GradientDescent
from workbench.bricks import Linear
from workbench.data import as_stream
from workbench.main_loop import MainLoop
from workbench.session.remote import launcher, ray_launcher, torchrun
from workbench.session.remote.folder import RunFolder
from workbench.session.remote.identity import exists
from workbench.session.remote.local import Local, threads_of_each
from workbench.tensor import matrix

TORCHRUN_FAILED = r"(?s)could not start.*its exit status is 2\b.*--no-such-option"
FAILED = "E1129 failed (exitcode: -9) local_rank: 1 (pid: 77) of binary: /usr/bin/python"


def assert_only_loopback(*pids):
    """Assert that processes do not listen on the network, where ``/proc`` shows it."""
    for pid in pids if os.path.exists("/proc/net/tcp") else ():
        assert set(listening(pid)) <= LOOPBACK


def train_and_kill(session, size):
    """Train two epochs in some processes, compare the numbers, and kill the last process."""
    try:
        assert len(set(session.processes)) == size
        assert_only_loopback(*session.processes)
        assert not os.path.exists("/proc/net/tcp") or listening(session.processes[0])
        session.resume()
        assert session.wait(120)
        assert_same(reference(2), outcome(session))
        session.train(epochs=10_000).wait(60)
        os.kill(session.processes[-1], signal.SIGKILL)
        text = f"process {size - 1} of {size} .* by the signal SIGKILL"
        with pytest.raises(errors.ProcessError, match=text):
            session.wait(60)
    finally:
        session.close()


def test_torchrun_starts_the_processes_of_a_notebook():
    session = build(epochs=2).start(processes=3, launcher="torchrun", paused=True)
    agent = session._link.launched.agent
    with pytest.raises(errors.SessionError, match="EOF when reading a line"):
        session.call(lambda loop: input()).wait(60)
    assert_only_loopback(agent.pid)
    train_and_kill(session, 3)
    assert agent.poll() is not None


def test_local_processes_listen_on_the_loopback_interface_only():
    train_and_kill(build(epochs=2).start(processes=2, launcher="local", paused=True), 2)


class Slow(torch.utils.data.Dataset):
    """Dataset whose fifth example takes many minutes."""

    def __len__(self):
        return 8

    def __getitem__(self, index):
        if index == 4:
            time.sleep(600)
        return np.full(2, index, "float32")


def test_a_killed_process_leaves_no_process_of_a_data_loader_behind():
    x = matrix("x")
    linear = Linear(2, 1, seed=1)
    linear.initialize()
    cost = (linear.apply(x) ** 2).mean()
    loader = torch.utils.data.DataLoader(Slow(), 2, num_workers=2)
    loop = MainLoop(
        GradientDescent(cost=cost, parameters=linear.parameters), as_stream(loader, ["x"])
    )
    session = loop.start(processes=2)
    until(lambda: session.log.status["iterations_done"] == 2)
    groups = session.processes
    assert all(members(group) > 1 for group in groups)
    os.kill(groups[0], signal.SIGKILL)
    with pytest.raises(errors.ProcessError, match="by the signal SIGKILL"):
        session.wait(60)
    until(lambda: not any(map(members, groups)))
    session.close()


def members(group):
    """Return the number of processes of a group."""
    found = 0
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            state, _, its = (path / "stat").read_text().rpartition(")")[2].split()[:3]
            found += int(its) == group and state != "Z"
    return found


def test_no_process_outlives_torchrun():
    session = build().start(detached=True, launcher="torchrun", paused=True)
    [pid] = session.processes
    session._link.launched.agent.kill()
    with pytest.raises(errors.ProcessError, match="by the signal SIGKILL"):
        session.wait(60)
    assert not exists(pid)
    session.close(end=True)


def test_torchrun_that_does_not_know_an_option_says_so():
    loop = build(epochs=2)
    with pytest.raises(errors.ProcessError, match=TORCHRUN_FAILED):
        loop.start(processes=1, launcher=torchrun.Torchrun(["--no-such-option"]))


@pytest.mark.parametrize(
    ("said", "ended", "expected"),
    [
        ("", None, [None, None]),
        ("", 0, [0, 0]),
        ("usage: torchrun", 2, [2, 2]),  # torchrun has failed, not its processes
        (FAILED, None, [None, -9]),  # torchrun still ends the others
        (FAILED, 1, [143, -9]),
    ],
)
def test_the_exit_statuses_are_those_that_torchrun_reports(tmp_path, said, ended, expected):
    (tmp_path / "said.txt").write_text(said)
    agent = subprocess.Popen([sys.executable, "-c", ""]) if ended is None else None
    stand_in = agent or subprocess.CompletedProcess([], ended)
    if agent is None:
        stand_in.poll = lambda: ended
    else:
        agent.wait()
        agent.poll = lambda: None
    launched = torchrun.TorchrunProcesses(stand_in, tmp_path / "said.txt")
    assert [launched.status(rank) for rank in range(2)] == expected


def test_processes_that_torchrun_starts_too_late_are_ended(tmp_path, monkeypatch):
    """One of two processes has begun; a process that waits stands in for torchrun."""
    stand_in = tmp_path / "python"
    stand_in.write_text("#!/bin/sh\necho 'waits for others'\nexec sleep 600\n")
    stand_in.chmod(0o700)
    agents = []
    start = subprocess.Popen

    def noted(*arguments, **options):
        agents.append(start(*arguments, **options))
        return agents[-1]

    with start(["sleep", "600"]) as begun:
        (tmp_path / "process-1-0").write_text(str(begun.pid))
        monkeypatch.setattr(sys, "executable", str(stand_in))
        monkeypatch.setattr(subprocess, "Popen", noted)
        monkeypatch.setattr(torchrun, "PATIENCE", 0)
        with pytest.raises(errors.ProcessError, match="started only 1 of 2 processes within 0 sec"):
            torchrun.Torchrun().launch(RunFolder(tmp_path), 1, 2, detached=False)
        assert begun.wait(60) == -signal.SIGKILL
    assert [agent.poll() for agent in agents] == [-signal.SIGTERM]


def test_wrong_settings_of_launchers():
    with pytest.raises(errors.ArgumentError, match="options must be a sequence of strings"):
        torchrun.Torchrun("--numa-binding=node")
    with pytest.raises(
        errors.ArgumentError, match="num_gpus must be a non-negative number, not -1"
    ):
        ray_launcher.Ray(num_gpus=-1)
    known = "launcher must be 'local', 'torchrun', 'ray', or an object"
    with pytest.raises(errors.ArgumentError, match=f"{known}.*did you mean 'torchrun'"):
        launcher.launcher_of("torchrn")
    assert isinstance(launcher.launcher_of("local"), Local)


def test_another_notebook_has_the_launcher_of_a_run(tmp_path):
    folder = RunFolder(tmp_path)
    launcher.save_launcher(folder, torchrun.Torchrun(["--numa-binding=node"]))
    assert launcher.saved_launcher(folder).options == ("--numa-binding=node",)


def test_a_launcher_that_cannot_be_saved_is_an_error_of_the_restart(tmp_path):
    folder = RunFolder(tmp_path)
    local = Local()
    local.lock = threading.Lock()
    launcher.save_launcher(folder, local)
    with pytest.raises(errors.ProcessError, match=r"Local object .* could not be pickled: .*lock"):
        launcher.saved_launcher(folder).launch(folder, 0, 1, detached=True)
    folder.launcher.unlink()
    with pytest.raises(errors.ProcessError, match="cannot be used in this process .FileNotFound"):
        launcher.saved_launcher(folder).launch(folder, 0, 1, detached=True)


@pytest.mark.parametrize("kind", [Local, torchrun.Torchrun])
def test_processes_work_in_the_directory_of_the_first_notebook(kind, tmp_path, monkeypatch):
    folder, there = RunFolder(tmp_path), tmp_path / "there"
    there.mkdir()
    folder.write({"directory": str(there)})
    seen = []

    def start(command, **options):
        seen.append(options["cwd"])
        raise OSError("enough")

    monkeypatch.setattr(subprocess, "Popen", start)
    with pytest.raises(OSError, match="enough"):
        kind().launch(folder, 0, 1, detached=True)
    assert seen == [str(there)]
    there.rmdir()
    with pytest.raises(errors.ProcessError, match="was started in the directory .*there, which no"):
        kind().launch(folder, 0, 1, detached=True)


def test_processes_share_the_processors():
    assert threads_of_each(10_000) == 1
    assert threads_of_each(1) == len(os.sched_getaffinity(0))


def test_a_script_whose_algorithm_cannot_be_divided_is_refused(monkeypatch):
    from tests.live.runs import make_loop

    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(errors.ProcessError, match="in 2 processes, but .* does not divide batches"):
        make_loop().run()


def test_ray_that_is_not_installed_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(errors.MissingLibraryError, match=r"pip install 'workbench\[ray\]'"):
        build().start(processes=2, launcher="ray")


RAY = """
import contextlib, os, signal
import psutil, ray
from tests.session.remote.test_launchers import (
    assert_only_loopback, assert_same, build, errors, outcome, pytest, ray_launcher, reference,
    train_and_kill,
)
from tests.support.waiting import until
from workbench.config import config
from workbench.session.remote.identity import exists

config.runs_path = {folder!r}
with pytest.raises(errors.ProcessError, match="needs a connection to Ray"):
    build().start(processes=1, launcher="ray")
for last in (False, False, True):
    try:
        ray.init(num_cpus=3, include_dashboard=False)
        break
    except Exception:  # its own processes have only some seconds to start, on a busy machine too
        ray.shutdown()
        if last:
            raise
assert_only_loopback("self")
for one in psutil.Process().children(recursive=True):
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
        assert_only_loopback(one.pid)
with pytest.raises(errors.ProcessError, match="cannot be combined with detached=True"):
    build().start(detached=True, launcher="ray")
ray_launcher.PATIENCE = 0.5
with pytest.raises(errors.ProcessError, match="did not provide 4 actors with num_cpus=1"):
    build().start(processes=4, launcher="ray")
ray_launcher.PATIENCE = 100
session = build(epochs=2).start(processes=3, launcher="ray", paused=True)
actors = session._link.launched.actors
train_and_kill(session, 3)
for actor in actors:
    with pytest.raises(ray.exceptions.RayActorError):
        ray.get(actor.status.remote())
session = build(epochs=2).start(processes=1, launcher="ray", paused=True)
session.step(3).wait(60)
until(lambda: session._link.facts.get("kept") is not None, timeout=60)
[pid] = session.processes
with open(f"/proc/{{pid}}/stat") as file:
    parent = int(file.read().rpartition(")")[2].split()[1])
os.kill(parent, signal.SIGKILL)
with pytest.raises(errors.ProcessError, match="process 0 of 1"):
    session.wait(60)
until(lambda: not exists(pid), timeout=60)
assert session.restart() <= 3
assert session.wait(120)
assert_same(reference(2), outcome(session))
session.train(epochs=10_000).wait(60)
[pid] = session.processes
of_ray = {{one.pid for one in psutil.Process().children(recursive=True)}}
print("the end", pid, psutil.Process(pid).ppid(), *of_ray - {{pid}}, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.slow
def test_ray_starts_the_processes_of_a_notebook(tmp_path):
    """Run in a process of its own, since Ray stays in its process.

    This process is killed while the last run trains.
    """
    if os.environ.get("TESTS_REQUIRE_RAY", "") in ("", "0"):  # it is "1" in CI
        pytest.importorskip("ray", reason="ray is not installed: pip install 'workbench[ray]'")
    done = subprocess.run(
        [sys.executable, "-c", RAY.format(folder=str(tmp_path))],
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "RAY_raylet_start_wait_time_s": "60",
            "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # as the page for distributed runs says
        },
        capture_output=True,
        text=True,
        timeout=290,
        check=False,
    )
    _, ended, left = done.stdout.rpartition("the end")
    assert ended and done.returncode == -signal.SIGKILL, done.stderr
    trained, actor, *of_ray = [int(pid) for pid in left.split()]
    until(lambda: not exists(trained) and not exists(actor), timeout=60)
    for pid in of_ray:  # agents of Ray look only once a minute whether Ray has ended
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
