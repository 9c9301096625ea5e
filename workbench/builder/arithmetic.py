"""Evaluation of operators in code that builds a model, with limits on the size of results."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from typing import Any

from workbench.builder.names import Unreadable

MOST = 10_000
"""Maximum number of steps that code may require, and maximum number of elements in a list."""

ELEMENTS = 1_000_000
"""Maximum number of list elements that may be visited while code is read."""

LONGEST, LARGEST = 100_000, 4096
"""Maximum length of a list or string, and maximum number of bits in a number."""

OPERATORS: dict[type[ast.AST], Callable[..., Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv, ast.Mod: operator.mod, ast.Pow: operator.pow,
    ast.MatMult: operator.matmul, ast.USub: operator.neg, ast.UAdd: operator.pos,
    ast.Not: operator.not_, ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt,
    ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge,
}  # fmt: skip
"""The functions that apply operators, keyed by type of syntax node."""

FAILURES = (TypeError, ValueError, LookupError, ArithmeticError, AttributeError, RecursionError)
"""Errors that can be raised by operations on plain values."""

ON_VARIABLES = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Pow, ast.MatMult, ast.USub, ast.Eq)
"""The operators that a specification can contain, and that can therefore be used on variables."""


def limited(function: Callable[..., Any], left: Any, right: Any) -> Any:
    """Apply an operator to plain values; raise `Unreadable` if the result could be very large."""
    if function is operator.pow and not (abs(left) < 10**6 and abs(right) <= 64):
        raise Unreadable("a very large number")
    sizes = [len(o) if isinstance(o, (str, list, tuple)) else 0 for o in (left, right)]
    if sum(sizes) > LONGEST:
        raise Unreadable("a very long list or string")
    if sum(o.bit_length() for o in (left, right) if isinstance(o, int)) > LARGEST:
        raise Unreadable("a very large number")
    counts = [o for o in (left, right) if isinstance(o, int)]
    if function is operator.mul and any(sizes) and any(max(sizes) * c > MOST for c in counts):
        raise Unreadable("a very long list")
    try:
        return function(left, right)
    except (TypeError, ValueError, ArithmeticError) as error:
        raise Unreadable(f"an operation that fails: {error}") from None
