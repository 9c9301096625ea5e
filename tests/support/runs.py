"""Main loops for interruptions and resumption, and comparisons of their results."""

from functools import partial

import numpy as np
import pandas as pd
import torch

from workbench import tensor
from workbench.algorithms import GradientDescent, Momentum
from workbench.bricks import MLP, Softmax, Tanh
from workbench.data import DataStream, IndexableDataset, ShuffledScheme
from workbench.extensions import FinishAfter
from workbench.extensions.monitoring import DataStreamMonitoring, TrainingDataMonitoring
from workbench.filter import VariableFilter
from workbench.graph import ComputationGraph, apply_dropout
from workbench.initialization import Constant, IsotropicGaussian
from workbench.main_loop import MainLoop
from workbench.model import Model
from workbench.roles import INPUT

EXAMPLES, DIM, CLASSES = 22, 4, 3

INTERRUPTION = {
    "training_finished", "training_finish_requested", "batch_interrupt_received",
    "epoch_interrupt_received", "interventions", "saved_to", "loaded_from", "training_error",
    "timestamp",
}  # fmt: skip
"""Records about interruptions or times, which can differ, as those of `Timing`."""


def examples():
    rng = np.random.default_rng(7)
    features = rng.normal(size=(EXAMPLES, DIM)).astype("float32")
    return {"features": features, "targets": np.abs(features).argmax(1)[:, None] % CLASSES}


def shuffled(batch_size=5, seed=3):
    """Return a stream of five batches per epoch, the last of which is smaller."""
    dataset = IndexableDataset(examples())
    return DataStream(dataset, iteration_scheme=ShuffledScheme(EXAMPLES, batch_size, seed=seed))


def digits_mlp(dims=(DIM, 6, CLASSES)):
    activations = [Tanh()] * (len(dims) - 2) + [None]
    mlp = MLP(
        [type(a)() if a else None for a in activations],
        list(dims),
        weights_init=IsotropicGaussian(0.3),
        biases_init=Constant(0),
        seed=1,
    )
    mlp.initialize()
    return mlp


def cost_of(mlp, dropout=0.3):
    """Return a cost named ``cost``, with dropout that draws from a seeded stream."""
    x, y = tensor.matrix("features"), tensor.lmatrix("targets")
    cost = Softmax().categorical_cross_entropy(y.flatten(), mlp.apply(x)).mean()
    if dropout:
        graph = ComputationGraph(cost)
        inputs = VariableFilter(bricks=[mlp.linear_transformations[-1]], roles=[INPUT])
        (cost,) = apply_dropout(graph, inputs(graph.variables), dropout, seed=5).outputs
    cost.name = "cost"
    return cost


def gradient_descent(cost, parameters, rule=None, execution=None):
    rule = Momentum(0.1, 0.9) if rule is None else rule
    options = None if execution is None else {"execution": execution}
    return GradientDescent(
        cost=cost, parameters=parameters, step_rule=rule, function_kwargs=options
    )


def in_tier(execution):
    """Return the argument `algorithm` of `build` for a training step in a tier."""
    return partial(gradient_descent, execution=execution)


def build(batches, *extensions, rule=None, stream=None, algorithm=gradient_descent, dropout=0.3):
    """Return a main loop that trains on a number of batches, with three kinds of monitors.

    Parameters
    ----------
    batches : int or None
        The number of batches after which training ends.
    *extensions : TrainingExtension
        Called before all others.
    rule : StepRule, optional
    stream : AbstractDataStream, optional
    algorithm : callable
        Takes the cost, its parameters and `rule`; returns the algorithm.
    dropout : float
        The probability of dropping a unit.
    """
    cost = cost_of(digits_mlp(), dropout)
    model = Model(cost)
    trainer = algorithm(cost, model.parameters, rule)
    ends = [] if batches is None else [FinishAfter(after_n_batches=batches)]
    return MainLoop(
        trainer,
        shuffled() if stream is None else stream,
        model=model,
        extensions=[
            *extensions,
            TrainingDataMonitoring([cost, trainer.total_gradient_norm], after_batch=True),
            TrainingDataMonitoring([cost], prefix="epoch", after_epoch=True),
            DataStreamMonitoring([cost], shuffled(4, seed=9), prefix="valid", every_n_batches=3),
            *ends,
        ],
    )


def assert_same(one, other):
    """Assert that two main loops have reached the same point with the same numbers."""
    first, second = one.state_dict(), other.state_dict()
    for part in ("parameters", "variables"):
        assert list(first[part]) == list(second[part])
        for name, value in first[part].items():
            assert torch.equal(value, second[part][name]), (part, name)
    assert first["data"] == second["data"]
    assert str(first["algorithm"]) == str(second["algorithm"])
    assert str(first["extensions"]) == str(second["extensions"])
    for key in ("iterations_done", "epochs_done", "_epoch_ends"):
        assert one.status[key] == other.status[key]
    pd.testing.assert_frame_equal(lasting(one), lasting(other), check_exact=True)


def lasting(main_loop):
    """Return the log without records of time and interruptions, names in alphabetical order."""
    frame = main_loop.log.frame
    dropped = [name for name in frame if name in INTERRUPTION or "time_" in name]
    return frame.drop(columns=dropped).dropna(how="all").sort_index(axis=1)
