"""Losses that users write themselves, or take from torch, as functions, modules and bricks."""

import copy
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.nn import functional

import workbench as wb
from workbench.bricks import application
from workbench.bricks.cost import Cost, mean_cost
from workbench.errors import ArgumentError
from workbench.fitting.start import _are_floats

X = np.random.default_rng(0).normal(size=(60, 4)).astype("float32")
CLASSES = (X.sum(1) > 0).astype(int)
SUMS = X.sum(1)


class Hinge(Cost):
    @application(inputs=["y", "y_hat"], outputs=["cost"])
    def apply(self, y, y_hat):
        return mean_cost(torch.relu(1 - y * y_hat))


def weighted():
    return torch.nn.CrossEntropyLoss(weight=torch.tensor([1.0, 3.0]), label_smoothing=0.1)


def squares(output, targets):
    return ((output - targets) ** 2).mean()


def layers():
    return [wb.Linear(output_dim=5), wb.Tanh(), wb.Linear()]


def module(outputs):
    torch.manual_seed(0)
    return torch.nn.Sequential(
        torch.nn.Linear(4, 5), torch.nn.BatchNorm1d(5), torch.nn.ReLU(), torch.nn.Dropout(0.3),
        torch.nn.Linear(5, outputs),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("model", "targets", "loss"),
    [
        (layers(), SUMS, torch.nn.HuberLoss()),
        (layers(), SUMS, squares),
        (layers(), CLASSES.astype("float32"), squares),
        (layers(), CLASSES, weighted()),
        (layers(), np.where(CLASSES, 1.0, -1.5).astype("float32"), Hinge()),
        (module(1), SUMS, torch.nn.HuberLoss()),
        (module(1), CLASSES.astype("float32"), torch.nn.BCEWithLogitsLoss()),
        (module(2), CLASSES, weighted()),
        (module(2), CLASSES, functional.cross_entropy),
        (module(1), np.where(CLASSES, 1.0, -1.5).astype("float32"), Hinge()),
    ],
)
def test_an_own_loss_is_trained_and_its_recipe_gives_the_same_numbers(model, targets, loss):
    space = {"data": (X, targets), "model": copy.deepcopy(model), "loss": copy.deepcopy(loss)}
    session = wb.fit(model, (X, targets), loss=loss, epochs=2)
    assert session.wait()
    exec(session.recipe(), space)
    assert space["session"].wait()
    numbers = session.log.frame.filter(regex="cost|accuracy")
    same = space["session"].log.frame[numbers.columns]
    np.testing.assert_array_equal(numbers.to_numpy(float), same.to_numpy(float))


def test_the_cost_is_that_of_the_function():
    net = torch.nn.Linear(4, 1)
    with torch.no_grad():
        expected = squares(net(torch.as_tensor(X)), torch.as_tensor(SUMS)[:, None])
    session = wb.fit(net, (X, SUMS), loss=squares, epochs=1, validation=(X, SUMS))
    assert session.wait()
    first = session.log.channel("validation_cost").iloc[0]
    assert first == pytest.approx(float(expected), rel=1e-5)


@pytest.mark.parametrize(("dtype", "floats"), [("Float32", True), ("Int64", False)])
def test_targets_of_another_library_are_floats_if_their_dtype_says_so(dtype, floats):
    targets = SimpleNamespace(dtype=dtype)  # like dtypes of polars, it has no `kind`
    assert _are_floats((X, targets), None) is floats


@pytest.mark.parametrize(
    ("model", "targets", "loss", "text"),
    [
        (layers(), SUMS, lambda o, y: (o - y) ** 2, r"returned the shape \(B, 1\) for arguments"),
        (layers(), SUMS, lambda o, y: 3.0, "returned a value of type float"),
        (layers(), SUMS, torch.nn.HuberLoss, r"not the class HuberLoss; write loss=HuberLoss\(\)"),
        ([wb.Linear(), wb.Softmax()], CLASSES, weighted(), "this loss applies a softmax too"),
        (layers(), SUMS, 3, "or a function loss.output, targets. of tensors, not 3"),
    ],
)
def test_a_loss_that_cannot_be_right_is_refused(model, targets, loss, text):
    with pytest.raises(ArgumentError, match=text):
        wb.fit(model, (X, targets), loss=loss)
