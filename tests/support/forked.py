"""Preloaded module of the server that forks processes for tests, so that they start fast.

Importing it does all slow work of a new process: loading libraries, and what torch loads at the
first inference of shapes.
"""

import threading

import torch
from tqdm import tqdm

import workbench.session.remote.worker as worker
from tests.support import forked_runs, killed, runs

__all__ = ["killed", "worker"]

# torch draws bars when it compiles. Their own lock would be a semaphore of the system, which stays
# if its process is killed, so that Python warns of it at the end.
tqdm.set_lock(threading.RLock())
torch.set_num_threads(1)  # threads do not survive a fork
runs.build(1)
forked_runs.build()
