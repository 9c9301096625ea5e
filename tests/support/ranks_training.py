"""What each process of a group runs in the tests of data-parallel training."""

import numpy as np
import torch

from workbench import tensor
from workbench.algorithms import Adam, CompositeRule, GradientDescent, Momentum, Scale, StepClipping
from workbench.bricks import MLP, Softmax, Tanh
from workbench.data import DataStream, IndexableDataset, ShuffledScheme
from workbench.distributed import DataParallel
from workbench.extensions import FinishAfter
from workbench.extensions.monitoring import TrainingDataMonitoring
from workbench.graph import ComputationGraph
from workbench.initialization import Constant, IsotropicGaussian
from workbench.main_loop import MainLoop

EXAMPLES, BATCH = 50, 12  # the last batch of an epoch has two examples

RULES = {
    "sgd": lambda: Scale(0.1),
    "momentum": lambda: CompositeRule([StepClipping(0.3), Momentum(0.05, 0.9)]),
    "adam": lambda: Adam(0.002),
}


def examples(n=EXAMPLES):
    rng = np.random.default_rng(3)
    x = rng.standard_normal((n, 8), dtype="float32")
    return {"features": x, "targets": np.abs(x[:, :3]).argmax(1)}


def stream(batch=BATCH):
    scheme = ShuffledScheme(EXAMPLES, batch, seed=2)
    return DataStream(IndexableDataset(examples()), iteration_scheme=scheme)


def cost_of_mlp():
    x, y = tensor.matrix("features"), tensor.lvector("targets")
    mlp = MLP([Tanh(), None], [8, 6, 3], weights_init=IsotropicGaussian(0.3),
              biases_init=Constant(0), seed=3)  # fmt: skip
    mlp.initialize()
    cost = Softmax().categorical_cross_entropy(y, mlp.apply(x)).mean()
    cost.name = "cost"
    return cost


def descend(cost, rule, execution="eager", **options):
    parameters = ComputationGraph(cost).parameters
    return GradientDescent(
        cost=cost, parameters=parameters, step_rule=rule, distributed=DataParallel(),
        function_kwargs={"execution": execution}, **options,
    )  # fmt: skip


def outcome(loop):
    """Return the records and the final values of a run, as plain values."""
    parameters, _ = loop.state_variables()
    names = [name for name in loop.log.frame if loop.log.frame[name].dtype == float]
    return {
        "records": {name: loop.log.frame[name].dropna().tolist() for name in names},
        "values": {name: value.get_value() for name, value in parameters.items()},
    }


def train(group, rule, execution="eager", batch=BATCH):
    """Train for two epochs, and return the outcome."""
    cost = cost_of_mlp()
    algorithm = descend(cost, RULES[rule](), execution)
    monitoring = TrainingDataMonitoring([cost, algorithm.total_gradient_norm], after_batch=True)
    extensions = [monitoring, FinishAfter(after_n_epochs=2)]
    loop = MainLoop(algorithm, stream(batch), extensions=extensions)
    loop.run()
    return outcome(loop)


def many(group, jobs):
    """Run several jobs, pairs of a function and its arguments, one after another."""
    return [function(group, *arguments) for function, *arguments in jobs]
