"""Costs that combine the examples of a batch are refused before several processes train on them."""

import re
import warnings

import numpy as np
import pytest
import torch

from tests.support import ranks_training as jobs
from workbench import errors, shared, tensor
from workbench.algorithms import GradientDescent, Scale
from workbench.bricks import (
    BatchNormalizedMLP,
    Brick,
    Dropout,
    Linear,
    Sequence,
    Tanh,
    TorchModule,
    application,
)
from workbench.distributed import DataParallel
from workbench.graph import ComputationGraph, apply_dropout
from workbench.initialization import IsotropicGaussian
from workbench.tensor.processes import ProcessGroup

F, nn = torch.nn.functional, torch.nn

COUPLED = {
    "softmax": lambda x, y, w: ((x * w).softmax(0) ** 2).sum(),
    "differences": lambda x, y, w: ((x @ w)[1:] - (x @ w)[:-1]).pow(2).mean(),
    "cumsum": lambda x, y, w: (x @ w).cumsum(0).mean(),
    "cummax": lambda x, y, w: (x @ w).cummax(0)[0].mean(),
    "roll": lambda x, y, w: ((x @ w) * y.roll(1, 0)).mean(),
    "mixup": lambda x, y, w: F.mse_loss((0.7 * x + 0.3 * x.flip(0)) @ w, y),
    "sort": lambda x, y, w: ((x @ w).sort()[0] * y).mean(),
    "argsort": lambda x, y, w: ((x @ w).argsort().float() * (x @ w)).mean(),
    "tril": lambda x, y, w: (x * w).tril().pow(2).mean(),
    "outer": lambda x, y, w: torch.outer(x @ w, y).mean(),
    "position": lambda x, y, w: ((x @ w) * torch.arange(x.shape[0])).mean(),
    "linspace": lambda x, y, w: ((x @ w) * torch.linspace(0, 1, x.shape[0])).mean(),
    "rows": lambda x, y, w: (x * w).reshape(4, -1).softmax(1).pow(2).sum(),
    "halves": lambda x, y, w: ((x * w).reshape(2, -1).mean(1) ** 2).sum(),
    "chunk": lambda x, y, w: torch.chunk(x @ w, 2)[0].mean(),
    "svd": lambda x, y, w: torch.linalg.svdvals(x * w).sum(),
    "constants": lambda x, y, w: torch.cat([x @ w, torch.ones(3)]).pow(2).mean(),
    "diff": lambda x, y, w: torch.diff(x @ w).pow(2).mean(),
    "pad": lambda x, y, w: F.pad(x @ w, (1, 0)).pow(2).mean(),
    "fft": lambda x, y, w: torch.fft.rfft(x @ w).abs().mean(),
    "normalize": lambda x, y, w: (F.normalize(x * w, dim=0) ** 2 * x).sum(),
    "batch norm": lambda x, y, w: (F.batch_norm(x * w, None, None, training=True) * x).mean(),
    "class weight": lambda x, y, w: F.binary_cross_entropy_with_logits(
        x @ w, (y > 0).float(), pos_weight=(y > 0).float().mean()
    ),
    "gradient": lambda x, y, w: (
        ((x @ w).flip(0) - (x @ w).flip(0).detach() + (x @ w).detach()) * y
    ).mean(),
}
INDEPENDENT = {
    "mean": lambda x, y, w: ((x @ w - y) ** 2).mean(),
    "covariance": lambda x, y, w: ((x * w).T @ (x * w) / x.shape[0]).sum(),
    "nested": lambda x, y, w: ((x @ w).mean() - y.mean()) ** 2,
    "ratio": lambda x, y, w: ((x @ w) ** 2).sum() / (y**2).sum(),
    "masked": lambda x, y, w: (((x @ w - y) ** 2) * (y > 0)).sum() / (y > 0).float().sum(),
    "chosen": lambda x, y, w: ((x @ w - y) ** 2)[y > 0].mean(),
    "flat": lambda x, y, w: ((x * w).reshape(-1) ** 2).mean(),
    "transposed": lambda x, y, w: ((x * w).T.mean(1) ** 2).sum(),
    "normalize": lambda x, y, w: (F.normalize(x * w, dim=1) * x).mean(),
    "layer norm": lambda x, y, w: (F.layer_norm(x * w, (4,)) * x).mean(),
    "log of mean": lambda x, y, w: (x @ w).exp().mean().log(),
    "penalty": lambda x, y, w: ((x @ w - y) ** 2).sum() + 0.1 * (w**2).sum(),
    "loss": lambda x, y, w: F.huber_loss(x @ w, y),
    "weights": lambda x, y, w: F.binary_cross_entropy_with_logits(
        x @ w, (y > 0).float(), weight=y * y
    ),
    "classes": lambda x, y, w: F.cross_entropy(x * w, (y > 0).long(), label_smoothing=0.1),
    "divergence": lambda x, y, w: F.kl_div(
        (x * w).log_softmax(1), x.softmax(1), reduction="batchmean"
    ),
    "cosine": lambda x, y, w: F.cosine_embedding_loss(x * w, x, y.sign()),
    "cat": lambda x, y, w: torch.cat([x @ w, y]).pow(2).mean(),
    "embedding": lambda x, y, w: (w[(y > 0).long()] * y).mean(),
    "determinant": lambda x, y, w: ((x * w).T @ (x * w) + torch.eye(4)).logdet(),
    "merged": lambda x, y, w: (x * w).reshape(-1, 2).pow(2).sum(1).mean(),
    "dropout": lambda x, y, w: apply_dropout(
        ComputationGraph((x @ w - y).pow(2).mean()), [x], 0.4, seed=3
    ).outputs[0],
}


