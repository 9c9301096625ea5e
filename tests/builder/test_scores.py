"""Scores that are taken for probabilities: the fault of the cost, and its fix."""

import pytest
import torch

from workbench import tensor
from workbench.bricks import MLP, Identity, Linear, Rectifier, Sequence, Softmax, Tanh, TorchModule
from workbench.bricks.cost import CategoricalCrossEntropy
from workbench.builder import check, from_spec, to_spec


def cost_of(brick):
    """Return the specification of the cross-entropy of the outputs of a brick."""
    outputs = brick.apply(tensor.variable("x", (None, 4)))
    return to_spec(CategoricalCrossEntropy(name="cost").apply(tensor.lvector("y"), outputs))


@pytest.mark.parametrize(
    "brick",
    [
        Linear(4, 3, name="it"),
        MLP([Tanh(), None], [4, 3, 2], name="it"),
        MLP([Identity()], [4, 3], name="it"),
        Sequence([Softmax(), Linear(4, 3)], name="it"),
        TorchModule(torch.nn.Sequential(torch.nn.ReLU(), torch.nn.Linear(4, 3)), name="it"),
    ],
    ids=lambda brick: type(brick).__name__,
)
def test_scores_are_a_fault_and_a_softmax_is_the_fix(brick):
    spec = cost_of(brick)
    [fault] = check(spec).faults
    assert fault.path == "calls/1/inputs/y_hat" and fault.brick == "cost"
    assert fault.text.startswith("cost.apply: y_hat must contain probabilities, but the outputs of")
    new = fault.fix.apply(spec)
    assert check(new).faults == ()
    assert [call.brick for call in new.calls] == ["it", "softmax", "cost"]
    assert from_spec(new).cost.ndim == 0


@pytest.mark.parametrize(
    "brick",
    [
        Softmax(),
        MLP([Softmax()], [4, 3]),
        Sequence([Linear(4, 3), Softmax(), Identity()]),
        TorchModule(torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.Softmax(1))),
        TorchModule(torch.nn.Sequential(torch.nn.Softmax(1), torch.nn.ReLU())),
    ],
    ids=lambda brick: type(brick).__name__,
)
def test_probabilities_are_not_a_fault(brick):
    assert check(cost_of(brick)).faults == ()


@pytest.mark.parametrize("last", [Identity(), Rectifier()], ids=lambda one: type(one).__name__)
def test_probabilities_behind_an_elementwise_brick_are_not_a_fault(last):
    scores = Linear(4, 3).apply(tensor.variable("x", (None, 4)))
    outputs = last.apply(Softmax().apply(scores))
    cost = CategoricalCrossEntropy().apply(tensor.lvector("y"), outputs)
    assert check(to_spec(cost)).faults == ()
