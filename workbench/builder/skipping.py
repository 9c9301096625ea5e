"""Choice between skipping a statement that cannot be read and raising an error.

A statement is skipped only if the model cannot depend on it. The model may depend on a statement
that creates bricks in a block, or that changes a brick, a list of bricks or a name of the model
that is used afterwards. A call to a function that the code defines is treated like the statements
in the body of the function; see `workbench.builder.functions`.
"""

from __future__ import annotations

import ast
import builtins
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import torch

from workbench.bricks import BoundApplication, Brick
from workbench.builder import registry, scopes
from workbench.builder.expressions import DATA, PLAIN, Expressions
from workbench.builder.functions import Function, Reached
from workbench.builder.names import Opaque, Reference, is_algorithm, resolved, without_model
from workbench.errors import BuilderError
from workbench.graph import ComputationGraph
from workbench.initialization import NdarrayInitialization
from workbench.tensor import Variable

BLOCKS = (
    ast.If, ast.For, ast.While, ast.With, ast.Match, ast.AsyncFor, ast.AsyncWith,
)  # fmt: skip
"""Statements that must not create bricks if they cannot be read."""

PARTS = (
    BoundApplication, Brick, ComputationGraph, NdarrayInitialization, Variable, torch.nn.Module,
)  # fmt: skip
"""Classes of the parts of a model that code can change."""

OTHER_LIBRARIES = sys.stdlib_module_names | set(
    "extensions_live IPython matplotlib numpy pandas PIL scipy seaborn sklearn torch torchvision "
    "tqdm".split()
)
"""Libraries whose functions return no variables, unless they are given some."""

VALUES = frozenset({"data", "tensor"})
"""Attributes of parameters that contain their values."""

CHANGED = (
    "line {line}: {what} is changed by code that cannot be read ({reason}), so the model would "
    "differ from the model that the code builds; write the change without a block, loop or "
    "function whose values are unknown"
)


@dataclass(frozen=True)
class Skipped:
    """Statement that was skipped.

    Attributes
    ----------
    line : int
    reason : str
    creates_brick : bool
        True if the statement calls a brick class.
    sets_values : str
        The code in the statement that changes the values of parameters, or an empty string.
    """

    line: int
    reason: str
    creates_brick: bool
    sets_values: str = ""


