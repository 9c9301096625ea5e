"""Comparable timing: contenders run in turn, and the best of several rounds counts."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping

from tests.benchmarks.targets import Row


def best_of(contenders: Mapping[str, Callable[[], int]], rounds: int = 7) -> dict[str, float]:
    """Return the seconds per iteration of each contender, the best of `rounds`, in turn.

    A contender does some work and returns its number of iterations. The first call of each is not
    counted.
    """
    for run in contenders.values():
        run()
    best = dict.fromkeys(contenders, float("inf"))
    for _ in range(rounds):
        for name, run in contenders.items():
            gc.collect()
            gc.disable()
            try:
                start = time.perf_counter()
                iterations = run()
                elapsed = time.perf_counter() - start
            finally:
                gc.enable()
            best[name] = min(best[name], elapsed / iterations)
    return best


def measured_alone(module: str, quick: bool) -> list[Row]:
    """Return the rows that ``measure(quick)`` of a module prints as JSON, in a new process.

    In this process torch has one thread, so that other work on the machine has little effect.
    """
    command = f"from {module} import measure; measure({quick})"
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}  # read when a process starts
    done = subprocess.run(
        [sys.executable, "-c", command], env=environment, stdout=subprocess.PIPE, check=True
    )
    found: list[Row] = json.loads(done.stdout)
    return found
