"""Expressions for use in algorithms, such as norms and Hessian-vector products."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch

from workbench.errors import GraphError
from workbench.hints import hinted
from workbench.names import explain_missing
from workbench.tensor import Variable, as_variable, grad
from workbench.tensor.device import floatx

__all__ = [
    "hessian_times_vector",
    "l2_norm",
]


@hinted
def l2_norm(tensors: Iterable[Any], squared: bool = False) -> Variable:
    """Return the Euclidean norm of the elements of all `tensors`.

    Parameters
    ----------
    tensors : iterable of Variable, array or number
    squared : bool, optional
        If True, return the squared norm.

    Examples
    --------
    >>> l2_norm([[3.0], [[4.0]]]).eval()
    tensor(5.)
    """
    parts: list[Any] = [as_variable(t) for t in tensors]
    if not parts:
        raise GraphError("l2_norm needs at least one tensor, but `tensors` is empty")
    if squared:
        squares = [(part**2).sum() for part in parts]
        total: Variable = sum(squares[1:], squares[0])
        return total
    # Unlike the root of a sum of squares, this norm has a gradient if all elements are zero.
    norms = [torch.linalg.vector_norm(_floating(part)) for part in parts]
    norm: Any = torch.linalg.vector_norm(torch.stack(norms)) if len(norms) > 1 else norms[0]
    return norm  # type: ignore[no-any-return]


def _floating(variable: Any) -> Any:
    return variable if variable.dtype.is_floating_point else variable.to(floatx())


@hinted
def hessian_times_vector(gradient: Variable, parameter: Variable, vector: Any) -> Variable:
    """Return the product of a cost's Hessian and a vector without computing the Hessian.

    The result is the gradient of the scalar product of `gradient` and `vector` (Pearlmutter, 1994).

    Parameters
    ----------
    gradient : Variable
        The gradient of the cost with respect to `parameter`.
    parameter : Variable
    vector : Variable or array
        The vector, with the shape of `parameter`.

    Examples
    --------
    >>> from workbench import grad, tensor
    >>> x = tensor.vector("x")
    >>> gradient = grad((x ** 3).sum(), x)
    >>> hessian_times_vector(gradient, x, tensor.constant([1.0, 2.0])).eval({x: [1.0, 1.0]})
    tensor([ 6., 12.])
    """
    product = (gradient * as_variable(vector)).sum()
    result: Variable = grad(product, parameter, consider_constant=[as_variable(vector)])
    return result


explain_missing(__name__)