def data(n=19):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((n, 4)).astype("float32")
    return {"x": x, "y": x.sum(1) + rng.standard_normal(n).astype("float32")}


def check(cost, parameters, batch, **options):
    """Check a cost as each of two processes does, and return the notes about the check."""
    division = DataParallel(ProcessGroup(0, 2, "not joined"), **options)
    GradientDescent(cost.copy(name="cost"), parameters, Scale(0.1), distributed=division)
    division.check_cost(batch)
    assert division._unchecked == []
    return division.notes


def check_function(function, batch=None, w=(0.5, -0.3, 0.2, 0.7)):
    x, y, w = tensor.matrix("x"), tensor.vector("y"), shared(np.array(w, "float32"), "w")
    return check(function(x, y, w), [w], batch or data())


def check_layer(layer, n=19, **options):
    """Check the cost of a model with a layer, a brick or a module, that has four outputs."""
    x, y = tensor.matrix("x"), tensor.vector("y")
    layer = TorchModule(layer, name="net") if isinstance(layer, nn.Module) else layer
    last = Linear(4, 1, weights_init=IsotropicGaussian(0.3), biases_init=IsotropicGaussian(0.1))
    model = Sequence([layer, last])
    model.initialize()
    cost = ((model.apply(x).squeeze(1) - y) ** 2).mean()
    return check(cost, ComputationGraph(cost).parameters, data(n), **options)


@pytest.mark.parametrize("name", COUPLED)
def test_a_cost_that_combines_examples_is_refused(name):
    with pytest.raises(errors.AlgorithmError, match="combines"), warnings.catch_warnings():
        warnings.simplefilter("ignore", errors.MonitoringWarning)
        check_function(COUPLED[name])


@pytest.mark.parametrize("name", INDEPENDENT)
def test_a_cost_of_means_and_sums_is_accepted(name):
    assert check_function(INDEPENDENT[name]) == []


def test_the_error_states_both_costs_and_the_place():
    x, w = data(8)["x"], np.array([1, 2, 0, 0])
    parts = [(p @ w * np.arange(len(p))) for p in np.split(x, [5])]
    together, apart = (x @ w * np.arange(8)).mean(), np.concatenate(parts).mean()
    said = (
        f"it is {together:.6g} if they are computed together, but {apart:.6g} if it is combined "
        "from parts of 5 and 3 examples; the first value that depends on the other examples is "
        "'arange'. Train in one process"
    )
    with pytest.raises(errors.AlgorithmError, match=re.escape(said)):
        check_function(COUPLED["position"], data(8), w)


@pytest.mark.filterwarnings("ignore:the weight of 'cost' is uncertain")
def test_a_cost_that_cannot_be_computed_for_a_part_is_refused():
    with pytest.raises(errors.AlgorithmError, match=r"fails for 3 of them.*fails in 'conv1d'"):
        check_function(lambda x, y, w: F.conv1d((x @ w)[None, None], torch.ones(1, 1, 4)).mean())


def test_rounding_errors_at_a_perfect_fit_are_no_reason():
    batch = data()
    batch["y"] = batch["x"] @ np.array([0.5, -0.3, 0.2, 0.7], "float32")
    for function in (INDEPENDENT["mean"], lambda x, y, w: (x @ w - y).abs().mean()):
        assert check_function(function, batch) == []


def test_a_cost_waits_for_two_examples_and_a_finite_value():
    x, w = tensor.matrix("x"), shared(np.ones(4, "float32"), "w")
    division = DataParallel(ProcessGroup(1, 2, "not joined"))
    cost = (x @ w).flip(0).mul(x[:, 0]).mean()
    GradientDescent(cost, [w], Scale(0.1), distributed=division)
    division.check_cost({"x": data(1)["x"]})
    division.check_cost({"x": data(4)["x"] * np.inf})
    with pytest.raises(errors.AlgorithmError, match="combines the examples"):
        division.check_cost({"x": data(4)["x"]})


