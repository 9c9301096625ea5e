"""`Softmax`, which converts scores to probabilities, and its cross-entropy."""

from __future__ import annotations

import torch

from workbench.bricks.application import application
from workbench.bricks.base import Brick
from workbench.bricks.checks import shown
from workbench.bricks.to_torch import TorchCall
from workbench.bricks.wrappers import WithExtraDims
from workbench.errors import DtypeError, ShapeError
from workbench.graph.annotations import ApplicationCall
from workbench.tensor import Variable
from workbench.tensor.alike import alike
from workbench.tensor.exact import log_softmax, weighted
from workbench.tensor.indexing import elements
from workbench.tensor.probabilities import probabilities

TARGETS = "y / y.sum(1, keepdim=True) converts counts to distributions"


class Softmax(Brick):
    """Brick that converts rows of unnormalised log-probabilities (logits) to probabilities.

    The input is one row (a vector) or a matrix of rows. `NDimensionalSoftmax` accepts inputs with
    more dimensions.

    Examples
    --------
    >>> import torch
    >>> softmax = Softmax()
    >>> softmax.apply(torch.tensor([[0.0, 0.0], [0.0, 1.0]]))
    tensor([[0.5000, 0.5000],
            [0.2689, 0.7311]])
    >>> softmax.categorical_cross_entropy(torch.tensor([0]), torch.tensor([[0.0, 1000.0]]))
    tensor([1000.])
    """

    def _torch_layer(self, call: TorchCall) -> torch.nn.Module | None:
        return torch.nn.Softmax(-1) if call.plain else None

    @application(inputs=["input_"], outputs=["output"])
    def apply(self, input_: Variable) -> Variable:
        """Compute probabilities from logits; both have the shape (C,) or (B, C)."""
        self._check_rows("apply", "input_", input_)
        output: Variable = input_.softmax(-1)
        return output

    @application(inputs=["input_"], outputs=["output"])
    def log_probabilities(self, input_: Variable) -> Variable:
        """Compute log-probabilities from logits, accurately even for tiny probabilities."""
        self._check_rows("log_probabilities", "input_", input_)
        return log_softmax(input_)

    @application(inputs=["y", "x"], outputs=["cost"])
    def categorical_cross_entropy(
        self, application_call: ApplicationCall, y: Variable, x: Variable
    ) -> Variable:
        """Compute cross-entropies between targets and logits, accurately even for large logits.

        Parameters
        ----------
        y : Variable
            The indices of the true classes, integers of shape (B,), or distributions over the
            classes, floats of shape (B, C).
        x : Variable
            Logits of shape (B, C).

        Returns
        -------
        Variable
            One cross-entropy for each row, of shape (B,).
        """
        log_probabilities = self.log_probabilities(x)
        application_call.add_auxiliary_variable(log_probabilities.copy(), name="log_probabilities")
        return -expected_log(y, log_probabilities, f"{self.path()}.categorical_cross_entropy")

    def _check_rows(self, method: str, argument: str, variable: Variable) -> None:
        if variable.ndim not in (1, 2):
            raise ShapeError(
                f"{self.path()}.{method}: {argument} has {variable.ndim} dimensions, but must "
                "have the shape (C,) or (B, C); use NDimensionalSoftmax with extra_ndim="
                f"{max(variable.ndim - 2, 0)}"
            )


class NDimensionalSoftmax(Softmax):
    """`Softmax` for inputs with additional leading dimensions, such as time.

    Each application accepts ``extra_ndim``, the number of additional dimensions; see
    `WithExtraDims`.

    Examples
    --------
    >>> import torch
    >>> softmax = NDimensionalSoftmax()
    >>> softmax.apply(torch.zeros(3, 1, 2), extra_ndim=1).shape
    torch.Size([3, 1, 2])
    """

    decorators = (WithExtraDims(),)


def expected_log(y: Variable, log_p: Variable, where: str) -> Variable:
    """Compute the log-probability of each true class, or the expected log-probability under `y`.

    Parameters
    ----------
    y : Variable
        Class indices of shape (B,), or probabilities of shape (B, C).
    log_p : Variable
        Log-probabilities of shape (B, C).
    where : str
        The path of the application, for error messages.

    Raises
    ------
    ShapeError, DtypeError, DomainError
        If `y` contains neither class indices nor probabilities that fit the shape of `log_p`.
    """
    check_targets(y, log_p, where)
    if not y.dtype.is_floating_point:
        return elements(log_p, y, f"{where}: classes y")
    y = alike(y, log_p, where, ("y", "y_hat"))
    y = probabilities(y, f"{where}: targets y", TARGETS, rows=True, masked=True)
    expected: Variable = weighted(y, log_p).sum(1)
    return expected


def check_targets(y: Variable, predictions: Variable, where: str) -> None:
    """Check the shapes and dtypes of targets `y` and of predicted (log-)probabilities.

    Raises
    ------
    ShapeError, DtypeError
        If `y` contains neither class indices nor probabilities, or if `predictions` is not a float
        matrix.
    """
    if _fit(y, predictions):
        return
    problem = DtypeError if (y.ndim, predictions.ndim) == (1, 2) else ShapeError
    if _fit(predictions, y):
        hint = "the arguments seem to be swapped; pass the targets first"
    else:
        hint = "y.flatten() converts a column of indices to a vector"
    raise problem(
        f"{where}: targets y have shape {shown(y)} and dtype {y.dtype}, and predictions have shape "
        f"{shown(predictions)} and dtype {predictions.dtype}; targets must be integer class "
        "indices of shape (B,) or float probabilities of shape (B, C), and predictions must be "
        f"floats of shape (B, C) ({hint})"
    )


def _fit(y: Variable, predictions: Variable) -> bool:
    if predictions.ndim != 2 or not predictions.dtype.is_floating_point:
        return False
    return y.ndim == (2 if y.dtype.is_floating_point else 1)
