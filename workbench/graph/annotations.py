"""Annotations, which connect variables with the bricks and the calls that created them.

The ``tag.annotations`` of a variable contain its brick and its application call. Annotations can
have *auxiliary variables*, which are useful for monitoring but not needed for the outputs, and
*updates* of shared variables. `workbench.graph.ComputationGraph` collects both.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol, TypeVar

from workbench.hints import Hinted, hinted
from workbench.names import explain_missing
from workbench.roles import AUXILIARY, VariableRole, add_role
from workbench.tensor import SharedVariable, Variable, as_variable
from workbench.tensor.random import Draws

__all__ = [
    "Annotation",
    "ApplicationCall",
    "add_annotation",
]

A = TypeVar("A", bound="Annotation")


class Annotation(Hinted):
    """Base class of objects that variables belong to, such as bricks and calls.

    Attributes
    ----------
    auxiliary_variables : list of Variable
    updates : dict of SharedVariable to Variable
        The new values of shared variables, which are assigned when the graph is run.

    Examples
    --------
    >>> from workbench import tensor
    >>> from workbench.graph import ComputationGraph
    >>> x = tensor.vector("x")
    >>> annotation = Annotation()
    >>> annotation.add_auxiliary_variable((x ** 2).sum(), name="energy")
    >>> y = x + 1
    >>> add_annotation(y, annotation)
    >>> ComputationGraph(y).auxiliary_variables
    [energy]
    """

    def __init__(self) -> None:
        self.auxiliary_variables: list[Variable] = []
        self.updates: dict[SharedVariable, Variable] = {}

    def add_auxiliary_variable(
        self, variable: Any, roles: Iterable[VariableRole] | None = None, name: str | None = None
    ) -> None:
        """Attach a variable and give it the role ``AUXILIARY``.

        Parameters
        ----------
        variable : Variable
        roles : iterable of VariableRole, optional
            Additional roles.
        name : str, optional
            New name of the variable, also stored in its tag.
        """
        variable = as_variable(variable)
        add_annotation(variable, self)
        if name is not None:
            variable.name = variable.tag.name = name
        for role in (AUXILIARY, *(roles or ())):
            add_role(variable, role)
        self.auxiliary_variables.append(variable)


class BrickMethod(Protocol):
    """Interface of an application method bound to a brick; `BoundApplication` implements it."""

    @property
    def application(self) -> Any:
        """The unbound application method."""

    @property
    def brick(self) -> Any:
        """The brick that the method is bound to."""

    @property
    def name(self) -> str:
        """The name of the method."""

    @property
    def path(self) -> str:
        """The path of the brick and the name of the method, such as ``mlp/linear_0.apply``."""

    @property
    def inputs(self) -> list[str]:
        """The input names."""

    @property
    def declares_inputs(self) -> bool:
        """True if the input names were declared explicitly."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Apply the method."""


class ApplicationCall(Annotation):
    """Call to an application method: the link between a brick and its inputs and outputs.

    An application method with an argument ``application_call`` receives this object and can attach
    auxiliary variables to it.

    Parameters
    ----------
    application : BoundApplication
        The application that is called.

    Attributes
    ----------
    metadata : dict
        The entry ``"call_id"`` is the argument ``call_id``, or ``None`` if it was not passed.
    options : dict
        The arguments of the call that are numbers, strings or Booleans, by name.
    inner_inputs, inner_outputs : list of Variable
        The inputs and outputs of the graph for one time step, if the call iterates over sequences.
        The inputs are the elements of sequences, the states and the contexts; the outputs are the
        outputs of the application. Both lists are empty for other calls.
    draws : dict of frozenset of Variable to Draws
        For each set of inputs, the random draws to use when the call is repeated in training mode.

    Examples
    --------
    >>> from workbench import tensor
    >>> from workbench.bricks import Brick, application
    >>> from workbench.filter import get_application_call
    >>> class Shifted(Brick):
    ...     @application
    ...     def apply(self, x, application_call):
    ...         application_call.add_auxiliary_variable(x.mean())
    ...         return x + 1
    >>> y = Shifted().apply(tensor.vector("x"))
    >>> get_application_call(y)
    <call of shifted.apply>
    >>> get_application_call(y).auxiliary_variables
    [mean]
    """

    def __init__(self, application: BrickMethod) -> None:
        super().__init__()
        self.application = application
        self.metadata: dict[str, Any] = {"call_id": None}
        self.options: dict[str, Any] = {}
        self.inner_inputs: list[Variable] = []
        self.inner_outputs: list[Variable] = []
        self.draws: dict[frozenset[Variable], Draws] = {}

    def add_auxiliary_variable(
        self, variable: Any, roles: Iterable[VariableRole] | None = None, name: str | None = None
    ) -> None:
        """Attach a variable to this call and to its brick.

        If `name` is given, the variable is renamed to ``brick_application_name``, in the same way
        as inputs and outputs, and its ``tag.name`` is set to `name`.
        """
        variable = as_variable(variable)
        brick = self.application.brick
        add_annotation(variable, brick)
        super().add_auxiliary_variable(variable, roles)
        if name is not None:
            variable.name = f"{brick.name}_{self.application.name}_{name}"
            variable.tag.name = name

    def __repr__(self) -> str:
        return f"<call of {self.application.path}>"


@hinted
def add_annotation(var: Variable, annotation: Annotation) -> None:
    """Attach an annotation to a variable, unless it is already attached."""
    if not any(old is annotation for old in var.tag.annotations):
        var.tag.annotations = [*var.tag.annotations, annotation]


@hinted
def get_annotation(var: Variable, cls: type[A]) -> A | None:
    """Return the first annotation of type `cls`, or ``None``.

    Examples
    --------
    >>> from workbench import tensor
    >>> from workbench.bricks import Linear
    >>> y = Linear(2, 1, name="last").apply(tensor.matrix("x"))
    >>> get_annotation(y, Linear), get_annotation(y, ApplicationCall)
    (<Linear last: 2 -> 1>, <call of last.apply>)
    """
    return next((a for a in var.tag.annotations if isinstance(a, cls)), None)


@hinted
def get_application_call(var: Variable) -> ApplicationCall | None:
    """Return the application call that a variable belongs to, or ``None``."""
    return get_annotation(var, ApplicationCall)


explain_missing(__name__)