def test_a_cost_that_is_never_finite_is_noted():
    x, w = tensor.vector("x"), shared(1.0, "w")
    division = DataParallel(ProcessGroup(0, 2, "not joined"))
    GradientDescent((x * w).mean(), [w], Scale(0.1), distributed=division)
    batch = {"x": np.full(4, np.inf, "float32")}
    for _ in range(9):
        division.check_cost(batch)
    with pytest.warns(errors.MonitoringWarning, match="incomplete, because the cost is not finite"):
        division.check_cost(batch)
    assert "incomplete" in division.notes[0]


@pytest.mark.parametrize("way", ["data", "sharded"])
def test_all_processes_refuse_the_cost_before_the_first_step(together, way):
    """A share has one example or none."""
    [(said, changed), *others] = together(3, jobs.coupled, way)
    assert others == [(said, changed)] * 2
    assert said.startswith("AlgorithmError: the cost 'cost' combines the examples of a batch")
    assert not changed


class Changed(nn.Module):
    """Module that applies a function."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(self, x)


MODULES = {
    "mean": Changed(lambda _, x: x - x.mean(0)),
    "flip": Changed(lambda _, x: 0.7 * x + 0.3 * x.flip(0)),
    "attention": nn.TransformerEncoderLayer(4, 2, 8),
    "recurrent": nn.LSTM(4, 4, 2, dropout=0.5),
    "dropped": Changed(lambda self, x: F.dropout(x - x.mean(0), 0.3, self.training)),
    "not tracked": nn.BatchNorm1d(4, track_running_stats=False),
}


@pytest.mark.parametrize("name", MODULES)
def test_a_wrapped_module_that_combines_examples_is_refused_with_its_layer(name):
    torch.manual_seed(0)
    module = nn.Sequential(nn.Tanh(), nn.Sequential(nn.Dropout(0.5), MODULES[name]))
    kind = type(MODULES[name]).__name__
    layer, kind = ("1.1.self_attn", "MultiheadAttention") if name == "attention" else ("1.1", kind)
    with pytest.raises(errors.AlgorithmError, match=rf"layer '{layer}' \({kind}\).*net.apply"):
        check_layer(_first(module) if name == "recurrent" else module)


def _first(module):
    """Return a module that keeps the first output of another module."""
    taken = nn.Sequential(*module, Changed(lambda _, x: x[0]))
    taken[1] = nn.Sequential(*module[1])
    return taken


@pytest.mark.parametrize(
    "module",
    [
        nn.Sequential(nn.Linear(4, 6), nn.LayerNorm(6), nn.Dropout(0.5), nn.Linear(6, 4)),
        nn.Sequential(nn.GroupNorm(2, 4), nn.RReLU()),
        nn.Sequential(
            nn.Unflatten(1, (1, 4)), nn.TransformerEncoderLayer(4, 2, 8, batch_first=True),
            nn.Flatten(),
        ),
    ],
)  # fmt: skip
def test_a_wrapped_module_that_treats_examples_independently_is_accepted(module):
    state = torch.get_rng_state()
    assert "check" not in "".join(check_layer(module))
    assert torch.equal(torch.get_rng_state(), state)


def test_a_module_that_draws_more_than_dropout_is_noted():
    mixed = Changed(lambda self, x: x + x[torch.randperm(len(x))] if self.training else x)
    with pytest.warns(errors.MonitoringWarning, match="was run in evaluation mode"):
        check_layer(mixed)
    with pytest.warns(errors.MonitoringWarning, match="in evaluation mode too"):
        check_layer(Changed(lambda _, x: x + torch.rand_like(x)))


class Centered(Brick):
    @application(inputs=["x"], outputs=["output"])
    def apply(self, x):
        return x - x.mean(0)


class Attending(Brick):
    @application(inputs=["x"], outputs=["output"])
    def apply(self, x):
        return (x @ x.T).softmax(1) @ x


@pytest.mark.parametrize("brick", [Centered(), Attending()])
def test_a_brick_that_combines_examples_is_refused_with_its_path(brick):
    with pytest.raises(errors.AlgorithmError, match=f"in sequence/{brick.name}.apply. Train"):
        check_layer(brick)


@pytest.mark.parametrize("statistics", ["batch", "share"])
def test_batch_normalisation_and_dropout_are_accepted(statistics):
    mlp = BatchNormalizedMLP([Tanh(), Tanh()], [4, 5, 4], weights_init=IsotropicGaussian(0.5),
                             biases_init=IsotropicGaussian(0.1), seed=1)  # fmt: skip
    for n in (2, 3, 19):
        check_layer(Sequence([mlp, Dropout(0.5)]), n, statistics=statistics)
