"""Comparable timing: contenders run in turn, and the best of several rounds counts."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping


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
