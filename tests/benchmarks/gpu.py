"""Time of a training step on a GPU, in this project and in plain torch.

The models and batches are those of the step benchmark. Batches are in CPU memory and are copied in
every step. All contenders keep the cost of every batch on the GPU and read the costs at the end of
an epoch. ``bf16`` is mixed precision with parameters in float32, for which the plain loop uses
autocast.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from typing import Any

import torch

from tests.benchmarks import models
from tests.benchmarks.models import Work
from tests.benchmarks.targets import NO_TARGET, Row
from workbench import tensor
from workbench.algorithms import GradientDescent, Scale
from workbench.config import config
from workbench.graph import ComputationGraph

LEARNING_RATE = 0.01
WORKS = (lambda: models.mlp(128, 64), lambda: models.lenet(64, 64), lambda: models.lstm(32, 32))
PRECISIONS = ("float32", "bf16")
DEVICE = "cuda"


def batches_of(work: Work) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Return the batches, on the CPU."""
    inputs, targets = torch.from_numpy(work.inputs), torch.from_numpy(work.targets)
    size = work.batch_size
    return list(zip(inputs.split(size), targets.split(size), strict=True))


def project(work: Work, execution: str, precision: str) -> Callable[[], None]:
    """Return an epoch in one of our tiers; compiled steps are captured after some batches."""
    with config.override(device=DEVICE, precision=precision):
        x = tensor.variable("features", shape=(None, *work.inputs.shape[1:]))
        y = tensor.lvector("targets")
        cost = work.cost(x, y)
        algorithm = GradientDescent(
            cost=cost,
            parameters=ComputationGraph(cost).parameters,
            step_rule=Scale(LEARNING_RATE),
            function_kwargs={"execution": execution},
        )
        costs: list[Any] = []
        algorithm.add_observer([cost], lambda values: costs.append(values[0]))
        algorithm.initialize()
    batches = batches_of(work)

    def epoch() -> None:
        costs.clear()
        for features, targets in batches:
            algorithm.process_batch({"features": features, "targets": targets})
        algorithm.settle()
        torch.stack(costs).cpu()

    return epoch


def plain(work: Work, compiled: bool, precision: str) -> Callable[[], None]:
    """Return an epoch of a loop in plain torch."""
    module: Any = work.module().cuda()
    run = torch.compile(module, mode="reduce-overhead") if compiled else module
    optimizer = torch.optim.SGD(module.parameters(), lr=LEARNING_RATE)
    batches = [(x.pin_memory(), y.pin_memory()) for x, y in batches_of(work)]

    def epoch() -> None:
        costs = []
        for features, targets in batches:
            x, y = features.cuda(non_blocking=True), targets.cuda(non_blocking=True)
            half = precision == "bf16"
            with torch.autocast("cuda", torch.bfloat16) if half else contextlib.nullcontext():
                cost = torch.nn.functional.cross_entropy(run(x), y)
            optimizer.zero_grad()
            cost.backward()
            optimizer.step()
            costs.append(cost.detach().clone())
        torch.stack(costs).cpu()

    return epoch


def rows(quick: bool) -> list[Row]:
    """Return a row for each contender and workload, or one row if there is no GPU."""
    if not torch.cuda.is_available():
        return [{"work": "none: this machine has no GPU", "µs a step": "", **NO_TARGET}]
    found: list[Row] = []
    for make in WORKS:
        for precision in PRECISIONS:
            work = make()
            contenders = {
                "plain torch": plain(work, False, precision),
                "torch.compile(model), CUDA graphs": plain(work, True, precision),
                "this project, eager": project(work, "eager", precision),
                "this project, captured": project(work, "compiled", precision),
            }
            best = dict.fromkeys(contenders, float("inf"))
            for _ in range(5 if quick else 25):
                for name, epoch in contenders.items():
                    torch.cuda.synchronize()
                    start = time.perf_counter()
                    epoch()
                    torch.cuda.synchronize()
                    best[name] = min(best[name], (time.perf_counter() - start) / work.batches)
            found += [
                {
                    "work": f"{work.name}, {precision}: {name}",
                    "µs a step": seconds * 1e6,
                    "times plain torch": seconds / best["plain torch"],
                    **NO_TARGET,
                }
                for name, seconds in best.items()
            ]
    return found
