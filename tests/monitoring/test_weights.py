"""Means over batches of unequal size: what counts by examples, and what cannot."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from workbench import shared, tensor
from workbench.algorithms import GradientDescent, Scale
from workbench.bricks.cost import AbsoluteError, SquaredError
from workbench.data import DataStream, IndexableDataset, SequentialScheme
from workbench.extensions import FinishAfter
from workbench.extensions.monitoring import TrainingDataMonitoring
from workbench.main_loop import MainLoop
from workbench.monitoring import DatasetEvaluator, mean

X, Y = np.random.default_rng(3).normal(size=(2, 7, 2)).astype("float32")
x, y, w = tensor.matrix("x"), tensor.matrix("y"), shared(np.float32([3, -1]), "w")
squared, absolute = SquaredError().apply(y, x * w), AbsoluteError().apply(y, x * w)
penalty = 0.1 * (w**2).sum()
W = w.get_value()
SQUARED, ABSOLUTE = ((Y - X * W) ** 2).sum(1).mean(), np.abs(Y - X * W).sum(1).mean()
PENALTY = 0.1 * 10


def stream(batch_size):
    data = IndexableDataset({"x": X, "y": Y})
    return DataStream(data, iteration_scheme=SequentialScheme(7, batch_size))


def over_batches(variable, batch_size):
    named = variable.copy(name="v")
    return DatasetEvaluator([named]).evaluate(stream(batch_size))["v"]


FOLLOWS = [
    (squared + penalty, SQUARED + PENALTY),
    (penalty + squared, SQUARED + PENALTY),
    (squared + 3 * absolute - penalty / 2, SQUARED + 3 * ABSOLUTE - PENALTY / 2),
    ((2 - squared) / w.sum(), (2 - SQUARED) / 2),
    (torch.add(squared, penalty, alpha=2).double(), SQUARED + 2 * PENALTY),
    (mean((x**2).sum(), x.shape[0]) * w.sum() + penalty, (X**2).sum() / 7 * 2 + PENALTY),
    (squared * tensor.constant(2.0) + 1, 2 * SQUARED + 1),
]


@pytest.mark.parametrize("batch_size", [2, 3, 7])
@pytest.mark.parametrize("index", range(len(FOLLOWS)))
def test_a_cost_with_a_penalty_is_a_mean_over_examples(index, batch_size):
    variable, expected = FOLLOWS[index]
    assert over_batches(variable, batch_size) == pytest.approx(expected, rel=1e-6)


@given(st.integers(1, 7), st.floats(-3, 3), st.floats(-3, 3))
def test_any_sum_of_multiples_is_the_same_however_data_are_divided(size, a, b):
    value = over_batches(a * squared - b * absolute + penalty, size)
    assert value == pytest.approx(a * SQUARED - b * ABSOLUTE + PENALTY, rel=1e-4, abs=1e-4)


def by_batches(function):
    return np.mean([function(X[i : i + 4], Y[i : i + 4]) for i in (0, 4)])


def of_batch(a, b):
    return ((b - a * W) ** 2).sum(1).mean()


@pytest.mark.parametrize(
    "variable, expected",
    [
        (squared * squared, lambda a, b: of_batch(a, b) ** 2),
        (squared + x.max(), lambda a, b: of_batch(a, b) + a.max()),
        (1 / squared, lambda a, b: 1 / of_batch(a, b)),
        (squared.sqrt(), lambda a, b: of_batch(a, b) ** 0.5),
        (squared + mean(x.sum(), x.sum()), lambda a, b: of_batch(a, b) + 1),
    ],
    ids=["product", "maximum", "inverse", "root", "another mean"],
)
def test_what_is_no_mean_over_the_same_examples_is_averaged_over_batches(variable, expected):
    assert over_batches(variable, 4) == pytest.approx(by_batches(expected), rel=1e-5)


def test_training_is_monitored_in_the_same_way():
    cost = (squared + penalty).copy(name="cost")
    algorithm = GradientDescent(cost=cost, parameters=[w], step_rule=Scale(0.0))
    monitoring = TrainingDataMonitoring([cost], after_epoch=True)
    loop = MainLoop(algorithm, stream(4), extensions=[monitoring, FinishAfter(after_n_epochs=1)])
    loop.run()
    assert loop.log[2]["cost"] == pytest.approx(SQUARED + PENALTY, rel=1e-6)
