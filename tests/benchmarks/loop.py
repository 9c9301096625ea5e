"""What main loop, monitoring, data stream, log, session and live views cost beside the step.

The bare algorithm processes batches that lie ready in a list. The others do the same steps in a
main loop, which fetches the batches, records the cost of every one and calls its extensions. What
is compared is the processor time of the thread that trains, with one thread for torch, so that
other work on the machine disturbs it little.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import torch

from tests.benchmarks.screen import Page
from tests.benchmarks.targets import NO_TARGET, Row, Target
from tests.benchmarks.work import EXAMPLES, mlp, stream
from workbench.extensions import Timing, TrainingExtension
from workbench.extensions.monitoring import TrainingDataMonitoring
from workbench.main_loop import MainLoop

BATCH = 16
ITERATIONS = EXAMPLES // BATCH
LIMIT = Target(20.0, unit="µs")


class OneEpoch(TrainingExtension):
    """Ends training with the epoch, and takes the processor time of its thread."""

    started = seconds = 0.0

    def before_epoch(self) -> None:
        self.started = time.thread_time()

    def after_epoch(self) -> None:
        self.seconds = time.thread_time() - self.started
        self.main_loop.log.current_row["training_finish_requested"] = True


def bare(execution: str) -> Callable[[], float]:
    """The algorithm alone."""
    algorithm, _ = mlp(execution=execution)
    algorithm.initialize()
    batches = list(stream(BATCH).get_epoch_iterator(as_dict=True))

    def run() -> float:
        start = time.thread_time()
        for batch in batches:
            algorithm.process_batch(batch)
        return time.thread_time() - start

    return run


def looped(execution: str, *, session: bool = False, live: bool = False) -> Callable[[], float]:
    """The same steps in a main loop that records the cost of every batch."""
    algorithm, cost = mlp(execution=execution)
    timer = OneEpoch()
    monitoring = TrainingDataMonitoring([cost], after_batch=True)
    main_loop = MainLoop(algorithm, stream(BATCH), extensions=[monitoring, Timing(), timer])

    def run() -> float:
        if session:
            running = main_loop.start()
            with Page(running, channels=["cost"] if live else []):
                running.wait()
        else:
            main_loop.run()
        return timer.seconds

    return run


def rows(quick: bool) -> list[Row]:
    """For either tier a row for the loop, one with a session, one with live views."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return [row for tier in ("eager", "compiled") for row in _rows(tier, 5 if quick else 40)]
    finally:
        torch.set_num_threads(threads)


def _rows(tier: str, rounds: int) -> list[Row]:
    contenders = {
        "algorithm": bare(tier),
        "main loop": looped(tier),
        "main loop in a session": looped(tier, session=True),
        "session with live plot and control bar": looped(tier, session=True, live=True),
    }
    best = dict.fromkeys(contenders, float("inf"))
    for _ in range(rounds):  # in turn
        for name, run in contenders.items():
            best[name] = min(best[name], run() / ITERATIONS * 1e6)
    found = []
    for name, microseconds in best.items():
        beyond = microseconds - best["algorithm"]
        found.append(
            {
                "work": f"MLP 784-100-10, batch {BATCH}, {tier}: {name}",
                "µs an iteration": microseconds,
                "beyond the algorithm (µs)": beyond,
                **(NO_TARGET if name == "algorithm" else LIMIT.judge(beyond)),
            }
        )
    return found
