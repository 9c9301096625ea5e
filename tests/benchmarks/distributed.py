"""Training by several processes.

Two processes on this machine, with one thread each, exchange tensors by gloo over the loopback
interface. The all-reduce as an operation of a graph is compared with gloo's own. A training step
(perceptron 784-100-10, 64 examples in the whole batch, plain gradient descent) is compared with
`DistributedDataParallel` of torch as its users write it, and with one process that trains on the
whole batch. Contenders take turns in the same processes. The rows of equal numbers compare two
epochs of a small perceptron by the largest difference between the costs of batches, and between the
final parameters relative to the largest value of each. Two processes can be faster than one only
if the work of a step takes much longer than a message.

The last rows are calculated, not measured: the efficiency C / (C + M) of N processes, each with the
same number of examples as one process, where C is the time of a step and M the time of the message,
2 (N - 1) / N * P / B + 2 L log2(N), for P bytes of gradients, B bytes per second and L seconds of
latency in a tree of processes. The assumptions: C = 100 ms and P = 100 MB (ResNet-50 in float32,
with 32 examples on one GPU), B = 20 GB/s and L = 20 microseconds (a network card of 200 Gbit/s for
each GPU, of which 80 % are reached), equal speed of all processes, and no message while gradients
are computed, since `DataParallel` sends one message after all of them. Statistics of batch
normalisation add 4 L log2(N) for each of 53 layers. `ZeRO1` adds (N - 1) / N * P / B for the steps.
`ShardedDataParallel` sends as many bytes as the all-reduce, in two messages for each brick. The
model leaves out that all processes wait for the slowest one, which takes longer the more there are,
and that others use the network too.
"""

from __future__ import annotations

import math
import tempfile
from typing import Any

import numpy
import torch

from tests.benchmarks import remote
from tests.benchmarks.targets import NO_TARGET, Row, Target
from tests.benchmarks.timing import best_of
from tests.benchmarks.work import mlp
from tests.support import ranks_training as jobs
from tests.support.ranks import Crew
from workbench import function, tensor
from workbench.distributed import DataParallel, all_reduce
from workbench.tensor.processes import ProcessGroup

SIZES = {"1 thousand": 1_000, "1 million": 1_000_000}
BATCH = 64
NODE = Target(1.3, unit="of gloo's own")
HAND = Target(1.0, unit="of DistributedDataParallel")
COSTS, PARAMETERS = Target(1e-6), Target(1e-5)
RULES = {"sgd": "plain descent", "momentum": "momentum with clipping", "adam": "Adam"}
SECONDS = 600.0


def messages(group: ProcessGroup, quick: bool) -> dict[str, dict[str, float]]:
    """Measure sums over processes, by gloo itself and as an operation of a graph."""
    found = {}
    for name, size in SIZES.items():
        value = torch.ones(size)
        node = function([x := tensor.vector("x")], all_reduce(x, group=group), execution="eager")
        times = 20 if quick else 200

        def own(value: torch.Tensor = value, times: int = times) -> int:
            for _ in range(times):
                torch.distributed.all_reduce(value.clone())
            return times

        def graph(value: torch.Tensor = value, node: Any = node, times: int = times) -> int:
            for _ in range(times):
                node(value)
            return times

        found[name] = best_of({"gloo": own, "graph": graph}, 2 if quick else 7)
    return found


def steps(group: ProcessGroup | None, quick: bool) -> dict[str, float]:
    """Measure training steps of several processes, or of one if there is no group."""
    rng = numpy.random.default_rng(0)
    whole = {
        "features": rng.standard_normal((BATCH, 784), dtype="float32"),
        "targets": rng.integers(0, 10, (BATCH, 1)),
    }
    distributed = None if group is None else DataParallel(group)
    batch: Any = whole
    if distributed is not None:
        first, last = distributed.share.bounds(BATCH)
        batch = {name: value[first:last] for name, value in whole.items()}
    times = 20 if quick else 200

    def of(execution: str) -> Any:
        algorithm, _ = mlp(execution=execution, distributed=distributed)
        algorithm.initialize()

        def run() -> int:
            for _ in range(times):
                algorithm.process_batch(batch)
            return times

        return run

    contenders = {"eager": of("eager"), "compiled": of("compiled")}
    if group is not None:
        contenders["torch"] = by_hand(batch, times)
    return best_of(contenders, 2 if quick else 7)


