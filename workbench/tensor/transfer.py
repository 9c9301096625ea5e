"""Asynchronous copies to and from an accelerator.

A batch is copied from pinned memory to the device on a separate CUDA stream, while the device still
processes the previous batch. `Arriving` starts a copy from the device to the CPU. Its attribute
`arrived` shows whether the copy is complete, without waiting for the device. `Arrivals` holds
groups of these copies in order.
"""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Iterable, Iterator
from typing import TypeVar

import torch

K = TypeVar("K")


def upload(value: torch.Tensor, device: torch.device) -> torch.Tensor:
    """Copy `value` to `device`; work that is later queued on the device waits for the copy."""
    if device.type != "cuda" or value.device.type != "cpu":
        return value.to(device, non_blocking=True)
    beside = _stream(device)
    current = torch.cuda.current_stream(device)
    with torch.cuda.stream(beside):
        moved = value.pin_memory().to(device, non_blocking=True)
    current.wait_stream(beside)
    # The memory belongs to the copy stream, which must not reuse it while `current` needs it.
    moved.record_stream(current)
    return moved


@functools.cache
def _stream(device: torch.device) -> torch.cuda.Stream:
    return torch.cuda.Stream(device)


class Arriving:
    """An asynchronous copy of a tensor from the device to the CPU.

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
        """True if the copy is complete. Reading this property does not wait for the copy."""
        return self._event is None or self._event.query()

    def get(self) -> torch.Tensor:
        """Wait until the copy is complete, and return it."""
        if self._event is not None:
            self._event.synchronize()
            self._event = None
        return self._value


class Arrivals(deque[tuple[K, list[Arriving]]]):
    """Queue of groups of asynchronous copies; groups are received in the order of their creation.

    The class is a deque, so that the check for emptiness after every batch is fast.

    Examples
    --------
    >>> on_their_way = Arrivals()
    >>> on_their_way.send("first", [torch.ones(2), torch.zeros(1)])
    >>> on_their_way.send("second", [torch.ones(1)])
    >>> list(on_their_way.received())
    [('first', [tensor([1., 1.]), tensor([0.])]), ('second', [tensor([1.])])]
    """

    def send(self, key: K, values: Iterable[torch.Tensor]) -> None:
        """Start copying the tensors `values`, which form a group with the name `key`."""
        self.append((key, list(map(Arriving, values))))

    def received(
        self, *, wait: bool = False, most: int | None = None
    ) -> Iterator[tuple[K, list[torch.Tensor]]]:
        """Remove and yield complete groups, up to the first incomplete group.

        Parameters
        ----------
        wait : bool
            If True, wait for all groups.
        most : int, optional
            Wait for the oldest groups until at most this number of groups remains in the queue.
        """
        while self:
            key, values = self[0]
            late = wait or (most is not None and len(self) > most)
            if not late and not all(value.arrived for value in values):
                return
            self.popleft()
            yield key, [value.get() for value in values]
