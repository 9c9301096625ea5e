"""Softmax: from scores to probabilities, and the cross-entropy that belongs to it."""

from __future__ import annotations

from workbench.bricks.application import application
from workbench.bricks.base import Brick
from workbench.bricks.checks import shown
from workbench.bricks.wrappers import WithExtraDims
from workbench.errors import DtypeError, ShapeError
from workbench.graph.annotations import ApplicationCall
from workbench.tensor import Variable
from workbench.tensor.alike import alike
from workbench.tensor.exact import log_softmax, weighted
from workbench.tensor.indexing import elements
from workbench.tensor.probabilities import probabilities

TARGETS = "y / y.sum(1, keepdim=True) makes distributions of counts"


class Softmax(Brick):
    """Probabilities from unnormalised log-probabilities (logits), in rows.

    Takes one row (a vector) or a matrix of rows; for more dimensions there is
    `NDimensionalSoftmax`.

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

    @application(inputs=["input_"], outputs=["output"])
    def apply(self, input_: Variable) -> Variable:
        """Normalise each row, of shape (B, C), to probabilities of the same shape."""
        self._check_rows("apply", "input_", input_)
        output: Variable = input_.softmax(-1)
        return output

    @application(inputs=["input_"], outputs=["output"])
    def log_probabilities(self, input_: Variable) -> Variable:
        """Normalise each row to log-probabilities, exactly also where a probability is tiny."""
        self._check_rows("log_probabilities", "input_", input_)
        return log_softmax(input_)

    @application(inputs=["y", "x"], outputs=["cost"])
    def categorical_cross_entropy(
        self, application_call: ApplicationCall, y: Variable, x: Variable
    ) -> Variable:
        """Cross-entropies of targets and logits, exact for logits of any size.

        Parameters
        ----------
        y : Variable
            Integers of shape (B,), the indices of the true classes; or a distribution over classes
            in each row, floats of shape (B, C).
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
                f"{self.path()}.{method}: {argument} has {variable.ndim} dimensions, but Softmax "
                "takes rows, of shape (B, C); use NDimensionalSoftmax and extra_ndim="
                f"{max(variable.ndim - 2, 0)}"
            )


class NDimensionalSoftmax(Softmax):
    """`Softmax` for inputs with more dimensions, such as time, in front.

    Each application takes ``extra_ndim``, the number of those dimensions; see `WithExtraDims`.

    Examples
    --------
    >>> import torch
    >>> softmax = NDimensionalSoftmax()
    >>> softmax.apply(torch.zeros(3, 1, 2), extra_ndim=1).shape
    torch.Size([3, 1, 2])
    """

    decorators = (WithExtraDims(),)


def expected_log(y: Variable, log_p: Variable, where: str) -> Variable:
    """The log-probability of the true class in each row, or its mean under a distribution `y`.

    Parameters
    ----------
    y : Variable
        Class indices of shape (B,), or probabilities of shape (B, C).
    log_p : Variable
        Of shape (B, C).
    where : str
        The application, for errors.

    Raises
    ------
    ShapeError, DtypeError, DomainError
        If `y` is neither.
    """
    check_targets(y, log_p, where)
    if not y.dtype.is_floating_point:
        return elements(log_p, y, f"{where}: classes y")
    y = alike(y, log_p, where, ("y", "y_hat"))
    y = probabilities(y, f"{where}: targets y", TARGETS, rows=True, masked=True)
    expected: Variable = weighted(y, log_p).sum(1)
    return expected


def check_targets(y: Variable, predictions: Variable, where: str) -> None:
    """Check targets `y` and what was predicted, probabilities or their logarithms, of each class.

    Raises
    ------
    ShapeError, DtypeError
        If `y` are neither class indices nor probabilities, or there are no predictions to compare
        them with.
    """
    if _fit(y, predictions):
        return
    problem = DtypeError if (y.ndim, predictions.ndim) == (1, 2) else ShapeError
    if _fit(predictions, y):
        hint = "the two seem to be swapped: targets come first"
    else:
        hint = "y.flatten() turns a column of indices into a vector"
    raise problem(
        f"{where}: targets y have shape {shown(y)} and dtype {y.dtype}, predictions have shape "
        f"{shown(predictions)} and dtype {predictions.dtype}; expected are class indices, integers "
        "of shape (B,), or probabilities, floats of shape (B, C), with predictions, floats of "
        f"shape (B, C) ({hint})"
    )


def _fit(y: Variable, predictions: Variable) -> bool:
    if predictions.ndim != 2 or not predictions.dtype.is_floating_point:
        return False
    return y.ndim == (2 if y.dtype.is_floating_point else 1)
