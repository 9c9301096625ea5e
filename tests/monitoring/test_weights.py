"""Values over a data set do not depend on its division into batches, or there is a warning."""

import inspect
import itertools
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from workbench import shared, tensor
from workbench.algorithms import GradientDescent, Scale
from workbench.bricks import MLP, BatchNormalizedMLP, Logistic, Softmax
from workbench.bricks.cost import (
    AbsoluteError,
    BinaryCrossEntropy,
    CategoricalCrossEntropy,
    MisclassificationRate,
    SquaredError,
)
from workbench.data import DataStream, IndexableDataset, SequentialScheme, as_stream
from workbench.errors import MonitoringError, MonitoringWarning
from workbench.extensions import FinishAfter
from workbench.extensions.monitoring import TrainingDataMonitoring
from workbench.graph import ComputationGraph, apply_training_mode
from workbench.initialization import Constant, IsotropicGaussian
from workbench.main_loop import MainLoop
from workbench.monitoring import DatasetEvaluator, Maximum, mean
from workbench.monitoring.losses import LOSSES
from workbench.tensor import RandomStream

N = 9
RNG = np.random.default_rng(3)
SCALE = np.float32([1, 1, 1, 1, 1, 1, 1, 30, 30])[:, None]  # the last batch differs
DATA = {
    "x": SCALE * RNG.normal(size=(N, 3)).astype("float32"),
    "y": SCALE * RNG.normal(size=(N, 3)).astype("float32"),
    "m": (RNG.random((N, 3)) > 0.4).astype("float32"),
    "c": np.where(RNG.random(N) > 0.3, RNG.integers(0, 3, N), -100),
    "z": RNG.normal(size=(N, 4, 2)).astype("float32"),
}
W = np.float32([3, -1, 2])


def inputs():
    """Return new inputs, about whose sizes nothing is known yet."""
    w = shared(W, "w")
    x, y, m = tensor.matrix("x"), tensor.matrix("y"), tensor.matrix("m")
    return x, y, m, tensor.lvector("c"), tensor.tensor3("z"), w


def batches(*sizes, data=DATA):
    """Return a stream of batches of these sizes."""
    cuts = np.cumsum([0, *sizes])
    pairs = itertools.pairwise(cuts)
    return as_stream([{k: array[a:b] for k, array in data.items()} for a, b in pairs])


def evaluated(variable, stream):
    return DatasetEvaluator([variable.copy(name="v")]).evaluate(stream)["v"]


def at_once(expression, data=DATA):
    arrays = [torch.from_numpy(data[name]) for name in ("x", "y", "m", "c", "z")]
    return expression(*arrays, torch.from_numpy(W)).numpy()


def floats(x):
    return x.to(torch.float32)


