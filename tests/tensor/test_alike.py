"""Operands that are compared element by element: different shapes are refused."""

import inspect

import numpy as np
import pytest
import torch
from torch.nn import functional

from workbench import function, tensor
from workbench.bricks import Linear, Logistic, Softmax
from workbench.bricks.cost import (
    BinaryCrossEntropy,
    CategoricalCrossEntropy,
    Cost,
    CostMatrix,
    MisclassificationRate,
    SquaredError,
)
from workbench.errors import ShapeError
from workbench.initialization import Constant
from workbench.tensor.losses import COMPARED
from workbench.tensor.traversal import ancestors

OTHERS = {
    "cosine_embedding_loss": lambda a, b: [a, b, b[:, 0].detach() * 0 + 1],
    "gaussian_nll_loss": lambda a, b: [a, b, a**2 + 1],
    "kl_div": lambda a, b: [a.log(), b],
    "margin_ranking_loss": lambda a, b: [a, a, b],
    "multilabel_margin_loss": lambda a, b: [a, (b - 1).long()],
    "triplet_margin_loss": lambda a, b: [a, a, b],
    "triplet_margin_with_distance_loss": lambda a, b: [a, a, b],
}


def of_torch(loss):
    arguments = OTHERS.get(loss.__name__, lambda a, b: [a, b])

    def cost(y, y_hat):
        return loss(*arguments(y_hat.sigmoid(), y))

    return cost


def costs(base=Cost):
    """Return all costs that the package defines."""
    for cls in base.__subclasses__():
        if cls.__module__.startswith("workbench."):
            yield from [] if cls is CostMatrix else [cls]
            yield from costs(cls)


class Hinge(CostMatrix):
    """A user's cost, which checks nothing itself."""

    def cost_matrix(self, y, y_hat):
        return (1 - y * y_hat).relu()


COSTS = {
    **{loss.__name__: of_torch(loss) for loss in COMPARED},
    **{c.__name__: c().apply for c in costs() if c is not MisclassificationRate},
    "Softmax": lambda y, y_hat: Softmax().categorical_cross_entropy(y, y_hat).mean(),
}
KNOWN = {
    "predictions of width one": ((None, None), (None, 1), (4, 5), (4, 1)),
    "targets of width one": ((None, 1), (None, None), (4, 1), (4, 3)),
    "a batch of one prediction": ((None, None), (1, 3), (4, 3), (1, 3)),
    "a batch of one target": ((1, None), (None, 3), (1, 3), (4, 3)),
    "both known": ((None, 5), (None, 1), (4, 5), (4, 1)),
    "nothing known": ((None, None), (None, None), (4, 1), (4, 3)),
}


@pytest.mark.filterwarnings("ignore:reduction. .mean:UserWarning")
@pytest.mark.parametrize("case", KNOWN)
@pytest.mark.parametrize("name", sorted(COSTS))
def test_a_size_of_one_does_not_broadcast(name, case):
    of_y, of_y_hat, shape, shape_hat = KNOWN[case]
    y, y_hat = tensor.variable("y", of_y), tensor.variable("y_hat", of_y_hat)
    with pytest.raises(ShapeError, match=r"must be equal|but the graph needs size|has size"):
        compute = function([y, y_hat], COSTS[name](y, y_hat), execution="eager")
        compute(np.full(shape, 0.2, "float32"), np.full(shape_hat, 0.2, "float32"))


@pytest.mark.filterwarnings("ignore:reduction. .mean:UserWarning")
@pytest.mark.parametrize("name", sorted(COSTS))
def test_columns_are_compared_with_columns(name):
    y, y_hat = tensor.variable("y", (None, 1)), tensor.matrix("y_hat")
    compute = function([y, y_hat], COSTS[name](y, y_hat), execution="eager")
    assert np.isfinite(compute(np.ones((4, 1), "float32"), np.ones((4, 1), "float32")).item())


