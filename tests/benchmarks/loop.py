"""What main loop, monitoring, data stream, log and session cost beside the algorithm itself.

The bare algorithm processes batches that lie ready in a list. The others do the same steps through
a main loop, which fetches the batches, records the cost of every one and calls its extensions. What
is compared is the processor time of the thread that trains, with one thread for torch, so that
other work on the machine disturbs it little; the limit is 40 microseconds an iteration.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import torch

from tests.benchmarks.work import mlp, stream
from workbench.extensions import FinishAfter, Timing, TrainingExtension
from workbench.extensions.monitoring import TrainingDataMonitoring
from workbench.main_loop import MainLoop

BATCH = 16
ITERATIONS = 2048
LIMIT = 40.0


class Clock(TrainingExtension):
    """Processor time of the thread that trains, from the first epoch to the end."""

    started: float | None = None
    seconds = 0.0

    def before_epoch(self) -> None:
        if self.started is None:
            self.started = time.thread_time()

    def after_training(self) -> None:
        self.seconds = time.thread_time() - (self.started or 0.0)


def bare() -> Callable[[], float]:
    """The algorithm alone."""
    algorithm, _ = mlp()
    algorithm.initialize()
    batches = list(stream(BATCH).get_epoch_iterator(as_dict=True))

    def run() -> float:
        start = time.thread_time()
        for i in range(ITERATIONS):
            algorithm.process_batch(batches[i % len(batches)])
        return time.thread_time() - start

    return run


def looped(session: bool) -> Callable[[], float]:
    """The same steps in a main loop that records the cost of every batch."""

    def run() -> float:
        algorithm, cost = mlp()
        clock = Clock()
        extensions = [
            TrainingDataMonitoring([cost], after_batch=True),
            FinishAfter(after_n_batches=ITERATIONS),
            Timing(),
            clock,
        ]
        main_loop = MainLoop(algorithm, stream(BATCH), extensions=extensions)
        if session:
            main_loop.start().wait()
        else:
            main_loop.run()
        return clock.seconds

    return run


def rows() -> list[dict[str, object]]:
    """One row for the loop alone and one with a session."""
    contenders = {
        "algorithm": bare(),
        "main loop": looped(False),
        "main loop in a session": looped(True),
    }
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        best = dict.fromkeys(contenders, float("inf"))
        for _ in range(7):  # in turn
            for name, run in contenders.items():
                best[name] = min(best[name], run() / ITERATIONS * 1e6)
    finally:
        torch.set_num_threads(threads)
    beyond = {name: seconds - best["algorithm"] for name, seconds in best.items()}
    return [
        {
            "work": f"MLP 784-100-10, batch {BATCH}: {name}",
            "microseconds an iteration": best[name],
            "ratio": best[name] / best["algorithm"],
            "beyond the algorithm (us)": beyond[name],
            "within 40 us": "yes" if beyond[name] <= LIMIT else "no",
        }
        for name in contenders
    ]
