"""Costs: scalars that measure the difference between the predictions and targets of a batch.

Every cost has the role ``COST`` and the tag ``n_examples``, the number of examples in the average.
With this tag, a monitor can compute the exact mean over a dataset even if batches differ in size.
The tag is kept when a brick returns the cost of another brick as its own output.
"""

from __future__ import annotations

from typing import Unpack

from workbench.bricks.application import application
from workbench.bricks.base import Brick
from workbench.bricks.checks import shown
from workbench.bricks.options import BrickOptions
from workbench.bricks.softmax import check_targets, expected_log
from workbench.errors import DtypeError, ShapeError
from workbench.hints import hinted
from workbench.names import explain_missing
from workbench.roles import COST, add_role
from workbench.tensor import Variable
from workbench.tensor.alike import alike
from workbench.tensor.exact import log_complement, log_probability, weighted
from workbench.tensor.indexing import elements, where_exist
from workbench.tensor.probabilities import SCORES, probabilities

__all__ = [
    "AbsoluteError",
    "BinaryCrossEntropy",
    "CategoricalCrossEntropy",
    "Cost",
    "CostMatrix",
    "MisclassificationRate",
    "SquaredError",
    "mean_cost",
]


class Cost(Brick):
    """Base class of costs; a subclass defines `apply`, which returns the result of `mean_cost`.

    Examples
    --------
    >>> import torch
    >>> from workbench import tensor
    >>> from workbench.bricks import application
    >>> class Hinge(Cost):
    ...     @application(inputs=["y", "y_hat"], outputs=["cost"])
    ...     def apply(self, y, y_hat):
    ...         return mean_cost(torch.relu(1 - y * y_hat))
    >>> cost = Hinge().apply(tensor.vector("y"), tensor.vector("y_hat"))
    >>> cost, cost.tag.roles, cost.tag.n_examples
    (hinge_apply_cost, [OUTPUT, COST], relu.shape[0])
    """

    @application(inputs=["y", "y_hat"], outputs=["cost"])
    def apply(self, y: Variable, y_hat: Variable) -> Variable:
        """Compute the cost of predictions.

        Parameters
        ----------
        y : Variable
            Targets; the first dimension is the batch.
        y_hat : Variable
            Predictions.

        Returns
        -------
        Variable
            A scalar.
        """
        raise NotImplementedError(f"{type(self).__name__} must define the method apply")


class CostMatrix(Cost):
    """Base class of costs with one term for each element; a subclass defines `cost_matrix`.

    The terms of an example are summed, and the mean is computed over the batch, the first
    dimension.

    Examples
    --------
    >>> import torch
    >>> from workbench.bricks import application
    >>> class Huber(CostMatrix):
    ...     @application
    ...     def cost_matrix(self, y, y_hat):
    ...         gap = (y - y_hat).abs()
    ...         return (gap < 1) * gap**2 / 2 + (gap >= 1) * (gap - 0.5)
    >>> Huber().apply(torch.zeros(2, 2), torch.tensor([[1.0, 2.0], [0.0, 0.0]]))
    tensor(1.)
    """

    @application(inputs=["y", "y_hat"], outputs=["cost"])
    def apply(self, y: Variable, y_hat: Variable) -> Variable:
        """Sum the terms of each example, then average over the batch, the first dimension."""
        matrix = self.cost_matrix(check_alike(self, y, y_hat), y_hat)
        return mean_cost(matrix.flatten(1).sum(1) if matrix.ndim > 1 else matrix)

    @application(inputs=["y", "y_hat"], outputs=["cost_matrix"])
    def cost_matrix(self, y: Variable, y_hat: Variable) -> Variable:
        """Compute the cost of each element; the result has the shape of `y` and `y_hat`."""
        raise NotImplementedError(f"{type(self).__name__} must define the method cost_matrix")


class SquaredError(CostMatrix):
    """The squared difference between targets and predictions.

    Examples
    --------
    >>> import torch
    >>> SquaredError().apply(torch.tensor([[0.0, 1.0]]), torch.tensor([[2.0, 2.0]]))
    tensor(5.)
    """

    @application(inputs=["y", "y_hat"], outputs=["cost_matrix"])
    def cost_matrix(self, y: Variable, y_hat: Variable) -> Variable:
        """Compute ``(y - y_hat) ** 2`` for each element."""
        return (check_alike(self, y, y_hat) - y_hat) ** 2


class AbsoluteError(CostMatrix):
    """The absolute difference between targets and predictions.

    Examples
    --------
    >>> import torch
    >>> AbsoluteError().apply(torch.tensor([[0.0, 1.0]]), torch.tensor([[2.0, 2.0]]))
    tensor(3.)
    """

    @application(inputs=["y", "y_hat"], outputs=["cost_matrix"])
    def cost_matrix(self, y: Variable, y_hat: Variable) -> Variable:
        """Compute ``|y - y_hat|`` for each element."""
        return abs(check_alike(self, y, y_hat) - y_hat)


class BinaryCrossEntropy(CostMatrix):
    """Cross-entropy between binary targets and predicted probabilities.

    If the predictions are the output of a `Logistic` brick (or ``torch.sigmoid``), the cost and its
    gradient are computed from the input of that function, and are therefore accurate for
    predictions near 0 and 1.

    Examples
    --------
    >>> import torch
    >>> BinaryCrossEntropy().apply(torch.tensor([[1.0, 0.0]]), torch.tensor([[0.5, 0.5]]))
    tensor(1.3863)
    """

    @application(inputs=["y", "y_hat"], outputs=["cost_matrix"])
    def cost_matrix(self, y: Variable, y_hat: Variable) -> Variable:
        """Compute ``-y log(y_hat) - (1 - y) log(1 - y_hat)`` for each element.

        All elements of `y` and `y_hat` must be in [0, 1].
        """
        where = f"{self.path()}.cost_matrix"
        y = probabilities(check_alike(self, y, y_hat), f"{where}: targets y")
        y_hat = probabilities(y_hat, f"{where}: y_hat", SCORES)
        return -(weighted(y, log_probability(y_hat)) + weighted(1 - y, log_complement(y_hat)))