def by_hand(batch: Any, times: int) -> Any:
    """Return a training loop with torch's own data parallelism."""
    layers = torch.nn.Sequential(
        torch.nn.Linear(784, 100), torch.nn.Tanh(), torch.nn.Linear(100, 10)
    )
    model = torch.nn.parallel.DistributedDataParallel(layers)
    optimizer = torch.optim.SGD(model.parameters(), 0.01)
    loss = torch.nn.CrossEntropyLoss()

    def run() -> int:
        for _ in range(times):
            x = torch.from_numpy(batch["features"])
            y = torch.from_numpy(batch["targets"]).flatten()
            optimizer.zero_grad()
            cost = loss(model(x), y)
            cost.backward()
            optimizer.step()
            cost.item()
        return times

    return run


def message_seconds(processes: int, size: float = 100e6) -> float:
    """Return the time of an all-reduce in the model of the docstring."""
    volume = 2 * (processes - 1) / processes * size
    return volume / 20e9 + 2 * 20e-6 * math.log2(processes)


def on_paper(processes: int) -> Row:
    """Return a row of the model of the docstring."""
    step, message = 0.1, message_seconds(processes)
    return {
        "work": f"{processes} processes, calculated: speed relative to N times one",
        "seconds": step + message,
        "ratio": step / (step + message),
        **NO_TARGET,
    }


def rows(quick: bool) -> list[Row]:
    """Return rows for messages, for training steps, and for the model."""
    crew = Crew(2)
    try:
        [kind, sent] = crew.run(messages, quick, seconds=SECONDS)[0]
        assert kind == "result", sent
        [kind, two] = crew.run(steps, quick, seconds=SECONDS)[0]
        assert kind == "result", two
        equal = [row for rule in RULES for row in differences(crew, rule)]
        equal += continued(crew)
    finally:
        crew.close()
    single = Crew(1)
    try:
        [kind, one] = single.run(alone, quick, seconds=SECONDS)[0]
        assert kind == "result", one
    finally:
        single.close()
    found: list[Row] = []
    for name, times in sent.items():
        work = f"all-reduce of {name} floats, 2 processes"
        ratio = times["graph"] / times["gloo"]
        found.append({"work": f"{work}: gloo", "seconds": times["gloo"], "ratio": 1.0, **NO_TARGET})
        found.append(
            {"work": f"{work}: graph", "seconds": times["graph"], "ratio": ratio,
             **(NODE.judge(ratio) if name == "1 million" else NO_TARGET)}
        )  # fmt: skip
    work = "training step, 2 processes"
    found.append(
        {"work": f"{work}: DistributedDataParallel", "seconds": two["torch"], "ratio": 1.0,
         **NO_TARGET}
    )  # fmt: skip
    for tier in ("eager", "compiled"):
        ratio = two[tier] / two["torch"]
        judged = HAND.judge(ratio) if tier == "compiled" else NO_TARGET
        found.append({"work": f"{work}: {tier}", "seconds": two[tier], "ratio": ratio, **judged})
    for tier in ("eager", "compiled"):
        row = {"work": f"training step, 1 process: {tier}, relative to 2", "seconds": one[tier]}
        found.append({**row, "ratio": one[tier] / two[tier], **NO_TARGET})
    return [*found, *equal, *remote.rows(quick), *map(on_paper, (8, 64, 256, 1024))]


def differences(crew: Crew, rule: str) -> list[Row]:
    """Return rows that compare two processes with one."""
    [kind, two] = crew.run(jobs.train, rule)[0]
    assert kind == "result", two
    return compared(f"2 processes and 1, {RULES[rule]}", jobs.alone(jobs.train, rule), two)


def continued(crew: Crew) -> list[Row]:
    """Return rows that compare a run of two processes, which three continue, with one process."""
    three = Crew(3)
    try:
        with tempfile.TemporaryDirectory() as folder:
            path = f"{folder}/run.tar"
            [kind, before] = crew.run(jobs.train_on, "dropout", 3, None, path)[0]
            assert kind == "result", before
            [kind, after] = three.run(jobs.train_on, "dropout", None, path)[0]
            assert kind == "result", after
    finally:
        three.close()
    whole = jobs.alone(jobs.train_on, "dropout")
    return compared("2 processes, then 3, and 1, dropout", whole, after)


def compared(work: str, one: Any, other: Any) -> list[Row]:
    """Return a row for the costs of two outcomes, and one for their parameters."""
    costs = numpy.array([found["records"]["cost"] for found in (one, other)])
    apart = float(abs(costs[0] - costs[1]).max())
    relative = max(
        float(abs(value - other["values"][name]).max() / abs(value).max())
        for name, value in one["values"].items()
    )
    return [
        {"work": f"{work}: costs, difference", "seconds": "", "ratio": apart, **COSTS.judge(apart)},
        {"work": f"{work}: parameters, relative difference", "seconds": "", "ratio": relative,
         **PARAMETERS.judge(relative)},
    ]  # fmt: skip


def alone(group: ProcessGroup, quick: bool) -> dict[str, float]:
    """Measure training steps of one process."""
    return steps(None, quick)
