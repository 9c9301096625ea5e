"""Bricks, variables and other objects that are created while code is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from itertools import product
from typing import Any

import numpy
import torch

from workbench.bricks import BoundApplication, Brick
from workbench.bricks.application import applications_of
from workbench.builder import modules, operations, registry, selections
from workbench.builder.fields import free_name
from workbench.builder.graph import is_constant
from workbench.builder.names import CONSTANTS, INPUTS, Opaque, Reference, Unreadable, resolved
from workbench.builder.operations import Operation, flat
from workbench.builder.reading import default_name
from workbench.errors import BuilderError
from workbench.graph import ComputationGraph
from workbench.initialization import NdarrayInitialization
from workbench.tensor import SharedVariable, Variable, variable

LIFE_CYCLE = (
    "allocate", "initialize", "push_allocation_config", "push_initialization_config", "get_dim",
    "get_dims",
)  # fmt: skip
"""Methods of bricks, other than application methods, that code can call."""

METHODS: dict[type, tuple[str, ...]] = {
    list: ("append", "clear", "copy", "count", "extend", "index", "insert", "pop", "reverse"),
    tuple: ("count", "index"),
    str: (
        "capitalize", "count", "endswith", "index", "lower", "lstrip", "removeprefix",
        "removesuffix", "rstrip", "startswith", "strip", "title", "upper",
    ),
    dict: ("clear", "copy", "get", "items", "keys", "pop", "setdefault", "update", "values"),
}  # fmt: skip
"""Methods of plain values that code can call."""

CONFIGS = (Reference("workbench.config"), Reference("workbench.config.config"))

DTYPES = (None, torch.float32, torch.int64)
MOST_AXES = 5
"""Maximum number of axes of the variables that replace variables of a wrong shape."""

PLAIN = (bool, int, float, str, type(None), numpy.ndarray, torch.dtype)


class Objects:
    """Objects created while code is read, and the variables that other variables depend on.

    Parameters
    ----------
    faulty : bool
        True to replace variables of a wrong shape or dtype by variables of unknown shape.

    Attributes
    ----------
    consumed : set of Variable
        The variables that other variables are computed from.
    touched : list of Variable or Brick
        The objects that were created, applied, changed or named, in chronological order.
    applied_to_variables : bool
        True if at least one brick was applied to variables.
    unread : list of (int, Opaque)
        The lines of applications that cannot be read, with the values that they need.
    default_seed : int or None
        The value that the code assigns to ``config.default_seed``.
    stand_ins : dict of Variable to Variable
        The variables of unknown shape, and the variables that they replace.
    """

    def __init__(self, *, faulty: bool = False) -> None:
        self.faulty = faulty
        self.stand_ins: dict[Variable, Variable] = {}
        self.default_seed: int | None = None
        self.consumed: set[Variable] = set()
        self.touched: list[Any] = []
        self.applied_to_variables = False
        self.unread: list[tuple[int, Opaque]] = []
        self._bricks: list[Brick] = []
        self._given: set[Brick] = set()

    def tops(self) -> list[Brick]:
        """Return the bricks that do not belong to another brick, in the order of their creation."""
        return [brick for brick in self._bricks if brick not in self._given and not brick.parents]

    def rename_equal(self) -> None:
        """Rename bricks with equal default names, except bricks that have parameters."""
        tops = self.tops()
        names = [brick.name for brick in tops]
        for place, brick in enumerate(tops):
            free = brick.name == default_name(type(brick)) and not has_parameters(brick)
            if free and brick.name in names[:place]:
                names[place] = brick.name = free_name(brick.name, names)

    def made(self, found: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """Call a class, an operation, or a function that creates inputs."""
        if isinstance(found, Operation):
            return self._operation(found, args, kwargs)
        new = self._new(found, args, kwargs)
        self.touched.append(new)
        return new

    def _new(self, found: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        args, kwargs = self._values(args), {k: self._values(v) for k, v in kwargs.items()}
        if not isinstance(found, type) or registry.kind_of(found) is None:
            if found in INPUTS.values() or callable(found):
                return self._tried(lambda: found(*args, **kwargs), found.__name__)
            raise Unreadable(f"a call to {found!r}")
        if issubclass(found, torch.nn.Module):
            return self._tried(lambda: _module(found, args, kwargs), found.__name__)
        new = self._tried(lambda: found(*args, **kwargs), found.__name__)
        if isinstance(new, Brick):
            self._given.update(_bricks_in([args, list(kwargs.values())]))
            self._bricks.append(new)
        return new

    def applied(self, bound: BoundApplication, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """Apply a brick."""
        self._consume([args, list(kwargs.values())])
        given = flat([args, list(kwargs.values())])
        arrays = any(isinstance(v, (numpy.ndarray, torch.Tensor)) for v in given)
        if arrays and not any(isinstance(v, Variable) for v in given):
            raise Unreadable(f"a call to {bound.path} without a variable")
        outputs = self._computed(
            lambda given: bound(*self._values(given[0]), **given[1]), (args, kwargs), bound.path
        )
        self.applied_to_variables = True
        self.touched += flat([outputs])
        return outputs

    def operated(self, function: Callable[..., Any], *operands: Any) -> Variable:
        """Apply an operator to variables."""
        self._consume(operands)
        result: Variable = self._computed(lambda given: function(*given), operands, "an operation")
        self.touched.append(result)
        return result

    def _operation(self, operation: Operation, args: list[Any], kwargs: dict[str, Any]) -> Any:
        self._consume([args, list(kwargs.values())])
        given = operations.arguments(operation, args, kwargs)
        missing = [key for key in operation.inputs if key not in given]
        if missing:
            raise Unreadable(f"a call to {operation.name} without {missing[0]}", needed=True)
        inputs = [given.pop(key) for key in operation.inputs]
        result = self._computed(
            lambda inputs: operations.call(operation, inputs, given), inputs, operation.name
        )
        self.touched.append(result)
        return result

    def attribute(self, owner: Any, name: str) -> Any:
        """Return an attribute of an object."""
        if isinstance(owner, Reference):
            if f"{owner.path}.{name}" in CONSTANTS:
                return CONSTANTS[f"{owner.path}.{name}"]
            found = resolved(Reference(f"{owner.path}.{name}"))
            return found if isinstance(found, torch.dtype) else Reference(f"{owner.path}.{name}")
        if isinstance(owner, Opaque):
            raise Unreadable(owner.reason)
        if isinstance(owner, Variable):
            if name in ("name", "ndim"):
                return getattr(owner, name)
            operation = operations.named(name)
            if operation is None or operation.method is None:
                raise Unreadable(f"the attribute {name!r} of a variable")
            if name == "copy":
                return lambda name=None: self.operated(lambda v: v.copy(name), owner)
            if name == "T":
                return self._operation(operation, [owner], {})
            return lambda *args, **kwargs: self._operation(operation, [owner, *args], kwargs)
        if isinstance(owner, Brick):
            return self._of_brick(owner, name)
        if isinstance(owner, ComputationGraph):
            return selections.attribute(owner, name)
        if name in METHODS.get(type(owner), ()):
            return getattr(owner, name)
        raise Unreadable(f"the attribute {name!r}")

    def _of_brick(self, brick: Any, name: str) -> Any:
        if name in applications_of(type(brick)) or name in LIFE_CYCLE:
            return self._tried_method(brick, name)
        if name == "name":
            return brick.name
        if name == "children":
            return list(brick.children)
        if name == "parameters" or not _is_readable(brick, name):
            self._allocated(brick)
            found = {p.name: p for p in brick.parameters if p is not None}
            if name == "parameters":
                return list(brick.parameters)
            if name in found:
                return found[name]
            raise Unreadable(f"the attribute {name!r} of {brick.path()}")
        return vars(brick)[name]

    def _tried_method(self, brick: Any, name: str) -> Any:
        if name in LIFE_CYCLE:
            # Values of parameters are not part of a specification.
            if name == "initialize":
                return lambda: None
            return lambda *args: self._tried(lambda: getattr(brick, name)(*args), brick.path())
        return getattr(brick, name)

    def _allocated(self, brick: Any) -> None:
        if not brick.allocated:
            self._tried(brick.get_unique_path()[0].allocate, brick.path())

    def element(self, owner: Any, key: Any) -> Any:
        """Index a sequence, a dictionary or a variable."""
        if isinstance(owner, Variable):
            return self._operation(operations.BY_NAME["index"], [owner, key], {})
        if isinstance(owner, Opaque):
            raise Unreadable(owner.reason)
        if isinstance(owner, (list, tuple, dict, str)):
            return owner[key]
        raise Unreadable("an index of a value that is not a sequence, dictionary or variable")

    def set(self, owner: Any, name: str, value: Any) -> None:
        """Assign a setting of a brick, or the name of a brick or variable."""
        self.touched.append(owner)
        if isinstance(owner, Variable):
            if name != "name" or not isinstance(value, str):
                raise Unreadable(f"an assignment to a variable's {name!r}")
            owner.name = value
        elif isinstance(owner, Brick):
            known = registry.settings_of(type(owner))
            if name not in {*known, "name"} or name == "children":
                raise Unreadable(
                    f"{owner.path()} ({type(owner).__name__}) has no setting {name!r} that can be "
                    "assigned",
                    needed=True,
                )
            self._given.update(_bricks_in([value]))
            self._tried(lambda: setattr(owner, name, self._values(value)), owner.path())
        elif isinstance(owner, Opaque):
            raise Unreadable(owner.reason)
        elif owner in CONFIGS and name == "default_seed" and isinstance(value, int):
            self.default_seed = value
        else:
            raise Unreadable(f"an assignment to the attribute {name!r}")

    def _consume(self, values: Sequence[Any]) -> None:
        self.consumed.update(v for v in flat(values) if isinstance(v, Variable))

    def _values(self, value: Any) -> Any:
        """Check that arguments or settings have permitted types, and return them."""
        if isinstance(value, (list, tuple)):
            return type(value)(self._values(part) for part in value)
        if isinstance(value, dict):
            return type(value)((key, self._values(part)) for key, part in value.items())
        kinds = (*PLAIN, Brick, BoundApplication, NdarrayInitialization, torch.nn.Module, Variable)
        if isinstance(value, (*kinds, slice)):
            return value
        if isinstance(value, Reference) and value.path.startswith("torch."):
            found = resolved(value)
            if isinstance(found, torch.dtype):
                return found
        what = value.path if isinstance(value, Reference) else type(value).__name__
        raise Unreadable(f"{what} cannot be used as an argument", needed=True)

    def _computed(self, make: Callable[[Any], Any], inputs: Any, what: str) -> Any:
        """Return ``make(inputs)``; if `faulty` is True, wrong shapes and dtypes are no error."""
        try:
            return self._tried(lambda: make(inputs), what)
        except BuilderError:
            given = {v for v in _variables(inputs) if not _is_fixed(v)}
            if not self.faulty or not given:
                raise
            for axes, dtype in product((None, *range(1, MOST_AXES + 1)), DTYPES):
                new = {v: _unknown(v, axes, dtype) for v in given}
                with suppress(Exception):  # bricks of users may raise anything
                    found = make(_replaced(inputs, new))
                    self.stand_ins.update({one: v for v, one in new.items()})
                    return found
            raise

    def _tried(self, make: Callable[[], Any], what: str) -> Any:
        try:
            return make()
        except (Unreadable, BuilderError):
            raise
        except Exception as error:  # constructors of users' classes may raise anything
            text = str(error)
            raise BuilderError(text if text.startswith(what) else f"{what}: {text}") from error


def _is_fixed(variable: Variable) -> bool:
    """Return True for a parameter or a constant, whose shape does not depend on the inputs."""
    return isinstance(variable, SharedVariable) or is_constant(variable)


def _unknown(like: Variable, axes: int | None, dtype: torch.dtype | None) -> Variable:
    """Return a variable of unknown shape, with the number of axes and dtype of `like` if None."""
    shape = (None,) * (like.ndim if axes is None else axes)
    return variable(like.name or "x", shape, dtype or like.dtype)


def _replaced(value: Any, new: Mapping[Variable, Variable]) -> Any:
    """Return nested lists, tuples and dictionaries with some variables replaced."""
    if isinstance(value, dict):
        return {key: _replaced(part, new) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_replaced(part, new) for part in value)
    return new.get(value, value) if isinstance(value, Variable) else value


def _variables(value: Any) -> list[Variable]:
    parts = value.values() if isinstance(value, dict) else value
    if isinstance(value, (list, tuple, dict)):
        return [one for part in parts for one in _variables(part)]
    return [value] if isinstance(value, Variable) else []


def _module(cls: type[Any], args: list[Any], kwargs: dict[str, Any]) -> torch.nn.Module:
    if cls is torch.nn.Sequential:
        made: torch.nn.Module = cls(*args, **kwargs)
        return made
    names = [name for name in registry.settings_of(cls) if name not in modules.PLACES]
    settings = dict(zip(names, args, strict=False)) | kwargs
    return modules.made(cls, settings, None)


def has_parameters(brick: Brick) -> bool:
    """Return True if a brick, or a brick below it, was applied and has parameters."""
    own = brick.allocated and bool(brick.parameters)
    return own or any(has_parameters(child) for child in brick.children if isinstance(child, Brick))


def _is_readable(brick: Brick, name: str) -> bool:
    """Return True if an attribute is a plain value, a brick, a scheme or a list of such values."""
    if name.startswith("_") or name not in vars(brick):
        return False
    kinds = (*PLAIN, Brick, NdarrayInitialization, BoundApplication)
    return all(isinstance(part, kinds) for part in flat([vars(brick)[name]]))


def _bricks_in(value: Any) -> list[Brick]:
    found = [part.brick if isinstance(part, BoundApplication) else part for part in flat(value)]
    return [part for part in found if isinstance(part, Brick)]