class CategoricalCrossEntropy(Cost):
    """Cross-entropy between true classes and predicted class probabilities.

    If the predictions are the output of a `Softmax` brick (or ``torch.softmax``), the cost and its
    gradient are computed from the logits, and are therefore accurate for small probabilities.
    Otherwise the predictions are used directly, and their logarithm is bounded below by the
    logarithm of the smallest normal number.

    Examples
    --------
    >>> import torch
    >>> y_hat = torch.tensor([[0.5, 0.5], [0.25, 0.75]])
    >>> CategoricalCrossEntropy().apply(torch.tensor([0, 1]), y_hat)
    tensor(0.4904)
    >>> CategoricalCrossEntropy().apply(torch.tensor([[1.0, 0.0], [0.5, 0.5]]), y_hat)
    tensor(0.7651)
    """

    @application(inputs=["y", "y_hat"], outputs=["cost"])
    def apply(self, y: Variable, y_hat: Variable) -> Variable:
        """Compute the mean cross-entropy over the batch.

        Parameters
        ----------
        y : Variable
            Integer class indices of shape (B,), or probabilities of shape (B, C).
        y_hat : Variable
            Probabilities of shape (B, C); each row must sum to one. For a single example without a
            batch dimension, the shape is (C,), and `y` is a scalar index or has the shape (C,).

        Returns
        -------
        Variable
            A scalar.
        """
        where = f"{self.path()}.apply"
        if y_hat.ndim == 1 and y.ndim == (1 if y.dtype.is_floating_point else 0):
            check_targets(y.unsqueeze(0), y_hat.unsqueeze(0), where)
            log = log_probability(y_hat).unsqueeze(0)
            return mean_cost(-expected_log(y.unsqueeze(0), log, where))
        check_targets(y, y_hat, where)
        y_hat = probabilities(y_hat, f"{where}: y_hat", SCORES, rows=True)
        return mean_cost(-expected_log(y, log_probability(y_hat), where))


class MisclassificationRate(Cost):
    """The fraction of examples whose true class is not among the classes with the highest scores.

    Ties count against the prediction: a true class ranks below all other classes with the same
    score. A true class with a score of NaN counts as an error.

    Parameters
    ----------
    top_k : int, optional
        The number of classes predicted for each example, in order of descending score.

    Examples
    --------
    >>> import torch
    >>> y_hat = torch.tensor([[0.7, 0.2, 0.1], [0.4, 0.4, 0.2]])
    >>> MisclassificationRate().apply(torch.tensor([0, 0]), y_hat)
    tensor(0.5000)
    >>> MisclassificationRate(top_k=2).apply(torch.tensor([0, 0]), y_hat)
    tensor(0.)
    """

    def __init__(self, top_k: int = 1, **kwargs: Unpack[BrickOptions]) -> None:
        super().__init__(**kwargs)
        self.top_k = top_k

    def describe(self) -> str:
        return "" if self.top_k == 1 else f"top {self.top_k}"

    @application(inputs=["y", "y_hat"], outputs=["error_rate"])
    def apply(self, y: Variable, y_hat: Variable) -> Variable:
        """Compute the misclassification rate of the batch.

        Parameters
        ----------
        y : Variable
            Integer class indices of shape (B,).
        y_hat : Variable
            Scores of shape (B, C), such as probabilities or logits.

        Returns
        -------
        Variable
            A scalar between 0 and 1.
        """
        if y.ndim != 1 or y_hat.ndim != 2 or y.dtype.is_floating_point:
            problem = DtypeError if (y.ndim, y_hat.ndim) == (1, 2) else ShapeError
            swapped = y.dtype.is_floating_point and not y_hat.dtype.is_floating_point
            hint = (
                "the arguments seem to be swapped; pass the targets first"
                if swapped
                else "y.flatten() converts a column of indices to a vector"
            )
            raise problem(
                f"{self.path()}.apply: y has shape {shown(y)} and dtype {y.dtype}, and y_hat has "
                f"shape {shown(y_hat)}; y must be integer class indices of shape (B,), and y_hat "
                f"must be scores of shape (B, C) ({hint})"
            )
        truth = elements(y_hat, y, f"{self.path()}.apply: classes y").unsqueeze(1)
        not_behind = (~(y_hat < truth)).sum(1) - 1
        missed = (not_behind >= self.top_k).to(y_hat.dtype)
        return mean_cost(where_exist(missed, y, y_hat.shape[1]))


@hinted
def mean_cost(costs: Variable) -> Variable:
    """Return the mean cost of examples, tagged with its role and the number of examples.

    Parameters
    ----------
    costs : Variable
        The cost of each example, of shape (B,).

    Returns
    -------
    Variable
        A scalar with the role ``COST`` and the number B of examples in ``tag.n_examples``.
    """
    cost: Variable = costs.mean()
    add_role(cost, COST)
    cost.tag.n_examples = costs.shape[0]
    return cost


def check_alike(brick: Brick, y: Variable, y_hat: Variable) -> Variable:
    """Check that targets have the shape of the predictions, and return the checked targets.

    Raises
    ------
    ShapeError
        If the shapes differ. If sizes are unknown, the error is raised when the cost is computed.
    """
    alike_targets: Variable = alike(y, y_hat, f"{brick.path()}.cost_matrix", ("y", "y_hat"))
    return alike_targets


explain_missing(__name__)
