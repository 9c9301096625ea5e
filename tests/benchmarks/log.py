"""Cost of the log in memory: of a record, and of a frame of all rows after a new row.

Four channels of numbers are recorded in the training thread and committed after every row. Memory
is the growth of the process; the limits are for a million rows. Costs for a thousand to ten million
rows show if anything grows with the length of a run.
"""

from __future__ import annotations

import gc
import subprocess
import sys
import time

import psutil

from tests.benchmarks.targets import NO_TARGET, Row, Target
from workbench.log import TrainingLog

CHANNELS = ("cost", "error_rate", "gradient_norm", "step_norm")
TIME, MEMORY, FRAME = Target(1.0, unit="µs"), Target(20, unit="bytes"), Target(5.0, unit="ms")
JUDGED = 1_000_000


def filled(rows: int) -> tuple[TrainingLog, float]:
    """Return a log of `rows` rows, and the seconds per record."""
    log = TrainingLog()
    start = time.thread_time()
    with log.writing():
        for i in range(rows):
            row = log[i]
            for name in CHANNELS:
                row[name] = 0.5 * i
            log.commit()
    return log, (time.thread_time() - start) / rows / len(CHANNELS)


def frame_after_one_more(log: TrainingLog, rows: int, times: int = 20) -> float:
    """Return the seconds of ``log.frame`` after one new row."""
    best = float("inf")
    len(log.frame)
    for i in range(rows, rows + times):
        log[i].update(dict.fromkeys(CHANNELS, 0.5))
        start = time.perf_counter()
        len(log.frame)
        best = min(best, time.perf_counter() - start)
    return best


def measure(rows: int) -> tuple[float, float, float]:
    """Measure microseconds and bytes per record, and milliseconds per frame, in a new process."""
    filled(1000)[0].frame  # warm up: loads pandas
    gc.collect()
    before = psutil.Process().memory_info().rss
    log, seconds = filled(rows)
    gc.collect()
    size = (psutil.Process().memory_info().rss - before) / rows / len(CHANNELS)
    return seconds * 1e6, size, frame_after_one_more(log, rows) * 1e3


def rows(quick: bool) -> list[Row]:
    """Return a row for each number of rows, and for a million one for each limit."""
    found: list[Row] = []
    for power in range(3, 7 if quick else 8):
        count = 10**power
        command = f"from tests.benchmarks.log import measure; print(*measure({count}))"
        results = [
            [float(word) for word in _output(command).split()] for _ in range(3 if power < 7 else 1)
        ]
        record, size, frame = (min(values) for values in zip(*results, strict=True))
        values = {"one record, µs": (record, TIME), "one record, bytes": (size, MEMORY)}
        values["frame after one more row, ms"] = frame, FRAME
        for name, (value, target) in values.items():
            if power < 5 and target is MEMORY:
                continue  # less than the random growth of the process
            judged = target.judge(value) if count == JUDGED else NO_TARGET
            work = f"{count:,} rows x {len(CHANNELS)}: {name}"
            found.append({"work": work, "measured": value, **judged})
    return found


def _output(command: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", command], capture_output=True, text=True, check=True
    ).stdout
