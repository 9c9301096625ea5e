"""Growth of the time of a step with model and batch, and of building a function with its graph.

The models are perceptrons of equal layers, and a recurrent layer of 32 units over sequences of 16
examples. The graphs are chains in which every value is used twice, so that they have far more paths
than nodes. The exponent is that of a power law between the first and the last size of a row. An
exponent of 1 means proportional; for small sizes the constant cost of a step lowers it. There is
one compiled program for all batch sizes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy
import torch

from tests.benchmarks.targets import Row, exponent
from workbench import function, grad, tensor
from workbench.algorithms import GradientDescent, Scale
from workbench.bricks import MLP, Linear, Tanh
from workbench.bricks.recurrent import SimpleRecurrent
from workbench.graph import ComputationGraph
from workbench.initialization import Constant, IsotropicGaussian
from workbench.tensor import Variable

BATCHES, WIDTHS, DEPTHS = (1, 16, 256, 4096), (64, 256, 1024), (1, 8, 64)
LENGTHS, NODES = (10, 50, 200), (100, 1_000, 10_000, 100_000)
DIM = 32


def perceptron(width: int, depth: int, execution: str) -> GradientDescent:
    """Return an algorithm for a perceptron."""
    x = tensor.matrix("x")
    brick = MLP([Tanh() for _ in range(depth)], [width] * (depth + 1))
    return _algorithm((_made(brick).apply(x) ** 2).mean(), execution)


def recurrent(execution: str) -> GradientDescent:
    """Return an algorithm for a recurrent layer, for sequences of any length."""
    x = tensor.tensor3("x")
    states = _made(SimpleRecurrent(DIM, Tanh())).apply(_made(Linear(DIM, DIM)).apply(x))
    return _algorithm((states**2).mean(), execution)


def step_time(algorithm: GradientDescent, shape: Sequence[int], rounds: int) -> float:
    """Return the milliseconds of a step on a batch of a shape, the best of some rounds."""
    batch = {"x": numpy.random.default_rng(0).standard_normal(shape, dtype="float32")}
    algorithm.process_batch(batch)
    algorithm.process_batch(batch)
    best = float("inf")
    for _ in range(rounds):
        count, start = 0, time.perf_counter()
        while count < 3 or time.perf_counter() - start < 0.02:
            algorithm.process_batch(batch)
            count += 1
        best = min(best, (time.perf_counter() - start) / count)
    return best * 1e3


def steps(quick: bool) -> list[Row]:
    """Return rows for the time of a step."""
    rounds, found = 2 if quick else 7, []
    for tier in ("eager",) if quick else ("eager", "compiled"):
        one = perceptron(256, 2, tier)
        times = [step_time(one, (size, 256), rounds) for size in BATCHES]
        found.append(_row(f"step, {tier}, milliseconds", "batch", BATCHES, times))
        times = [step_time(perceptron(size, 2, tier), (64, size), rounds) for size in WIDTHS]
        found.append(_row(f"step, {tier}, milliseconds", "width", WIDTHS, times))
        times = [step_time(perceptron(64, size, tier), (64, 64), rounds) for size in DEPTHS]
        found.append(_row(f"step, {tier}, milliseconds", "depth", DEPTHS, times))
        one = recurrent(tier)
        times = [step_time(one, (size, 16, DIM), rounds) for size in LENGTHS]
        found.append(_row(f"step, {tier}, milliseconds", "sequence length", LENGTHS, times))
    return found


def chain(nodes: int) -> tuple[Variable, Variable]:
    """Return a graph of about `nodes` calls, and its input."""
    x: Any = tensor.vector("x")
    value = x
    for _ in range(nodes // 2):
        value = torch.tanh(value) + value
    return x, value


def graphs(quick: bool) -> list[Row]:
    """Return rows for building a graph, its gradient, and a function of it, in seconds."""
    nodes = NODES[:-1] if quick else NODES
    x, value = chain(10)
    function([x], [grad(value.sum(), x)])  # warm up: some work is done only once
    times: dict[str, list[float]] = {"graph": [], "function of it": [], "its gradient": []}
    for count in nodes:
        made, seconds = _timed(lambda count=count: chain(count))
        times["graph"].append(seconds)
        x, value = made
        times["function of it"].append(_timed(lambda x=x, v=value: function([x], [v]))[1])
        times["its gradient"].append(_timed(lambda x=x, v=value: grad(v.sum(), [x]))[1])
    return [_row(f"{what}, seconds", "nodes", nodes, values) for what, values in times.items()]


def rows(quick: bool) -> list[Row]:
    """Return all rows."""
    return [*steps(quick), *graphs(quick)]


def _made(brick: Any) -> Any:
    brick.weights_init, brick.biases_init = IsotropicGaussian(0.05), Constant(0)
    brick.initialize()
    return brick


def _algorithm(cost: Variable, execution: str) -> GradientDescent:
    return GradientDescent(
        cost=cost,
        parameters=ComputationGraph(cost).parameters,
        step_rule=Scale(0.01),
        function_kwargs={"execution": execution},
    )


def _timed(work: Callable[[], Any]) -> tuple[Any, float]:
    start = time.perf_counter()
    result = work()
    return result, time.perf_counter() - start


def _row(what: str, against: str, sizes: Sequence[int], values: list[float]) -> Row:
    shown = ", ".join(f"{size:,}: {value:.3g}" for size, value in zip(sizes, values, strict=True))
    return {"what": what, "against": against, "sizes": shown, "exponent": exponent(sizes, values)}
