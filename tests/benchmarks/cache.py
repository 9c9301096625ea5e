"""Time of the first compiled step, with an empty and with a filled cache of kernels.

Two processes build the same perceptron in the compiled tier, one after the other. The first one
finds the cache empty, the second one finds the kernels of the first.
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
    """Return the seconds of the first step, compiling included; run it in a separate process."""
    import time

    from tests.benchmarks.work import mlp, stream

    algorithm, _ = mlp(execution="compiled")
    algorithm.initialize()
    batch = next(iter(stream(16).get_epoch_iterator(as_dict=True)))
    start = time.perf_counter()
    algorithm.process_batch(batch)
    return time.perf_counter() - start


def rows(quick: bool) -> list[Row]:
    """Return a row for the empty cache and a row for the filled one."""
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
