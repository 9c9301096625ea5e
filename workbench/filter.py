"""Finding variables by what is known of them: role, brick, application, name.

Criteria are combined by *and*; within one criterion any of the given values will do.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from workbench.errors import SignatureError
from workbench.graph.annotations import Annotation, ApplicationCall
from workbench.graph.hierarchy import Component
from workbench.hints import Hinted, hinted
from workbench.names import explain_missing
from workbench.roles import VariableRole, has_roles
from workbench.tensor import Variable

__all__ = [
    "VariableFilter",
    "get_annotation",
    "get_application_call",
    "get_brick",
]

A = TypeVar("A", bound=Annotation)
Test = Callable[[Variable], bool]


@hinted
def get_annotation(var: Variable, cls: type[A]) -> A | None:
    """The first annotation of a type, or ``None``."""
    return next((a for a in var.tag.annotations if isinstance(a, cls)), None)


@hinted
def get_brick(var: Variable) -> Component | None:
    """The brick that a variable belongs to, or ``None``.

    Only inputs, outputs, parameters and auxiliary variables belong to a brick.

    Examples
    --------
    >>> from workbench import tensor
    >>> from workbench.bricks import Tanh
    >>> get_brick(Tanh().apply(tensor.vector("x")))
    <Tanh tanh>
    """
    return get_annotation(var, Component)


def path_of(variable: Variable) -> str:
    """Return the path of a brick's parameter, ``/mlp/linear_0.W``, or any other variable's name."""
    brick = get_brick(variable)
    return repr(variable) if brick is None else brick.get_hierarchical_name(variable)


@hinted
def get_application_call(var: Variable) -> ApplicationCall | None:
    """The application call that a variable belongs to, or ``None``."""
    return get_annotation(var, ApplicationCall)


class VariableFilter(Hinted):
    """Picks variables out of many.

    Parameters
    ----------
    roles : sequence of VariableRole, optional
        The variable has one of these roles, or a more specific one.
    bricks : sequence of Brick classes and bricks, optional
        It belongs to one of these bricks, or to a brick of one of these classes. What belongs to a
        child does not belong to the parent.
    each_role : bool, optional
        It must have all of `roles`.
    name : str, optional
        Its name within the application or brick, ``variable.tag.name``.
    name_regex : str or Pattern, optional
        What that name begins with, as a regular expression.
    variable_name : str, optional
        Its full name, ``variable.name``.
    variable_name_regex : str or Pattern, optional
        What the full name begins with.
    call_id : str, optional
        It belongs to a call that was made with this ``call_id``.
    applications : sequence of Application and BoundApplication, optional
        It belongs to a call of one of these. ``Linear.apply`` stands for those of all bricks.

    Raises
    ------
    SignatureError
        If a criterion is of the wrong kind.

    Notes
    -----
    Parameters may be computed from other variables (the transpose of another weight, say), so a
    ``PARAMETER`` is not always a shared variable; see `workbench.utils.is_shared_variable`.

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
    """

    def __init__(
        self,
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
        self.roles = _listed("roles", roles, VariableRole, "roles such as WEIGHT")
        self.bricks = _listed("bricks", bricks, (Component, type), "bricks and classes of bricks")
        self.each_role = each_role
        self.name = name
        for option, pattern in (
            ("name_regex", name_regex),
            ("variable_name_regex", variable_name_regex),
        ):
            _check_pattern(option, pattern)
        self.name_regex = name_regex
        self.variable_name = variable_name
        self.variable_name_regex = variable_name_regex
        self.call_id = call_id
        self.applications = _listed("applications", applications, object, "applications")

    def __call__(self, variables: Iterable[Variable]) -> list[Variable]:
        """Return those of `variables`, a list or a graph, that meet all criteria, in order."""
        tests = self._tests()
        return [variable for variable in variables if all(test(variable) for test in tests)]

    def _tests(self) -> list[Test]:
        """One test for each criterion given, the cheap ones first."""
        tests: list[Test] = []
        if self.name is not None:
            tests.append(lambda v: v.tag.name == self.name)
        if self.variable_name is not None:
            tests.append(lambda v: v.name == self.variable_name)
        if self.roles is not None:
            roles, each = self.roles, self.each_role
            tests.append(lambda v: has_roles(v, roles, match_all=each))
        if self.name_regex is not None:
            begins = re.compile(self.name_regex).match
            tests.append(lambda v: v.tag.name is not None and begins(v.tag.name) is not None)
        if self.variable_name_regex is not None:
            full = re.compile(self.variable_name_regex).match
            tests.append(lambda v: v.name is not None and full(v.name) is not None)
        if self.bricks is not None:
            tests.append(self._of_bricks(self.bricks))
        if self.call_id is not None:
            tests.append(lambda v: _call_id(v) == self.call_id)
        if self.applications is not None:
            tests.append(self._of_applications(self.applications))
        return tests

    def _of_bricks(self, bricks: list[Any]) -> Test:
        classes = tuple(brick for brick in bricks if isinstance(brick, type))
        instances = {brick for brick in bricks if not isinstance(brick, type)}

        def test(variable: Variable) -> bool:
            brick = get_brick(variable)
            return brick is not None and (brick in instances or isinstance(brick, classes))

        return test

    def _of_applications(self, applications: list[Any]) -> Test:
        wanted = set(applications)

        def test(variable: Variable) -> bool:
            call = get_application_call(variable)
            # A class's application stands for those of all its bricks.
            return call is not None and not wanted.isdisjoint(
                (call.application, call.application.application)
            )

        return test

    def __repr__(self) -> str:
        given = (f"{k}={v!r}" for k, v in vars(self).items() if v is not None and v is not False)
        return f"VariableFilter({', '.join(given)})"


def _call_id(variable: Variable) -> str | None:
    call = get_application_call(variable)
    return None if call is None else call.metadata["call_id"]


def _check_pattern(option: str, pattern: object) -> None:
    if pattern is None or isinstance(pattern, re.Pattern):
        return
    try:
        re.compile(pattern)  # type: ignore[call-overload]
    except (re.error, TypeError) as error:
        raise SignatureError(
            f"VariableFilter: {option}={pattern!r} must be a regular expression: {error}"
        ) from None


def _listed(name: str, values: Any, kind: Any, words: str) -> list[Any] | None:
    """The values of a criterion as a list."""
    if values is None:
        return None
    if not isinstance(values, Iterable) or not all(isinstance(v, kind) for v in values):
        raise SignatureError(f"VariableFilter: {name} must be a list of {words}, got {values!r}")
    return list(values)


explain_missing(__name__)
