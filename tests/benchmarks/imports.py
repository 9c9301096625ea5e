"""Time of ``import workbench`` against ``import torch``.

Each import runs in several new processes, in turn, and the best time counts. A process measures its
own import.
"""

from __future__ import annotations

import subprocess
import sys

from tests.benchmarks.targets import NO_TARGET, Row, Target

LIMIT = Target(1.15, unit="times")
COMMAND = (
    "import time; start = time.perf_counter(); import {name}; print(time.perf_counter() - start)"
)


def seconds(name: str) -> float:
    """Return the time of one import in a new process."""
    command = [sys.executable, "-c", COMMAND.format(name=name)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def rows(quick: bool) -> list[Row]:
    """Return one row for torch and one for this project."""
    best = {"torch": float("inf"), "workbench": float("inf")}
    for _ in range(3 if quick else 12):  # in turn
        for name in best:
            best[name] = min(best[name], seconds(name))
    ratio = best["workbench"] / best["torch"]
    return [
        {
            "work": f"import {name}",
            "milliseconds": value * 1e3,
            "ratio": value / best["torch"],
            **(LIMIT.judge(ratio) if name == "workbench" else NO_TARGET),
        }
        for name, value in best.items()
    ]
