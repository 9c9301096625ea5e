"""Choice of the library for matrix products on a CPU.

By default, inductor calls a library for all products. For small products, the call takes longer
than the multiplications, so these products are written as sums, which inductor fuses with other
operations. For float32, torch calls MKL, which uses the widest instructions only on Intel
processors. oneDNN, which torch includes for convolutions, generates code for any processor. Its
calls take longer to start, so it is used only for large products. The choice depends only on the
sizes that a program is compiled for, never on a measurement, so that results for the same sizes
are always rounded in the same way.
"""

from __future__ import annotations

import math
import platform

import torch

from workbench.tensor import torch_internals as internals

SMALL = 2**15
"""Maximum number of multiplications that inductor's code performs faster than a library call."""
LARGE = 2**22
"""Minimum number of multiplications that oneDNN performs faster than MKL."""

AVAILABLE = torch.backends.mkldnn.is_available() and platform.machine() in ("x86_64", "AMD64")
"""True if oneDNN is available on a processor where torch uses MKL."""


def by_onednn(left: torch.Tensor, right: torch.Tensor) -> bool:
    """Return True if oneDNN computes the product of two real or fake matrices."""
    single = left.device.type == "cpu" and left.dtype is torch.float32
    return AVAILABLE and single and _multiplications(left, right) >= LARGE


def by_inductor(left: torch.Tensor, right: torch.Tensor) -> bool:
    """Return True if inductor computes the product of two real or fake matrices.

    Inductor is never used for products of integers: it would compute them as sums, which widen
    integers such as int8, whereas a matrix product keeps the dtype.
    """
    fractions = left.device.type == "cpu" and left.dtype.is_floating_point
    return fractions and _multiplications(left, right) <= SMALL


def _multiplications(left: torch.Tensor, right: torch.Tensor) -> int:
    """Return the number of multiplications in a product, for the example sizes of the trace.

    If a size depends on a computed value, return a number that selects neither inductor nor
    oneDNN.
    """
    hints = [
        size if isinstance(size, int) else size.node.hint for size in (*left.shape, right.shape[1])
    ]
    return SMALL + 1 if None in hints else math.prod(map(int, hints))


def product(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """Compute ``left @ right`` for two matrices with the faster library."""
    return _product(left.contiguous(), right) if by_onednn(left, right) else left @ right


def _product(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """Compute ``left @ right`` with oneDNN, which copies `left` if it is not contiguous."""
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
    """Compute ``total -= left @ right * scale`` in one pass, unless `holds` is false."""
    if holds is not None and not holds.item():
        return
    factor = scale.item()
    if factor and math.isfinite(factor):
        total.addmm_(left, right, alpha=-factor)
    else:  # libraries may skip a product with the factor 0, although 0 times NaN is NaN
        total.sub_(left @ right * scale)


# Operations of programs. The low-level functions define them, since the overhead of
# `torch.library.custom_op` exceeds the time of a small product.
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
