"""Descriptions of variables and bricks: shapes, roles, parameters and notes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from workbench.diagrams.diagram import UNKNOWN
from workbench.graph.annotations import ApplicationCall, get_application_call
from workbench.graph.hierarchy import Component
from workbench.roles import AUXILIARY, INPUT, OUTPUT, PARAMETER, has_roles
from workbench.tensor import SharedVariable, Variable, shapes
from workbench.tensor.variable import identity

PLAIN_ROLES = (INPUT, OUTPUT, PARAMETER)
"""Roles that are not listed, because they are clear from a variable's position in the diagram."""

MOST_PARAMETERS = 4
"""Maximum number of parameters that are listed for a brick."""


def given_to(call: ApplicationCall, output: Variable) -> list[Variable]:
    """Return the inputs of a call that the given output depends on."""
    found: dict[Variable, None] = {}
    waiting, seen = [output], {output}
    while waiting:
        variable = waiting.pop()
        if variable.owner is None:
            if not isinstance(variable, SharedVariable):
                found[variable] = None
            continue
        copied = variable.owner.function is identity and has_roles(variable, [INPUT])
        if copied and get_application_call(variable) is call:
            found[variable.owner.inputs[0]] = None
            continue
        fresh = [v for v in reversed(variable.owner.inputs) if v not in seen]
        seen.update(fresh)
        waiting.extend(fresh)
    return list(found)


def shape_text(variable: Variable, labels: Mapping[object, str]) -> str:
    """Return the shape of a variable as text, such as ``batch × 784``."""
    if variable.is_number:
        return "a size"
    texts = []
    for size in variable.fake.shape:
        known = shapes.known(size)
        texts.append(str(known) if known is not None else labels.get(shapes.symbol(size), UNKNOWN))
    return " × ".join(texts) or "scalar"


def labels_of(order: Sequence[Variable]) -> dict[object, str]:
    """Return names for unknown sizes.

    The first axes of sequences are ``time`` and ``batch``, and the first axes of queries are
    ``batch`` and ``time``. The first axis of any other input is ``batch`` if its other sizes are
    known.
    """
    found: dict[object, str] = {}
    for variable in order:
        call = get_application_call(variable)
        if call is None or not has_roles(variable, [INPUT]) or variable.is_number:
            continue
        bound: Any = call.application
        if variable.tag.name in getattr(bound, "sequences", ()):
            names = ("time", "batch")
        elif variable.tag.name == "query" and variable.ndim == 3:
            names = ("batch", "time")
        else:
            continue
        for size, name in zip(variable.fake.shape, names, strict=False):
            if shapes.known(size) is None:
                found.setdefault(shapes.symbol(size), name)
    for variable in order:
        if variable.owner is not None or variable.is_number or isinstance(variable, SharedVariable):
            continue
        unknown = [i for i, n in enumerate(variable.fake.shape) if shapes.known(n) is None]
        if unknown == [0]:
            found.setdefault(shapes.symbol(variable.fake.shape[0]), "batch")
    return found


def roles_of(variable: Variable) -> tuple[str, ...]:
    """Return the roles of a variable as one line, except roles that are clear from its position."""
    roles = [role for role in variable.tag.roles if role not in PLAIN_ROLES]
    return (", ".join(map(repr, roles)),) if roles else ()


def facts(brick: Component, composite: bool) -> tuple[tuple[str, ...], int]:
    """Return lines of text that describe a brick's parameters, and the number of parameters."""
    own = [] if brick._parameters is None else [p for p in brick.parameters if p is not None]
    lines = []
    if not composite:
        for one in own[:MOST_PARAMETERS]:
            sizes = " × ".join(map(str, one.shape)) or "scalar"
            roles = [r for r in one.tag.roles if r is not PARAMETER]
            special = [
                r for r in roles if not any(o is not r and isinstance(o, type(r)) for o in roles)
            ]
            lines.append(" ".join([one.name or "parameter", sizes, *map(repr, special)]))
        if len(own) > MOST_PARAMETERS:
            lines.append(f"and {len(own) - MOST_PARAMETERS} more parameters")
    return tuple(lines), sum(math.prod(p.shape) for p in _all_parameters(brick))


def _all_parameters(brick: Component) -> list[Any]:
    found: dict[Any, None] = {}
    waiting, seen = [brick], {brick}
    while waiting:
        here = waiting.pop()
        if here._parameters is not None:
            found |= dict.fromkeys(p for p in here.parameters if p is not None)
        fresh = [child for child in here.children if child not in seen]
        seen.update(fresh)
        waiting.extend(fresh)
    return list(found)


def notes_of(auxiliary: Sequence[Variable], updates: int) -> tuple[str, ...]:
    """Return notes on the auxiliary variables and updates of a graph."""
    notes = []
    listed = [v for v in auxiliary if has_roles(v, [AUXILIARY])]
    if listed:
        names = ", ".join(dict.fromkeys(map(str, listed[:6])))
        more = f" and {len(listed) - 6} more" if len(listed) > 6 else ""
        notes.append(f"Auxiliary variables: {names}{more}.")
    if updates:
        notes.append(f"{updates} update{'s' * (updates != 1)} of shared variables.")
    return tuple(notes)
