"""The meaning of names in code that builds a model: classes, inputs, operations and functions.

Nothing is imported. A name has a meaning only if it is listed here, or is the name of a registered
class, an operation or a dtype.
"""

from __future__ import annotations

import ast
import math
import sys
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy

import workbench
from workbench import tensor
from workbench.builder import operations, registry
from workbench.builder.construct import DTYPES
from workbench.filter import VariableFilter
from workbench.graph import ComputationGraph


class Unreadable(Exception):
    """Error raised for code that cannot be read as part of a model.

    Attributes
    ----------
    needed : bool
        True if the model cannot be read without this code.
    """

    def __init__(self, reason: str, *, needed: bool = False) -> None:
        super().__init__(reason)
        self.needed = needed


@dataclass(frozen=True)
class Opaque:
    """Placeholder for a value that cannot be known without running the code.

    Attributes
    ----------
    line : int
        The line of the statement that assigns the value.
    reason : str
        The reason why this statement cannot be read.
    of_model : bool
        True if the value could be computed from a variable of the model.
    direct : bool
        True if the statement itself reads such a variable, rather than, for example, its graph.
    data : bool
        True if the value certainly is not a variable of a model.
    given : bool
        True if the statement reads a part of the model, such as a brick, so that the value could
        contain this part.
    """

    line: int
    reason: str
    of_model: bool = False
    direct: bool = False
    data: bool = False
    given: bool = False


@dataclass(frozen=True)
class Reference:
    """Reference to a module, class or function by its dotted path.

    Attributes
    ----------
    path : str
    """

    path: str


INPUTS: dict[str, Callable[..., Any]] = {
    name: getattr(tensor, name)
    for name in (
        "variable", "scalar", "vector", "matrix", "tensor3", "tensor4", "lscalar", "lvector",
        "lmatrix", "ltensor3", "ltensor4", "constant",
    )
}  # fmt: skip
"""Functions of `workbench.tensor` that create inputs and constants."""


def _range(*ends: int) -> list[int]:
    found = range(*ends)
    if len(found) > 10_000:
        raise Unreadable("a range of more than 10,000 numbers")
    return list(found)


def _product(values: list[Any]) -> Any:
    if not all(isinstance(value, (int, float)) for value in values):
        raise Unreadable("a product of values that are not numbers")
    if sum(value.bit_length() for value in values if isinstance(value, int)) > 4096:
        raise Unreadable("a very large number")
    return math.prod(values)


calls: dict[str, Callable[..., Any]] = {
    "range": _range,
    "len": len,
    "zip": lambda *lists, strict=False: list(zip(*lists, strict=strict)),
    "enumerate": lambda values, start=0: list(enumerate(values, start)),
    "reversed": lambda values: list(reversed(values)),
    "list": list, "tuple": tuple, "sum": sum, "min": min, "max": max,
    "int": int, "float": float, "str": str, "slice": slice, "dict": dict, "bool": bool,
    "any": any, "all": all, "round": round, "sorted": sorted, "setattr": setattr,
    "math.prod": _product,
}  # fmt: skip
"""Python functions and types that code can call: ``setattr``, and others with plain values."""

KEYWORDS = {
    "zip": ("strict",), "enumerate": ("start",), "sum": ("start",), "sorted": ("reverse",),
    "round": ("ndigits",),
}  # fmt: skip
"""Keyword arguments that functions in `calls` accept. ``dict`` accepts any, and is not listed."""

WITHOUT_VARIABLES = (
    "algorithms", "data", "extensions", "fitting", "function", "main_loop", "model", "monitoring",
    "session", "sweep", "tensor.function",
)  # fmt: skip
"""Parts of `workbench` that use variables but do not return any."""

WITHOUT_MODEL = (
    "cli", "config", "distributed", "errors", "log", "search", "serialization", "utils",
    *(name for name in WITHOUT_VARIABLES if name != "model"),
)  # fmt: skip
"""Parts of `workbench` whose results do not contain any variables."""

MAKERS: dict[str, Callable[..., Any]] = {
    "numpy.array": numpy.array,
    "collections.OrderedDict": OrderedDict,
}
"""Functions and classes from other libraries that code can call."""

