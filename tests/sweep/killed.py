"""Script of a sweep that is killed: its last run waits within its second epoch for the signal."""

import sys

import torch

from tests.sweep.runs import build
from workbench.extensions import SimpleExtension
from workbench.sweep import Sweep

RATES = {"learning_rate": [0.01, 0.1, 0.2]}


class Hang(SimpleExtension):
    """Extension that reports that the run is in its second epoch, and then waits for ever."""

    def __init__(self):
        super().__init__(after_n_batches=3)

    def do(self, which_callback, *args):
        print("ready", flush=True)
        sys.stdin.read()


def hanging(learning_rate):
    """Return a run that hangs if it is the second one."""
    loop = build(learning_rate)
    if learning_rate == RATES["learning_rate"][1]:
        loop.extensions.append(Hang())
    return loop


if __name__ == "__main__":
    torch.set_num_threads(1)
    Sweep(hanging, RATES, record="cost", database=sys.argv[1]).start().wait()
