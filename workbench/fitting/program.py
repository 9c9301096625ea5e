"""The text of a program that does the same as `fit` in explicit steps.

The program consists of statements for the data, the graph and the training, in the order a person
would write them. The builder writes the statements for the graph.
"""

from __future__ import annotations

import ast
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import workbench.algorithms
import workbench.bricks.cost
from workbench.algorithms import StepRule
from workbench.errors import WorkbenchError
from workbench.tensor import SharedVariable

WIDTH = 100


@dataclass
class Statements:
    """Part of a program.

    Attributes
    ----------
    lines : list of str
    imports : dict of str to set of str
        The names to import, keyed by module; an empty set stands for ``import module``.
    needs : dict of str to str
        The names that the caller must define, each with a description.
    comments : list of str
        The decisions of `fit`, which are listed at the top of the program.
    """

    lines: list[str] = field(default_factory=list)
    imports: dict[str, set[str]] = field(default_factory=dict)
    needs: dict[str, str] = field(default_factory=dict)
    comments: list[str] = field(default_factory=list)

    def use(self, module: str, *names: str) -> None:
        """Add the import of names from a module, or of the module itself."""
        self.imports.setdefault(module, set()).update(names)

    def add(self, code: str) -> None:
        """Add code, and move its import statements to the imports."""
        tree = ast.parse(code)
        skipped: set[int] = set()
        for node in tree.body:
            if isinstance(node, ast.ImportFrom):
                self.use(str(node.module), *(ast.unparse(alias) for alias in node.names))
            elif isinstance(node, ast.Import):
                for alias in node.names:
                    self.use(alias.name)
            else:
                continue
            skipped.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
        lines = [line for i, line in enumerate(code.splitlines(), start=1) if i not in skipped]
        while lines and not lines[0]:
            lines = lines[1:]
        while lines and not lines[-1]:
            lines = lines[:-1]
        self.lines += lines


def call(function: str, arguments: Iterable[str], target: str = "") -> list[str]:
    """Return the lines of a call, with one argument per line if the call is too long for one line.

    Examples
    --------
    >>> call("print", ["1", "sep=' '"], "done")
    ["done = print(1, sep=' ')"]
    """
    arguments = list(arguments)
    start = f"{target} = {function}(" if target else f"{function}("
    line = f"{start}{', '.join(arguments)})"
    if len(line) <= WIDTH:
        return [line]
    return [start, *(f"    {argument}," for argument in arguments), ")"]


def literal(value: object) -> str:
    """Return the expression for plain values, with text in double quotes.

    Examples
    --------
    >>> literal(("a", 1))
    '("a", 1)'
    """
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, tuple):
        inner = ", ".join(map(literal, value))
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    if isinstance(value, list):
        return f"[{', '.join(map(literal, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{literal(k)}: {literal(v)}" for k, v in value.items()) + "}"
    if isinstance(value, np.generic):
        return literal(value.item())
    if isinstance(value, os.PathLike):
        return literal(os.fspath(value))
    return repr(value)


def written(parts: Iterable[Statements]) -> str:
    """Return the text of a program that consists of several parts."""
    parts = list(parts)
    imports: dict[str, set[str]] = {}
    needs: dict[str, str] = {}
    comments: list[str] = []
    for part in parts:
        for module, names in part.imports.items():
            imports.setdefault(module, set()).update(names)
        needs |= part.needs
        comments += part.comments
    comments += [f"Needs {name}: {what}." for name, what in needs.items()]
    text = ["# " + "\\n".join(comment.splitlines()) for comment in comments]
    text += [""] if text else []
    plain = sorted(module for module, names in imports.items() if not names)
    text += [f"import {module}" for module in plain]
    for module in sorted(imports):
        if imports[module]:
            text += _import(module, sorted(imports[module], key=_order))
    for part in parts:
        if part.lines:
            text += ["", *part.lines]
    return "\n".join(text) + "\n"


def _import(module: str, names: list[str]) -> list[str]:
    line = f"from {module} import {', '.join(names)}"
    if len(line) <= WIDTH:
        return [line]
    return [f"from {module} import (", *(f"    {name}," for name in names), ")"]


def _order(name: str) -> tuple[int, str]:
    return (0 if name.isupper() and len(name) > 1 else 1 if name[0].isupper() else 2), name


def rule_code(rule: StepRule) -> str | None:
    """Return the expression that makes a step rule, or None if it cannot be written.

    Examples
    --------
    >>> from workbench.algorithms import Momentum
    >>> rule_code(Momentum(0.1, 0.9))
    'Momentum(learning_rate=0.1, momentum=0.9)'
    """
    text = repr(rule)
    names: Mapping[str, Any] = vars(workbench.algorithms)
    known = {node.id for node in ast.walk(_parsed(text)) if isinstance(node, ast.Name)}
    if not known or not known <= set(workbench.algorithms.__all__):
        return None
    try:
        twin = eval(text, {"__builtins__": {}}, dict(names))
    except (WorkbenchError, TypeError, ValueError):
        return None
    return text if _values(twin) == _values(rule) else None


def names_in(code: str) -> set[str]:
    """Return the names that an expression uses."""
    return {node.id for node in ast.walk(_parsed(code)) if isinstance(node, ast.Name)}


def _parsed(text: str) -> ast.AST:
    try:
        return ast.parse(text, mode="eval")
    except SyntaxError:
        return ast.Module([], [])


def _values(rule: Any) -> Any:
    """Return the values that determine a step rule, for comparison with another rule."""
    if isinstance(rule, SharedVariable):
        return rule.get_value().tolist()
    if isinstance(rule, StepRule):
        named = {n: _values(v) for n, v in vars(rule).items() if not n.startswith("_")}
        return type(rule), named
    if isinstance(rule, (list, tuple)):
        return [_values(part) for part in rule]
    return rule if isinstance(rule, (int, float, str, bool, type(None))) else id(rule)
