"""Conversion of tensors to Python numbers and NumPy arrays."""

from __future__ import annotations

from typing import Any

import numpy
import torch

from workbench.tensor.arrays import to_array


def to_python(value: Any) -> Any:
    """Convert a tensor or array to a NumPy array, or to a Python number if it is a scalar.

    The array is a copy in main memory, so that training does not overwrite it. Dtypes that NumPy
    lacks, such as bfloat16, are converted to float32 or complex64 without loss of precision.
    Objects that are not tensors or arrays are returned unchanged.

    Examples
    --------
    >>> to_python(torch.tensor(0.5, dtype=torch.bfloat16)), to_python(numpy.float32(2))
    (0.5, 2.0)
    >>> to_python(torch.tensor([0.5, 2.0], dtype=torch.bfloat16))
    array([0.5, 2. ], dtype=float32)
    >>> to_python("text")
    'text'
    """
    if isinstance(value, torch.Tensor):
        return value.item() if value.ndim == 0 else to_array(value)
    if isinstance(value, numpy.generic) or (isinstance(value, numpy.ndarray) and value.ndim == 0):
        return value.item()
    return value.copy() if isinstance(value, numpy.ndarray) else value
