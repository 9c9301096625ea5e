"""Two ways to compute batch normalisation."""

from __future__ import annotations

import torch

from workbench.tensor import Variable


def folded(
    x: Variable,
    offset: Variable,
    divisor: Variable | None,
    scale: Variable | None,
    shift: Variable | None,
) -> Variable:
    """Compute batch normalisation with one product and one sum for each element.

    Apart from `x` itself, no tensor of the size of `x` is stored for the gradient.
    """
    factor = scale if divisor is None else (1 if scale is None else scale) / divisor
    if factor is None:
        return x - offset if shift is None else x + (shift - offset)
    constant = -offset * factor if shift is None else shift - offset * factor
    return torch.addcmul(constant, x, factor)  # type: ignore[call-overload, no-any-return]


def step_by_step(
    x: Variable,
    offset: Variable,
    divisor: Variable | None,
    scale: Variable | None,
    shift: Variable | None,
) -> Variable:
    """Compute batch normalisation step by step; omit the operations whose operand is None."""
    x = x - offset
    if divisor is not None:
        x = x / divisor
    if scale is not None:
        x = x * scale
    return x if shift is None else x + shift
