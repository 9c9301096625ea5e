"""Safe handling of indices out of range in compiled programs.

Compiled code that finds such an index in a parallel region throws a C++ exception there, which ends
the process. So, while a task is traced, every operation that takes indices gets index 0 in place of
an index out of range, and the program returns a flag. If it is false, nothing is updated, and the
task runs once more, eagerly, to raise an error that names the index.
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
"""Position of one argument of indices, the indices, and the size that they index."""

_checks: ContextVar[list[torch.Tensor] | None] = ContextVar("checks", default=None)
_within: ContextVar[bool] = ContextVar("within", default=False)


@contextlib.contextmanager
def collect_checks(checks: list[torch.Tensor] | None) -> Iterator[None]:
    """Add to `checks`, while a task is traced, a boolean for each argument of indices.

    Parameters
    ----------
    checks : list or None
    Gets tensors without dimensions that are true if all indices exist. With None, operations
    are recorded unchanged.
    """
    token = _checks.set(checks)
    try:
        with _OneHot() if checks is not None else contextlib.nullcontext():
            yield
    finally:
        _checks.reset(token)


def indexes(graph: fx.Graph) -> bool:
    """Return True if a flat graph has operations that take indices."""
    return any(node.target in safe_operations() for node in graph.nodes)


@functools.cache
def safe_operations() -> dict[Any, Callable[..., Any]]:
    """Return, for each operation that takes indices, a decomposition that cannot fail on them."""
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
    several = (  # they take a list of indices, one for each axis
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
    # Only these accept negative indices, which count from the end.
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
    """Make a rule for `operation`; if `from_the_end`, negative indices are valid."""

    def compute(*args: Any, **kwargs: Any) -> Any:
        checks = _checks.get()
        # `_within` is set while the rule below calls the operation itself, which would recur.
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
    """Check of the classes of ``one_hot``, which a tracer sees only as other operations."""

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