class Skipping(Expressions):
    """Evaluator that decides which statements can be skipped.

    Parameters
    ----------
    faulty : bool
        True to apply bricks and operations to variables with wrong shapes or dtypes.

    Attributes
    ----------
    skipped : list of Skipped
    """

    def __init__(self, *, faulty: bool = False) -> None:
        super().__init__(faulty=faulty)
        self.skipped: list[Skipped] = []
        self._defined: set[str] = set()  # names of functions and classes
        self._functions: dict[Opaque, list[Function]] = {}  # that each value can contain
        self._trained: list[tuple[int, Any]] = []  # the costs of algorithms

    def _skip(self, statement: ast.stmt, reason: str) -> None:
        """Skip a statement; raise `BuilderError` if the model depends on it."""
        created = list(self._creations(statement))
        if created and isinstance(statement, BLOCKS):
            line, cls = created[0]
            raise BuilderError(
                f"line {line}: {cls.__name__} is created in a block that cannot be read "
                f"({reason}); move it out of the block that begins in line {statement.lineno}"
            ) from None
        values = next(self._new_values(statement), "")
        self.skipped.append(Skipped(statement.lineno, reason, bool(created), values))
        reached = Reached(statement, self._functions_of, self._is_of_model)
        value = Opaque(
            statement.lineno,
            reason,
            self._of_model(statement),
            direct=self._reads_directly(statement),
            data=self._is_data(statement),
            given=any(map(self._is_of_model, {*scopes.read(statement), *reached.reads()})),
        )
        self._trained += self._costs_in(statement)
        own = {*scopes.bound(statement), *reached.declared()}
        runs = not isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef))
        for one in (*(scopes.changed(statement) if runs else ()), *reached.changes()):
            self._forget(one, value, own)
        self._functions[value] = reached.returned
        self.known.update(dict.fromkeys(own, value))
        self._defined -= own
        if isinstance(statement, scopes.DEFINITIONS):
            self._defined.add(statement.name)

    def _creations(self, statement: ast.stmt) -> Iterator[tuple[int, type[Brick]]]:
        """Yield the lines where a statement creates bricks, and the classes of these bricks."""
        for node in ast.walk(statement):
            if isinstance(node, ast.Call) and (cls := self._class(node.func)) is not None:
                yield node.lineno, cls

    def _new_values(self, statement: ast.stmt) -> Iterator[str]:
        """Yield code in a statement that changes the values of parameters of the model."""
        if isinstance(statement, scopes.DEFINITIONS):
            return
        changed: list[ast.expr]
        for node in ast.walk(statement):
            match node:
                case ast.Subscript(ctx=ast.Store()) | ast.Attribute(ctx=ast.Store()):
                    parts = [one.attr for one in ast.walk(node) if isinstance(one, ast.Attribute)]
                    changed = [node] if not VALUES.isdisjoint(parts) else []
                case ast.Call(func=ast.Attribute(owner, name)) if _sets_values(name):
                    changed = [owner, *node.args]
                case _:
                    continue
            roots = [scopes.root(one) for one in changed]
            if any(isinstance(one, ast.Name) and self._is_of_model(one.id) for one in roots):
                yield ast.unparse(node)

    def _class(self, node: ast.expr) -> type[Brick] | None:
        """Return the brick class that an expression names, or None."""
        path = self._path(node)
        found = None if path is None else resolved(Reference(path))
        return found if isinstance(found, type) and issubclass(found, Brick) else None

    def _costs_in(self, statement: ast.stmt) -> Iterator[tuple[int, Any]]:
        """Yield the lines that create algorithms, and the costs that these algorithms minimise."""
        if isinstance(statement, scopes.DEFINITIONS):
            return
        for node in ast.walk(statement):
            if not isinstance(node, ast.Call):
                continue
            path = self._path(node.func)
            if path is None or not is_algorithm(path):
                continue
            named = [one.value for one in node.keywords if one.arg == "cost"]
            given = [one for one in (*named, *node.args[:1]) if isinstance(one, ast.Name)]
            for name in given[:1]:
                value = self.known.get(name.id)
                if isinstance(value, Opaque) and not (named or value.of_model):
                    continue  # the argument of `fit` that precedes the data can be a model
                yield node.lineno, value

    # Changes of objects.

    def _functions_of(self, name: str) -> Iterator[Function]:
        """Yield the code's functions that a name can refer to."""
        for value in self._inside(self.known.get(name)):
            if isinstance(value, Opaque):
                yield from self._functions.get(value, ())

    def _is_of_model(self, name: str) -> bool:
        """Return True if the value of a name could contain a part of the model."""
        return any(
            value.given if isinstance(value, Opaque) else isinstance(value, PARTS)
            for value in self._inside(self.known.get(name))
        )

    def _forget(self, change: scopes.Changed, value: Opaque, own: set[str]) -> None:
        """Forget the value of a changed list; raise `BuilderError` if a brick was changed."""
        name = change.root.id if isinstance(change.root, ast.Name) else ""
        found = self.known.get(name)
        if not change.attribute and isinstance(found, (list, tuple, dict)):
            changed = _containers(found) if change.through else _containers(found) & {id(found)}
            for other, one in self.known.items():
                if changed & _containers(one):
                    model = any(isinstance(part, (Brick, Variable)) for part in self._inside(one))
                    new = replace(value, of_model=True, data=False, given=True) if model else value
                    self.known[other] = new
        unknown = name in own or found is None or isinstance(found, Reference)
        if self._has_setting(found, change.attribute) or (
            unknown and value.given and not value.data and _can_be_setting(change.attribute)
        ):
            what = ast.unparse(change.root)
            if change.attribute == scopes.ANY:
                what = f"an attribute of {what}"
            else:
                what = f"{what}.{change.attribute}"
            raise BuilderError(
                CHANGED.format(line=change.line, what=what, reason=value.reason)
            ) from None

    def _has_setting(self, owner: Any, name: str) -> bool:
        """Return True if an object, or an object inside it, has a setting of this name."""
        if not name:
            return False
        waiting = self._inside(owner)
        while waiting:
            one = waiting.pop()
            if isinstance(one, Opaque):
                other = name == "name" and one.of_model  # a variable that the model does not need
                if one.given and not one.data and not other and _can_be_setting(name):
                    return True
            if isinstance(one, Variable) and name in ("name", "__dict__", scopes.ANY):
                return True
            if isinstance(one, (Brick, NdarrayInitialization)):
                if name in ("name", "children", "__dict__", scopes.ANY):
                    return True
                if name in registry.settings_of(type(one)):
                    return True
                waiting.extend(getattr(one, "children", ()))
                parts = (NdarrayInitialization, torch.nn.Module)
                waiting.extend(part for part in vars(one).values() if isinstance(part, parts))
            elif isinstance(one, torch.nn.Module):
                if name == scopes.ANY or name in registry.settings_of(type(one)):
                    return True
                waiting.extend(one.children())
        return False

    # Values that cannot be part of a model.

    def _reads_directly(self, code: ast.AST) -> bool:
        """Return True if code computes a value from a variable, not only from a graph."""
        names = scopes.read(code, lambda node: self._gives_data(node) or self._is_tool(node))
        values = self._inside([self.known.get(name) for name in set(names)])
        return any(isinstance(value, Variable) for value in values)

    def _is_tool(self, node: ast.AST) -> bool:
        """Return True for a call to a function or class of the workbench."""
        path = self._path(node.func) if isinstance(node, ast.Call) else None
        return path is not None and path.startswith(("workbench.", "extensions_live."))

    def _is_data(self, code: ast.AST) -> bool:
        """Return True if the values that a statement computes are certainly not variables."""
        calls = [node for node in ast.walk(code) if isinstance(node, ast.Call)]
        applied = {id(node.func) for node in calls if node.args or node.keywords}

        def omitted(node: ast.AST) -> bool:
            if isinstance(node, ast.Call):
                path = self._path(node.func)
                called = isinstance(node.func, ast.Attribute) and node.func.attr in DATA
                return called or (path is not None and without_model(path))
            if isinstance(node, ast.Attribute) and node.attr in DATA:
                return True
            if not isinstance(node, (ast.Name, ast.Attribute)):
                return False
            path = self._path(node)
            if path is not None and _is_foreign(path):
                return True
            owner = scopes.root(node)
            found = self.known.get(owner.id) if isinstance(owner, ast.Name) else None
            return id(node) in applied and isinstance(found, Brick)

        own = set(scopes.bound(code)) if isinstance(code, ast.stmt) else set()
        names = set(scopes.read(code, omitted))
        return all(self._holds_data(name, name in own) for name in names)

    def _holds_data(self, name: str, own: bool) -> bool:
        if name not in self.known:
            return own or name in vars(builtins)
        return all(
            value.data
            if isinstance(value, Opaque)
            else not isinstance(value, (Variable, Brick, ComputationGraph, Reference))
            for value in self._inside(self.known[name])
        )


