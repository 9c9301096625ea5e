"""Timing that can be compared: contenders in turn, best of several rounds."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping


def best_of(contenders: Mapping[str, Callable[[], int]], rounds: int = 7) -> dict[str, float]:
    """Seconds an iteration for each contender, the best of `rounds` in which all take turns.

    A contender does some work when called and returns the number of iterations it did. One call
    of each comes first and does not count.
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
