"""Time of one training step, in this project, in plain torch and in other libraries.

All train the same models on the same batches, slices of arrays in memory, with plain gradient
descent, and keep the cost of every batch. This project uses a main loop with a log; a session runs
it in a background thread. The times are wall-clock times of whole epochs, divided by the number of
batches, without the time before the first batch. The brick LSTM has peepholes, `torch.nn.LSTM` has
none, and Keras has its own recurrent layer. The last column but two is the speed of the compiled
tier of this project relative to the contender; for the eager tier, its time relative to plain
torch.
"""

from __future__ import annotations

import gc
import itertools
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy
import torch
from torch.profiler import ProfilerActivity, profile
from torch.utils._python_dispatch import TorchDispatchMode

from tests.benchmarks import models
from tests.benchmarks.contenders import (
    CONTENDERS,
    NOT_INSTALLED,
    Compiled,
    Contender,
    Eager,
    Raw,
    missing,
)
from tests.benchmarks.models import Work
from tests.benchmarks.targets import NO, NO_TARGET, Row, Target, table

WORKS = {
    "mlp16": lambda: models.mlp(16, 256),
    "mlp128": lambda: models.mlp(128, 64),
    "lenet": lambda: models.lenet(64, 8),
    "lstm": lambda: models.lstm(32, 8),
}
TARGETS: dict[str, Mapping[str, float]] = {
    "mlp16": {
        "raw torch, eager": 2.2,
        "torch.compile(model)": 3.0,
        "Lightning": 8.0,
        "Keras": 8.0,
    },
    "mlp128": {"raw torch, eager": 1.6, "torch.compile(model)": 1.4},
    "lenet": {"raw torch, eager": 1.15},
    "lstm": {"raw torch, eager": 1.0},
}
REASONS = {
    "lstm": "`torch.nn.LSTM` is one operation of oneDNN, which packs the matrix of the recurrence "
    "once for all time steps, and computes the gates while it multiplies. A brick is any step that "
    "a user writes (this one has peepholes): each time step is a product by MKL (`aten::mm`, which "
    "packs the matrix again every time) and a kernel, called from Python. These products and those "
    "over all time steps (`mkldnn::_linear_pointwise`) leave hardly any of its time.",
}
"""Reasons why a workload misses its target."""
EAGER = Target(1.1, unit="times raw torch")


def timed(work: Work, *, rounds: int, seconds: float) -> dict[str, float]:
    """Return seconds per step of every installed contender, the best epoch of `rounds`, in turn."""
    contenders: dict[str, Contender] = {}
    for kind in CONTENDERS:
        if not missing(kind):
            contender = contenders[kind.name] = kind(work)
            contender.epoch()
            contender.epoch()
    best = dict.fromkeys(contenders, float("inf"))
    deadline = time.perf_counter() + seconds
    for number in range(rounds):
        for name, contender in contenders.items():
            gc.collect()
            best[name] = min(best[name], contender.epoch() / work.batches)
        if number >= 3 and time.perf_counter() > deadline:
            break
    for name, contender in contenders.items():
        kept = contender.costs()
        if len(kept) % work.batches or not all(0 < cost < 100 for cost in kept):
            raise AssertionError(f"{name} has not kept the cost of every batch of {work.name}")
    return best


def rows(quick: bool) -> list[Row]:
    """Return one row for each contender and workload."""
    found = []
    for key, make in WORKS.items():
        work = make()
        best = timed(work, rounds=3 if quick else 25, seconds=15 if quick else 50)
        for kind in CONTENDERS:
            row: Row = {"work": work.name, "contender": kind.name}
            if kind.name not in best:
                found.append({**row, "µs a step": NOT_INSTALLED, "ratio": "", **NO_TARGET})
                continue
            row["µs a step"] = best[kind.name] * 1e6
            if kind is Eager:
                ratio = best[kind.name] / best[Raw.name]
                judged = EAGER.judge(ratio) if key == "mlp16" else NO_TARGET
            else:
                ratio = best[kind.name] / best[Compiled.name]
                bound = TARGETS[key].get(kind.name)
                unit = "times as fast"
                judged = (
                    NO_TARGET
                    if bound is None
                    else Target(bound, at_least=True, unit=unit).judge(ratio)
                )
            found.append({**row, "ratio": ratio, **judged})
    return found


