"""A sequence generator learns a Markov chain from observed walks.

The chain moves between states with probabilities that depend only on the current state. A gated
recurrent network, which does not know that, learns to continue walks. Then it generates walks, and
the frequencies of its transitions estimate the matrix of probabilities that it has learned. The
small size learns a chain of three states, the full one a chain of ten.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tests.jobs import Job, Size, main
from workbench import function, tensor
from workbench.algorithms import Adam, CompositeRule, GradientDescent, StepClipping
from workbench.bricks.recurrent import GatedRecurrent
from workbench.bricks.sequence_generators import (
    LookupFeedback,
    Readout,
    SequenceGenerator,
    SoftmaxEmitter,
)
from workbench.data import DataStream, IndexableDataset, ShuffledScheme
from workbench.extensions import FinishAfter, TrainingExtension
from workbench.extensions.monitoring import TrainingDataMonitoring
from workbench.extensions.schedules import cosine
from workbench.extensions.training import SharedVariableModifier
from workbench.initialization import Constant, IsotropicGaussian, Orthogonal
from workbench.main_loop import MainLoop
from workbench.model import Model

Matrix = npt.NDArray[np.floating[Any]]
Walks = npt.NDArray[np.integer[Any]]

THREE_STATES = ((0.1, 0.5, 0.4), (0.1, 0.9, 0.0), (0.3, 0.3, 0.4))


def ten_states() -> tuple[tuple[float, ...], ...]:
    """Return random probabilities, most of each row in a few of its entries."""
    rows = np.random.default_rng(1).dirichlet([0.5] * 10, size=10)
    return tuple(map(tuple, rows.tolist()))


def walks(chain: Matrix, number: int, length: int, seed: int) -> Walks:
    """Return walks of a chain, of shape (number, length), from uniformly drawn first states."""
    rng = np.random.default_rng(seed)
    cumulative = chain.cumsum(1)[:, :-1]
    states = [rng.integers(len(chain), size=number)]
    for _ in range(length - 1):
        draws = rng.random((number, 1))
        states.append((draws >= cumulative[states[-1]]).sum(1))
    return np.stack(states, axis=1)


def transitions(taken: Walks, size: int) -> Matrix:
    """Return the frequencies of transitions between states in walks, one walk per row."""
    counts = np.zeros((size, size))
    np.add.at(counts, (taken[:, :-1], taken[:, 1:]), 1)
    return counts / counts.sum(1, keepdims=True)


def network(size: int, dim: int) -> SequenceGenerator:
    """Return a generator of walks over `size` states."""
    transition = GatedRecurrent(dim, name="transition")
    generator = SequenceGenerator(
        Readout(
            source_names=["states"],
            readout_dim=size,
            emitter=SoftmaxEmitter(random_seed=2),
            feedback_brick=LookupFeedback(size, 8),
        ),
        transition,
        weights_init=IsotropicGaussian(0.1),
        biases_init=Constant(0),
        seed=3,
        name="generator",
    )
    generator.push_initialization_config()
    transition.weights_init = Orthogonal()
    return generator


def train(
    extensions: Sequence[TrainingExtension],
    *,
    chain: Sequence[Sequence[float]],
    dim: int,
    number: int,
    length: int,
    batch_size: int,
    epochs: int,
    learning_rate: float,
    drawn: int,
) -> float:
    """Train; return the mean absolute error of the matrix estimated from generated walks."""
    expected = np.array(chain)
    dataset = IndexableDataset({"walks": walks(expected, number, length, seed=4)})
    stream = DataStream(dataset, iteration_scheme=ShuffledScheme(number, batch_size, seed=5))
    generator = network(len(expected), dim)
    generator.initialize()
    cost = generator.cost(tensor.lmatrix("walks").T)
    cost.name = "cost"
    adam = Adam(learning_rate)
    loop = MainLoop(
        GradientDescent(
            cost=cost,
            parameters=Model(cost).parameters,
            step_rule=CompositeRule([StepClipping(1.0), adam]),
        ),
        stream,
        model=Model(cost),
        extensions=[
            SharedVariableModifier(
                adam.learning_rate,
                cosine(learning_rate, epochs * math.ceil(number / batch_size)),
                after_batch=True,
            ),
            TrainingDataMonitoring([cost], after_epoch=True),
            FinishAfter(after_n_epochs=epochs),
            *extensions,
        ],
    )
    loop.run()
    outputs = generator.generate(n_steps=length, batch_size=drawn, as_dict=True)["outputs"]
    own = function([], outputs)().numpy().T
    return float(abs(transitions(own, len(expected)) - expected).mean())


JOB = Job(
    name="markov_chain",
    measure="mean absolute error of the transition matrix",
    train=train,
    small=Size(
        limit=0.02,
        settings={
            "chain": THREE_STATES,
            "dim": 10,
            "number": 4000,
            "length": 10,
            "batch_size": 100,
            "epochs": 8,
            "learning_rate": 2e-2,
            "drawn": 8000,
        },
    ),
    full=Size(
        limit=0.01,
        settings={
            "chain": ten_states(),
            "dim": 64,
            "number": 40000,
            "length": 20,
            "batch_size": 100,
            "epochs": 8,
            "learning_rate": 1e-2,
            "drawn": 20000,
        },
    ),
)

if __name__ == "__main__":
    sys.exit(main(JOB))
