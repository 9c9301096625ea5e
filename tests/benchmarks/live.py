"""Cost of a live plot and a control bar for a run, in wall-clock time.

The same run trains in a session, an epoch at a time, once without views, and once with a plot of
the cost and a control bar on a visible page. Messages are prepared as in a kernel, and dropped.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from tests.benchmarks.screen import Page
from tests.benchmarks.targets import NO_TARGET, Row, Target
from tests.benchmarks.work import mlp, stream
from workbench.extensions import FinishAfter
from workbench.extensions.monitoring import TrainingDataMonitoring
from workbench.main_loop import MainLoop

BATCH = 16
EPOCHS = 12
LIMIT = Target(1.03, unit="times")


def run_of(channels: list[str]) -> Callable[[], float]:
    """Return a run of some epochs, long enough for many updates of a view."""
    algorithm, cost = mlp(execution="compiled")
    monitoring = TrainingDataMonitoring([cost], after_batch=True)
    finish = FinishAfter()
    main_loop = MainLoop(algorithm, stream(BATCH), extensions=[monitoring, finish])

    def run() -> float:
        done = main_loop.status["epochs_done"]
        finish.set_conditions(after_n_epochs=done + EPOCHS)
        session = main_loop.start()
        with Page(session, channels=channels):
            start = time.perf_counter()
            session.wait()
            return time.perf_counter() - start

    return run


def rows(quick: bool) -> list[Row]:
    """Return one row without and one with a page."""
    contenders = {"nothing attached": run_of([]), "plot and control bar": run_of(["cost"])}
    best = dict.fromkeys(contenders, float("inf"))
    for _ in range(4 if quick else 20):  # in turn
        for name, run in contenders.items():
            best[name] = min(best[name], run())
    ratio = best["plot and control bar"] / best["nothing attached"]
    return [
        {
            "work": f"MLP 784-100-10, batch {BATCH}, {EPOCHS} epochs: {name}",
            "milliseconds": seconds * 1e3,
            "ratio": seconds / best["nothing attached"],
            **(LIMIT.judge(ratio) if name != "nothing attached" else NO_TARGET),
        }
        for name, seconds in best.items()
    ]
