"""Shape inference with a cache of results for each function and its argument shapes and dtypes.

An editor applies bricks again after each edit, and a deep model applies the same function to the
same shapes many times. Each application of torch's shape rules takes about a millisecond; reading a
result from the cache takes a small fraction of this time. A result is stored only if a torch
function returned it as a single tensor, learned nothing about sizes, and gave the tensor its own
storage.
"""

from __future__ import annotations

import threading
import types
from collections.abc import Callable
from typing import Any

import torch

from workbench.tensor import shapes
from workbench.tensor.structure import map_structure

MOST = 2000
"""Maximum number of results in the cache."""

PLAIN = (int, float, bool, str, torch.dtype, torch.device, type(None), type(Ellipsis))
BUILTIN = (types.BuiltinFunctionType, types.MethodDescriptorType, types.WrapperDescriptorType)

_kept: dict[Any, shapes.Fake] = {}
_lock = threading.Lock()


def infer(function: Callable[..., Any], args: Any, kwargs: Any, shown: Callable[[], str]) -> Any:
    """Return the result of `shapes.infer`, from the cache if possible."""
    tensors: list[torch.Tensor] = []
    key = _key(function, args, kwargs, tensors)
    if key is None:
        return shapes.infer(function, args, kwargs, shown)
    with _lock:
        known = _kept.get(key)
    if known is not None:
        return known  # several variables can have it: inference ignores storage
    before = shapes.facts(tensors)
    result = shapes.infer(function, args, kwargs, shown)
    usual = isinstance(result, torch.Tensor) and _state(result) is not None
    if usual and shapes.facts(tensors) == before and shapes.repeated([result], tensors) is not None:
        with _lock:
            _kept[key] = result
            while len(_kept) > MOST:
                del _kept[next(iter(_kept))]
    return result


def _key(function: Any, args: Any, kwargs: Any, tensors: list[torch.Tensor]) -> Any:
    """Return everything on which a result depends, or None if the result cannot be cached.

    The tensors among the arguments are appended to `tensors`.
    """
    module = str(getattr(function, "__module__", None) or "")
    if not (isinstance(function, BUILTIN) or module.partition(".")[0] == "torch"):
        return None
    parts: list[Any] = []

    def note(leaf: Any) -> Any:
        if isinstance(leaf, torch.Tensor):
            tensors.append(leaf)
            parts.append(_state(leaf))
        elif isinstance(leaf, shapes.SYMBOLIC_NUMBERS):
            parts.append((type(leaf), shapes.sizes_of(leaf)[0]))
        else:
            parts.append((type(leaf), leaf) if isinstance(leaf, PLAIN) else None)
        return len(parts)

    structure = map_structure(note, (args, kwargs))
    if not tensors or None in parts:
        return None
    return function, repr(structure), tuple(parts), torch.get_default_dtype()


def _state(tensor: torch.Tensor) -> Any:
    """Return the properties of `tensor` on which results depend, or None if it cannot be cached."""
    if getattr(tensor, "constant", None) is not None or tensor.layout is not torch.strided:
        return None
    if tensor.requires_grad or tensor.is_conj() or tensor.is_neg():
        return None
    return type(tensor), tensor.dtype, tensor.device, tuple(shapes.sizes_of(tensor))
