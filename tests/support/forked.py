"""Loaded once by the server that forks processes for tests, so that these start in no time.

Importing this prepares everything that costs time in a process: libraries, and what torch loads
when shapes are inferred for the first time.
"""

import torch

from tests.support import killed, runs

__all__ = ["killed"]

torch.set_num_threads(1)  # threads would not survive the fork
runs.build(1)
