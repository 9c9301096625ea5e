"""Replacements for torch's losses, with limits for infinite logits and checks of class indices.

An infinite logit means complete certainty. The cost is zero if the prediction is correct, and
infinite if it is wrong. However, torch's losses multiply zero by infinity and return NaN. Lowering
replaces torch's losses with these functions. The eager tier on a CPU calls torch first and computes
the limits only if torch returns NaN; see `workbench.tensor.exact`. Compiled programs always compute
the limits.

In a compiled program that uses several threads, a class index out of range would abort the process.
Therefore compiled programs return NaN for such an index. The step then runs again in the eager
tier, which raises an error that shows the index.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import torch
from torch.nn import functional

from workbench.tensor.exact import _functional_log_softmax, _limits, _weighted
from workbench.tensor.indexing import check_classes, exist

IGNORED: Final = -100
"""The default value of `ignore_index` in torch's losses."""


def _reduced(costs: torch.Tensor, reduction: str) -> torch.Tensor:
    if reduction == "batchmean":
        return costs.sum() / costs.shape[0]
    return costs if reduction == "none" else costs.mean() if reduction == "mean" else costs.sum()


def _by_class(weight: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """Reshape `weight`, which has one value per class, to match the class axis of `like`."""
    return weight.reshape(-1, *[1] * (like.dim() - 2)) if like.dim() > 1 else weight


def _classes(input: torch.Tensor) -> int:
    return min(1, input.dim() - 1)


def _nll_loss(
    what: str,
    input: torch.Tensor,
    target: torch.Tensor,
    weight: torch.Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = IGNORED,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> torch.Tensor:
    options: dict[str, Any] = {"ignore_index": ignore_index, "reduction": reduction}
    if size_average is not None or reduce is not None:  # deprecated options, which torch handles
        options |= {"size_average": size_average, "reduce": reduce}
    if weight is not None and _limits(input):
        impossible = (_by_class(weight, input) == 0) & torch.isneginf(input)
        input = torch.where(impossible, 0.0, input)
    number = input.shape[_classes(input)]
    if type(target) is torch.Tensor:
        try:
            return functional.nll_loss(input, target, weight, **options)
        except (IndexError, RuntimeError):
            check_classes(target, number, what, ignore_index)
            raise
    there = exist(target, number) | (target == ignore_index)
    cost = functional.nll_loss(input, torch.where(there, target, 0), weight, **options)
    missing = torch.where(there, 0.0, torch.nan).to(cost.dtype)
    return cost + (missing if cost.dim() == missing.dim() else missing.sum())


def _cross_entropy(
    what: str,
    input: torch.Tensor,
    target: torch.Tensor,
    weight: torch.Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = IGNORED,
    reduce: bool | None = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> torch.Tensor:
    of_classes = not target.dtype.is_floating_point
    number = input.shape[_classes(input)]
    if not _limits(input) or size_average is not None or reduce is not None:
        try:
            return functional.cross_entropy(
                input, target, weight, size_average, ignore_index, reduce, reduction,
                label_smoothing,
            )  # fmt: skip
        except (IndexError, RuntimeError):
            if of_classes:
                check_classes(target, number, what, ignore_index)
            raise
    axis = _classes(input)
    log_p = _functional_log_softmax(input, dim=axis)
    weights = None if weight is None else _by_class(weight, input)
    if not of_classes:
        share = target * (1 - label_smoothing) + label_smoothing / number
        cost = -_weighted(share if weights is None else share * weights, log_p).sum(axis)
        return _reduced(cost, reduction)
    options: dict[str, Any] = {"ignore_index": ignore_index, "reduction": reduction}
    cost = _nll_loss(what, log_p, target, weight, **options)
    if not label_smoothing:
        return cost
    even = -(log_p if weights is None else _weighted(weights, log_p)).sum(axis)
    even = torch.where(target == ignore_index, 0.0, even)
    if reduction == "mean":
        ones = torch.full_like(log_p, -1.0)
        even = even.sum() / _nll_loss(what, ones, target, weight, None, ignore_index, None, "sum")
    elif reduction == "sum":
        even = even.sum()
    return (1 - label_smoothing) * cost + label_smoothing / number * even


def _binary(
    input: torch.Tensor, target: torch.Tensor, pos_weight: torch.Tensor | None = None
) -> torch.Tensor:
    """Return the binary cross-entropy of each logit."""
    true = target if pos_weight is None else target * pos_weight
    yes, no = functional.logsigmoid(input), functional.logsigmoid(-input)
    return -(_weighted(true, yes) + _weighted(1 - target, no))


def _binary_cross_entropy_with_logits(
    what: str,
    input: torch.Tensor,
    target: torch.Tensor,
    weight: torch.Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    pos_weight: torch.Tensor | None = None,
) -> torch.Tensor:
    if not _limits(input) or size_average is not None or reduce is not None:
        return functional.binary_cross_entropy_with_logits(
            input, target, weight, size_average, reduce, reduction, pos_weight
        )
    cost = _binary(input, target, pos_weight)
    return _reduced(cost if weight is None else _weighted(weight, cost), reduction)


def _multilabel_soft_margin_loss(
    what: str,
    input: torch.Tensor,
    target: torch.Tensor,
    weight: torch.Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> torch.Tensor:
    if not _limits(input) or size_average is not None or reduce is not None:
        return functional.multilabel_soft_margin_loss(
            input, target, weight, size_average, reduce, reduction
        )
    cost = _binary(input, target)
    return _reduced((cost if weight is None else _weighted(weight, cost)).mean(-1), reduction)


def _kl_div(
    what: str,
    input: torch.Tensor,
    target: torch.Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    log_target: bool = False,
) -> torch.Tensor:
    if not _limits(input) or size_average is not None or reduce is not None:
        return functional.kl_div(input, target, size_average, reduce, reduction, log_target)
    if log_target:
        share = target.exp()
        log_ratio = torch.where(share == 0, 0.0, target) - torch.where(share == 0, 0.0, input)
        return _reduced(share * log_ratio, reduction)
    return _reduced(torch.xlogy(target, target) - _weighted(target, input), reduction)


def _poisson_nll_loss(
    what: str,
    input: torch.Tensor,
    target: torch.Tensor,
    log_input: bool = True,
    *args: Any,
    **kwargs: Any,
) -> torch.Tensor:
    if log_input and _limits(input):
        # Limits for a rate of zero, and for a rate so large that infinity - infinity gives NaN.
        nothing = torch.isneginf(input) & (target == 0)
        input = torch.where(nothing, torch.finfo(input.dtype).min, input)
        input = torch.where(torch.isposinf(input), 1e4, input)
    return functional.poisson_nll_loss(input, target, log_input, *args, **kwargs)


LIMITS: Final[dict[Callable[..., Any], Callable[..., Any]]] = {
    functional.binary_cross_entropy_with_logits: _binary_cross_entropy_with_logits,
    functional.cross_entropy: _cross_entropy,
    functional.kl_div: _kl_div,
    functional.multilabel_soft_margin_loss: _multilabel_soft_margin_loss,
    functional.nll_loss: _nll_loss,
    functional.poisson_nll_loss: _poisson_nll_loss,
}
"""Replacements for torch's losses; their first argument names the target, for error messages."""
