"""Horizontal fusion: one call for the same operation on many tensors.

An optimiser applies the same few operations to every parameter. In the section of a program that
needs no autograd, `widen` finds independent calls to the same function and replaces them with one
call to torch's multi-tensor (``_foreach``) function. This saves Python calls, and kernel launches
on an accelerator. The value of every element is unchanged.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import fx

from workbench.tensor import torch_internals as internals

BINARY: dict[Any, Callable[..., Any]] = {
    torch.Tensor.mul: internals.foreach_mul,
    torch.Tensor.add: internals.foreach_add,
    torch.Tensor.sub: internals.foreach_sub,
    torch.Tensor.div: internals.foreach_div,
    operator.mul: internals.foreach_mul,
    operator.add: internals.foreach_add,
    operator.sub: internals.foreach_sub,
    operator.truediv: internals.foreach_div,
    torch.mul: internals.foreach_mul,
    torch.add: internals.foreach_add,
    torch.sub: internals.foreach_sub,
    torch.div: internals.foreach_div,
}
UNARY: dict[Any, Callable[..., Any]] = {
    "sqrt": internals.foreach_sqrt,
    "abs": internals.foreach_abs,
    torch.sqrt: internals.foreach_sqrt,
    operator.neg: internals.foreach_neg,
}
NAMES = {
    "mul": operator.mul, "add": operator.add, "sub": operator.sub, "div": operator.truediv,
    "neg": operator.neg, "pow": operator.pow,
}  # fmt: skip
"""Operators that are equivalent to tensor methods, keyed by method name."""
POWERS = (operator.pow, torch.pow)
ONE_FOR_ALL = (internals.foreach_mul, internals.foreach_add, internals.foreach_div)
"""Multi-tensor functions whose second operand can be one scalar tensor for all tensors."""
FEWEST = 2
"""Minimum number of calls that are joined."""

Kind = tuple[Callable[..., Any], Any, torch.dtype, torch.device]
"""Properties that joined calls have in common: function, shared operand, dtype and device."""


def widen(graph: fx.Graph, start: fx.Node | None) -> dict[fx.Node, fx.Node]:
    """Join calls after `start` that apply the same function to different tensors.

    Parameters
    ----------
    graph : torch.fx.Graph
        The graph. Each node that computes a tensor has a fake tensor in ``meta["fake"]``.
    start : torch.fx.Node or None
        The node that turns autograd off for the last time; ``None`` if autograd is never on.

    Returns
    -------
    dict
        A map from each new call to one of the calls that it replaces.
    """
    nodes = list(graph.nodes)
    first = nodes.index(start) + 1 if start is not None else 0
    region = [node for node in nodes[first:-1] if node.op != "placeholder"]
    depth: dict[fx.Node, int] = {}
    groups: dict[tuple[int, Kind], list[fx.Node]] = {}
    for node in region:
        depth[node] = 1 + max((depth.get(n, 0) for n in node.all_input_nodes), default=0)
        kind = _kind(node)
        if kind is not None:
            groups.setdefault((depth[node], kind), []).append(node)
    wide = [(kind, group) for (_, kind), group in groups.items() if len(group) >= FEWEST]
    if not wide:
        return {}
    # Sort by depth, so that all dependencies of a group come before it.
    for node in sorted(region, key=depth.__getitem__):
        nodes[-1].prepend(node)
    return {
        _join(graph, function, common, group): group[0] for (function, common, *_), group in wide
    }


def _kind(node: fx.Node) -> Kind | None:
    """Return the `Kind` of a call, or None if the call cannot be joined with other calls."""
    own = node.meta.get("fake")
    if node.op not in ("call_function", "call_method") or node.kwargs or own is None:
        return None
    if own.dim() == 0:
        return None
    target = NAMES.get(node.target, node.target) if isinstance(node.target, str) else node.target
    if target in UNARY and len(node.args) == 1:
        return UNARY[target], None, own.dtype, own.device
    if len(node.args) != 2:
        return None
    left, right = node.args
    if target in POWERS and isinstance(right, (int, float)) and _like(left, own):
        return internals.foreach_pow, right, own.dtype, own.device
    function = BINARY.get(target)
    if function is None:
        return None
    if _like(left, own) and _like(right, own):
        return function, None, own.dtype, own.device
    if function in ONE_FOR_ALL:
        if _like(left, own) and _number(right, own):
            return function, right, own.dtype, own.device
        if function is not internals.foreach_div and _like(right, own):
            return (function, left, own.dtype, own.device) if _number(left, own) else None
    return None


def _like(operand: Any, own: Any) -> bool:
    """Return True if an operand is a tensor with the shape and dtype of the result."""
    fake = operand.meta.get("fake") if isinstance(operand, fx.Node) else None
    if fake is None or fake.dtype is not own.dtype or fake.dim() != own.dim():
        return False
    sizes = list(zip(fake.shape, own.shape, strict=True))
    return all(isinstance(a, int) and isinstance(b, int) and a == b for a, b in sizes)


def _number(operand: Any, own: Any) -> bool:
    """Return True if an operand is a scalar tensor with the dtype of the result."""
    fake = operand.meta.get("fake") if isinstance(operand, fx.Node) else None
    return fake is not None and fake.dtype is own.dtype and fake.dim() == 0


def _join(
    graph: fx.Graph, function: Callable[..., Any], common: Any, group: Sequence[fx.Node]
) -> fx.Node:
    """Replace the calls of `group` with one call after the last of them."""
    operands = [[a for a in node.args if common is None or a is not common] for node in group]
    arguments: list[Any] = [list(column) for column in zip(*operands, strict=True)]
    if common is not None:
        arguments.append(common)
    with graph.inserting_after(group[-1]):
        joined = graph.call_function(function, tuple(arguments))
    cursor = joined
    for i, node in enumerate(group):
        with graph.inserting_after(cursor):
            cursor = graph.call_function(operator.getitem, (joined, i))
        cursor.meta = node.meta
        node.replace_all_uses_with(cursor)
    for node in group:
        graph.erase_node(node)
    return joined