CONSTANTS = {"math.pi": math.pi, "math.e": math.e, "numpy.pi": math.pi, "torch.pi": math.pi}

SELECTIONS = {"graph.ComputationGraph": ComputationGraph, "filter.VariableFilter": VariableFilter}
"""Classes that select parameters; see `workbench.builder.selections`."""


def imported(statement: ast.Import | ast.ImportFrom) -> dict[str, Any]:
    """Return references for the names that an import statement binds."""
    found: dict[str, Any] = {}
    if isinstance(statement, ast.Import):
        for alias in statement.names:
            bound = alias.asname or alias.name.partition(".")[0]
            found[bound] = Reference(alias.name if alias.asname else bound)
        return found
    for alias in statement.names:
        if alias.name == "*":
            if (statement.module or "").startswith("workbench"):
                raise Unreadable(
                    "names from workbench must be imported explicitly, not with *", needed=True
                )
            continue
        found[alias.asname or alias.name] = Reference(f"{statement.module}.{alias.name}")
    return found


def resolved(reference: Reference) -> Any:
    """Return the object that a reference names, or None if the name has no meaning in a model.

    Examples
    --------
    >>> resolved(Reference("workbench.bricks.Linear"))
    <class 'workbench.bricks.linear.Linear'>
    >>> resolved(Reference("workbench.Linear"))
    <class 'workbench.bricks.linear.Linear'>
    >>> resolved(Reference("os.system"))
    """
    path = reference.path
    library, _, rest = path.partition(".")
    name = path.rpartition(".")[2]
    if not rest:
        return calls.get(path) or _users(path)
    if path in MAKERS or path in calls:
        return MAKERS.get(path) or calls[path]
    if library == "workbench":
        rest = _in_module(rest)
        if rest in SELECTIONS:
            return SELECTIONS[rest]
        if rest.startswith("tensor."):
            return INPUTS.get(rest.removeprefix("tensor."))
        kind: registry.Kind = "scheme" if rest.startswith("initialization.") else "brick"
        cls = registry.library(kind).get(name)
        return cls if rest.startswith(("bricks.", "initialization.")) else None
    if library == "torch":
        return _of_torch(rest, name)
    return registry.found("brick", path) or registry.found("module", path)


def check_exists(path: str) -> None:
    """Raise `Unreadable`, with a suggestion, if `workbench` or its bricks have no such name."""
    owner, _, name = path.rpartition(".")
    module = sys.modules.get(owner)
    if module is None or not (owner == "workbench" or f"{owner}.".startswith("workbench.bricks.")):
        return
    if name not in dir(module):
        try:
            getattr(module, name)
        except AttributeError as error:
            raise Unreadable(str(error), needed=True) from None


def without_variables(path: str) -> bool:
    """Return True for a part of `workbench` that returns no variables, such as `workbench.fit`."""
    return _is_in(path, WITHOUT_VARIABLES)


def without_model(path: str) -> bool:
    """Return True for a part of `workbench` whose results contain no variables of the model."""
    return _is_in(path, WITHOUT_MODEL)


def is_algorithm(path: str) -> bool:
    """Return True for the classes and functions that train a model on a cost."""
    return _is_in(path, ("algorithms.GradientDescent", "algorithms.TorchOptimizer", "fitting.fit"))


def _is_in(path: str, parts: Iterable[str]) -> bool:
    library, _, rest = path.partition(".")
    found = f"{_in_module(rest)}."
    return library == "workbench" and found.startswith(tuple(f"{part}." for part in parts))


def _in_module(name: str) -> str:
    """Return the path of a name below `workbench`, including its module."""
    return f"{workbench.PLACE_OF[name]}.{name}" if name in workbench.PLACE_OF else name


def _of_torch(rest: str, name: str) -> Any:
    if rest in DTYPES:
        return DTYPES[rest]
    if rest == f"nn.{name}":
        return registry.library("module").get(name)
    if rest in (name, f"nn.functional.{name}"):
        operation = operations.named(name)
        return operation if operation is not None and operation.symbol is None else None
    return None


def _users(name: str) -> Any:
    for kind in registry.BASES:
        cls = registry.types(kind).get(name)
        if cls is not None and registry.library(kind).get(name) is not cls:
            return cls
    return None
