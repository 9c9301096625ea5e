"""Script that starts a run in other processes, and is killed before the run has ended."""

import os
import signal
import sys

from tests.support.forked_runs import Pace, build
from tests.support.waiting import until
from workbench.config import config


def main(folder, name, kind, processes):
    """Start a run with a name, wait for some batches, and die."""
    config.runs_path = folder
    loop = build("momentum", 10_000, Pace(0.002))
    options = {"detached": {"detached": True, "linger": 60}, "torchrun": {"launcher": "torchrun"}}
    session = loop.start(name=name, processes=int(processes), **options.get(kind, {}))
    until(lambda: session.log.status["iterations_done"] > 5, timeout=120)
    print(*session.processes, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main(*sys.argv[1:])
