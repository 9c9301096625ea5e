"""The dtype and the device that the configuration asks for."""

from __future__ import annotations

import functools

import torch

from workbench.config import config


def floatx() -> torch.dtype:
    """The dtype of parameters and of inputs that say nothing else."""
    dtype: torch.dtype = getattr(torch, config.floatx)
    return dtype


def default_device() -> torch.device:
    """Where tensors live: ``config.device``, of which ``"auto"`` is the GPU if there is one."""
    return _device(config.device)


@functools.cache
def _device(name: str) -> torch.device:
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    device = torch.device(name)
    return torch.device("cuda", 0) if name == "cuda" else device
