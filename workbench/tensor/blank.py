"""Fake tensors that are made from sizes and strides, without running a torch operation.

`torch.empty` with symbolic sizes takes about a millisecond, because torch computes how much memory
the tensor would need. A blank fake tensor instead has storage that is larger than any tensor. Such
storage takes no memory, since it is on the device ``meta``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from workbench.tensor import torch_internals as internals

ROOM = 1 << 50
"""Number of bytes in the storage of a blank fake tensor."""


def blank(
    mode: Any,
    sizes: Sequence[Any],
    strides: Sequence[Any],
    dtype: torch.dtype,
    device: torch.device,
    *,
    offset: Any = 0,
    base: torch.Tensor | None = None,
) -> Any:
    """Return a blank fake tensor that belongs to `mode`.

    Parameters
    ----------
    mode : FakeTensorMode
    sizes, strides : sequence of int or SymInt
    dtype : torch.dtype
    device : torch.device
        The device of the tensor that the fake tensor stands for.
    offset : int or SymInt
        Position of the first element in the storage.
    base : fake tensor, optional
        A tensor whose storage the result shares, as a view does; by default, the storage is new.
    """
    with torch.no_grad(), internals.disable_current_modes():
        if base is None:
            whole = torch.empty(ROOM // dtype.itemsize, dtype=dtype, device="meta")
        else:
            whole = torch.empty(0, dtype=dtype, device="meta")
            whole.set_(base.untyped_storage(), 0, (0,), (1,))
        return internals.FakeTensor(mode, whole.as_strided(sizes, strides, offset), device)


def in_rows(sizes: Sequence[Any]) -> list[Any]:
    """Return the strides of a contiguous tensor.

    >>> in_rows([2, 3, 4]), in_rows([2, 0])
    ([12, 4, 1], [1, 1])
    """
    strides: list[Any] = []
    step: Any = 1
    for size in reversed(sizes):
        strides.append(step)
        step = step * torch.sym_max(size, 1)
    return strides[::-1]
