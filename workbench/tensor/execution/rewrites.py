"""Rewrites, applied before compilation, that make a flat graph faster on a CPU.

They replace operations that inductor does not optimise, such as matrix products (it always calls
the same library) and gradients of indexing (it does not fuse them with other operations). The
values are unchanged up to rounding.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence, Set
from typing import TYPE_CHECKING, Any

import torch
from torch import fx

from workbench.tensor import torch_internals as internals
from workbench.tensor.execution.products import by_inductor, by_onednn
from workbench.tensor.execution.screen import MARGIN

if TYPE_CHECKING:
    from workbench.tensor.execution.trace import Trace

aten = torch.ops.aten
ZEROS = (aten.new_zeros.default, aten.zeros.default, aten.zeros_like.default)
ADDS_UP = 2**14
"""Minimum number of elements that makes a pass over a matrix slower than a Python call."""


def rewrite(traced: Trace) -> None:
    """Apply all rewrites to `traced.graph`, in place."""
    graph = traced.graph.graph
    with traced.mode:
        for node in [node for node in graph.nodes if _device(node) == "cpu"]:
            _singly(graph, node)
        # Storages that an update writes: `_descend` must not move a read after the write.
        changed = {_storage(node.args[0]) for node in graph.nodes if node.target is COPY}
        for node in [node for node in graph.nodes if node.target in CHANGES]:
            if _device(node) != "cpu":
                continue
            with graph.inserting_before(node):
                new = CHANGES[node.target](graph, node, changed)
            if new is not None:
                new.meta = dict(node.meta)
                node.replace_all_uses_with(new)
                graph.erase_node(node)
        for node in graph.find_nodes(op="call_function", target=FINITE):
            _cheaper(graph, node)
    graph.eliminate_dead_code()
    traced.graph.recompile()


def _singly(graph: fx.Graph, node: Any) -> None:
    """Split a multi-tensor operation into operations on single tensors, which inductor can fuse.

    On a CPU, a multi-tensor operation is only a loop over tensors.
    """
    name = getattr(node.target, "__name__", "")
    if not name.startswith(internals.MULTI_TENSOR):
        return
    function, overload = name.removeprefix(internals.MULTI_TENSOR).split(".")
    any_overload = getattr(aten, function)
    # The overloads of `pow` have other names, so torch resolves the overload from the arguments.
    single = (
        any_overload
        if function == "pow"
        else getattr(any_overload, overload.replace("List", "Tensor"), any_overload)
    )
    for user in list(node.users):  # each user is a `getitem` of one result
        args = [one[user.args[1]] if isinstance(one, list) else one for one in node.args]
        with graph.inserting_before(user):
            user.replace_all_uses_with(_call(graph, single, *args, **node.kwargs))
        graph.erase_node(user)
    graph.erase_node(node)


def _product(graph: fx.Graph, node: Any, changed: Set[int]) -> fx.Node | None:
    """Replace ``mm`` with a sum of products for small matrices, and with oneDNN for large ones."""
    left, right = node.args
    given = _value(left), _value(right)
    if by_inductor(*given):
        # (B, D, 1) * (D, C), summed over D: inductor fuses both without storing the (B, D, C).
        rows = _call(graph, aten.unsqueeze.default, left, 2)
        products = _call(graph, aten.mul.Tensor, rows, right)
        return graph.call_function(aten.sum.dim_IntList, (products, [1]))
    if by_onednn(*given):  # oneDNN needs a contiguous first matrix
        ordered = _call(graph, aten.clone.default, left, memory_format=torch.contiguous_format)
        return graph.call_function(torch.ops.workbench.product.default, (ordered, right))
    return None


def _added(graph: fx.Graph, node: Any, changed: Set[int]) -> fx.Node | None:
    """Rewrite ``product + b`` as ``product - (-b)``.

    Inductor replaces the sum with one library call, which adds the product to a copy of ``b``. It
    does not replace a difference, but fuses it with the operations after it.
    """
    for product, other in (node.args, node.args[::-1]):
        if node.kwargs or _alone(product, aten.mm.default) is None:
            continue
        # `other` can be a Python number, and unsigned dtypes have no negative values.
        value = _value(other) if isinstance(other, fx.Node) else other
        if isinstance(value, torch.Tensor) and value.dtype is _value(product).dtype:
            turned = _call(graph, aten.neg.default, other)
            return graph.call_function(aten.sub.Tensor, (product, turned))
    return None


def _cheaper(graph: fx.Graph, node: fx.Node, factors: Sequence[Any] = ()) -> None:
    """Replace a check that a new value is finite with a cheaper check.

    On a CPU, the check of a difference uses only the subtracted value, or the `factors` of this
    value: the product of their sums of absolute values must be far from overflow. If the old value
    is finite, this condition is sufficient, but not necessary, for a finite difference. If the
    condition fails, the eager tier performs the exact check.
    """
    new: Any = node.args[0]
    olds = [user.args[2] for user in new.users if user.target is aten.where.self]
    subtracted = new.target is aten.sub.Tensor and not new.kwargs and new.args[0] in olds
    subtracted = subtracted and isinstance(new.args[1], fx.Node)
    with graph.inserting_before(node):
        if _device(new) == "cpu":
            bound: Any = MARGIN
            for factor in factors or new.args[1:] if subtracted else [new]:
                size = _call(graph, aten.abs.default, factor)
                total = _call(graph, aten.sum.default, size, dtype=torch.float32)
                bound = _call(graph, aten.mul.Tensor, total, bound)
            passes = _call(graph, aten.lt.Scalar, bound, math.inf)
        else:
            below = _call(graph, aten.lt.Scalar, _call(graph, aten.abs.default, new), math.inf)
            passes = _call(graph, aten.all.default, below)
    node.replace_all_uses_with(passes)
    graph.erase_node(node)


def _descend(graph: fx.Graph, node: Any, changed: Set[int]) -> fx.Node | None:
    """Rewrite ``copy_(p, where(holds, p - left @ right * scale, p))`` as one operation on ``p``.

    This is a step of gradient descent whose gradient is used only in the update. The fused
    operation never stores the gradient.
    """
    total, new = node.args
    holds = None
    if new.target is aten.where.self and len(new.users) == 1 and new.args[2] is total:
        holds, new = new.args[:2]
    looks = [user for user in new.users if user.target is FINITE]
    step = _alone(new, aten.sub.Tensor, looks)
    if step is None or step[0] is not total or _value(total).numel() < ADDS_UP:
        return None
    scaled = _alone(step[1], aten.mul.Tensor)
    if scaled is None:
        return None
    for factor, scale in (scaled, scaled[::-1]):
        factors = _alone(factor, aten.mm.default)
        if factors is None or not isinstance(scale, fx.Node) or _value(scale).dim():
            continue
        if _kind(factor) != _kind(total):  # a subtraction broadcasts, but `addmm_` does not
            continue
        # The fused operation reads its operands at the position of the copy, after the original
        # subtraction. Before this, another copy may change an operand that is a shared variable.
        late = any(_storage(one) in changed for one in (*factors, scale))
        if not late and not by_onednn(*map(_value, factors)):
            for look in looks:
                _cheaper(graph, look, [*factors, scale])
            return graph.call_function(DESCEND, (total, *factors, scale, holds))
    return None


def _placed(graph: fx.Graph, node: Any, changed: Set[int]) -> fx.Node | None:
    """Replace a ``scatter_add`` that adds one element to each row of a tensor of zeros.

    The replacement is ``where(place == index, element, 0)``, which inductor can fuse. Such a
    ``scatter_add`` is the gradient of selecting one element per row, for example the true class.
    """
    from torch.fx.experimental.symbolic_shapes import statically_known_true

    zeros, dim, index, source = node.args
    row, chosen, given = (_value(one).shape for one in (zeros, index, source))
    dim %= len(row)
    fits = [*row[:dim], 1, *row[dim + 1 :]]
    if (
        zeros.target not in ZEROS
        or not isinstance(row[dim], int)
        or not all(statically_known_true(a == b) for a, b in zip(chosen, fits, strict=True))
        or not all(statically_known_true(a == b) for a, b in zip(given, fits, strict=True))
    ):
        return None
    places = _call(graph, aten.arange.default, row[dim], device=_value(index).device)
    places = _call(graph, aten.view.default, places, [1] * dim + [-1] + [1] * (len(row) - dim - 1))
    here = _call(graph, aten.eq.Tensor, places, index)
    return graph.call_function(aten.where.ScalarOther, (here, source, 0))


COPY = aten.copy_.default
FINITE = torch.ops.workbench.finite.default
DESCEND = torch.ops.workbench.descend.default
CHANGES: dict[Any, Callable[[fx.Graph, Any, Set[int]], fx.Node | None]] = {
    COPY: _descend,
    aten.add.Tensor: _added,
    aten.mm.default: _product,
    aten.scatter_add.default: _placed,
}
"""Rewrites, keyed by operation; the last argument is the set of storages that the graph changes."""


def _alone(node: Any, target: Any, looks: Sequence[fx.Node] = ()) -> tuple[Any, ...] | None:
    """Return the arguments of `node` if it calls `target` and has only one user besides checks."""
    used = isinstance(node, fx.Node) and len(node.users) - len(looks)
    alone = used == 1 and node.target is target
    return node.args if alone and not node.kwargs else None


def _value(node: Any) -> Any:
    return node.meta["val"]


def _kind(node: Any) -> tuple[torch.dtype, torch.Size]:
    """Return the dtype and shape of a node; both must match for an in-place addition."""
    return _value(node).dtype, _value(node).shape


def _device(node: fx.Node) -> str | None:
    """Return the type of a node's device, or None if it is unknown."""
    value = node.meta.get("val")
    value = value[0] if isinstance(value, (list, tuple)) and value else value
    return value.device.type if isinstance(value, torch.Tensor) else None


def _storage(node: Any) -> int:
    return internals.storage_of(_value(node))


def _call(graph: fx.Graph, target: Any, *args: Any, **kwargs: Any) -> fx.Node:
    """Add a call to `graph`, and store the fake tensor of its result in ``meta["val"]``."""
    node = graph.call_function(target, args, kwargs)
    values = [_value(one) if isinstance(one, fx.Node) else one for one in args]
    node.meta["val"] = target(*values, **kwargs)
    return node
