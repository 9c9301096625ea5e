"""Run-time checks that values are probabilities.

If scores, or pixels from 0 to 255, are used as probabilities, the cost may still look plausible. On
a CPU, such values raise an error immediately; the check takes a few microseconds. On an accelerator
and in compiled programs, where Python cannot inspect values, such values become NaN. The NaN cost
is then rejected, and the step runs again in the eager tier, which raises the error. Results of a
softmax or a logistic function are not checked.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional

from workbench import errors
from workbench.tensor.call import apply
from workbench.tensor.device import floatx
from workbench.tensor.exact import LOG_SOFTMAXES, SIGMOIDS, SOFTMAXES
from workbench.tensor.variable import Variable, identity

OUTSIDE = "{what} has values from {low:.6g} to {high:.6g}, but must be {must}; {hint}"
ROWS = (
    "{what} has a row that sums to {total:.6g}, but each row must be a distribution over classes, "
    "which sums to 1; {hint}"
)
UNIT = "probabilities, between 0 and 1"
LOGARITHMS = "logarithms of probabilities, at most 0"
WEIGHTS = "weights, at least 0"
SCORES = "a Softmax or Logistic brick converts scores to probabilities"
SCALED = "divide pixels from 0 to 255 by 255, as ScaleAndShift(stream, 1 / 255, 0) does"


def probabilities(
    p: Any, what: str, hint: str = SCALED, *, rows: bool = False, masked: bool = False
) -> Any:
    """Return `p` with a check that its values are probabilities.

    Parameters
    ----------
    p : Variable
        The values, of any shape.
    what : str
        Name of the values, for the error message.
    hint : str, optional
        Advice on invalid values, for the error message.
    rows : bool, optional
        If True, each row along the last dimension must sum to one.
    masked : bool, optional
        If True, rows of zeros are also allowed; such a row masks an example.

    Raises
    ------
    DomainError
        At run time, if a value is not a probability. NaN is accepted, since checks of the cost
        detect it.

    Examples
    --------
    >>> from workbench import tensor
    >>> p = tensor.vector("p")
    >>> probabilities(p, "p").eval({p: [0.0, 0.5]})
    tensor([0.0000, 0.5000])
    >>> probabilities(p, "p", "scale it").eval({p: [0.0, 255.0]})
    Traceback (most recent call last):
    ...
    workbench.errors.DomainError: p has values from 0 to 255, but must be probabilities, between 0
    and 1; scale it
    """
    made = _maker(p)
    if made in SOFTMAXES or (made in SIGMOIDS and not rows):
        return p
    check = _probabilities if not rows else _targets if masked else _distributions
    return _with_check(check, p, what, hint)


def log_probabilities(p: Any, what: str) -> Any:
    """Return `p` with a check that its values are logarithms of probabilities."""
    if _maker(p) in NORMALISED:
        return p
    return _with_check(_log_probabilities, p, what, "torch.log_softmax computes them from scores")


def weights(w: Any, what: str) -> Any:
    """Return `w` with a check that its values are not negative."""
    return _with_check(_weights, w, what, "use the weight 0 to ignore a class")


def _with_check(check: Callable[..., Any], value: Any, what: str, hint: str) -> Any:
    """Check a tensor immediately, since it never changes, and a variable at run time."""
    if isinstance(value, Variable):
        return apply(check, (_floats(value), what, hint), {})
    check(_floats(value).cpu(), what, hint)
    return value


def _floats(p: Any) -> Any:
    """Convert `p` to floats, since only floats can be NaN."""
    return p if p.dtype.is_floating_point else p.to(floatx())


NORMALISED = {*SOFTMAXES.values(), *LOG_SOFTMAXES, functional.logsigmoid}


def _maker(p: Any) -> Any:
    """Return the function that computes `p`, or None if `p` is not computed."""
    while isinstance(p, Variable) and p.owner is not None and p.owner.function is identity:
        p = p.owner.inputs[0]
    return p.owner.function if isinstance(p, Variable) and p.owner is not None else None


def _within(p: torch.Tensor, low: float, high: float, must: str, what: str, hint: str) -> Any:
    """Check that the values of `p` are between `low` and `high`, up to rounding; return `p`."""
    slack = 64 * torch.finfo(p.dtype).eps if p.is_floating_point() else 0.0
    if type(p) is not torch.Tensor or not p.is_cpu:
        return torch.where((p < low - slack) | (p > high + slack), torch.nan, p)
    if p.numel():
        least, most = p.detach().aminmax()
        if type(least) is not torch.Tensor:  # a constant during shape inference
            return p
        found = least.item(), most.item()
        if found[0] < low - slack or found[1] > high + slack:
            text = OUTSIDE.format(what=what, low=found[0], high=found[1], must=must, hint=hint)
            raise errors.DomainError(text)
    return p


def _probabilities(p: torch.Tensor, what: str, hint: str) -> Any:
    return _within(p, 0.0, 1.0, UNIT, what, hint)


def _log_probabilities(p: torch.Tensor, what: str, hint: str) -> Any:
    return _within(p, -torch.inf, 0.0, LOGARITHMS, what, hint)


def _weights(w: torch.Tensor, what: str, hint: str) -> Any:
    return _within(w, 0.0, torch.inf, WEIGHTS, what, hint)


def _distributions(p: torch.Tensor, what: str, hint: str, masked: bool = False) -> Any:
    p = _probabilities(p, what, hint)
    slack = max(1e-3, 16 * torch.finfo(p.dtype).eps)
    with torch.no_grad():
        total = p.detach().sum(-1, dtype=torch.promote_types(p.dtype, torch.float32))
        away = (total - 1).abs()
        if masked:
            away = torch.where(total == 0, 0.0, away)
    if type(away) is not torch.Tensor or not p.is_cpu:
        return torch.where((away > slack).unsqueeze(-1), torch.nan, p)
    if away.numel() and away.max().item() > slack:
        worst = total.flatten()[away.flatten().argmax()].item()
        raise errors.DomainError(ROWS.format(what=what, total=worst, hint=hint))
    return p


def _targets(p: torch.Tensor, what: str, hint: str) -> Any:
    return _distributions(p, what, hint, masked=True)


CHECKS = frozenset({_probabilities, _log_probabilities, _weights, _distributions, _targets})
