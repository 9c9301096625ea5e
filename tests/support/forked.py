"""Preloaded module of the server that forks processes for tests, so that they start fast.

Importing it does all slow work of a new process: loading libraries, and what torch loads at the
first inference of shapes.
"""

import torch

import workbench.session.remote.worker as worker
from tests.support import killed, runs

__all__ = ["killed", "worker"]

torch.set_num_threads(1)  # threads do not survive a fork
runs.build(1)
