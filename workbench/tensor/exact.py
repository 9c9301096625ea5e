"""Accurate computation of log probabilities.

Softmax and the logistic function round probabilities near zero and one, so logarithms of
probabilities, and their gradients, are inaccurate. Therefore, lowering computes
``log(softmax(x))`` as ``log_softmax(x)`` and ``log(sigmoid(x))`` as ``logsigmoid(x)``. The graph
still contains the probabilities. If they are replaced by another variable (for example, when
dropout is applied to them), the logarithm is computed as written.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Container
from contextvars import ContextVar
from typing import Any

import torch
from torch.nn import functional

from workbench.tensor.call import apply
from workbench.tensor.variable import Call, Variable, identity


def log_probability(p: Variable) -> Variable:
    """Return ``log(p)``, which is finite even if `p` is zero.

    The result is exact if `p` is computed by a softmax or a sigmoid. Otherwise it is bounded below
    by the logarithm of the smallest normal number.

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
    """Return ``log(1 - p)``, which is finite even if `p` is one.

    The result is exact if `p` is computed by a sigmoid. Otherwise it is bounded below by the
    logarithm of the smallest normal number.

    Examples
    --------
    >>> from workbench import tensor
    >>> x = tensor.vector("x")
    >>> log_complement(torch.sigmoid(x)).eval({x: [0.0, 1000.0]})
    tensor([-6.9315e-01, -1.0000e+03])
    """
    result: Variable = apply(_log_complement, (p,), {})
    return result


def log_softmax(x: Variable) -> Variable:
    """Return the log-softmax of each row, with the correct limit for an infinite logit.

    A class with a logit of plus infinity has probability one.

    Examples
    --------
    >>> from workbench import tensor
    >>> x = tensor.matrix("x")
    >>> log_softmax(x).exp().eval({x: [[0.0, float("inf")]]})
    tensor([[0., 1.]])
    """
    result: Variable = apply(_log_softmax, (x, -1), {})
    return result


def weighted(weight: Variable, log_p: Variable) -> Variable:
    """Return ``weight * log_p``, but zero where `weight` is zero, even if `log_p` is infinite.

    Examples
    --------
    >>> from workbench import tensor
    >>> y, log_p = tensor.vector("y"), tensor.vector("log_p")
    >>> weighted(y, log_p).eval({y: [0.0, 1.0], log_p: [float("-inf"), -1.0]})
    tensor([ 0., -1.])
    """
    result: Variable = apply(_weighted, (weight, log_p), {})
    return result


careful: ContextVar[bool] = ContextVar("careful", default=False)
"""True while the eager tier on a CPU recomputes, with limits, a result that was NaN.

Compiled programs and the eager tier on an accelerator always compute limits.
"""


def _limits(x: torch.Tensor) -> bool:
    """Return True if limits must be computed along with the ordinary result.

    Limits cost almost nothing in compiled programs, and on an accelerator they cost less than a
    check for NaN, which would wait for the result. In the eager tier on a CPU, they are computed
    only after a NaN has been found.
    """
    return type(x) is not torch.Tensor or not x.is_cpu or careful.get()


def _with_limits(
    log_softmax: Callable[..., Any], x: torch.Tensor, *args: Any, **kwargs: Any
) -> Any:
    if not _limits(x) or not x.dtype.is_floating_point:
        return log_softmax(x, *args, **kwargs)
    most = torch.finfo(x.dtype).max
    log_p = log_softmax(x.clamp_max(most), *args, **kwargs)
    # If one logit is infinite, all other classes have a probability of zero.
    return torch.where(log_p < -most / 2, -torch.inf, log_p)


def _log_softmax(input: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
    return _with_limits(torch.Tensor.log_softmax, input, *args, **kwargs)


def _torch_log_softmax(input: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
    return _with_limits(torch.log_softmax, input, *args, **kwargs)


def _functional_log_softmax(input: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
    return _with_limits(functional.log_softmax, input, *args, **kwargs)


def _weighted(weight: torch.Tensor, log_p: torch.Tensor) -> torch.Tensor:
    if _limits(log_p):
        log_p = torch.where((weight == 0) & torch.isinf(log_p), 0.0, log_p)
    return weight * log_p


def _log(p: torch.Tensor) -> torch.Tensor:
    return torch.log(p.clamp_min(torch.finfo(p.dtype).tiny))


def _log_complement(p: torch.Tensor) -> torch.Tensor:
    # `where` is needed before and after the logarithm; else its infinite gradient at 1 gives NaN.
    sure = p >= 1
    least = math.log(torch.finfo(p.dtype).tiny)
    return torch.where(sure, least, torch.log1p(-torch.where(sure, 0.0, p)))


def _log_sigmoid_of_negative(x: torch.Tensor) -> torch.Tensor:
    return functional.logsigmoid(-x)


SOFTMAXES = {
    torch.softmax: _torch_log_softmax,
    torch.Tensor.softmax: _log_softmax,
    functional.softmax: _functional_log_softmax,
}
SIGMOIDS = {torch.sigmoid, torch.Tensor.sigmoid, functional.sigmoid}
LOG_SOFTMAXES = {
    torch.log_softmax: _torch_log_softmax,
    torch.Tensor.log_softmax: _log_softmax,
    functional.log_softmax: _functional_log_softmax,
}
LIMITED = frozenset({*SOFTMAXES.values(), _weighted})
"""Functions that compute limits if `_limits` returns True."""
LOGARITHMS = {torch.log, torch.Tensor.log, _log}


def exact(call: Call, fixed: Container[Variable]) -> tuple[Any, Any, Any, Variable | None]:
    """Return the function and arguments to use for `call`, and any probabilities to bypass.

    The logarithm of a softmax or a sigmoid is computed from the logits, without the probabilities.

    Parameters
    ----------
    call : Call
    fixed : container of Variable
        Variables that must not be bypassed, because a gradient with respect to them is needed.
    """
    unchanged = (call.function, call.args, call.kwargs, None)
    if call.function in LOG_SOFTMAXES:
        return LOG_SOFTMAXES[call.function], call.args, call.kwargs, None
    if call.function not in LOGARITHMS and call.function is not _log_complement:
        return unchanged
    probabilities = call.args[0] if call.args else None
    passed = []
    while isinstance(probabilities, Variable) and probabilities.owner is not None:
        passed.append(probabilities)
        if probabilities.owner.function is not identity:
            break
        probabilities = probabilities.owner.inputs[0]
    if not passed or any(v in fixed or v.hooks for v in passed):
        return unchanged
    made = passed[-1].owner
    assert made is not None
    if made.function in SOFTMAXES and call.function in LOGARITHMS:
        return SOFTMAXES[made.function], made.args, made.kwargs, passed[-1]
    if made.function in SIGMOIDS and call.function in LOGARITHMS:
        return functional.logsigmoid, made.args, made.kwargs, passed[-1]
    if made.function in SIGMOIDS:
        return _log_sigmoid_of_negative, made.args, made.kwargs, passed[-1]
    return unchanged
