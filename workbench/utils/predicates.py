"""Predicates on variables, and their combinations with ``&``, ``|`` and ``~``.

`as_predicate` converts every kind of criterion to a `Predicate`. The class is in this package
because roles use its operators; `workbench.graph.criteria` registers the criteria for bricks and
paths.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import singledispatch
from types import UnionType
from typing import Any

from workbench.errors import SignatureError
from workbench.hints import hinted
from workbench.tensor import Variable

NO_CRITERION = (
    "{criterion!r} cannot select variables; a criterion must be a role such as WEIGHT, a brick, "
    "a class of bricks, an application, a name, a path such as '/mlp/linear_0.W', a compiled "
    "pattern, a function of a variable, a variable, or a combination of these with |, & and ~"
)


class Predicate:
    """Base class of conditions on variables: roles, paths, filters and their combinations."""

    def selects(self, variable: Variable) -> bool:
        """Return True if `variable` satisfies the condition."""
        raise NotImplementedError

    def texts(self) -> Iterator[str]:
        """Yield the names and paths in the condition, which are used for spelling hints."""
        yield from ()

    def __and__(self, other: object) -> Predicate:
        return both(self, other)

    def __rand__(self, other: object) -> Predicate:
        return both(other, self)

    def __or__(self, other: object) -> Predicate:
        return either(self, other)

    def __ror__(self, other: object) -> Predicate:
        return either(other, self)

    def __invert__(self) -> Predicate:
        return opposite(self)


@dataclass(frozen=True, repr=False)
class AllOf(Predicate):
    """Condition that holds if all conditions in `parts` hold, or if `parts` is empty."""

    parts: tuple[Predicate, ...]

    def selects(self, variable: Variable) -> bool:
        return all(part.selects(variable) for part in self.parts)

    def texts(self) -> Iterator[str]:
        for part in self.parts:
            yield from part.texts()

    def __repr__(self) -> str:
        shown = (f"({part!r})" if isinstance(part, AnyOf) else repr(part) for part in self.parts)
        return " & ".join(shown) or "everything"


@dataclass(frozen=True, repr=False)
class AnyOf(Predicate):
    """Condition that holds if at least one condition in `parts` holds."""

    parts: tuple[Predicate, ...]

    def selects(self, variable: Variable) -> bool:
        return any(part.selects(variable) for part in self.parts)

    def texts(self) -> Iterator[str]:
        for part in self.parts:
            yield from part.texts()

    def __repr__(self) -> str:
        return " | ".join(map(repr, self.parts)) or "nothing"


@dataclass(frozen=True, repr=False)
class Not(Predicate):
    """Negation of a condition."""

    part: Predicate

    def selects(self, variable: Variable) -> bool:
        return not self.part.selects(variable)

    def __repr__(self) -> str:
        composite = isinstance(self.part, (AllOf, AnyOf)) and len(self.part.parts) > 1
        return f"~({self.part!r})" if composite else f"~{self.part!r}"


@dataclass(frozen=True, repr=False)
class Fulfils(Predicate):
    """Condition that holds if a function returns a true value for the variable."""

    function: Callable[[Variable], Any]

    def selects(self, variable: Variable) -> bool:
        return bool(self.function(variable))

    def __repr__(self) -> str:
        return getattr(self.function, "__name__", repr(self.function))


@hinted
def as_predicate(criterion: object) -> Predicate:
    """Convert a criterion to a predicate.

    Parameters
    ----------
    criterion : object
        One of the following, each with the variables that it selects:

        - a role: variables with this role or a more specific role;
        - a brick, or a class of bricks: variables that belong to the brick, but not to its
          children;
        - a path, as a `Path` or a string that contains ``/`` or ``.``: variables at or
          below this path;
        - any other string: variables with this name, in the graph or in the brick;
        - a compiled pattern: variables whose name or path starts with a match of the pattern;
        - an application: inputs, outputs and auxiliary variables of its calls;
        - a variable: this variable; a class of variables: its instances;
        - a function: variables that the function returns a true value for;
        - a `Selector`: variables of its bricks and their descendants;
        - a `VariableFilter`: variables that the filter selects;
        - a list of criteria: variables that satisfy at least one of them;
        - a combination of criteria with ``&``, ``|`` and ``~``, where at least one operand of each
          operator is a role, brick, application, path, filter or predicate.

    Raises
    ------
    SignatureError
        If `criterion` is any other object.

    Examples
    --------
    >>> from workbench.bricks import Linear
    >>> from workbench.filter import as_predicate
    >>> from workbench.roles import BIAS, WEIGHT
    >>> WEIGHT & ~BIAS | "scale"
    WEIGHT & ~BIAS | 'scale'
    >>> ~as_predicate(Linear)
    ~Linear
    """
    return normalized(criterion)


@singledispatch
def normalized(criterion: object) -> Predicate:
    """Convert a criterion to a predicate; other modules register more kinds of criteria."""
    if callable(criterion):
        return Fulfils(criterion)
    raise SignatureError(NO_CRITERION.format(criterion=criterion))


@normalized.register
def _(criterion: Predicate) -> Predicate:
    return criterion


@normalized.register(list)
@normalized.register(tuple)
@normalized.register(set)
@normalized.register(frozenset)
def _(criterion: Iterable[object]) -> Predicate:
    return any_of(criterion)


@normalized.register
def _(criterion: UnionType) -> Predicate:
    return any_of(criterion.__args__)  # the classes in `Linear | Tanh`


def any_of(criteria: Iterable[object]) -> Predicate:
    """Return a condition that holds if at least one of `criteria` holds."""
    parts = tuple(map(as_predicate, criteria))
    return parts[0] if len(parts) == 1 else AnyOf(parts)


def all_of(criteria: Iterable[object]) -> Predicate:
    """Return a condition that holds if all of `criteria` hold."""
    parts = tuple(map(as_predicate, criteria))
    return parts[0] if len(parts) == 1 else AllOf(parts)


def both(one: object, other: object) -> Predicate:
    """Return ``one & other``."""
    return AllOf(_merged(AllOf, one, other))


def either(one: object, other: object) -> Predicate:
    """Return ``one | other``."""
    return AnyOf(_merged(AnyOf, one, other))


def opposite(criterion: object) -> Predicate:
    """Return ``~criterion``."""
    part = as_predicate(criterion)
    return part.part if isinstance(part, Not) else Not(part)


def _merged(kind: type[AllOf] | type[AnyOf], *criteria: object) -> tuple[Predicate, ...]:
    """Return the conditions to combine with `kind`, flattened and without duplicates."""
    parts: dict[Predicate, None] = {}
    for part in map(as_predicate, criteria):
        nested = part.parts if isinstance(part, kind) else ()
        parts.update(dict.fromkeys(nested or (part,)))
    return tuple(parts)
