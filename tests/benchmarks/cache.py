"""The first compiled step of a second process, against that of the first.

Both processes build the same perceptron and ask for the compiled tier. The first one finds the
cache of compiled kernels empty, the second one finds what the first has left there.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile

from tests.benchmarks.targets import NO_TARGET, Row, Target

LIMIT = Target(0.25, unit="of the cold time")
COMMAND = "from tests.benchmarks.cache import first_step; print(first_step())"


def first_step() -> float:
    """Seconds that the first step takes, compiling included; for a process of its own."""
    import time

    from tests.benchmarks.work import mlp, stream

    algorithm, _ = mlp(execution="compiled")
    algorithm.initialize()
    batch = next(iter(stream(16).get_epoch_iterator(as_dict=True)))
    start = time.perf_counter()
    algorithm.process_batch(batch)
    return time.perf_counter() - start


def rows(quick: bool) -> list[Row]:
    """One row for the cold cache and one for the warm one."""
    best = {"cold": float("inf"), "warm": float("inf")}
    for _ in range(1 if quick else 3):
        with tempfile.TemporaryDirectory() as folder:
            environment = {**os.environ, "TORCHINDUCTOR_CACHE_DIR": folder}
            for name in best:
                command = [sys.executable, "-c", COMMAND]
                done = subprocess.run(
                    command, env=environment, capture_output=True, text=True, check=True
                )
                best[name] = min(best[name], float(done.stdout))
    return [
        {
            "work": f"MLP 784-100-10, first compiled step: {name} cache",
            "seconds": value,
            "ratio": value / best["cold"],
            **(LIMIT.judge(value / best["cold"]) if name == "warm" else NO_TARGET),
        }
        for name, value in best.items()
    ]
