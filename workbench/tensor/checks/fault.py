"""Faults, which describe broken rules, and functions that find and report faults."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import fx

from workbench import errors
from workbench.hints import hinted
from workbench.tensor import shapes
from workbench.tensor.variable import Call

Found = Iterator[tuple[Any, str]]
"""Nodes that break a rule, each with a description of the error."""


@dataclass(frozen=True)
class Fault:
    """Violation of a rule by one variable, call or node.

    Attributes
    ----------
    rule : str
        Text of the rule.
    node : str
        Name of the variable, call or node that breaks the rule.
    place : str
        The brick application that created the node, or an empty string outside bricks.
    detail : str
        Description of the violation.
    """

    rule: str
    node: str
    place: str
    detail: str

    def __str__(self) -> str:
        where = f"{self.place}: " if self.place else ""
        return f"{where}{self.node}: {self.detail}, but {self.rule}"


@hinted
def refuse(faults: Sequence[Fault]) -> None:
    """Raise a `GraphError` that lists all `faults`, if there are any.

    Examples
    --------
    >>> refuse([])
    >>> refuse([Fault("each call has an input", "add", "mlp.apply", "it has none")])
    Traceback (most recent call last):
    ...
    workbench.errors.GraphError: the graph is broken: mlp.apply: add: it has none, but each call ...
    """
    if faults:
        raise errors.GraphError("the graph is broken: " + "; ".join(map(str, faults)))


def broken(subject: Any, rules: Mapping[str, Callable[[Any], Found]]) -> list[Fault]:
    """Return the faults of `subject` for the first rule that it breaks.

    Each rule assumes that the rules before it hold. For example, shapes cannot be inferred in a
    graph with a cycle.
    """
    for rule, find in rules.items():
        faults = [
            Fault(rule, named(node), subject.place(node), detail) for node, detail in find(subject)
        ]
        if faults:
            return faults
    return []


def named(node: Any) -> str:
    """Return the name of a node, a call or a variable."""
    return node.name if isinstance(node, (fx.Node, Call)) else repr(node)


def disagree(one: Any, other: Any) -> str:
    """Describe how two fake tensors differ in dtype or known sizes, or return an empty string."""
    if not (isinstance(one, torch.Tensor) and isinstance(other, torch.Tensor)):
        return ""
    pairs = zip(one.shape, other.shape, strict=False)
    sizes = [(shapes.known(a), shapes.known(b)) for a, b in pairs]
    fit = one.dtype == other.dtype and one.dim() == other.dim()
    if fit and all(a is None or b is None or a == b for a, b in sizes):
        return ""
    return f"it is {shapes.describe(one)} instead of {shapes.describe(other)}"
