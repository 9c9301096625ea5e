"""Cost of main loop, monitoring, data stream, log, session and live views besides the step.

The bare algorithm processes batches from a list. The others run the same steps in a main loop,
which fetches the batches, records the cost of each one and calls its extensions. The benchmark
compares the processor time of the training thread, in a process in which torch has one thread, so
that other work on the machine has little effect.
"""

from __future__ import annotations

import cProfile
import json
import pstats
import time
from collections.abc import Callable

from tests.benchmarks.screen import Page
from tests.benchmarks.targets import NO_TARGET, Row, Target, table
from tests.benchmarks.timing import measured_alone
from tests.benchmarks.work import EXAMPLES, mlp, stream
from workbench.extensions import Timing, TrainingExtension
from workbench.extensions.monitoring import TrainingDataMonitoring
from workbench.main_loop import MainLoop

BATCH, EPOCHS = 16, 8
ITERATIONS = EPOCHS * (EXAMPLES // BATCH)
LIMIT = Target(20.0, unit="µs")


class SomeEpochs(TrainingExtension):
    """Extension that ends training after some epochs, and measures the time of its thread."""

    started = seconds = 0.0
    left = 0

    def before_epoch(self) -> None:
        if not self.left:
            self.started, self.left = time.thread_time(), EPOCHS

    def after_epoch(self) -> None:
        self.left -= 1
        if not self.left:
            self.seconds = time.thread_time() - self.started
            self.main_loop.log.current_row["training_finish_requested"] = True


def bare(execution: str) -> Callable[[], float]:
    """Return the processor time of the algorithm alone."""
    algorithm, _ = mlp(execution=execution)
    algorithm.initialize()
    batches = list(stream(BATCH).get_epoch_iterator(as_dict=True))

    def run() -> float:
        start = time.thread_time()
        for _ in range(EPOCHS):
            for batch in batches:
                algorithm.process_batch(batch)
        return time.thread_time() - start

    return run


def looped(execution: str, *, session: bool = False, live: bool = False) -> Callable[[], float]:
    """Return the time of the same steps in a main loop that records the cost of every batch."""
    algorithm, cost = mlp(execution=execution)
    timer = SomeEpochs()
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
    """Return, for each tier, rows for the loop, with a session, and with live views."""
    return measured_alone(__name__, quick)


def measure(quick: bool) -> None:
    """Print the rows as JSON, in a new process."""
    found = [row for tier in ("eager", "compiled") for row in _rows(tier, 4 if quick else 12)]
    print(json.dumps(found))


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


def bounds(rows: list[Row], quick: bool) -> str:
    """Return the functions that take the time besides the step."""
    run = looped("eager")
    run()
    profiler = cProfile.Profile()
    profiler.runcall(run)
    found: dict[str, tuple[float, float]] = {}
    for (file, _, name), (_, calls, own, _, _) in pstats.Stats(profiler).stats.items():  # type: ignore[attr-defined]
        if "/workbench/" in file and calls >= ITERATIONS / 2:
            where = file.rpartition("/workbench/")[2]
            found[f"{where}: {name}"] = (calls / ITERATIONS, own / ITERATIONS * 1e6)
    most = sorted(found.items(), key=lambda item: -item[1][1])[:14]
    lines: list[Row] = [
        {"function": name, "calls an iteration": calls, "µs an iteration": own}
        for name, (calls, own) in most
    ]
    return (
        "### What bounds the loop\n\n"
        "The loop around an eager step by function, without the time of called functions, from "
        "Python's profiler. It makes every call slower, so only proportions matter. "
        "`tensor/execution` and `tensor/lowering` are the step itself. Around a compiled "
        "step the same functions take half the time (see above), presumably since an eager step "
        "leaves less of them in the caches of the processor. No part dominates.\n\n" + table(lines)
    )
