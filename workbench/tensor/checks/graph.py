"""Rules that every graph of variables must satisfy."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch

from workbench import errors
from workbench.hints import hinted
from workbench.tensor import shapes
from workbench.tensor.call import infer
from workbench.tensor.checks.fault import Fault, Found, broken, disagree
from workbench.tensor.refusals import SIGNS, changes_in_place
from workbench.tensor.shared import SharedVariable
from workbench.tensor.structure import flatten
from workbench.tensor.variable import Call, Variable, identity

IN_PLACE = {operator.setitem, operator.delitem} | {getattr(operator, f"i{name}") for name in SIGNS}


class _Graph:
    """The calls and variables that compute `roots` and `updates`; the graph may contain cycles."""

    def __init__(self, roots: Iterable[Variable], updates: Mapping[Any, Variable]) -> None:
        self.updates = updates
        self.cycles: list[Call] = []
        order: dict[Variable, None] = {}
        on_the_way: set[Variable] = set()
        stack = [(root, False) for root in [*roots, *updates.values(), *updates]]
        while stack:
            variable, left = stack.pop()
            if left:
                on_the_way.remove(variable)
                order[variable] = None
            elif variable not in order and variable not in on_the_way:
                on_the_way.add(variable)
                stack.append((variable, True))
                if variable.owner is not None:
                    if not on_the_way.isdisjoint(variable.owner.inputs):
                        self.cycles.append(variable.owner)
                    stack.extend((v, False) for v in variable.owner.inputs)
        self.variables = list(order)
        self.calls = list(dict.fromkeys(v.owner for v in order if v.owner is not None))

    def place(self, node: Any) -> str:
        """Return the path of the brick application that created a node, or an empty string."""
        call = node if isinstance(node, Call) else node.owner
        return call.location[-1] if call is not None and call.location else ""


def _no_cycles(graph: _Graph) -> Found:
    for call in graph.cycles:
        yield call, "it depends on its own result"


def _owned(graph: _Graph) -> Found:
    for variable in graph.variables:
        owner = variable.owner
        if owner is None:
            continue
        if isinstance(variable, SharedVariable):
            yield variable, f"it is a shared variable, but {owner.name} computes it"
        elif not any(v is variable for v in owner.outputs[variable.index : variable.index + 1]):
            yield variable, f"output {variable.index} of {owner.name} is a different variable"


def _inputs_listed(graph: _Graph) -> Found:
    for call in graph.calls:
        leaves, _ = flatten(call.args, call.kwargs)
        found = tuple(dict.fromkeys(leaf for leaf in leaves if isinstance(leaf, Variable)))
        if len(found) != len(call.inputs) or not all(map(operator.is_, found, call.inputs)):
            yield (
                call,
                f"its inputs are {list(call.inputs)}, but its arguments contain {list(found)}",
            )


def _pure_calls(graph: _Graph) -> Found:
    for call in graph.calls:
        if call.function in IN_PLACE or changes_in_place(call.function):
            yield call, "it changes its argument"


def _inferred(graph: _Graph) -> Found:
    for call in graph.calls:
        if call.function is identity:
            fakes = [call.inputs[0].fake]
        else:
            try:
                fakes = [f for f in flatten([infer(call)], {})[0] if not isinstance(f, int)]
            except (errors.ShapeError, errors.DtypeError) as error:
                yield call, f"its inputs are incompatible ({error})"
                continue
            except errors.WorkbenchError:  # the shape depends on values
                continue
        symbolic = [f for f in fakes if isinstance(f, (torch.Tensor, *shapes.SYMBOLIC_NUMBERS))]
        for variable, fake in zip(call.outputs, symbolic, strict=False):
            if difference := disagree(variable.fake, fake):
                yield variable, difference


def _held(graph: _Graph) -> Found:
    for variable in graph.variables:
        if not isinstance(variable, SharedVariable) or variable.symbolic:
            continue
        if difference := disagree(variable.fake, variable.tensor):
            yield variable, difference


def _updates_fit(graph: _Graph) -> Found:
    for variable, new in graph.updates.items():
        if not isinstance(variable, SharedVariable):
            yield variable, "it has an update but is not shared"
        elif difference := disagree(new.fake, variable.fake):
            yield new, f"as an update of {variable!r}, {difference}"


GRAPH: dict[str, Callable[[_Graph], Found]] = {
    "the inputs of a call must be computed before the call": _no_cycles,
    "a variable must be the output of its owner at its index": _owned,
    "the inputs of a call must be the variables among its arguments": _inputs_listed,
    "no call may change its arguments in place": _pure_calls,
    "shapes and dtypes must be as inferred": _inferred,
    "a shared variable must have the shape and dtype of its tensor": _held,
    "an update must have the shape and dtype of its shared variable": _updates_fit,
}
"""Rules for graphs of variables, each with a function that finds the offending nodes."""


@hinted
def check_graph(
    outputs: Iterable[Variable], updates: Mapping[Any, Variable] | None = None
) -> list[Fault]:
    """Check the graph of `outputs` and `updates`.

    Parameters
    ----------
    outputs : iterable of Variable
    updates : dict of SharedVariable to Variable, optional

    Returns
    -------
    list of Fault

    Examples
    --------
    >>> from workbench import tensor
    >>> y = tensor.vector("x") * 2
    >>> check_graph([y])
    []
    >>> y.index = 1
    >>> print(*check_graph([y]))
    mul: output 1 of mul is a different variable, but a variable must be the output of its ...
    """
    return broken(_Graph(outputs, updates or {}), GRAPH)