FOLLOWS = {
    # Means.
    "mean": lambda x, y, m, c, z, w: x.mean(),
    "mean of torch": lambda x, y, m, c, z, w: torch.mean((x - y) ** 2),
    "mean of a function": lambda x, y, m, c, z, w: (x * w).tanh().mean(),
    "mean of columns": lambda x, y, m, c, z, w: x.mean(dim=0),
    "mean of columns, summed": lambda x, y, m, c, z, w: (x * w).mean(dim=0).sum(),
    "mean of unknown columns, summed": lambda x, y, m, c, z, w: x.mean(0).sum(),
    "mean of sums": lambda x, y, m, c, z, w: (x**2).sum(1).mean(),
    "mean of means": lambda x, y, m, c, z, w: x.mean(1).mean(),
    "mean of means of columns": lambda x, y, m, c, z, w: x.mean(0).mean(),
    "mean with keepdim": lambda x, y, m, c, z, w: (x * w).mean((0, 1), keepdim=True).squeeze(),
    "mean of a flat view": lambda x, y, m, c, z, w: x.flatten().mean(),
    "mean of a part": lambda x, y, m, c, z, w: x[:, :2].mean(),
    "mean of a selection": lambda x, y, m, c, z, w: x[m > 0].mean(),
    "mean of norms": lambda x, y, m, c, z, w: (x**2).sum(1).sqrt().mean(),
    "mean of largest": lambda x, y, m, c, z, w: x.max(1).values.mean(),
    "mean over sequences": lambda x, y, m, c, z, w: z.sum(2).mean(),
    "sum over time, mean over batch": lambda x, y, m, c, z, w: (z**2).sum((1, 2)).mean(),
    "accuracy": lambda x, y, m, c, z, w: floats(x.argmax(1) == c).mean(),
    "accuracy as a ratio": lambda x, y, m, c, z, w: (x.argmax(1) == c).sum() / c.shape[0],
    # Costs of torch.
    "cross entropy": lambda x, y, m, c, z, w: functional.cross_entropy(x, c),
    "cross entropy without some": lambda x, y, m, c, z, w: functional.cross_entropy(
        x, c.clamp(min=0), ignore_index=1
    ),
    "cross entropy with weights": lambda x, y, m, c, z, w: functional.cross_entropy(
        x, c, weight=w.abs(), label_smoothing=0.1
    ),
    "cross entropy with known weights": lambda x, y, m, c, z, w: functional.cross_entropy(
        x, c, weight=torch.tensor([1.0, 2.0, 5.0])
    ),
    "nll with a tensor of weights": lambda x, y, m, c, z, w: functional.nll_loss(
        x.log_softmax(1), c, torch.tensor([1.0, 2.0, 5.0])
    ),
    "cross entropy with soft targets": lambda x, y, m, c, z, w: functional.cross_entropy(
        x, y.softmax(1), weight=w.abs()
    ),
    "cross entropy, summed": lambda x, y, m, c, z, w: (
        functional.cross_entropy(x, c, reduction="sum") / x.shape[0]
    ),
    "cross entropy, unreduced": lambda x, y, m, c, z, w: functional.cross_entropy(
        x, c, reduction="none"
    ).mean(),
    "cross entropy, the old way": lambda x, y, m, c, z, w: (
        functional.cross_entropy(x, c, None, False) / (c != -100).sum()
    ),
    "per token": lambda x, y, m, c, z, w: functional.cross_entropy(
        z, torch.where(z[:, 0] > 0.5, -100, (z[:, 1] > 0).long())
    ),
    "nll": lambda x, y, m, c, z, w: functional.nll_loss(x.log_softmax(1), c, w.abs()),
    "kl": lambda x, y, m, c, z, w: functional.kl_div(
        x.log_softmax(1), y.softmax(1), reduction="batchmean"
    ),
    "mse": lambda x, y, m, c, z, w: functional.mse_loss(x, y),
    "mse with weights": lambda x, y, m, c, z, w: functional.mse_loss(x, y, weight=m),
    "l1": lambda x, y, m, c, z, w: functional.l1_loss(x, y),
    "huber": lambda x, y, m, c, z, w: functional.huber_loss(x, y),
    "smooth l1": lambda x, y, m, c, z, w: functional.smooth_l1_loss(x, y),
    "binary": lambda x, y, m, c, z, w: functional.binary_cross_entropy(x.sigmoid(), m),
    "binary with logits": lambda x, y, m, c, z, w: functional.binary_cross_entropy_with_logits(
        x, m, pos_weight=w.abs()
    ),
    "gaussian": lambda x, y, m, c, z, w: functional.gaussian_nll_loss(x, y, y**2 + 1),
    "poisson": lambda x, y, m, c, z, w: functional.poisson_nll_loss(x.tanh(), m),
    "triplet": lambda x, y, m, c, z, w: functional.triplet_margin_loss(x, y, m),
    "multi margin": lambda x, y, m, c, z, w: functional.multi_margin_loss(x, c.clamp(min=0)),
    # Sums, multiples and functions of means.
    "penalty": lambda x, y, m, c, z, w: functional.mse_loss(x, y) + 0.1 * (w**2).sum(),
    "of a list": lambda x, y, m, c, z, w: sum([functional.mse_loss(x, y), x.mean()]) / 2,
    "of a stack": lambda x, y, m, c, z, w: torch.stack([(x - y).abs().mean(), x.mean()]).sum(),
    "two weights": lambda x, y, m, c, z, w: (
        functional.mse_loss(x, y) + 2 * functional.cross_entropy(x, c) + 0.1 * (w**2).sum()
    ),
    "product": lambda x, y, m, c, z, w: x.mean() * y.mean(),
    "inverse": lambda x, y, m, c, z, w: 1 / (x**2).mean(),
    "root": lambda x, y, m, c, z, w: functional.mse_loss(x, y).sqrt(),
    "roots of columns": lambda x, y, m, c, z, w: ((x * w - y) ** 2).mean(0).sqrt().sum(),
    "perplexity": lambda x, y, m, c, z, w: functional.cross_entropy(x / 30, c).exp(),
    "variance": lambda x, y, m, c, z, w: (x**2).mean() - x.mean() ** 2,
    "largest": lambda x, y, m, c, z, w: x.max(),
    "largest and smallest": lambda x, y, m, c, z, w: x.max() - x.min(),
    "largest of columns": lambda x, y, m, c, z, w: (x * w).amax(0),
    # Ratios of sums.
    "masked": lambda x, y, m, c, z, w: (x * m).sum() / m.sum(),
    "masked, at least one": lambda x, y, m, c, z, w: (x * m).sum() / m.sum().clamp(min=1),
    "masked, and a little": lambda x, y, m, c, z, w: (x * m).sum() / (m.sum() + 1e-8),
    "masked, divided first": lambda x, y, m, c, z, w: (x * m / m.sum()).sum(),
    "masked in rows": lambda x, y, m, c, z, w: ((x * m).sum(1) / (m.sum(1) + 1)).mean(),
    "masked with a penalty": lambda x, y, m, c, z, w: (x * m).sum() / m.sum() + (w**2).sum(),
    "chosen": lambda x, y, m, c, z, w: torch.where(m > 0, x, 0.0).sum() / (m > 0).sum(),
    "divided first": lambda x, y, m, c, z, w: (x / x.shape[0]).sum(),
    "number of elements": lambda x, y, m, c, z, w: x.sum() / x.numel(),
    "number of both": lambda x, y, m, c, z, w: x.sum() / (x.shape[0] * x.shape[1]),
    "counted": lambda x, y, m, c, z, w: (x > 0).count_nonzero() / x.numel(),
    "f1": lambda x, y, m, c, z, w: 2 * ((x > 0) * m).sum() / (floats(x > 0).sum() + m.sum()),
    "r2": lambda x, y, m, c, z, w: (
        1 - ((x - y) ** 2).sum() / ((y**2).sum() - y.sum() ** 2 / y.numel())
    ),
    "cosine": lambda x, y, m, c, z, w: (x * y).sum() / ((x**2).sum().sqrt() * (y**2).sum().sqrt()),
    "inner product": lambda x, y, m, c, z, w: x.sum(1).dot(y.sum(1)) / x.shape[0],
    "moments": lambda x, y, m, c, z, w: ((x * w).T @ (y * w)) / x.shape[0],
}


