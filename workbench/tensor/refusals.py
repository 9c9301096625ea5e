"""Errors for operations that variables do not support, mostly because they have no value yet.

These functions only print variables in messages, so this module need not import
`workbench.tensor.variable`.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, NoReturn

import torch

from workbench import errors
from workbench.tensor.draws import word_for_draw

SIGNS = {
    "add": "+", "sub": "-", "mul": "*", "truediv": "/", "floordiv": "//", "mod": "%", "pow": "**",
    "matmul": "@", "and": "&", "or": "|", "xor": "^", "lshift": "<<", "rshift": ">>",
}  # fmt: skip
"""Symbols of the operators that have an in-place form; ``add`` is the key for ``__iadd__``."""

IN_PLACE_OPERATORS = frozenset(f"__i{name}__" for name in SIGNS)
IN_PLACE = frozenset({"__setitem__", "__delitem__", "resize_as", "set_data", "backward"})
NOT_IN_PLACE = frozenset({operator.and_, operator.or_})
"""Functions that do not change arguments in place, although their names end with an underscore."""

VALUES = frozenset({"item", "tolist", "numpy", "__array__", "__contains__"})

NO_VALUE = (
    "; torch.tensor, torch.as_tensor and torch.asarray need known values: pass the variable "
    "itself, or torch.scalar_tensor(n) for a size n"
)

TORCH_NAMES = {"concatenate": "cat", "expand_dims": "unsqueeze", "power": "pow"}
"""torch names of numpy functions, where the two names differ."""


def refuse_function(
    function: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    shown: Callable[[], str],
) -> None:
    """Raise an error if `function` needs values, changes them in place, or draws random numbers.

    Parameters
    ----------
    function : callable
    args, kwargs : tuple, dict
        Its arguments, which contain variables.
    shown : callable
        A function that returns the arguments as text, for the error message.

    Raises
    ------
    OperationError
        If the function changes a value in place, or draws random numbers.
    SymbolicError
        If the function needs a value.
    """
    raw = getattr(function, "__name__", "")
    target = args[0] if args else None
    if raw in IN_PLACE or raw in IN_PLACE_OPERATORS or changes_in_place(function):
        refuse_in_place(raw, target)
    if kwargs.get("out") is not None or kwargs.get("inplace"):
        refuse_in_place(
            f"{raw}({'out' if kwargs.get('out') is not None else 'inplace'}=...)", target
        )
    if raw in VALUES:
        refuse_value(target, f"{raw}()")
    word = word_for_draw(raw, args, kwargs)
    if word is not None:
        raise errors.OperationError(
            f"{raw}({shown()}) would draw from torch's own generator, so the run could be neither "
            "repeated nor resumed; draw from a tensor.RandomStream(seed) instead: "
            f"{word}"
        )


def changes_in_place(function: Callable[..., Any]) -> bool:
    """Return True if `function` is named like an in-place method, with an underscore at the end."""
    name = getattr(function, "__name__", "")
    return name.endswith("_") and not name.endswith("__") and function not in NOT_IN_PLACE


def refuse_in_place(what: str, variable: Any) -> NoReturn:
    """Raise the error for an in-place operation."""
    what = {"__setitem__": "x[...] = value", "__delitem__": "del x[...]"}.get(what, what)
    if what in IN_PLACE_OPERATORS:
        what = f"x {SIGNS[what[3:-2]]}= value"
    raise errors.OperationError(
        f"{what} would change {variable!r} in place, but the value of a variable has not been "
        "computed yet; create a new variable (x = x + 1, torch.where, x.index_put), or pass the "
        "new value of a shared variable to function(..., updates=[(shared, new)])"
    )


def refuse_value(variable: Any, what: str) -> NoReturn:
    """Raise the error for an operation that needs the value of a variable."""
    raise errors.SymbolicError(
        f"{what} needs the value of {variable!r}, a variable that has not been computed yet; "
        "evaluate it with variable.eval({input: array}) or workbench.function"
    )


def refuse_numpy(variable: object, name: str) -> NoReturn:
    """Raise the error for a call to the numpy function `name` with a variable."""
    name = TORCH_NAMES.get(name, name)
    instead = f"torch.{name}" if callable(getattr(torch, name, None)) else "a torch function"
    raise errors.SymbolicError(
        f"numpy computes with values, but {variable!r} is a variable that has not been computed "
        f"yet; use {instead}, which accepts variables, or evaluate it first with "
        "variable.eval({input: array})"
    )
