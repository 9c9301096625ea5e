"""Runs in other processes for tests, which start fast: a server with torch loaded forks them."""

import os
import sys

import numpy as np

from tests.support import ranks_training as jobs
from tests.support.ranks import context
from workbench.algorithms import GradientDescent
from workbench.extensions import FinishAfter, TrainingExtension
from workbench.extensions.monitoring import TrainingDataMonitoring
from workbench.graph import ComputationGraph
from workbench.main_loop import MainLoop

MANY = 10_000
"""Number of epochs of a run that a test ends."""


class Forked:
    """Launcher of processes that are forked from a server."""

    def launch(self, folder, number, processes, *, detached):
        started = []
        for rank in range(processes):
            process = context().Process(
                target=_run, args=(str(folder.path), number, rank), daemon=True
            )
            process.start()
            started.append(process)
        return ForkedProcesses(started)


class ForkedProcesses:
    """Processes that `Forked` has started."""

    def __init__(self, started):
        self._started = started
        self.pids = [one.pid for one in started]

    def status(self, rank):
        return self._started[rank].exitcode

    def kill(self):
        for one in self._started:
            one.kill()
        for one in self._started:
            one.join()

    def leave(self):
        pass


def _run(path, number, rank):
    from pathlib import Path

    from workbench.session.remote.folder import RunFolder
    from workbench.session.remote.worker import main

    output = os.open(RunFolder(Path(path)).output(number, rank), os.O_WRONLY | os.O_CREAT, 0o600)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
        os.dup2(output, stream.fileno())
    main(path, number, rank)


class Pace(TrainingExtension):
    """Extension that makes every batch take some time, as larger models do."""

    def __init__(self, seconds):
        super().__init__()
        self.seconds = seconds

    def after_batch(self, batch):
        import time

        time.sleep(self.seconds)


class OftenKept(Pace):
    """Pace of processes that write snapshots as often as they can."""

    def __setstate__(self, state):
        from workbench.session.remote import keeper
        from workbench.session.snapshot_taker import SnapshotTaker

        vars(self).update(state)
        keeper.GAP, keeper.SHARE = 0.02, 1
        SnapshotTaker.pause = lambda taker, gap=0: 0.02


def build(rule="momentum", epochs=MANY, *extensions, cost=None, log=None, execution="eager"):
    """Return a main loop that trains a small model; without an execution, the default is used."""
    cost = jobs.cost_of_mlp() if cost is None else cost
    algorithm = GradientDescent(
        cost=cost,
        parameters=ComputationGraph(cost).parameters,
        step_rule=jobs.RULES[rule]() if isinstance(rule, str) else rule,
        function_kwargs={"execution": execution} if execution else None,
    )
    monitoring = TrainingDataMonitoring([cost, algorithm.total_gradient_norm], after_batch=True)
    finish = FinishAfter(after_n_epochs=epochs)
    return MainLoop(algorithm, jobs.stream(), log=log, extensions=[monitoring, finish, *extensions])


def outcome(session):
    """Return the records and the final parameters of a session, as `jobs.outcome` does."""
    frame = session.log.frame
    names = [name for name in frame if frame[name].dtype == float]
    values = {name: value.numpy() for name, value in session.probe().wait(60).items()}
    return {"records": {name: frame[name].dropna().tolist() for name in names}, "values": values}


def costs(log):
    """Return the costs of all batches."""
    return np.asarray(log.column("cost")[1])
