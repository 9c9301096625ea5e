"""Copies to and from an accelerator that nobody waits for.

A batch is copied on a stream of its own, from memory that the device reads directly, while the
device still computes on the batch before. The other way, `Arriving` starts a copy and tells later,
without asking the device to stop, whether it is there.
"""

from __future__ import annotations

import functools

import torch


def upload(value: torch.Tensor, device: torch.device) -> torch.Tensor:
    """`value` on `device`, for the use of what is computed there from now on."""
    if device.type != "cuda" or value.device.type != "cpu":
        return value.to(device, non_blocking=True)
    beside = _stream(device)
    current = torch.cuda.current_stream(device)
    with torch.cuda.stream(beside):
        moved = value.pin_memory().to(device, non_blocking=True)
    current.wait_stream(beside)
    moved.record_stream(current)
    return moved


@functools.cache
def _stream(device: torch.device) -> torch.cuda.Stream:
    return torch.cuda.Stream(device)


class Arriving:
    """A tensor on its way from the device to the CPU.

    Parameters
    ----------
    value : torch.Tensor
    """

    def __init__(self, value: torch.Tensor) -> None:
        self._event: torch.cuda.Event | None = None
        self._value = value.detach()
        if value.device.type == "cuda":
            self._value = torch.empty(value.shape, dtype=value.dtype, pin_memory=True)
            self._value.copy_(value, non_blocking=True)
            self._event = torch.cuda.Event()
            self._event.record(torch.cuda.current_stream(value.device))

    @property
    def arrived(self) -> bool:
        """Whether it is there; does not wait."""
        return self._event is None or self._event.query()

    def get(self) -> torch.Tensor:
        """The value on the CPU; waits for it."""
        if self._event is not None:
            self._event.synchronize()
            self._event = None
        return self._value