def test_the_table_has_every_loss_of_torch_that_compares():
    both = [{"input", "target"}, {"input1", "input2"}, {"anchor", "positive"}]
    found = {
        f
        for name, f in vars(functional).items()
        if inspect.isfunction(f) and any(b <= {*inspect.signature(f).parameters} for b in both)
        if "reduction" in inspect.signature(f).parameters
    }
    of_classes = {
        functional.nll_loss,
        functional.multi_margin_loss,
        functional.linear_cross_entropy,
    }
    assert found - of_classes == set(COMPARED)


def test_a_cost_of_the_users_is_checked_too():
    y, y_hat = tensor.matrix("y"), tensor.variable("y_hat", (None, 1))
    with pytest.raises(ShapeError, match=r"y got shape \(4, 5\), but the graph needs size 1"):
        function([y, y_hat], Hinge().apply(y, y_hat))(np.ones((4, 5), "f"), np.ones((4, 1), "f"))


def test_the_error_names_the_brick_and_the_operands():
    y, y_hat = tensor.variable("y", (None, 5)), tensor.variable("y_hat", (None, 1))
    with pytest.raises(ShapeError, match=r"^mse_loss: target has shape \(\?, 5\), but input has "):
        functional.mse_loss(y_hat, y)
    with pytest.raises(
        ShapeError, match=r"^squarederror.cost_matrix: y has .*, 5\), but y_hat has"
    ):
        SquaredError().apply(y, y_hat)


def test_a_vector_is_not_compared_with_a_column():
    y, y_hat = tensor.vector("y"), tensor.variable("y_hat", (None, 1))
    with pytest.raises(ShapeError, match=r"target has shape \(\?,\), .*y.unsqueeze\(1\)"):
        functional.l1_loss(y_hat, target=y)


def test_one_number_for_all_is_allowed():
    x = tensor.matrix("x")
    assert functional.hinge_embedding_loss(x, torch.tensor(1.0)).eval({x: [[3.0]]}) == 3


@pytest.mark.filterwarnings("ignore:calls with sizes:workbench.errors.CompilationWarning")
@pytest.mark.parametrize("execution", ["eager", "compiled"])
def test_computed_sizes_are_compared_at_run_time(execution):
    x, y = tensor.vector("x"), tensor.vector("y")
    compute = function([x, y], SquaredError().apply(y, x[1:]), execution=execution)
    assert compute([1.0, 1.0, 3.0], [1.0, 1.0]) == 2
    text = r"y has shape \(3,\), but y_hat has shape \(1,\); they are compared"
    with pytest.raises(ShapeError, match=text):
        compute([1.0, -1.0], [1.0, 1.0, 1.0])


def test_numbers_of_chosen_elements_are_compared_at_run_time():
    x, y = tensor.vector("x"), tensor.vector("y")
    compute = function([x, y], functional.l1_loss(x[x > 0], y), execution="eager")
    assert compute([1.0, -1.0, 3.0], [1.0, 1.0]) == 1
    text = r"target has shape \(2,\), but input has shape \(1,\); they are compared"
    with pytest.raises(ShapeError, match=text):
        compute([1.0, -1.0, -3.0], [1.0, 1.0])


def test_sizes_checked_on_inputs_are_not_checked_again():
    x, y = tensor.matrix("x"), tensor.matrix("y")
    cost = SquaredError().apply(y, x.tanh()) + functional.mse_loss(x, y)
    assert not [v for v in ancestors([cost]) if v.owner and v.owner.name == "compared"]


@pytest.mark.parametrize("cost", [SquaredError, BinaryCrossEntropy, CategoricalCrossEntropy])
def test_a_network_learns_the_shape_of_its_targets(cost):
    linear = Linear(3, 1, weights_init=Constant(0.1), biases_init=Constant(0))
    linear.initialize()
    x, y = tensor.matrix("x"), tensor.matrix("y")
    cost().apply(y, Logistic().apply(linear.apply(x)))
    assert y.shape[1] == 1


def test_a_refused_comparison_learns_nothing():
    y = tensor.matrix("y")
    pairs = y @ torch.ones(3, 2)
    with pytest.raises(ShapeError):
        functional.mse_loss(torch.ones(1, 3), pairs)
    assert pairs.eval({y: np.ones((4, 3), "f")}).shape == (4, 2)
