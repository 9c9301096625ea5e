"""Products of matrices: who computes them, and what they become.

Inductor leaves all of them to a library. For small ones the call takes longer than the work: as
sums of products they become part of the kernels around them. For float32 torch calls MKL, which on
processors that are not Intel's does without their widest instructions; oneDNN, which torch has on
board for convolutions, makes code for the processor it runs on. It takes longer to get going, so
that it is for large products. Who computes depends on nothing but the sizes that a program is made
for: made for the same, a step is computed in the same way every time.
"""

from __future__ import annotations

import math
import platform

import torch

from workbench.tensor import torch_internals as internals

SMALL = 2**15
"""Multiplications up to which a kernel of inductor is faster than the call of a library."""
LARGE = 2**22
"""Multiplications from which oneDNN is the faster one."""

AVAILABLE = torch.backends.mkldnn.is_available() and platform.machine() in ("x86_64", "AMD64")
"""Whether there are two to choose from."""


def by_onednn(left: torch.Tensor, right: torch.Tensor) -> bool:
    """Whether the product of two matrices, which may be fake, is to be computed by oneDNN."""
    single = left.device.type == "cpu" and left.dtype is torch.float32
    return AVAILABLE and single and _multiplications(left, right) >= LARGE


def by_inductor(left: torch.Tensor, right: torch.Tensor) -> bool:
    """Return True if the product of two matrices, which may be fake, is to be left to no library.

    Those of integers never are: a sum of small ones would have a larger dtype.
    """
    fractions = left.device.type == "cpu" and left.dtype.is_floating_point
    return fractions and _multiplications(left, right) <= SMALL


def _multiplications(left: torch.Tensor, right: torch.Tensor) -> int:
    """How many a product takes; where sizes are not fixed, with those it was traced for.

    Where one of them is known only when it has been computed: so many that torch keeps the product.
    """
    hints = [
        size if isinstance(size, int) else size.node.hint for size in (*left.shape, right.shape[1])
    ]
    return SMALL + 1 if None in hints else math.prod(map(int, hints))


def product(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """``left @ right`` for two matrices, by the library that is faster."""
    return _product(left.contiguous(), right) if by_onednn(left, right) else left @ right


def _product(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """``left @ right`` by oneDNN, which copies `left` unless its rows lie one after the other."""
    linear = internals.linear_pointwise.default
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
    if holds is not None and not holds.item():
        return
    factor = scale.item()
    if factor and math.isfinite(factor):
        total.addmm_(left, right, alpha=-factor)
    else:  # where libraries make no difference between 0 times NaN and 0, or take NaN for a number
        total.sub_(left @ right * scale)


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
