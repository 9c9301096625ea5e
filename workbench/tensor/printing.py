"""Conversion of graphs to text: expressions, and the arguments of calls for error messages."""

from __future__ import annotations

import operator
import types
from collections.abc import Mapping
from typing import Any

import torch

from workbench.hints import hinted
from workbench.tensor import shapes
from workbench.tensor.refusals import SIGNS
from workbench.tensor.structure import map_structure
from workbench.tensor.variable import Call, Variable, identity

_INFIX = {
    getattr(operator, name + "_" * (name in ("and", "or"))): sign for name, sign in SIGNS.items()
}


def shown_arguments(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str:
    """Format arguments as text, with the shapes and dtypes of variables and tensors."""

    def word(leaf: Any) -> Any:
        if isinstance(leaf, Variable):
            return types.SimpleNamespace(text=f"{leaf!r} {shapes.describe(leaf.fake)}")
        if isinstance(leaf, torch.Tensor):
            return types.SimpleNamespace(text=f"tensor {shapes.describe(leaf)}")
        return leaf

    def text(part: Any) -> str:
        part = map_structure(word, part)
        if isinstance(part, types.SimpleNamespace):
            return str(part.text)
        if isinstance(part, (list, tuple)):
            return "[" + ", ".join(text(piece) for piece in part) + "]"
        return getattr(part, "__name__", repr(part))

    words = [text(arg) for arg in args] + [f"{key}={text(arg)}" for key, arg in kwargs.items()]
    return ", ".join(words)


@hinted
def pprint(variable: Variable) -> str:
    """Format the expression of a variable as text, down to named variables.

    >>> from workbench import tensor
    >>> pprint((tensor.scalar("x") + 2) * 3)
    '((x + 2) * 3)'
    """
    done: dict[Variable, str] = {}
    stack = [variable]
    while stack:
        top = stack[-1]
        owner = top.owner
        if owner is None or (top.name is not None and top is not variable):
            done[stack.pop()] = repr(top)
            continue
        waiting = [v for v in owner.inputs if v not in done]
        if waiting:
            stack.extend(waiting)
        else:
            done[stack.pop()] = _written(owner, done)
    return done[variable]


def _written(call: Call, known: Mapping[Variable, str]) -> str:
    def word(leaf: Any) -> str:
        if isinstance(leaf, Variable):
            return known[leaf]
        return f"tensor{tuple(leaf.shape)}" if isinstance(leaf, torch.Tensor) else repr(leaf)

    if call.function is identity:
        return word(call.args[0])
    words = [word(arg) for arg in call.args]
    if call.function is getattr:
        return f"{words[0]}.{call.name}"
    if call.function in _INFIX and len(words) == 2:
        return f"({words[0]} {_INFIX[call.function]} {words[1]})"
    words += [f"{key}={word(value)}" for key, value in call.kwargs.items()]
    return f"{call.name}({', '.join(words)})"