def bounds(rows: list[Row], quick: bool) -> str:
    """Return the parts of the time of a step that misses a target."""
    misses = {(row["work"], row["contender"] == Eager.name) for row in rows if row["reached"] == NO}
    lines, profiles = [], []
    for key, kind in itertools.product(WORKS, (Compiled, Eager)):
        work = WORKS[key]()
        if (work.name, kind is Eager) not in misses:
            continue
        contender = kind(work)
        contender.epoch()
        algorithm = contender.main_loop.algorithm
        batches = [
            {"features": x, "targets": y}
            for x, y in zip(
                numpy.split(work.inputs, work.batches),
                numpy.split(work.targets, work.batches),
                strict=True,
            )
        ]
        rounds = 3 if quick else 15
        whole = min(contender.epoch() for _ in range(rounds)) / work.batches
        process = min(_clocked(algorithm.process_batch, batches) for _ in range(rounds))
        lines.append(
            {
                "work": work.name,
                "tier": kind.execution,
                "step in the loop (µs)": whole * 1e6,
                "of it the algorithm (µs)": process * 1e6,
                "products and convolutions alone (µs)": _products(work, rounds) * 1e6,
            }
        )
        profiles.append(
            f"The {kind.execution} step of {work.name} by operation. Work that is not listed, such "
            "as kernels that inductor wrote, counts for the operation that called it:\n\n"
            + table(_profile(algorithm.process_batch, batches))
            + (f"\n\n{REASONS[key]}" if key in REASONS else "")
        )
    return (
        "### What bounds a step\n\nThe step in the main loop and without it, and the time of "
        "the matrix products and convolutions of the plain torch model alone, forward and "
        "backward, called one directly after the other.\n\n"
        + "\n\n".join([table(lines), *profiles])
    )


def _profile(work: Callable[[Any], object], arguments: list[Any], most: int = 10) -> list[Row]:
    """Return the time of operations in one call, from torch's profiler, which adds some time."""
    with profile(activities=[ProfilerActivity.CPU]) as profiler:
        for argument in arguments:
            work(argument)
    events = sorted(profiler.key_averages(), key=lambda event: -event.self_cpu_time_total)
    total = sum(event.self_cpu_time_total for event in events)
    return [
        {
            "operation": event.key,
            "calls a step": event.count / len(arguments),
            "µs a step": event.self_cpu_time_total / len(arguments),
            "part": event.self_cpu_time_total / total,
        }
        for event in events[:most]
    ]


def _clocked(work: Callable[[Any], object], arguments: list[Any]) -> float:
    start = time.perf_counter()
    for argument in arguments:
        work(argument)
    return (time.perf_counter() - start) / len(arguments)


class _Recorder(TorchDispatchMode):
    """Mode that records the calls of the operations in which libraries spend most of the time."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[Callable[[], object]] = []

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if any(part in func.__name__ for part in ("mm", "convolution", "rnn_layer")):
            self.calls.append(partial(func, *args, **(kwargs or {})))
        return func(*args, **(kwargs or {}))


def _products(work: Work, rounds: int) -> float:
    """Return the seconds of these operations alone in a step of the torch model."""
    x, y = (torch.from_numpy(array[: work.batch_size]) for array in (work.inputs, work.targets))
    model = work.module()
    with _Recorder() as recorder:
        torch.nn.functional.cross_entropy(model(x), y).backward()
    calls = recorder.calls
    with torch.no_grad():
        return min(_clocked(lambda call: call(), calls) * len(calls) for _ in range(10 * rounds))
