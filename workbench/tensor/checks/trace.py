"""Rules for traces, for instance that no tensor is read after it has been changed in place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import fx

from workbench.hints import hinted
from workbench.tensor import torch_internals as internals
from workbench.tensor.checks.fault import Fault, Found, broken
from workbench.tensor.checks.program import in_order
from workbench.tensor.execution.trace import Trace


class _Traced:
    def __init__(self, trace: Trace) -> None:
        self.nodes = list(trace.graph.graph.nodes)
        self.arguments = trace.arguments
        self.placeholders = [node for node in self.nodes if node.op == "placeholder"]

    def place(self, node: fx.Node) -> str:
        """Return an empty string, since a trace contains no bricks."""
        return ""


def _arguments_match(traced: _Traced) -> Found:
    if len(traced.placeholders) != len(traced.arguments):
        there = f"there are {len(traced.placeholders)} placeholders"
        yield traced.nodes[-1], f"{there} for {len(traced.arguments)} arguments"
        return
    for node, argument in zip(traced.placeholders, traced.arguments, strict=True):
        value = node.meta["val"]
        if isinstance(value, torch.Tensor):
            there, wanted = (f"{tuple(one.shape)} {one.dtype}" for one in (value, argument))
            if there != wanted:
                yield node, f"it is {there} instead of {wanted}"


def changed(node: fx.Node) -> list[fx.Node]:
    """Return the arguments that a node changes in place."""
    if not isinstance(node.target, internals.OpOverload):
        return []
    found: list[fx.Node] = []
    for i, argument in enumerate(node.target._schema.arguments):
        if argument.alias_info is not None and argument.alias_info.is_write:
            given: Any = node.args[i] if i < len(node.args) else node.kwargs.get(argument.name)
            given = given if isinstance(given, (list, tuple)) else [given]
            found += [one for one in given if isinstance(one, fx.Node)]
    return found


def _not_read_once_changed(traced: _Traced) -> Found:
    place = {node: i for i, node in enumerate(traced.nodes)}
    changed_by: dict[int, fx.Node] = {}
    for node in traced.nodes:
        targets = changed(node)
        for one in node.all_input_nodes:
            last = changed_by.get(_storage(one))
            # Nodes may read the new value: the result of the change, and views of this result.
            if last is not None and place[one] < place[last] and one not in targets:
                yield node, f"it reads {one.name} after {last.name} has changed it"
        changed_by |= {_storage(one): node for one in targets}


def _storage(node: fx.Node) -> int:
    value = node.meta.get("val")
    return internals.storage_of(value) if isinstance(value, torch.Tensor) else -id(node)


TRACE: dict[str, Callable[[_Traced], Found]] = {
    "the inputs of a node must be computed before the node": in_order,
    "placeholders must have the shapes and dtypes of the arguments": _arguments_match,
    "a tensor must not be read after it has been changed in place": _not_read_once_changed,
}
"""Rules for traces, each with a function that finds the offending nodes."""


@hinted
def check_trace(trace: Trace) -> list[Fault]:
    """Check a trace, before or after a rewrite.

    Returns
    -------
    list of Fault

    Examples
    --------
    >>> from workbench import function, tensor
    >>> from workbench.tensor.execution.tracing import trace
    >>> x = tensor.vector("x")
    >>> task = function([x], x * 2, execution="eager").execution.task
    >>> check_trace(trace(task, (3,), lambda *_: None))
    []
    """
    return broken(_Traced(trace), TRACE)
