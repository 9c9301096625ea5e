"""Diagrams of bricks, including bricks that have not been applied.

The brick is copied without allocating memory for its parameters, and the copy is applied to inputs
whose shapes follow from the dimensions of the brick. If this is not possible, the diagram shows
only the hierarchy of the bricks.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import torch

from workbench.diagrams.diagram import Diagram, Kind, Node
from workbench.diagrams.of_graph import of_graph
from workbench.diagrams.variables import facts
from workbench.graph.hierarchy import Component
from workbench.tensor import Variable
from workbench.tensor.inputs import variable
from workbench.tensor.symbolic import symbolic_parameters

NOT_APPLIED = (
    "Shapes are unknown, because the shape of the input does not follow from the settings; apply "
    "the brick and draw its output."
)


def of_brick(brick: Any) -> Diagram | None:
    """Return the diagram of a brick, or None if it has no children and its shapes are unknown."""
    outputs = _applied(brick)
    if outputs:
        return of_graph(outputs, title=brick.name)
    nodes = list(_hierarchy(brick))
    if len(nodes) < 2:
        return None
    return Diagram(brick.name, tuple(nodes), notes=(NOT_APPLIED,))


def _applied(brick: Any) -> list[Variable]:
    """Apply a copy of a brick and return its outputs, or an empty list if this fails."""
    bound = getattr(brick, "apply", None)
    for shapes in _guesses(brick, bound):
        try:
            with symbolic_parameters():
                twin = _light_copy(brick)
                if brick.allocated:
                    twin.allocate()  # the copy is marked as allocated, but has no parameters
                given = {name: variable(name, *kind) for name, kind in shapes.items()}
                found = twin.apply(*given.values(), as_list=True)
        except Exception:  # the next guess may be right, and users' bricks may raise anything
            continue
        if all(isinstance(one, Variable) for one in found):
            return list(found)
    return []


def _guesses(brick: Any, bound: Any) -> Iterator[dict[str, tuple[tuple[Any, ...], torch.dtype]]]:
    """Yield possible shapes and dtypes of the inputs, based on the dimensions of a brick."""
    try:
        names = _required(bound)
        dims = [brick.get_dim(name) for name in names]
    except Exception:  # the dimensions are unset or missing
        return
    if not names or not all(isinstance(dim, (int, tuple, list)) for dim in dims):
        return
    recurrent = hasattr(bound, "sequences")
    for axes in [2] if recurrent else [1, 2]:
        for dtype in (torch.get_default_dtype(), torch.int64):
            sizes = [tuple(d) if isinstance(d, (tuple, list)) else (d,) if d else () for d in dims]
            if any(len(size) > 1 for size in sizes) and axes == 2:
                continue
            yield {
                name: ((*[None] * axes, *size), dtype)
                for name, size in zip(names, sizes, strict=True)
            }


def _required(bound: Any) -> list[str]:
    """Return the input names that an application method needs."""
    if hasattr(bound, "sequences"):  # states and masks have defaults
        return [name for name in bound.sequences if "mask" not in name]
    known = bound.application.signature.parameters
    optional = {n for n, p in known.items() if p.default is not p.empty}
    return [name for name in bound.inputs if name not in optional]


def _light_copy(brick: Component) -> Any:
    """Return a copy of a brick without its parameters and graphs."""
    memo: dict[int, Any] = {}
    for one in _below(brick):
        own = vars(one)
        if own.get("_parameters") is not None:
            memo[id(own["_parameters"])] = None
        for held in (own.get("_own") or {}).values():
            memo[id(held)] = held  # shared variables of normalisations and modules
        memo[id(own["auxiliary_variables"])] = []
        memo[id(own["updates"])] = {}
    return copy.deepcopy(brick, memo)


def _below(brick: Component) -> list[Component]:
    found, waiting = {brick: None}, [brick]
    while waiting:
        fresh = [child for child in waiting.pop().children if child not in found]
        found |= dict.fromkeys(fresh)
        waiting.extend(fresh)
    return list(found)


def _hierarchy(brick: Any) -> Iterator[Node]:
    """Yield nodes for a brick and the bricks below it; each brick occurs only once."""
    waiting, seen = [(brick, brick.name, None)], {brick}
    while waiting:
        one, id, parent = waiting.pop(0)
        children = [child for child in one.children if child not in seen]
        described = one.describe() if hasattr(one, "describe") else ""
        lines, count = facts(one, bool(children))
        lines = (*((described,) if described else ()), *lines)
        kind: Kind = "group" if children else "brick"
        yield Node(id, one.name, kind, type(one).__name__, lines, parent, parameters=count)
        seen.update(children)
        waiting += [(child, f"{id}/{i} {child.name}", id) for i, child in enumerate(children)]
