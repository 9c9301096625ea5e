"""Hierarchy of the named components of a model.

`Component` is the base class of bricks. It defines the attributes that filters, selectors and
models use: a name, children, parents and parameters. `workbench.bricks` adds configuration and
application.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from workbench.errors import BrickError, NotAllocatedError
from workbench.graph.annotations import Annotation, add_annotation, get_annotation
from workbench.hints import hinted
from workbench.roles import PARAMETER, add_role
from workbench.tensor import Variable
from workbench.utils.containers import AnnotatingList
from workbench.utils.predicates import Predicate, both, either, opposite

PATH_SEPARATOR = "/"
PARAMETER_SEPARATOR = "."


class Component(Annotation):
    """Annotation with a name, children and parameters; the base class of bricks.

    Parameters
    ----------
    name : str
        Name without ``/`` or ``.``, which separate names in paths.
    children : iterable of Component, optional

    Attributes
    ----------
    parents : list of Component
        The components that have this component as a child. A copy or a pickle of a component
        contains its children, but not its parents.
    """

    def __init__(self, name: str, children: Iterable[Component] | None = None) -> None:
        super().__init__()
        self.name = name
        self.parents: list[Component] = []
        self._parameters: Parameters | None = None
        self._children = Children(self, children)

    @property
    def name(self) -> str:
        """The name of the component in paths, errors and variables."""
        return self._name

    @name.setter
    def name(self, value: str) -> None:
        if not isinstance(value, str) or not value or {"/", "."} & set(value):
            raise BrickError(
                f"{type(self).__name__}: the name of a brick must be a non-empty string without "
                f"'/' or '.' (which separate the names in a path), not {value!r}"
            )
        self._name = value

    @property
    def children(self) -> Children:
        """The child components, in a list that keeps their `parents` up to date."""
        return self._children

    @children.setter
    def children(self, value: Iterable[Component]) -> None:
        new = list(value)
        self._children.clear()
        self._children.extend(new)

    @property
    def parameters(self) -> Parameters:
        """The parameters of the component, available after allocation.

        The parameters of its children are not included.
        """
        if self._parameters is None:
            raise NotAllocatedError(
                f"{self.path()} has no parameters yet; call its allocate() method, or apply it"
            )
        return self._parameters

    @parameters.setter
    def parameters(self, value: Iterable[Variable | None]) -> None:
        self._parameters = Parameters(self, value)

    def _children_changed(self) -> None:
        """Handle the addition or removal of a child."""

    def get_unique_path(self) -> list[Component]:
        """Return the components from a root to this component.

        If a component has several parents, the first in alphabetical order is used.
        """
        path: list[Component] = [self]
        while path[0].parents:
            path.insert(0, min(path[0].parents, key=lambda parent: parent.name))
        return path

    def get_hierarchical_name(self, parameter: Variable, delimiter: str = PATH_SEPARATOR) -> str:
        """Return the path of a parameter of the component, such as ``/mlp/linear_0.W``.

        `Model`, `Selector` and archives use these paths.
        """
        return f"{delimiter}{self.path(delimiter)}{PARAMETER_SEPARATOR}{parameter.name}"

    def path(self, delimiter: str = PATH_SEPARATOR) -> str:
        """Return the path of the component in the hierarchy, such as ``mlp/linear_0``."""
        return delimiter.join(component.name for component in self.get_unique_path())

    # These operators combine criteria. They are repeated here, so that `Predicate` need not be a
    # base class of every brick.

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

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in vars(self).items() if key != "parents"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        vars(self).setdefault("parents", [])
        for child in self._children:
            vars(child).setdefault("parents", []).append(self)


@hinted
def get_brick(var: Variable) -> Component | None:
    """Return the brick that a variable belongs to, or ``None``.

    Only inputs, outputs, parameters and auxiliary variables belong to a brick.

    Examples
    --------
    >>> from workbench import tensor
    >>> from workbench.bricks import Tanh
    >>> from workbench.filter import get_brick
    >>> get_brick(Tanh().apply(tensor.vector("x")))
    <Tanh tanh>
    """
    return get_annotation(var, Component)


def path_of(variable: Variable) -> str:
    """Return the path of a variable, such as ``/mlp/linear_0.W``, or its name if it has no path."""
    brick = get_brick(variable)
    return repr(variable) if brick is None else brick.get_hierarchical_name(variable)


class Children(AnnotatingList[Component]):
    """List that contains the children of a component and updates the `parents` of each child.

    Parameters
    ----------
    brick : Component
        The parent.
    items : iterable of Component, optional

    Examples
    --------
    >>> from workbench.bricks import MLP, Linear, Tanh
    >>> mlp = MLP([Tanh()], [2, 3])
    >>> added = Linear(3, 1, name="added")
    >>> mlp.children.append(added)
    >>> isinstance(mlp.children, Children), added.parents == [mlp]
    (True, True)
    """

    def __init__(self, brick: Component, items: Iterable[Component] | None = None) -> None:
        self.brick = brick
        super().__init__(items)

    def _setitem(self, key: int, value: Component) -> None:
        if not isinstance(value, Component):
            raise BrickError(f"{self.brick.name}: a child must be a brick, not {value!r}")
        if self.brick in _descendants(value):
            raise BrickError(
                f"{self.brick.name}: {value.name!r} cannot be a child, since it is the brick "
                "itself or one of its ancestors"
            )
        value.parents.append(self.brick)
        self.brick._children_changed()

    def _delitem(self, key: int) -> None:
        self[key].parents.remove(self.brick)
        self.brick._children_changed()


class Parameters(AnnotatingList[Any]):
    """List that adds a role and an annotation to each parameter of a component.

    The role is ``PARAMETER``, and the annotation is the component. An entry can be ``None``, so
    that the other parameters have the same indices in every configuration.

    Parameters
    ----------
    brick : Component
    items : iterable of Variable or None, optional

    Examples
    --------
    >>> from workbench.bricks import Linear
    >>> linear = Linear(2, 1, use_bias=False)
    >>> linear.allocate()
    >>> isinstance(linear.parameters, Parameters), linear.parameters[0].tag.roles
    (True, [WEIGHT])
    """

    def __init__(self, brick: Component, items: Iterable[Variable | None] | None = None) -> None:
        self.brick = brick
        super().__init__(items)

    def _setitem(self, key: int, value: Variable | None) -> None:
        if isinstance(value, Variable):
            add_role(value, PARAMETER)
            add_annotation(value, self.brick)
        elif value is not None:
            raise BrickError(
                f"{self.brick.path()}: a parameter must be a shared variable or None, not "
                f"{value!r}; create it with workbench.utils.shared_floatx"
            )


def _descendants(component: Component) -> set[Component]:
    found = {component}
    queue = [component]
    while queue:
        new = [child for child in queue.pop().children if child not in found]
        found.update(new)
        queue.extend(new)
    return found