@pytest.mark.filterwarnings("ignore:size_average:UserWarning")
@pytest.mark.parametrize("name", FOLLOWS)
def test_inferred_values_are_those_of_all_data_at_once(name):
    variable = FOLLOWS[name](*inputs())
    found = evaluated(variable, batches(4, 4, 1))
    np.testing.assert_allclose(found, at_once(FOLLOWS[name]), rtol=2e-4, atol=1e-4)


@pytest.mark.filterwarnings("ignore:reduction. .mean:UserWarning")
@pytest.mark.parametrize("loss", sorted(LOSSES, key=lambda loss: loss.__name__))
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_the_weight_of_every_loss_of_torch_is_known(loss, reduction):
    arguments = ARGUMENTS.get(loss.__name__, lambda x, y, m, c: (x, y))

    def expression(x, y, m, c, z, w):
        total = loss(*arguments(x / 30, y / 30, m, c.clamp(min=0)), reduction=reduction)
        return total if reduction == "mean" else total / x.shape[0]

    found = evaluated(expression(*inputs()), batches(4, 4, 1))
    np.testing.assert_allclose(found, at_once(expression), rtol=1e-4)


ARGUMENTS = {
    "binary_cross_entropy": lambda x, y, m, c: (x.sigmoid(), m),
    "binary_cross_entropy_with_logits": lambda x, y, m, c: (x, m),
    "cosine_embedding_loss": lambda x, y, m, c: (x, y, 2 * (c > 0).float() - 1),
    "cross_entropy": lambda x, y, m, c: (x, c),
    "gaussian_nll_loss": lambda x, y, m, c: (x, y, m + 1),
    "hinge_embedding_loss": lambda x, y, m, c: (x, 2 * m - 1),
    "kl_div": lambda x, y, m, c: (x.log_softmax(1), y.softmax(1)),
    "linear_cross_entropy": lambda x, y, m, c: (x, torch.eye(3), c),
    "margin_ranking_loss": lambda x, y, m, c: (x, y, 2 * m - 1),
    "multi_margin_loss": lambda x, y, m, c: (x, c),
    "multilabel_margin_loss": lambda x, y, m, c: (x, m.long()),
    "multilabel_soft_margin_loss": lambda x, y, m, c: (x, m),
    "nll_loss": lambda x, y, m, c: (x.log_softmax(1), c),
    "soft_margin_loss": lambda x, y, m, c: (x, 2 * m - 1),
    "triplet_margin_loss": lambda x, y, m, c: (x, y, m),
    "triplet_margin_with_distance_loss": lambda x, y, m, c: (x, y, m),
}  # fmt: skip


