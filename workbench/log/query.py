"""Selection of log rows by a pandas expression, such as ``cost < 0.1 and epoch_end``.

The expression is parsed here, and only channel names, numbers, text, comparisons, arithmetic
and logic are allowed: no calls, no attributes, no ``@`` variables. pandas receives a frame with
plain column names, and an expression that contains only these names. An expression from another
program or from a web page can therefore only select rows.
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.errors import LogError, UnknownRecordError, nearest
from workbench.log.records import listed

if TYPE_CHECKING:
    import pandas as pd

INDEX = "iteration"
"""The name that stands for the iteration of a row in an expression."""

LONGEST = 1000
"""Maximum number of characters in an expression."""

NOT_TEXT = 'the argument of query() must be an expression as text, such as "cost < 0.1", not {!r}'
TOO_LONG = "the expression has {} characters; it must have at most {}"
NOT_VALID = "the expression {given!r} cannot be read: {reason}"
FORBIDDEN = (
    "the expression {given!r} has {what}; it can contain only names of channels, numbers, text in "
    "quotes, comparisons, arithmetic and the operators 'and', 'or', 'not' and 'in'"
)
NO_CHANNEL = "the log has no channel {name!r}{hint}"
NOT_A_CONDITION = (
    "the expression {given!r} must be a condition that is true or false in each row, such as "
    '"cost < 0.1"'
)
NOT_COMPARABLE = "the expression {given!r} cannot be applied to the values of the log: {reason}"

_PIECES = re.compile(
    r"""`(?P<name>[^`]*)`|(?P<text>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')|(?P<sign>[@&|])"""
)
_LOGIC = {"&": " and ", "|": " or "}  # in pandas, & and | have the low precedence of these words
_ALLOWED = (
    ast.Expression, ast.BoolOp, ast.And, ast.Or, ast.UnaryOp, ast.Not, ast.Invert, ast.USub,
    ast.UAdd, ast.BinOp, ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow,
    ast.Compare, ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE,
    ast.In, ast.NotIn, ast.Name, ast.Load, ast.Constant, ast.List, ast.Tuple,
)  # fmt: skip
_CALLED = {
    ast.Call: "a function call",
    ast.Attribute: "an attribute (a dot after a name)",
    ast.Subscript: "an index in brackets",
    ast.Lambda: "a function",
    ast.IfExp: "a conditional expression (if)",
    ast.NamedExpr: "an assignment",
}


def select(frame: pd.DataFrame, expression: str) -> pd.DataFrame:
    """Return the rows of a frame that satisfy an expression.

    Parameters
    ----------
    frame : pandas.DataFrame
        A frame with channels as columns.
    expression : str
        A condition, as in `TrainingLogBase.query`.

    Raises
    ------
    UnknownRecordError
        If `expression` names a channel that does not exist.
    LogError
        If `expression` is not a condition, or contains parts that are not allowed.

    Examples
    --------
    >>> import pandas
    >>> frame = pandas.DataFrame({"cost": [2.0, 1.0, 0.5], "test cost": [3.0, None, 0.4]})
    >>> select(frame, "cost <= 1 and `test cost` < 1")
       cost  test cost
    2   0.5        0.4
    """
    import pandas as pd

    tree, names = parse(expression, [str(name) for name in frame.columns])
    # Columns get plain names that refer to nothing else in pandas.
    columns = {plain: _values(frame, name) for name, plain in names.items()}
    renamed = pd.DataFrame(columns, index=frame.index)
    try:
        chosen = renamed.eval(ast.unparse(tree), engine="python", parser="pandas")
    except (TypeError, ValueError, ArithmeticError, NotImplementedError, AttributeError) as error:
        raise LogError(NOT_COMPARABLE.format(given=expression, reason=error)) from None
    if not isinstance(chosen, pd.Series) or chosen.dtype != np.bool_:
        raise LogError(NOT_A_CONDITION.format(given=expression))
    return frame[chosen]


def _values(frame: pd.DataFrame, name: str) -> Any:
    """Return a column by name; missing Boolean values become False.

    In a frame of a log, ``iteration`` is the index, even if a channel has this name.
    """
    if name not in frame or (name == INDEX == frame.index.name):
        return frame.index.to_numpy()
    values = frame[name].to_numpy()
    kinds = values if values.dtype == object else ()
    if len(kinds) and all(_is_flag(value) for value in kinds):
        return np.array([value is True for value in values], np.bool_)
    return values


def _is_flag(value: object) -> bool:
    """Return True for a bool or a placeholder for a missing record."""
    return isinstance(value, bool) or value is None or (type(value) is float and value != value)


def parse(expression: str, channels: list[str]) -> tuple[ast.Expression, dict[str, str]]:
    """Return the checked syntax tree of an expression, and the plain name of each channel in it.

    Raises
    ------
    UnknownRecordError, LogError
        As in `select`.
    """
    if not isinstance(expression, str) or not expression.strip():
        raise LogError(NOT_TEXT.format(expression))
    if len(expression) > LONGEST:
        raise LogError(TOO_LONG.format(len(expression), LONGEST))
    quoted: dict[str, str] = {}
    prefix = "_channel"
    while any(name.startswith(prefix) for name in channels) or prefix in expression:
        prefix += "_"

    def plain(piece: re.Match[str]) -> str:
        if piece["sign"] == "@":
            raise LogError(FORBIDDEN.format(given=expression, what="a variable with @"))
        if piece["sign"]:
            return _LOGIC[piece["sign"]]
        if piece["text"]:
            return piece[0]
        quoted.setdefault(f"{prefix}{len(quoted)}", piece["name"])
        return next(short for short, name in quoted.items() if name == piece["name"])

    text = _PIECES.sub(plain, expression.strip())
    try:
        tree = ast.parse(text, mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        reason = error.msg if isinstance(error, SyntaxError) else type(error).__name__
        raise LogError(NOT_VALID.format(given=expression, reason=reason)) from None
    _check(tree, expression)
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            name = quoted.get(node.id, node.id)
            if name not in channels and name != INDEX:
                known = [*channels, INDEX]
                hint = nearest(name, known) or listed(channels)
                raise UnknownRecordError(NO_CHANNEL.format(name=name, hint=hint))
            node.id = found.setdefault(name, f"c{len(found)}")
    if not found:
        raise LogError(NOT_A_CONDITION.format(given=expression))
    return tree, found


def _check(tree: ast.Expression, given: str) -> None:
    """Raise `LogError` if an expression has parts that are not allowed or could be too slow."""
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    for node in ast.walk(tree):
        what = ""
        if not isinstance(node, _ALLOWED):
            what = _CALLED.get(type(node), f"{type(node).__name__.lower()}, which is not allowed")
        elif isinstance(node, ast.BinOp) and not _small(node):
            what = "a power of a power, or an exponent that is not a number from -100 to 100"
        elif isinstance(node, ast.Constant):
            compared = isinstance(parents[node], (ast.Compare, ast.List, ast.Tuple))
            if isinstance(node.value, bool):
                pass
            elif isinstance(node.value, (int, float)):
                node.value = node.value if abs(node.value) < 2**63 else float(node.value)
            elif not isinstance(node.value, str):
                what = f"the constant {node.value!r}"
            elif not compared:
                what = "text that is not compared with anything"
        if what:
            raise LogError(FORBIDDEN.format(given=given, what=what))


def _small(node: ast.BinOp) -> bool:
    """Return False for a power of unbounded Python integers that may take too long to compute."""
    if not isinstance(node.op, ast.Pow):
        return True
    exponent = node.right
    if isinstance(exponent, ast.UnaryOp) and isinstance(exponent.op, ast.USub):
        exponent = exponent.operand
    powers = (part.op for part in ast.walk(node.left) if isinstance(part, ast.BinOp))
    return (
        not any(isinstance(op, ast.Pow) for op in powers)
        and isinstance(exponent, ast.Constant)
        and isinstance(exponent.value, (int, float))
        and abs(exponent.value) <= 100
    )
