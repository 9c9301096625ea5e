"""Conversion of names, patterns, bricks, classes and variables to predicates."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from types import UnionType
from typing import Any

from workbench.errors import SignatureError
from workbench.graph.annotations import get_application_call
from workbench.graph.hierarchy import (
    PARAMETER_SEPARATOR,
    PATH_SEPARATOR,
    Component,
    get_brick,
    path_of,
)
from workbench.graph.paths import Path
from workbench.roles import VariableRole
from workbench.tensor import Variable
from workbench.utils.predicates import Predicate, normalized


@dataclass(frozen=True, repr=False)
class Named(Predicate):
    """Condition that a variable has a given name, in the graph or in its brick.

    Parameters
    ----------
    text : str
        The name.
    of_variable, in_brick : bool, optional
        True to compare the name with ``variable.name`` and ``variable.tag.name``, respectively.
    """

    text: str
    of_variable: bool = True
    in_brick: bool = True

    def selects(self, variable: Variable) -> bool:
        return (self.of_variable and variable.name == self.text) or (
            self.in_brick and variable.tag.name == self.text
        )

    def texts(self) -> Iterator[str]:
        yield self.text

    def __repr__(self) -> str:
        return repr(self.text)


@dataclass(frozen=True, repr=False)
class Matching(Predicate):
    """Condition that a regular expression matches the beginning of a name or path of a variable.

    Parameters
    ----------
    pattern : Pattern
    of_variable, in_brick, path : bool, optional
        True to match ``variable.name``, ``variable.tag.name`` and the path, respectively.
    """

    pattern: re.Pattern[str]
    of_variable: bool = True
    in_brick: bool = True
    path: bool = True

    def selects(self, variable: Variable) -> bool:
        texts = [variable.name] if self.of_variable else []
        texts += [variable.tag.name] if self.in_brick else []
        texts += [path_of(variable)] if self.path and get_brick(variable) is not None else []
        return any(text is not None and self.pattern.match(text) for text in texts)

    def __repr__(self) -> str:
        return repr(self.pattern)


@dataclass(frozen=True, repr=False)
class OfBrick(Predicate):
    """Condition that a variable belongs to a brick itself, not to one of its children."""

    brick: Component

    def selects(self, variable: Variable) -> bool:
        return get_brick(variable) is self.brick

    def __repr__(self) -> str:
        return repr(self.brick)


@dataclass(frozen=True, repr=False)
class OfClass(Predicate):
    """Condition that a variable, or the brick that it belongs to, is an instance of a class."""

    cls: type[Any]

    def selects(self, variable: Variable) -> bool:
        found = variable if issubclass(self.cls, Variable) else get_brick(variable)
        return isinstance(found, self.cls)

    def __repr__(self) -> str:
        return self.cls.__name__


@dataclass(frozen=True, repr=False)
class OfCall(Predicate):
    """Condition that a variable belongs to a call with a given ``call_id``."""

    call_id: str

    def selects(self, variable: Variable) -> bool:
        call = get_application_call(variable)
        return call is not None and bool(call.metadata["call_id"] == self.call_id)

    def __repr__(self) -> str:
        return f"call_id={self.call_id!r}"


@dataclass(frozen=True, repr=False)
class Is(Predicate):
    """Condition that is met only by `variable`."""

    variable: Variable

    def selects(self, variable: Variable) -> bool:
        return variable is self.variable

    def __repr__(self) -> str:
        return path_of(self.variable)

    def __eq__(self, other: object) -> bool:
        # `==` of two variables would create a new variable.
        return isinstance(other, Is) and self.variable is other.variable

    def __hash__(self) -> int:
        return hash(self.variable)


@normalized.register
def _(criterion: str) -> Predicate:
    if PATH_SEPARATOR in criterion or PARAMETER_SEPARATOR in criterion:
        return Path.parse(criterion)
    return Named(criterion)


@normalized.register
def _(criterion: re.Pattern) -> Predicate:  # type: ignore[type-arg]
    return Matching(criterion)


@normalized.register
def _(criterion: Component) -> Predicate:
    return OfBrick(criterion)


@normalized.register
def _(criterion: type) -> Predicate:
    if issubclass(criterion, VariableRole):
        raise SignatureError(
            f"{criterion.__name__} is a role class; pass an instance of it, {criterion()!r}"
        )
    return OfClass(criterion)


@normalized.register
def _(criterion: Variable) -> Predicate:
    return Is(criterion)


def is_criterion(given: object) -> bool:
    """Return True if `given` is a criterion rather than a variable or a list of variables."""
    if isinstance(given, Variable):
        return False
    if isinstance(given, (list, tuple, set, frozenset)):
        return any(is_criterion(part) for part in given)
    kinds = (Predicate, Component, str, re.Pattern, type, UnionType)
    return isinstance(given, kinds) or callable(given)
