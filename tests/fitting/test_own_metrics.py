"""Metrics that users write themselves, as functions of the outputs and the targets."""

import copy

import numpy as np
import pytest
import torch

import workbench as wb
from workbench.errors import ArgumentError

X = np.random.default_rng(0).normal(size=(60, 4)).astype("float32")
CLASSES = (X.sum(1) > 0).astype(int)
SUMS = X.sum(1)


def hits(output, targets):
    return (output.argmax(1) == targets).float().mean()


def squares(output, targets):
    return ((output - targets) ** 2).mean()


def module(outputs):
    torch.manual_seed(0)
    return torch.nn.Linear(4, outputs)


@pytest.mark.parametrize(
    ("model", "targets", "loss", "metrics"),
    [
        ([wb.Linear()], CLASSES, None, [hits, "accuracy", lambda o, y: o.mean()]),
        ([wb.Linear()], SUMS, squares, [squares, "absolute error", torch.nn.L1Loss()]),
        (module(2), CLASSES, torch.nn.CrossEntropyLoss(), [hits, hits, "error rate"]),
        (module(1), SUMS, None, [torch.nn.functional.l1_loss]),
    ],
)
def test_an_own_metric_is_recorded_and_the_recipe_gives_the_same_numbers(
    model, targets, loss, metrics
):
    space = {"data": (X, targets), "model": copy.deepcopy(model), "loss": loss}
    session = wb.fit(model, (X, targets), loss=loss, metrics=metrics, epochs=2)
    assert session.wait()
    space["metrics"] = list(dict.fromkeys(metrics))
    exec(session.recipe(), space)
    assert space["session"].wait()
    numbers, same = session.log.epochs, space["session"].log.epochs
    names = [name for name in numbers if name.startswith("validation_")]
    assert len(names) == 1 + len(space["metrics"])
    np.testing.assert_array_equal(numbers[names].to_numpy(float), same[names].to_numpy(float))


def test_a_metric_equals_the_built_in_one_that_it_repeats():
    session = wb.fit([wb.Linear()], (X, CLASSES), metrics=[hits, "accuracy"], epochs=1)
    assert session.wait()
    epochs = session.log.epochs
    assert float(epochs["validation_hits"].iloc[0]) == pytest.approx(
        float(epochs["validation_accuracy"].iloc[0])
    )


def test_a_metric_needs_no_hash():
    class Mean:
        __hash__ = None

        def __call__(self, output, targets):
            return output.mean()

    mean = Mean()
    session = wb.fit([wb.Linear()], (X, CLASSES), metrics=[mean, mean], epochs=1)
    assert session.wait()
    assert [name for name in session.log.epochs if "Mean" in name] == ["validation_Mean", "Mean"]


def test_metrics_of_one_name_get_numbers():
    metrics = [lambda o, y: o.mean(), lambda o, y: o.max()]
    session = wb.fit([wb.Linear()], (X, CLASSES), metrics=metrics, epochs=1)
    assert session.wait()
    assert {"validation_metric", "validation_metric_1"} <= set(session.log.epochs)


@pytest.mark.parametrize(
    ("metric", "text"),
    [
        (lambda o, y: (o - y) ** 2, r"metric\(output, targets\) must return one number"),
        (torch.nn.L1Loss, r"not the class L1Loss; write metrics=\[L1Loss\(\)\]"),
        (wb.Softmax(), "or a function .* of tensors, not .*[Ss]oftmax"),
        (lambda o, y: np.abs(o - y).mean(), "a function that uses only torch operations"),
        (lambda o, y: sum(3), "the metric <lambda> cannot be applied .*uses only torch"),
        (3, "or a function metric.output, targets. of tensors, not 3"),
    ],
)
def test_a_metric_that_cannot_be_right_is_refused(metric, text):
    with pytest.raises(ArgumentError, match=text):
        wb.fit([wb.Linear()], (X, SUMS), metrics=[metric])
