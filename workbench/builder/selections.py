"""Selection of parameters in code that builds a model, for example for weight decay.

`ComputationGraph` and `VariableFilter` are really called, since the bricks of the code exist while
it is read. Only parameters can be selected: a specification can refer to them, but not to the
variables inside bricks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from workbench import roles
from workbench.bricks import BoundApplication, Brick
from workbench.builder.names import Reference, Unreadable, resolved
from workbench.errors import WorkbenchError
from workbench.filter import VariableFilter
from workbench.graph import ComputationGraph
from workbench.roles import VariableRole
from workbench.tensor import SharedVariable, Variable

CRITERIA = (bool, str, type(None), Brick, BoundApplication, Variable)


def made(cls: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """Return a graph or filter; raise `Unreadable` if an argument cannot be read."""
    if cls is ComputationGraph:
        return _tried(lambda: cls(*args, **kwargs))
    given = [_criterion(one) for one in args]
    named = {name: _criterion(value) for name, value in kwargs.items()}
    found = _tried(lambda: VariableFilter(*given, **named))
    for pattern in (found.name_regex, found.variable_name_regex):
        if isinstance(pattern, str) and not _is_fast(pattern):
            raise Unreadable("a regular expression with a group or with several repetitions")
    return found


def attribute(graph: ComputationGraph, name: str) -> Any:
    """Return an attribute of a graph; for ``variables``, return the graph itself."""
    if name == "variables":
        return graph
    if name in ("parameters", "inputs", "outputs"):
        return list(getattr(graph, name))
    if name == "select":
        return lambda criterion: _parameters(lambda: graph.select(_criterion(criterion)))
    raise Unreadable(f"the attribute {name!r} of a graph")


def filtered(chosen: VariableFilter, candidates: Any) -> list[Variable]:
    """Return the parameters that a filter selects from a graph, a brick or a list of variables."""
    return _parameters(lambda: chosen(candidates))


def _parameters(select: Callable[[], Any]) -> list[Variable]:
    found = list(_tried(select))
    if all(isinstance(one, SharedVariable) for one in found):
        return found
    raise Unreadable("a selection of variables other than parameters")


def _is_fast(pattern: str) -> bool:
    """Return False for a regular expression whose search could take exponential time."""
    return "(" not in pattern and sum(map(pattern.count, "*+?{")) <= 1


def _criterion(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_criterion(one) for one in value]
    if isinstance(value, CRITERIA):
        return value
    found = None
    if isinstance(value, Reference):
        role = value.path.removeprefix("workbench.roles.")
        found = getattr(roles, role, None) if role != value.path else resolved(value)
    if isinstance(found, VariableRole) or (isinstance(found, type) and issubclass(found, Brick)):
        return found
    raise Unreadable("a criterion that is not a role, a brick or a name")


def _tried(make: Callable[[], Any]) -> Any:
    try:
        return make()
    except (WorkbenchError, TypeError, ValueError) as error:
        raise Unreadable(str(error)) from error
