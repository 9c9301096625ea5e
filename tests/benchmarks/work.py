"""The workload of the contenders."""

from __future__ import annotations

from pathlib import Path

import numpy
import torch

from workbench import tensor
from workbench.algorithms import GradientDescent, Scale
from workbench.bricks import MLP, Softmax, Tanh
from workbench.bricks.cost import CategoricalCrossEntropy
from workbench.data import DataStream, IndexableDataset, SequentialScheme
from workbench.distributed import DataParallel
from workbench.graph import ComputationGraph
from workbench.initialization import Constant, IsotropicGaussian
from workbench.tensor import Variable

EXAMPLES = 4096


def digits_like() -> dict[str, numpy.ndarray]:
    """Return random images and classes with the sizes of MNIST."""
    rng = numpy.random.default_rng(0)
    features = rng.standard_normal((EXAMPLES, 784), dtype="float32")
    return {"features": features, "targets": rng.integers(0, 10, (EXAMPLES, 1))}


def mlp(
    learning_rate: float = 0.01,
    *,
    execution: str = "eager",
    distributed: DataParallel | None = None,
) -> tuple[GradientDescent, Variable]:
    """Return gradient descent on an MLP 784-100-10, and its cost."""
    x, y = tensor.matrix("features"), tensor.lmatrix("targets")
    brick = MLP(
        [Tanh(), Softmax()], [784, 100, 10],
        weights_init=IsotropicGaussian(0.01), biases_init=Constant(0),
    )  # fmt: skip
    cost = CategoricalCrossEntropy().apply(y.flatten(), brick.apply(x))
    cost.name = "cost"
    brick.initialize()
    parameters = ComputationGraph(cost).parameters
    rule = Scale(learning_rate=learning_rate)
    algorithm = GradientDescent(
        cost=cost,
        parameters=parameters,
        step_rule=rule,
        function_kwargs={"execution": execution},
        distributed=distributed,
    )
    return algorithm, cost


def stream(batch_size: int) -> DataStream:
    """Return a stream of the images in batches, in order."""
    return DataStream(
        IndexableDataset(digits_like()), iteration_scheme=SequentialScheme(EXAMPLES, batch_size)
    )


def machine() -> str:
    """Return processor, number of threads and versions, for the head of the results."""
    import platform

    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = [line for line in lines if line.startswith("model name")]
    processor = names[0].split(":")[1].strip() if names else platform.processor()
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    return (
        f"{processor}, {torch.get_num_threads()} threads, {device}; "
        f"Python {platform.python_version()}, torch {torch.__version__}, numpy {numpy.__version__}"
    )
