"""Symbolic gradients.

A gradient is an ordinary node of the graph. In the lowered program, the subgraph from the
variables in `wrt` to the cost runs under torch's autograd. It runs only once, even if outputs also
use its values.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from workbench import errors
from workbench.hints import hinted
from workbench.tensor import shapes
from workbench.tensor.call import Operation, apply
from workbench.tensor.traversal import ancestors, replace
from workbench.tensor.variable import Variable


class Gradient(Operation):
    """Function called by the nodes that `grad` creates.

    It only infers shapes; `workbench.tensor.lowering` defines the computation.
    """

    __name__ = "gradient"

    def infer(self, costs: list[Any], seeds: list[Any], wrt: list[Any]) -> list[Any]:
        return [shapes.empty_like(fake) for fake in wrt]

    def __reduce__(self) -> str:
        return "gradient"


gradient = Gradient()


@hinted
def grad(
    cost: Variable | None,
    wrt: Any,
    *,
    known_grads: Mapping[Variable, Any] | None = None,
    consider_constant: Iterable[Variable] = (),
) -> Any:
    """Return the gradients of a scalar cost with respect to variables of its graph.

    Parameters
    ----------
    cost : Variable or None
        A floating point scalar, or ``None`` to start from `known_grads` alone.
    wrt : Variable or list of Variable
        Inputs, shared variables or intermediate variables.
    known_grads : dict, optional
        Known gradients, keyed by variable. A known gradient replaces the gradient that would flow
        back from the cost.
    consider_constant : iterable of Variable, optional
        Variables to treat as constants: no gradient flows through them.

    Returns
    -------
    Variable or list of Variable
        One gradient for each variable in `wrt`, with the shape and dtype of the variable.

    Raises
    ------
    GradientError
        If the cost is not a floating point scalar, or a variable is not part of its graph.

    Examples
    --------
    >>> from workbench import tensor
    >>> x = tensor.vector("x")
    >>> cost = (x ** 2).sum()
    >>> grad(cost, x).eval({x: [1.0, 2.0]})
    tensor([2., 4.])
    """
    known = dict(known_grads or {})
    targets = list(wrt) if isinstance(wrt, (list, tuple)) else [wrt]
    starts = ([] if cost is None else [cost]) + list(known)
    _check(cost, targets, known)
    # A known gradient replaces the gradient that would flow back, so its variable must be a
    # constant wherever the cost uses it.
    cuts = {v: v.detach() for v in (*consider_constant, *known)}
    if cuts:
        rebuilt = replace([] if cost is None else [cost], cuts)
        starts = ([] if cost is None else [rebuilt[cost]]) + list(known)
        costs_graph = set(ancestors(starts))
        targets = [v if v in costs_graph else rebuilt.get(v, v) for v in targets]
    seeds = ([] if cost is None else [None]) + [_seed(v, g) for v, g in known.items()]
    _check_connected(cost, starts, targets)
    gradients: list[Variable] = apply(gradient, (starts, seeds, targets), {})
    for variable, new in zip(targets, gradients, strict=True):
        new.name = f"grad_{variable.name}" if variable.name else None
    return gradients if isinstance(wrt, (list, tuple)) else gradients[0]


def _check(cost: Variable | None, wrt: list[Variable], known: Mapping[Variable, Any]) -> None:
    if cost is None and not known:
        raise errors.GradientError("grad() needs a cost or known_grads, but both are missing")
    if cost is not None and (cost.ndim != 0 or not cost.dtype.is_floating_point):
        raise errors.GradientError(
            f"the cost {cost!r} must be a floating point scalar, but has ndim {cost.ndim} "
            f"and dtype {cost.dtype}; reduce it, for example with cost.mean()"
        )
    for variable in wrt:
        if not isinstance(variable, Variable):
            raise errors.GradientError(
                f"cannot differentiate with respect to {variable!r}; each element of `wrt` must "
                "be a variable"
            )
        if not (variable.dtype.is_floating_point or variable.dtype.is_complex):
            raise errors.GradientError(
                f"cannot differentiate with respect to {variable!r} of dtype {variable.dtype}; "
                "the dtype must be floating point or complex"
            )


def _seed(variable: Variable, given: Any) -> Any:
    if isinstance(given, Variable) and given.ndim != variable.ndim:
        raise errors.GradientError(
            f"the known gradient {given!r} of {variable!r} must have ndim {variable.ndim}, "
            f"not {given.ndim}"
        )
    return given


def _check_connected(cost: Variable | None, starts: list[Variable], wrt: list[Variable]) -> None:
    graph = set(ancestors(starts))
    missing = [variable for variable in wrt if variable not in graph]
    if missing:
        roots = [cost] if cost is not None else starts
        verb = "does" if len(roots) == 1 else "do"
        raise errors.GradientError(
            f"{', '.join(map(repr, roots))} {verb} not depend on {', '.join(map(repr, missing))}, "
            "so a gradient is not defined; remove these variables from `wrt`, or use them in the "
            "cost"
        )
