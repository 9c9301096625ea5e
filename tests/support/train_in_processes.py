"""A training script for one process or for torchrun: ``torchrun --nproc_per_node 2 THIS FOLDER``.

Nothing in it says that several processes train.
"""

import os
import sys
from pathlib import Path

import torch

from tests.support import ranks_training as jobs
from tests.support.sockets import listening
from workbench.algorithms import GradientDescent, Scale
from workbench.extensions import FinishAfter, Printing, Timing
from workbench.extensions.monitoring import DataStreamMonitoring, TrainingDataMonitoring
from workbench.extensions.saveload import Checkpoint
from workbench.graph import ComputationGraph
from workbench.log.sqlite import SQLiteLog
from workbench.main_loop import MainLoop


def main(folder):
    """Train for two epochs, with a log and a checkpoint in `folder`."""
    torch.set_num_threads(1)
    cost = jobs.cost_of_mlp()
    loop = MainLoop(
        GradientDescent(
            cost=cost,
            parameters=ComputationGraph(cost).parameters,
            step_rule=Scale(0.1),
            function_kwargs={"execution": "eager"},
        ),
        jobs.stream(),
        log=SQLiteLog(folder / "log.sqlite"),
        extensions=[
            Timing(),
            TrainingDataMonitoring([cost], after_batch=True),
            DataStreamMonitoring([cost], jobs.stream(9), prefix="valid"),
            Checkpoint(folder / "run.tar", after_training=True),
            FinishAfter(after_n_epochs=2),
            Printing(),
        ],
    )
    loop.run()


def note_addresses(folder):
    """Write the addresses at which this process and the one that started it listen."""
    found = [address for pid in ("self", os.getppid()) for address in listening(pid)]
    (folder / f"listening-{os.environ['RANK']}.txt").write_text(" ".join(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
    if os.path.exists("/proc/net/tcp"):
        note_addresses(Path(sys.argv[1]))
