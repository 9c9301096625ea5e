"""The configured dtype and device."""

from __future__ import annotations

import functools
import os

import torch

from workbench.config import config


def floatx() -> torch.dtype:
    """Return ``config.floatx``, the default dtype of parameters and inputs."""
    dtype: torch.dtype = getattr(torch, config.floatx)
    return dtype


def default_device() -> torch.device:
    """Return the device ``config.device``; ``"auto"`` selects CUDA if available, else the CPU.

    If a launcher has started several processes, each process uses its own CUDA device
    if there are enough.
    """
    return _device(config.device)


@functools.cache
def _device(name: str) -> torch.device:
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    device = torch.device(name)
    if name != "cuda":
        return device
    own = int(os.environ.get("LOCAL_RANK", os.environ.get("RANK", 0)))  # set by launchers
    return torch.device("cuda", own % max(1, torch.cuda.device_count()))