def test_the_losses_are_those_of_torch():
    known = {loss.__name__ for loss in LOSSES} | {"ctc_loss"}  # it takes no variables
    found = {name for name in dir(functional) if name.endswith(("_loss", "_entropy", "_logits"))}
    assert found | {"kl_div"} == known
    reduced = [inspect.signature(loss).parameters for loss in LOSSES]
    assert all("reduction" in parameters for parameters in reduced)


@st.composite
def expressions(draw):
    """Draw a function of means, written in random ways."""
    rows = {
        "x": lambda x, y, m: x,
        "square": lambda x, y, m: (x - y) ** 2,
        "masked": lambda x, y, m: x * m,
        "sum": lambda x, y, m: (x * y).sum(1),
        "norm": lambda x, y, m: (x**2).sum(1).sqrt(),
    }
    means = {
        "mean": lambda r, m: r.mean(),
        "ratio": lambda r, m: r.sum() / (m + 1).sum(),
        "number": lambda r, m: r.sum() / r.shape[0],
        "largest": lambda r, m: r.max(),
        "columns": lambda r, m: r.mean(0).sum(),
    }
    joins = {
        "sum": lambda a, b: a + b,
        "difference": lambda a, b: a - 2 * b,
        "product": lambda a, b: a * b,
        "quotient": lambda a, b: a / (b**2 + 1),
        "greater": lambda a, b: torch.maximum(a, b),
        "root": lambda a, b: (a**2 + b**2 + 1).sqrt(),
    }
    chosen = [
        (rows[draw(st.sampled_from(sorted(rows)))], means[draw(st.sampled_from(sorted(means)))])
        for _ in range(draw(st.integers(1, 4)))
    ]
    how = [joins[draw(st.sampled_from(sorted(joins)))] for _ in chosen[1:]]

    def expression(x, y, m, c, z, w):
        values = [average(row(x, y, m), m) for row, average in chosen]
        result = values[0]
        for join, value in zip(how, values[1:], strict=True):
            result = join(result, value)
        return result + 0.1 * (w**2).sum()

    return expression


