"""Safe handling of out-of-range indices in compiled programs.

If compiled code finds an index out of range in a parallel region, it throws a C++ exception that
ends the process. Therefore a compiled program replaces every out-of-range index with 0, and
returns a flag that is true if all indices were in range. If the flag is false, no variable is
updated, and the task runs again in the eager tier, which raises an error that shows the index.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from typing import Any, Literal

import torch
from torch import fx
from torch.nn import functional
from torch.overrides import TorchFunctionMode

Place = tuple[Any, torch.Tensor, Any]
"""The position of an argument that contains indices, the indices, and the size of their axis."""

_checks: ContextVar[list[torch.Tensor] | None] = ContextVar("checks", default=None)
_within: ContextVar[bool] = ContextVar("within", default=False)


@contextlib.contextmanager
def collect_checks(checks: list[torch.Tensor] | None) -> Iterator[None]:
    """Collect in `checks` one boolean for each traced argument that contains indices.

    Parameters
    ----------
    checks : list or None
        List that collects scalar tensors; each is true if all indices of its argument are in range.
        If None, operations are recorded unchanged.
    """
    token = _checks.set(checks)
    try:
        with _OneHot() if checks is not None else contextlib.nullcontext():
            yield
    finally:
        _checks.reset(token)


def indexes(graph: fx.Graph) -> bool:
    """Return True if a flat graph contains operations that take indices."""
    return any(node.target in safe_operations() for node in graph.nodes)


@functools.cache
def safe_operations() -> dict[Any, Callable[..., Any]]:
    """Map each operation that takes indices to a replacement that raises no index errors."""
    aten = torch.ops.aten
    along = (
        aten.gather.default, aten.index_select.default, aten.scatter.src, aten.scatter.value,
        aten.scatter_.src, aten.scatter_.value, aten.scatter_add.default,
        aten.scatter_add_.default, aten.scatter_reduce.two, aten.scatter_reduce_.two,
        aten.index_add.default, aten.index_add_.default, aten.index_copy.default,
        aten.index_copy_.default,
    )  # fmt: skip
    filling = (
        aten.index_fill.int_Scalar, aten.index_fill_.int_Scalar, aten.index_fill.int_Tensor,
        aten.index_fill_.int_Tensor,
    )  # fmt: skip
    several = (  # operations that accept a list of indices, one for each axis
        aten.index.Tensor, aten.index_put.default, aten.index_put_.default,
    )  # fmt: skip
    places: dict[Any, Callable[[Sequence[Any]], list[Place]]] = {
        **dict.fromkeys(along, _along),
        **dict.fromkeys(filling, _along),
        **dict.fromkeys(several, _several),
        aten.take.default: lambda args: [(1, args[1], args[0].numel())],
        aten.embedding.default: lambda args: [(1, args[1], args[0].shape[0])],
        aten.embedding_dense_backward.default: lambda args: [(1, args[1], args[2])],
    }
    # Only these operations accept negative indices, which count from the end.
    from_the_end = {*several, *filling, aten.take.default}
    return {
        operation: _safe(operation, found, operation in from_the_end)
        for operation, found in places.items()
    }


def _along(args: Sequence[Any]) -> list[Place]:
    size = args[0].shape[args[1]] if args[0].dim() else 1
    return [(2, args[2], size)]


def _several(args: Sequence[Any]) -> list[Place]:
    indices = args[1]
    if any(one is not None and one.dtype in (torch.bool, torch.uint8) for one in indices):
        return []  # a mask cannot be out of range
    return [
        ((1, axis), index, args[0].shape[axis])
        for axis, index in enumerate(indices)
        if index is not None
    ]


def _safe(
    operation: Callable[..., Any],
    places: Callable[[Sequence[Any]], list[Place]],
    from_the_end: bool,
) -> Callable[..., Any]:
    """Create a safe form of `operation`; negative indices are valid if `from_the_end` is True."""

    def compute(*args: Any, **kwargs: Any) -> Any:
        checks = _checks.get()
        # `_within` is set while this rule calls the operation, to prevent recursion.
        found = [] if checks is None or _within.get() else places(args)
        if checks is None or not found:
            return NotImplemented
        token = _within.set(True)
        try:
            new = list(args)
            for place, index, size in found:
                exists = (index >= (-size if from_the_end else 0)) & (index < size)
                checks.append(exists.all())
                safe = torch.where(exists, index, 0)
                if isinstance(place, tuple):
                    outer, inner = place
                    new[outer] = [*new[outer][:inner], safe, *new[outer][inner + 1 :]]
                else:
                    new[place] = safe
            return operation(*new, **kwargs)
        finally:
            _within.reset(token)

    return compute


class _OneHot(TorchFunctionMode):
    """Mode that checks the classes of ``one_hot``, which tracing replaces with other operations."""

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if func is functional.one_hot:
            classes, number = _classes(*args, **kwargs)
            checks = _checks.get()
            if checks is not None and number != -1:
                checks.append(((classes >= 0) & (classes < number)).all())
        return func(*args, **kwargs)


def _classes(
    tensor: torch.Tensor | None = None,
    num_classes: int | Literal[-1] = -1,
    *,
    input: torch.Tensor | None = None,
) -> tuple[torch.Tensor, Any]:
    classes = tensor if tensor is not None else input
    assert classes is not None
    return classes, num_classes