def _sets_values(method: str) -> bool:
    """Return True for methods that set the values of parameters, such as ``fill_`` of torch."""
    in_place = method.endswith("_") and not method.endswith("__") and method != "requires_grad_"
    return in_place or method in ("set_value", "set_parameter_values")


def _containers(value: Any) -> set[int]:
    """Return the `id` of each nested list and dictionary."""
    found, waiting = {}, [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, (list, tuple, dict)) and id(one) not in found:
            found[id(one)] = not isinstance(one, tuple)
            parts = list(one.values()) if isinstance(one, dict) else one
            if not PLAIN.issuperset(map(type, parts)):
                waiting.extend(parts)
    return {number for number, changes in found.items() if changes}


@cache
def _settings_at(generation: int) -> frozenset[str]:
    classes = registry.types("brick").values()
    return frozenset({"name", "children"}).union(*map(registry.settings_of, classes))


def _all_settings() -> frozenset[str]:
    """Return the names of the settings of all bricks."""
    return _settings_at(registry.generation())


def _can_be_setting(attribute: str) -> bool:
    """Return True if a brick can have a setting of this name, or if the name is unknown."""
    return attribute in ("__dict__", scopes.ANY) or attribute in _all_settings()


def _is_foreign(path: str) -> bool:
    library = path.partition(".")[0]
    return library in OTHER_LIBRARIES or without_model(path)
