"""Products of matrices that inductor leaves to a library: by which one, and what they become.

For float32 torch calls MKL, which on processors that are not Intel's does without their widest
instructions; oneDNN, which torch has on board for convolutions, makes code for the processor it
runs on. It takes longer to get going, so that small products stay with MKL. Which one is called
depends on sizes alone: the same step is computed in the same way every time.
"""

from __future__ import annotations

import platform

import torch

LARGE = 2**22
"""Multiplications from which oneDNN is the faster one."""

AVAILABLE = torch.backends.mkldnn.is_available() and platform.machine() in ("x86_64", "AMD64")
"""Whether there are two to choose from."""


def by_onednn(left: torch.Tensor, right: torch.Tensor) -> bool:
    """Whether the product of two matrices, which may be fake, is to be computed by oneDNN."""
    if not AVAILABLE or left.device.type != "cpu" or left.dtype is not torch.float32:
        return False
    m, k, n = (_example(size) for size in (*left.shape, right.shape[1]))
    return m * k * n >= LARGE


def _example(size: int | torch.SymInt) -> int:
    return size if isinstance(size, int) else int(size.node.hint)


def product(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """``left @ right`` for two matrices, by the library that is faster."""
    return _product(left.contiguous(), right) if by_onednn(left, right) else left @ right


def _product(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """``left @ right`` by oneDNN, which copies `left` unless its rows lie one after the other."""
    linear = torch.ops.mkldnn._linear_pointwise.default
    result: torch.Tensor = linear(left, right.t(), None, "none", [], "")
    return result


def _descend(
    total: torch.Tensor,
    left: torch.Tensor,
    right: torch.Tensor,
    scale: torch.Tensor,
    holds: torch.Tensor | None,
) -> None:
    """``total -= left @ right * scale`` in one pass over memory, unless `holds` is false."""
    if holds is None or holds.item():
        total.addmm_(left, right, alpha=-scale.item())


# As operations of a program, with little around them: `torch.library.custom_op` takes longer than
# a small product.
_PRODUCT, _DESCEND = "workbench::product", "workbench::descend"
torch.library.define(_PRODUCT, "(Tensor left, Tensor right) -> Tensor")
torch.library.impl(_PRODUCT, "cpu", _product)
torch.library.register_fake(
    _PRODUCT, lambda left, right: left.new_empty((left.shape[0], right.shape[1]))
)
torch.library.define(
    _DESCEND, "(Tensor(a!) total, Tensor left, Tensor right, Tensor scale, Tensor? holds) -> ()"
)
torch.library.impl(_DESCEND, "cpu", _descend)
torch.library.register_fake(_DESCEND, lambda *given: None)
