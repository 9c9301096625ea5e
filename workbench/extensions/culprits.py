"""Functions that find the parameter that made a cost explode or become infinite or NaN.

They compute the gradients of one batch at the current parameters, and change nothing. If parameters
are divided among processes, all processes must call these functions together.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from workbench.algorithms import GradientDescent
from workbench.algorithms.base import named
from workbench.algorithms.rules import group_of, joint_norm
from workbench.tensor import SharedVariable, Variable, function
from workbench.tensor.collectives import all_reduce
from workbench.tensor.traversal import ancestors

FIRST = (
    "In this batch, {count} of {total} gradients are not finite; of these, the gradient of "
    "{parameter} is the nearest to the cost"
)
ALREADY = "{parameter} has values that are infinite or NaN"
LARGEST = (
    "It is not known which parameter caused this, since {gradients} finite in this batch; the "
    "value farthest from 0 is {value:.4g}, in {parameter}"
)


def steepest(algorithm: object, batch: Any) -> tuple[str, float] | None:
    """Return the name of the parameter whose gradient has the largest norm, and that norm.

    Parameters
    ----------
    algorithm : TrainingAlgorithm
    batch : dict
        The batch whose gradients are computed at the current parameters.

    Returns
    -------
    tuple or None
        None for algorithms without gradients.
    """
    if not isinstance(algorithm, GradientDescent):
        return None
    sizes = _sizes(algorithm, batch, lambda p, gradient: joint_norm({p: gradient}))
    name = max(sizes, key=lambda name: (not math.isfinite(sizes[name]), sizes[name]))
    return name, sizes[name]


def cause(algorithm: object, batch: Any) -> str:
    """Name the parameter that made the cost of a batch infinite or NaN, or say that it is unknown.

    Parameters
    ----------
    algorithm : TrainingAlgorithm
    batch : dict

    Returns
    -------
    str
        A sentence without a full stop; empty for algorithms without gradients.
    """
    if not isinstance(algorithm, GradientDescent):
        return ""
    parameters = named(algorithm.gradients)
    most = {name: float(_largest(p, p.tensor.detach())) for name, p in parameters.items()}
    if broken := [name for name, value in most.items() if not math.isfinite(value)]:
        return ALREADY.format(parameter=_nearest(algorithm, broken))
    sizes = _sizes(algorithm, batch, _largest)
    bad = [name for name, size in sizes.items() if not math.isfinite(size)]
    if 0 < len(bad) < len(sizes):
        parameter = _nearest(algorithm, bad)
        return FIRST.format(count=len(bad), total=len(sizes), parameter=parameter)
    name = max(most, key=most.__getitem__)
    gradients = "no gradient is" if bad else "all gradients are"
    return LARGEST.format(gradients=gradients, value=most[name], parameter=name)


def _largest(parameter: SharedVariable, value: Any) -> Any:
    """Return the largest absolute value of a parameter or gradient, over all processes.

    If a value is infinite, or NaN (which cannot be compared), the result is infinite.
    """
    found = value.abs().max().nan_to_num(nan=math.inf, posinf=math.inf)
    group = group_of([parameter])
    return found if group is None else all_reduce(found, "max", group=group)


def _nearest(algorithm: GradientDescent, names: list[str]) -> str:
    """Return the name of the parameter nearest to the cost, where backpropagation starts."""
    parameters = named(algorithm.gradients)
    known: dict[SharedVariable, str] = {parameters[name]: name for name in names}
    return known[algorithm.finite.backwards(known)[0]]


def _sizes(
    algorithm: GradientDescent, batch: Any, size: Callable[[SharedVariable, Variable], Any]
) -> dict[str, float]:
    """Return the `size` of each parameter's gradient, keyed by name."""
    names = named(algorithm.gradients)
    sizes = [size(p, algorithm.gradients[p]) for p in names.values()]
    drawn = [
        (v, v)  # unchanged, since inspecting a run must not change its random numbers
        for v in ancestors(sizes)
        if isinstance(v, SharedVariable) and v.default_update is not None
    ]
    compute = function(
        algorithm.inputs, sizes, updates=drawn, on_unused_input="ignore", execution="eager"
    )
    found = compute(*(batch[source.name] for source in algorithm.inputs))
    return {name: float(value) for name, value in zip(names, found, strict=True)}
