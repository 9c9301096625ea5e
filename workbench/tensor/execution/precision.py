"""Arithmetic for matrix products and convolutions, selected by ``config.precision``.

``bf16`` is mixed precision: products are computed in bfloat16, while parameters, gradients and the
state of step rules remain in float32. ``tf32`` rounds the factors of float32 products on CUDA
devices that support it; on other devices it is the same as ``float32``.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import AbstractContextManager

import torch

from workbench.tensor.execution.task import Task


def arithmetic(task: Task) -> AbstractContextManager[object]:
    """Return a context manager that applies the floating-point precision of a task."""
    if task.precision == "bf16":
        return torch.autocast(task.device.type, torch.bfloat16)
    if task.precision == "tf32" and task.device.type == "cuda":
        return _tf32()
    return contextlib.nullcontext()


@contextlib.contextmanager
def _tf32() -> Iterator[None]:
    matmul, convolution = torch.backends.cuda.matmul, torch.backends.cudnn
    before = matmul.allow_tf32, convolution.allow_tf32
    matmul.allow_tf32 = convolution.allow_tf32 = True
    try:
        yield
    finally:
        matmul.allow_tf32, convolution.allow_tf32 = before
