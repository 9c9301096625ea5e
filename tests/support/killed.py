"""A training process that tests kill: it saves every five batches, and resumes from there.

It runs in a process that is forked from one that has already imported torch.
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
    """Extension that reports the progress to the parent process."""

    def __init__(self, pipe):
        super().__init__()
        self.pipe = pipe

    def after_batch(self, batch):
        self.pipe.send(self.main_loop.status["iterations_done"])


def main_loop(folder, *extensions):
    """Return a main loop that resumes from the checkpoint in `folder`, if there is one."""
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
    """Train until the end, in a separate process."""
    sys.stderr = open(Path(folder) / "errors.txt", "a")  # noqa: SIM115
    torch.set_num_threads(1)
    main_loop(folder, Report(pipe)).run()
    pipe.send("end")
    os._exit(0)