SMALL = {name: array / 10 if name in "xy" else array for name, array in DATA.items()}


@settings(max_examples=40, deadline=None)
@given(expressions(), st.lists(st.integers(1, 4), min_size=2, max_size=5))
def test_any_expression_over_any_batches(expression, sizes):
    total = sum(sizes)
    data = {name: np.resize(array, (total, *array.shape[1:])) for name, array in SMALL.items()}
    found = evaluated(expression(*inputs()), batches(*sizes, data=data))
    np.testing.assert_allclose(found, at_once(expression, data), rtol=1e-3, atol=1e-3)


# Costs of bricks.


def test_costs_of_bricks_over_two_sources_of_different_length():
    x, y, p, c = tensor.matrix("x"), tensor.matrix("y"), tensor.matrix("p"), tensor.lvector("c")
    cost = SquaredError().apply(y, x) + CategoricalCrossEntropy().apply(c, Softmax().apply(p))
    X, Y, C = DATA["x"], DATA["y"], np.abs(DATA["c"]) % 3
    parts = [(slice(0, 7), slice(0, 2)), (slice(7, 9), slice(2, 9))]
    stream = [{"x": X[a], "y": Y[a], "p": X[b], "c": C[b]} for a, b in parts]
    squared = ((X - Y) ** 2).sum(1).mean()
    entropy = functional.cross_entropy(torch.from_numpy(X), torch.from_numpy(C))
    assert evaluated(cost, as_stream(stream)) == pytest.approx(squared + float(entropy), rel=1e-5)


def test_batch_normalisation_in_training_mode_is_a_mean_over_examples():
    mlp = BatchNormalizedMLP([Logistic()], [3, 2], weights_init=IsotropicGaussian(1))
    mlp.initialize()
    x = tensor.matrix("x")
    cost = SquaredError().apply(x[:, :2], mlp.apply(x))
    [trained] = apply_training_mode(ComputationGraph(cost)).outputs
    of_batches = [trained.eval({x: DATA["x"][a:b]}) for a, b in ((0, 6), (6, 9))]
    found = evaluated(trained, batches(6, 3))
    assert found == pytest.approx(float(np.average(of_batches, weights=[6, 3])), rel=1e-5)


def test_a_penalty_that_changes_while_training_is_averaged_with_the_cost():
    loop = trained(lambda x, y, w: SquaredError().apply(y, x * w) + (w**2).sum(), 0.01, 1)
    each = trained(lambda x, y, w: SquaredError().apply(y, x * w) + (w**2).sum(), 0.01, None)
    values = [each.log[i]["cost"] for i in (1, 2, 3)]
    assert loop.log[3]["cost"] == pytest.approx(np.average(values, weights=[4, 4, 1]), rel=1e-5)


def trained(make, rate, every):
    x, y, w = tensor.matrix("x"), tensor.matrix("y"), shared(W / 10, "w")
    cost = make(x, y, w).copy(name="cost")
    algorithm = GradientDescent(cost=cost, parameters=[w], step_rule=Scale(rate))
    when = {"after_batch": True} if every is None else {"every_n_epochs": every}
    monitored = [cost, algorithm.total_gradient_norm, algorithm.total_step_norm, w]
    data = IndexableDataset({name: SMALL[name] for name in ("x", "y")})
    stream = DataStream(data, iteration_scheme=SequentialScheme(N, 4))
    monitoring = TrainingDataMonitoring(monitored, **when)
    loop = MainLoop(algorithm, stream, extensions=[monitoring, FinishAfter(after_n_epochs=1)])
    loop.run()
    return loop


