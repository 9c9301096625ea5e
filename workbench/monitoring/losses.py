"""Weights of batches for torch losses that are averaged over examples."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch.nn import functional

from workbench.monitoring.kinds import Weight, product
from workbench.tensor import Variable
from workbench.tensor.inputs import as_variable

LOSSES: Final = frozenset(
    getattr(functional, name)
    for name in (
        "binary_cross_entropy binary_cross_entropy_with_logits cosine_embedding_loss cross_entropy "
        "gaussian_nll_loss hinge_embedding_loss huber_loss kl_div l1_loss linear_cross_entropy "
        "margin_ranking_loss mse_loss multi_margin_loss multilabel_margin_loss "
        "multilabel_soft_margin_loss nll_loss poisson_nll_loss smooth_l1_loss soft_margin_loss "
        "triplet_margin_loss triplet_margin_with_distance_loss"
    ).split()
)
INDEXED: Final = {
    functional.cross_entropy,
    functional.linear_cross_entropy,
    functional.nll_loss,
}
WEIGHTED: Final = {functional.mse_loss, functional.l1_loss, functional.huber_loss}


@dataclass(frozen=True)
class Targets:
    """Function that counts targets or sums their weights, omitting targets of an ignored class."""

    ignored: int

    def __call__(self, target: Any, weights: Any = None) -> Any:
        kept = target != self.ignored
        if weights is not None:
            return (weights[torch.where(kept, target, 0)] * kept).sum()
        # In a graph, the number has the dtype of the cost, so that one message can contain both.
        return kept.float().sum() if isinstance(target, Variable) else kept.sum()


def bound(
    function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the arguments of a call to a loss, including defaults, as a dictionary."""
    arguments = inspect.signature(function).bind(*args, **kwargs)
    arguments.apply_defaults()
    return dict(arguments.arguments)


def reduction_of(arguments: Mapping[str, Any]) -> str:
    """Return the reduction of a loss, taking ``size_average`` and ``reduce`` into account."""
    average, reduce = arguments.get("size_average"), arguments.get("reduce")
    if average is None and reduce is None:
        return str(arguments["reduction"])
    return "none" if reduce is False else "sum" if average is False else "mean"


def _without_reduction(arguments: Mapping[str, Any]) -> dict[str, Any]:
    legacy = ("size_average", "reduce")
    return {k: v for k, v in arguments.items() if k not in legacy} | {"reduction": "none"}


def weight_of(
    function: Callable[..., Any], arguments: dict[str, Any], reduction: str
) -> Weight | None:
    """Return a batch's weight for an averaged loss, or None if all batches have the same weight."""
    target: Any = arguments.get("target")
    classes: Any = arguments.get("weight")
    if function in INDEXED and not target.dtype.is_floating_point:
        ignored = -100 if arguments["ignore_index"] is None else arguments["ignore_index"]
        # The targets are stored, and are counted only when batches are aggregated, since counting
        # is slower than storing.
        of = (target,) if classes is None else (target, classes)
        return Weight(tuple(map(as_variable, of)), Targets(ignored))
    if function in WEIGHTED and classes is not None:
        return Weight((as_variable(classes).sum(),), product)
    if reduction == "batchmean":
        sizes = [arguments["input"].shape[0]]
    else:
        each = function(**_without_reduction(arguments))
        sizes = list(each.shape)
    unknown = tuple(size for size in sizes if isinstance(size, Variable))
    return Weight(unknown, product) if unknown else None
