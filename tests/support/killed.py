"""A training process to be killed: it saves every five batches and goes on where it was.

Run in a process that was forked from one which has paid for torch already.
"""

import os
import sys
from pathlib import Path

import torch

from tests.support.runs import build
from workbench.extensions import TrainingExtension
from workbench.extensions.saveload import Checkpoint, Load
from workbench.log.sqlite import SQLiteLog

LENGTH = 1500
EVERY = 5


class Report(TrainingExtension):
    """Tells the parent how far training is."""

    def __init__(self, pipe):
        super().__init__()
        self.pipe = pipe

    def after_batch(self, batch):
        self.pipe.send(self.main_loop.status["iterations_done"])


def main_loop(folder, *extensions):
    """Return training that goes on from the checkpoint in `folder`, if one is there."""
    path = Path(folder) / "run.tar"
    made = build(
        LENGTH,
        Load(path, True, True),
        *extensions,
        Checkpoint(path, every_n_batches=EVERY),
    )
    made.log = SQLiteLog(Path(folder) / "log.sqlite")
    return made


def train(folder, pipe):
    """Train until the end, in a process of its own."""
    sys.stderr = open(Path(folder) / "errors.txt", "a")  # noqa: SIM115
    torch.set_num_threads(1)
    main_loop(folder, Report(pipe)).run()
    pipe.send("end")
    os._exit(0)
