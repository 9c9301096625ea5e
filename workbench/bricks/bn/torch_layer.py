"""Batch normalisation with a torch layer."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn

from workbench.bricks.to_torch import layer_of, value_of
from workbench.tensor import SharedVariable

KINDS: dict[int, Any] = {
    1: nn.BatchNorm1d,
    2: nn.BatchNorm1d,
    3: nn.BatchNorm2d,
    4: nn.BatchNorm3d,
}
"""Layer classes, keyed by the number of axes, not counting the batch axis."""


def batch_norm(
    sizes: Sequence[int],
    averaged: Sequence[bool],
    epsilon: float,
    own: Mapping[str, SharedVariable],
) -> nn.Module | None:
    """Return a torch layer that normalises in the same way as a brick, or None if no layer does.

    Parameters
    ----------
    sizes : sequence of int
        The shape of an input without the batch axis.
    averaged : sequence of bool
        For each axis, True if the statistics are computed over the whole axis.
    epsilon : float
    own : dict of str to SharedVariable
        The parameters and statistics of the brick, by name.
    """
    if not any(averaged) and len(sizes) > 1:  # separate statistics for each element
        layer = _layer(nn.BatchNorm1d, math.prod(sizes), epsilon, own)
        return nn.Sequential(nn.Flatten(), layer, nn.Unflatten(1, tuple(sizes)))
    if len(sizes) not in KINDS or list(averaged) != [False, *[True] * (len(sizes) - 1)]:
        return None
    return _layer(KINDS[len(sizes)], sizes[0], epsilon, own)


def _layer(kind: Any, number: int, epsilon: float, own: Mapping[str, SharedVariable]) -> nn.Module:
    mean, stdev = (value_of(own[f"population_{name}"]).flatten() for name in ("mean", "stdev"))
    values = {
        "running_mean": mean,
        "running_var": stdev**2 - epsilon,  # torch adds epsilon when it divides
        "num_batches_tracked": torch.tensor(0),
    }
    learned = {"weight": own.get("scale"), "bias": own.get("shift")}
    affine = any(variable is not None for variable in learned.values())
    if affine:
        values |= {"weight": torch.ones_like(mean), "bias": torch.zeros_like(mean)}
        values |= {name: value_of(v).flatten() for name, v in learned.items() if v is not None}
    frozen = [name for name, variable in learned.items() if affine and variable is None]
    layer: nn.Module = layer_of(
        kind, number, epsilon, values=values, options={"affine": affine}, frozen=frozen
    )
    return layer
