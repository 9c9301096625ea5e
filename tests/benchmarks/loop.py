"""What main loop, monitoring, data stream, log and session cost beside the algorithm itself.

The bare algorithm processes batches that lie ready in a list. The others do the same steps through
a main loop, which fetches the batches, records the cost of every one and calls its extensions.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.benchmarks.timing import best_of
from tests.benchmarks.work import mlp, stream
from workbench.extensions import FinishAfter, Timing
from workbench.extensions.monitoring import TrainingDataMonitoring
from workbench.main_loop import MainLoop

BATCH = 16
ITERATIONS = 2048
TARGET = 40e-6


def bare(monitored: bool) -> Callable[[], int]:
    """The algorithm alone, with the outputs that monitoring adds to its function, or without."""
    algorithm, cost = mlp()
    if monitored:
        monitoring = TrainingDataMonitoring([cost], after_batch=True)
        MainLoop(
            algorithm, stream(BATCH), extensions=[monitoring, FinishAfter(after_n_batches=1)]
        ).run()
    else:
        algorithm.initialize()
    batches = list(stream(BATCH).get_epoch_iterator(as_dict=True))

    def run() -> int:
        for i in range(ITERATIONS):
            algorithm.process_batch(batches[i % len(batches)])
        return ITERATIONS

    return run


def looped(session: bool) -> Callable[[], int]:
    """The same steps in a main loop that records the cost of every batch."""

    def run() -> int:
        algorithm, cost = mlp()
        extensions = [
            TrainingDataMonitoring([cost], after_batch=True),
            FinishAfter(after_n_batches=ITERATIONS),
            Timing(),
        ]
        main_loop = MainLoop(algorithm, stream(BATCH), extensions=extensions)
        main_loop.run() if not session else main_loop.start().wait()
        training = main_loop.profile.total["training",]
        run.seconds = min(getattr(run, "seconds", float("inf")), training / ITERATIONS)
        return ITERATIONS

    return run


def rows() -> list[dict[str, object]]:
    """One row for the loop alone and one with a session."""
    contenders = {
        "algorithm": bare(False),
        "algorithm, cost among its outputs": bare(True),
        "main loop": looped(False),
        "main loop in a session": looped(True),
    }
    best = best_of(contenders, rounds=5)
    # building the model and initialising the algorithm are not part of an iteration
    for name in ("main loop", "main loop in a session"):
        best[name] = contenders[name].seconds
    alone = best["algorithm"]
    return [
        {
            "work": f"MLP 784-100-10, batch {BATCH}: {name}",
            "microseconds an iteration": best[name] * 1e6,
            "ratio": best[name] / alone,
            "beyond the algorithm (us)": (best[name] - alone) * 1e6,
        }
        for name in contenders
    ]
