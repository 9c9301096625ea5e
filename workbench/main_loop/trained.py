"""Register of the runs that trained parameters last, by the memory of the parameters.

Several main loops can train the same model one after the other, since they share its parameters.
The register tells `fit` that a model continues from an earlier run, and an earlier session that
its parameters have changed since its end.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch

from workbench.interfaces import Loop
from workbench.tensor import torch_internals as internals


@dataclass(frozen=True)
class _Entry:
    storage: Any
    version: int
    main_loop: weakref.ref[Loop]
    name: str


_entries: dict[int, _Entry] = {}
_lock = threading.Lock()


def record_training(main_loop: Loop, parameters: Iterable[Any], name: str) -> None:
    """Record that a run of `main_loop` with the given name has just trained `parameters`."""
    with _lock:
        for key in [key for key, entry in _entries.items() if entry.storage.expired()]:
            del _entries[key]
        for tensor in _tensors(parameters):
            _entries[tensor.data_ptr()] = _Entry(
                internals.StorageWeakRef(tensor.untyped_storage()),
                tensor._version,
                weakref.ref(main_loop),
                name,
            )


def trained_by(parameters: Iterable[Any]) -> str | None:
    """Return the name of a run that trained one of `parameters`, which has this value still.

    A parameter that was initialised or assigned after the run does not count.
    """
    found = (entry.name for tensor, entry in _found(parameters) if tensor._version == entry.version)
    return next(found, None)


def trained_later(main_loop: Loop, parameters: Iterable[Any]) -> str | None:
    """Return the name of a run of another main loop that trained one of `parameters` last."""
    found = (e.name for _, e in _found(parameters) if e.main_loop() is not main_loop)
    return next(found, None)


def _found(parameters: Iterable[Any]) -> list[tuple[torch.Tensor, _Entry]]:
    with _lock:
        pairs = [(tensor, _entries.get(tensor.data_ptr())) for tensor in _tensors(parameters)]
        return [(tensor, e) for tensor, e in pairs if e is not None and not e.storage.expired()]


def _tensors(parameters: Iterable[Any]) -> list[torch.Tensor]:
    """Return the tensors of parameters that have memory and count their changes."""
    tensors = map(tensor_of, parameters)
    return [tensor for tensor in tensors if tensor is not None and not tensor.is_inference()]


def tensor_of(parameter: Any) -> torch.Tensor | None:
    """Return a parameter's tensor; None if it has no elements, or is symbolic or divided."""
    tensor = getattr(parameter, "__dict__", {}).get("tensor")
    return tensor if isinstance(tensor, torch.Tensor) and tensor.numel() else None
