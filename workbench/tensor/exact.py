"""Logarithms of probabilities that stay exact when the probabilities do not.

A softmax or a logistic function rounds probabilities near zero and one, so that their logarithm and
its gradient are lost. Lowering therefore computes ``log(softmax(x))`` as ``log_softmax(x)`` and
``log(sigmoid(x))`` as ``logsigmoid(x)``, whoever wrote them: the graph keeps the probabilities, and
a graph in which something else stands in their place is computed as it stands.
"""

from __future__ import annotations

import math
from collections.abc import Container
from typing import Any

import torch
from torch.nn import functional

from workbench.tensor.variable import Call, Variable, apply, identity


def log_probability(p: Variable) -> Variable:
    """``log(p)``, at least that of the smallest normal number, so that it is finite for zero.

    Examples
    --------
    >>> from workbench import tensor
    >>> x = tensor.vector("x")
    >>> log_probability(torch.softmax(x, 0)).eval({x: [0.0, 1000.0]})
    tensor([-1000.,     0.])
    """
    result: Variable = apply(_log, (p,), {})
    return result


def log_complement(p: Variable) -> Variable:
    """``log(1 - p)``, at least that of the smallest normal number.

    Examples
    --------
    >>> from workbench import tensor
    >>> x = tensor.vector("x")
    >>> log_complement(torch.sigmoid(x)).eval({x: [0.0, 1000.0]})
    tensor([-6.9315e-01, -1.0000e+03])
    """
    result: Variable = apply(_log_complement, (p,), {})
    return result


def _log(p: torch.Tensor) -> torch.Tensor:
    return torch.log(p.clamp_min(torch.finfo(p.dtype).tiny))


def _log_complement(p: torch.Tensor) -> torch.Tensor:
    return torch.log1p(-p).clamp_min(math.log(torch.finfo(p.dtype).tiny))


def _log_sigmoid_of_negative(x: torch.Tensor) -> torch.Tensor:
    return functional.logsigmoid(-x)


SOFTMAXES = {
    torch.softmax: torch.log_softmax,
    torch.Tensor.softmax: torch.Tensor.log_softmax,
    functional.softmax: functional.log_softmax,
}
SIGMOIDS = {torch.sigmoid, torch.Tensor.sigmoid, functional.sigmoid}
LOGARITHMS = {torch.log, torch.Tensor.log, _log}


def exact(call: Call, fixed: Container[Variable]) -> tuple[Any, Any, Any, Variable | None]:
    """What to compute for `call`: function, arguments, and the probabilities that are bypassed.

    Parameters
    ----------
    call : Call
    fixed : container of Variable
        Variables that must stay on the way because a gradient by them is wanted.
    """
    as_it_stands = (call.function, call.args, call.kwargs, None)
    if call.function not in LOGARITHMS and call.function is not _log_complement:
        return as_it_stands
    probabilities = call.args[0] if call.args else None
    passed = []
    while isinstance(probabilities, Variable) and probabilities.owner is not None:
        passed.append(probabilities)
        if probabilities.owner.function is not identity:
            break
        probabilities = probabilities.owner.inputs[0]
    if not passed or any(v in fixed or v.hooks for v in passed):
        return as_it_stands
    made = passed[-1].owner
    assert made is not None
    if made.function in SOFTMAXES and call.function in LOGARITHMS:
        return SOFTMAXES[made.function], made.args, made.kwargs, passed[-1]
    if made.function in SIGMOIDS and call.function in LOGARITHMS:
        return functional.logsigmoid, made.args, made.kwargs, passed[-1]
    if made.function in SIGMOIDS:
        return _log_sigmoid_of_negative, made.args, made.kwargs, passed[-1]
    return as_it_stands
