"""Filters that find variables by role, brick, application, name or any other criterion.

A variable must meet all criteria of a filter. A criterion with several values is met if at least
one of the values matches. `as_predicate` lists the criteria. `Selector`, `ComputationGraph`, step
rules and graph rewrites accept the same criteria.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from workbench.errors import SignatureError
from workbench.graph.annotations import get_annotation, get_application_call
from workbench.graph.criteria import Matching, Named, OfCall
from workbench.graph.hierarchy import Component, get_brick
from workbench.graph.selection import Selection, select
from workbench.hints import Hinted
from workbench.names import explain_missing
from workbench.roles import VariableRole
from workbench.tensor import Variable
from workbench.utils.predicates import Predicate, all_of, any_of, as_predicate

__all__ = [
    "Selection",
    "VariableFilter",
    "as_predicate",
    "get_annotation",
    "get_application_call",
    "get_brick",
]


POSITIONS = (
    "roles",
    "bricks",
    "each_role",
    "name",
    "name_regex",
    "variable_name",
    "variable_name_regex",
    "call_id",
    "applications",
)
"""Argument names in the order of Blocks, used if the third argument is a bool."""


class VariableFilter(Predicate, Hinted):
    """Filter that selects the variables that meet all of its criteria.

    Parameters
    ----------
    *criteria : object
        Criteria that `as_predicate` accepts; a variable must meet all of them. Alternatively, pass
        the following arguments by position, in the order that Blocks uses.
    roles : sequence of VariableRole, optional
        Select variables with one of these roles or a more specific role.
    bricks : sequence of Brick classes and bricks, optional
        Select variables of these bricks, or of bricks of these classes. Variables of a child do not
        belong to the parent.
    each_role : bool, optional
        If True, a variable must have all of `roles`.
    name : str, optional
        Select variables that have this name in their application or brick (``variable.tag.name``).
    name_regex : str or Pattern, optional
        A regular expression that matches the beginning of ``variable.tag.name``.
    variable_name : str, optional
        Select variables with this full name (``variable.name``).
    variable_name_regex : str or Pattern, optional
        A regular expression that matches the beginning of ``variable.name``.
    call_id : str, optional
        Select variables of calls with this ``call_id``.
    applications : sequence of Application and BoundApplication, optional
        Select variables of calls to these applications. ``Linear.apply`` means the application of
        any `Linear` brick.

    Raises
    ------
    SignatureError
        If a criterion has the wrong type, or a regular expression is invalid.

    Notes
    -----
    A parameter may be computed from other variables, for example as the transpose of a weight
    matrix. A ``PARAMETER`` is therefore not always a shared variable. To select only shared
    variables, add the criterion `SharedVariable`.

    Examples
    --------
    >>> from workbench import tensor
    >>> from workbench.bricks import MLP, Identity, Linear, Logistic
    >>> from workbench.graph import ComputationGraph
    >>> from workbench.roles import BIAS, OUTPUT
    >>> mlp = MLP([Identity(), Logistic()], [20, 10, 20])
    >>> graph = ComputationGraph(mlp.apply(tensor.matrix("x")))
    >>> VariableFilter(roles=[BIAS], bricks=[mlp.linear_transformations[0]])(graph.variables)
    [b]
    >>> VariableFilter(roles=[OUTPUT], bricks=[Linear])(graph.variables)
    [linear_0_apply_output, linear_1_apply_output]
    >>> VariableFilter(BIAS & ~mlp.linear_transformations[0])(graph).paths
    ['/mlp/linear_1.b']
    >>> VariableFilter("mlp/linear_1.W")(mlp)
    [W]
    """

    def __init__(
        self,
        *criteria: Any,
        roles: Sequence[VariableRole] | None = None,
        bricks: Sequence[Component | type[Component]] | None = None,
        each_role: bool = False,
        name: str | None = None,
        name_regex: str | re.Pattern[str] | None = None,
        variable_name: str | None = None,
        variable_name_regex: str | re.Pattern[str] | None = None,
        call_id: str | None = None,
        applications: Sequence[Any] | None = None,
    ) -> None:
        if len(criteria) > 2 and isinstance(criteria[2], bool):
            by_name = dict(zip(POSITIONS, criteria, strict=False))
            self.__init__(**by_name)  # type: ignore[misc]
            return
        self.roles = _listed("roles", roles, VariableRole, "roles such as WEIGHT")
        self.bricks = _listed("bricks", bricks, (Component, type), "bricks and classes of bricks")
        self.each_role = each_role
        self.name = name
        self.name_regex = name_regex
        self.variable_name = variable_name
        self.variable_name_regex = variable_name_regex
        self.call_id = call_id
        self.applications = _listed(
            "applications", applications, (Predicate, Callable), "applications"
        )
        self._given = [as_predicate(one) for one in criteria if one is not None]
        self._predicate = self._combined()

    def _combined(self) -> Predicate:
        """Return one predicate for all criteria, with cheap criteria first."""
        parts: list[Predicate] = []
        if self.name is not None:
            parts.append(Named(self.name, of_variable=False))
        if self.variable_name is not None:
            parts.append(Named(self.variable_name, in_brick=False))
        if self.roles is not None:
            parts.append(all_of(self.roles) if self.each_role else any_of(self.roles))
        if self.name_regex is not None:
            pattern = _pattern("name_regex", self.name_regex)
            parts.append(Matching(pattern, of_variable=False, path=False))
        if self.variable_name_regex is not None:
            pattern = _pattern("variable_name_regex", self.variable_name_regex)
            parts.append(Matching(pattern, in_brick=False, path=False))
        if self.bricks is not None:
            parts.append(any_of(self.bricks))
        if self.call_id is not None:
            parts.append(OfCall(self.call_id))
        if self.applications is not None:
            parts.append(any_of(self.applications))
        return all_of([*parts, *self._given])

    def selects(self, variable: Variable) -> bool:
        """Return True if `variable` meets all criteria."""
        return self._predicate.selects(variable)

    def texts(self) -> Iterator[str]:
        """Yield the names and paths in the criteria."""
        return self._predicate.texts()

    def __call__(self, variables: Any) -> Selection:
        """Return the elements of `variables` that meet all criteria, in order.

        Parameters
        ----------
        variables : iterable of Variable, ComputationGraph, Model, Brick, Selector or list of Brick
            The variables of a brick are its parameters and the parameters of all descendants.
        """
        return select(self, variables)

    def __repr__(self) -> str:
        given = [*map(repr, self._given)]
        given += [
            f"{key}={value!r}"
            for key, value in vars(self).items()
            if not key.startswith("_") and value is not None and value is not False
        ]
        return f"VariableFilter({', '.join(given)})"


def _pattern(option: str, pattern: str | re.Pattern[str]) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except (re.error, TypeError) as error:
        raise SignatureError(
            f"VariableFilter: {option}={pattern!r} is not a regular expression: {error}"
        ) from None


def _listed(name: str, values: Any, kind: Any, words: str) -> list[Any] | None:
    """Return the values of a criterion as a list."""
    if values is None:
        return None
    if not isinstance(values, Iterable) or not all(isinstance(v, kind) for v in values):
        raise SignatureError(f"VariableFilter: {name} must be a list of {words}, not {values!r}")
    return list(values)


explain_missing(__name__)
