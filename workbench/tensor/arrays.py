"""Conversion of tensors to NumPy arrays."""

from __future__ import annotations

from typing import Any

import numpy
import torch

WIDER = {torch.complex32: torch.complex64}
"""Replacements for dtypes without a NumPy equivalent; the default is float32."""


def to_array(tensor: torch.Tensor) -> numpy.ndarray[Any, Any]:
    """Copy a tensor to an array, with a dtype that NumPy supports.

    Examples
    --------
    >>> to_array(torch.tensor(0.5, dtype=torch.bfloat16))
    array(0.5, dtype=float32)
    """
    dense = tensor.detach().to_dense() if tensor.layout is not torch.strided else tensor.detach()
    here = dense.cpu().resolve_conj().resolve_neg()
    try:
        return here.numpy().copy()
    except TypeError:
        return here.to(WIDER.get(here.dtype, torch.float32)).numpy()


def as_array(value: Any) -> numpy.ndarray[Any, Any]:
    """Return `value`, which may be a tensor on any device, as an array; copy only if necessary.

    Examples
    --------
    >>> as_array(torch.ones(2)), as_array([1, 2])
    (array([1., 1.], dtype=float32), array([1, 2]))
    """
    return numpy.asarray(value.cpu() if isinstance(value, torch.Tensor) else value)