@pytest.mark.parametrize(
    "every, rows", [({"after_epoch": True}, [9]), ({"every_n_batches": 2}, [8])]
)
def test_training_is_monitored_in_the_same_way(every, rows):
    x, y, *_, w = inputs()
    cost = functional.mse_loss(x * w, y).copy(name="cost")
    root = cost.sqrt().copy(name="root")
    algorithm = GradientDescent(cost=cost, parameters=[w], step_rule=Scale(0.0))
    monitoring = TrainingDataMonitoring([cost, root], **every)
    data = IndexableDataset({name: DATA[name] for name in ("x", "y")})
    stream = DataStream(data, iteration_scheme=SequentialScheme(N, 4))
    loop = MainLoop(algorithm, stream, extensions=[monitoring, FinishAfter(after_n_epochs=1)])
    loop.run()
    [seen] = rows
    expected = ((DATA["x"][:seen] * W - DATA["y"][:seen]) ** 2).mean()
    found = loop.log.channel("cost").dropna(), loop.log.channel("root").dropna()
    assert [len(values) for values in found] == [1, 1]
    assert found[0].iloc[0] == pytest.approx(expected, rel=1e-5)
    assert found[1].iloc[0] == pytest.approx(expected**0.5, rel=1e-5)


# Unknown values.

