"""What numpy may do with a variable: operators with an array on the left, and nothing else."""

from __future__ import annotations

import operator
from typing import NoReturn

import numpy
import torch

from workbench import errors

OPERATORS = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "divide": operator.truediv,
    "floor_divide": operator.floordiv,
    "remainder": operator.mod,
    "power": operator.pow,
    "matmul": operator.matmul,
    "bitwise_and": operator.and_,
    "bitwise_or": operator.or_,
    "bitwise_xor": operator.xor,
    "left_shift": operator.lshift,
    "right_shift": operator.rshift,
    "less": operator.lt,
    "less_equal": operator.le,
    "greater": operator.gt,
    "greater_equal": operator.ge,
    "equal": operator.eq,
    "not_equal": operator.ne,
}

UFUNCS = {getattr(numpy, name): function for name, function in OPERATORS.items()}
"""The functions that numpy calls for ``array * variable`` and the like, and their operators."""

TORCH_NAMES = {"concatenate": "cat", "expand_dims": "unsqueeze", "power": "pow"}
"""Functions that torch has under another name than numpy."""


def refuse_numpy(variable: object, name: str) -> NoReturn:
    """Raise the error of calling the function `name` of numpy on a variable."""
    name = TORCH_NAMES.get(name, name)
    instead = f"torch.{name}" if callable(getattr(torch, name, None)) else "a function of torch"
    raise errors.SymbolicError(
        f"numpy computes with values, but {variable!r} is a variable that has not been computed "
        f"yet; use {instead}, which takes variables, or evaluate it first with "
        "variable.eval({input: array})"
    )