UNKNOWN = {
    "sum": (lambda x, y, m, c, z, w: x.sum(), "it is a sum over the examples"),
    "sum with a penalty": (lambda x, y, m, c, z, w: x.sum() + w.sum(), "it is a sum over"),
    "root of a sum": (lambda x, y, m, c, z, w: (x**2).sum().sqrt(), "depends on the number of"),
    "mean and sum": (lambda x, y, m, c, z, w: x.mean() + x.sum(), "depends on the number of"),
    "median": (lambda x, y, m, c, z, w: x.median(), "median combines all examples"),
    "deviation": (lambda x, y, m, c, z, w: x.std(), "std combines all examples"),
    "norm": (lambda x, y, m, c, z, w: x.norm(), "norm combines all examples"),
    "centred": (lambda x, y, m, c, z, w: ((x - x.mean()) ** 2).mean(), "depend on all examples"),
    "centred columns": (lambda x, y, m, c, z, w: (x - x.mean(0)).abs().mean(), "on all examples"),
    "pairs": (lambda x, y, m, c, z, w: (x @ x.T).mean(), "depend on all examples"),
    "contrast": (
        lambda x, y, m, c, z, w: functional.cross_entropy(x @ x.T, c.clamp(min=0)),
        "cross_entropy combines examples",
    ),
    "roots of columns": (
        lambda x, y, m, c, z, w: x.mean(0).abs().sqrt().mean(),
        "does not show whether",
    ),
    "function of a sum": (lambda x, y, m, c, z, w: (x.sum() * x.mean()).exp(), "on the number"),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_unknown_values_are_averaged_over_batches_with_a_warning(name):
    expression, reason = UNKNOWN[name]
    evaluator = DatasetEvaluator([expression(*inputs()).copy(name="v")])
    text = rf"^'v' is averaged over batches, .*{reason}.*mean\(numerator, denominator\)"
    with pytest.warns(MonitoringWarning, match=text) as caught:
        found = evaluator.evaluate(batches(3, 3, data=SMALL))["v"]
    of_batches = [at_once(expression, {k: a[i : i + 3] for k, a in SMALL.items()}) for i in (0, 3)]
    assert found == pytest.approx(np.mean(of_batches), rel=1e-4)
    assert len(caught) == 1
    evaluator.evaluate(batches(3, 3))  # warns once


def test_one_batch_needs_no_warning():
    x, *_ = inputs()
    assert evaluated(x.sum(), batches(5)) == pytest.approx(DATA["x"][:5].sum(), rel=1e-5)


def test_rows_that_are_left_show_by_their_number_that_they_are_examples():
    """Time first: means over time of each sequence, of which there are two and then one."""
    x, m = tensor.matrix("x"), tensor.matrix("m")
    value = ((x * m).sum(0) / m.sum(0)).mean()
    parts = [np.float32([[1, 2], [3, 4], [5, 9]]), np.float32([[30], [50]])]
    stream = [{"x": part, "m": np.ones_like(part)} for part in parts]
    assert evaluated(value, as_stream(stream)) == pytest.approx((3 + 5 + 40) / 3)


NO_FAULT = {
    "norm of a parameter": lambda x, y, m, c, z, w: w.norm(),
    "numbers of the batch": lambda x, y, m, c, z, w: tensor.scalar("number") ** 2,
    "noise": lambda x, y, m, c, z, w: RandomStream(1).normal((3,)).sum(),
    "gradient": lambda x, y, m, c, z, w: tensor.grad((x * w).sum(), w).norm(),
    "noise of the shape of a batch": lambda x, y, m, c, z, w: (
        RandomStream(1).normal(x.shape).mean()
    ),
}


@pytest.mark.parametrize("name", NO_FAULT)
def test_variables_without_data_or_with_one_value_for_each_batch_do_not_warn(name):
    value = NO_FAULT[name](*inputs())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        stream = [{"x": DATA["x"][:n], "number": np.float32(n)} for n in (1, 3)]
        found = evaluated(value, as_stream(stream))
    if name == "numbers of the batch":
        assert found == (1 + 9) / 2


def test_costs_of_bricks_are_no_fault_while_training():
    loop = trained(lambda x, y, w: AbsoluteError().apply(y, x * w), 0.1, 1)
    assert np.isfinite(loop.log[3]["total_gradient_norm"])


@pytest.mark.parametrize(
    "cost, target",
    [
        (SquaredError, lambda x, c: (x > 0).float()),
        (AbsoluteError, lambda x, c: (x > 0).float()),
        (BinaryCrossEntropy, lambda x, c: (x > 0).float()),
        (CategoricalCrossEntropy, lambda x, c: c),
        (MisclassificationRate, lambda x, c: c),
    ],
)
def test_every_cost_of_a_network(cost, target):
    mlp = MLP([Softmax()], [3, 3], weights_init=Constant(0.1), biases_init=Constant(0))
    mlp.initialize()
    x, c = tensor.matrix("x"), tensor.lvector("c")
    value = cost().apply(target(x, c), mlp.apply(x))
    data = DATA | {"c": np.abs(DATA["c"]) % 3}
    expected = evaluated(value, batches(N, data=data))
    assert evaluated(value, batches(4, 4, 1, data=data)) == pytest.approx(expected, rel=1e-5)


# Schemes in tags, and values that cannot be added up.


def test_an_expression_uses_the_schemes_of_its_parts():
    x, *_ = inputs()
    largest = x.mean().copy(name="largest")
    largest.tag.aggregation_scheme = Maximum(largest)
    of_batches = [DATA["x"][:4].mean(), DATA["x"][4:9].mean()]
    assert evaluated(1 + 2 * largest, batches(4, 5)) == pytest.approx(1 + 2 * max(of_batches))


def test_a_ratio_that_knows_its_parts_goes_on_with_a_penalty():
    x, *_, w = inputs()
    value = mean((x**2).sum(), x.shape[0]) * w.sum() + (w**2).sum()
    expected = (DATA["x"] ** 2).sum() / N * W.sum() + (W**2).sum()
    assert evaluated(value, batches(4, 4, 1)) == pytest.approx(expected, rel=1e-5)


def test_batches_of_which_nothing_counts_do_not_matter():
    x, _, _, c, *_ = inputs()
    stream = batches(4, 5, data=DATA | {"c": np.array([-100] * 4 + [0, 1, 2, 0, 1])})
    expected = functional.cross_entropy(
        torch.from_numpy(DATA["x"][4:]), torch.tensor([0, 1, 2, 0, 1])
    )
    assert evaluated(functional.cross_entropy(x, c), stream) == pytest.approx(float(expected))


def test_rows_of_different_number_cannot_be_averaged():
    x, *_ = inputs()
    text = r"'v' has shape \(1,\) for a batch, but shape \(4,\) .* v.mean\(\), or .* Concatenate"
    with pytest.raises(MonitoringError, match=text):
        evaluated(x.sum(1), batches(4, 1))
