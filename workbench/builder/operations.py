"""The operations on variables that a specification can name.

An operation is a function, usually from torch, with names for its inputs and settings.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from workbench.errors import BuilderError
from workbench.utils.numbers import is_whole


@dataclass(frozen=True)
class Operation:
    """An operation on variables.

    Attributes
    ----------
    name : str
        The name of the operation in specifications.
    function : callable
        The function that the operation calls, usually a torch function; it accepts variables.
    inputs : tuple of str
        The names of the inputs, in order.
    settings : dict
        The names of additional arguments and their defaults; ``REQUIRED`` for an argument without a
        default.
    method : str or None
        The equivalent method of variables, as in ``x.flatten(1)``.
    symbol : str or None
        The equivalent operator, as in ``x + y``.
    many : bool
        True if the only input is a list of variables.
    group : str
        The group of the palette that contains the operation.
    text : str
        A one-line description.
    """

    name: str
    function: Callable[..., Any]
    inputs: tuple[str, ...]
    settings: Mapping[str, Any]
    method: str | None = None
    symbol: str | None = None
    many: bool = False
    group: str = "Arithmetic"
    text: str = ""


class _Required:
    """Marker for a required setting, used in place of a default value."""

    def __repr__(self) -> str:
        return "REQUIRED"


REQUIRED = _Required()


def _binary(name: str, function: Callable[..., Any], symbol: str, text: str) -> Operation:
    return Operation(name, function, ("input", "other"), {}, symbol=symbol, text=text)


def _unary(name: str, text: str, group: str = "Functions") -> Operation:
    return Operation(name, getattr(torch, name), ("input",), {}, name, group=group, text=text)


def _reduction(name: str, text: str) -> Operation:
    settings = {"dim": None, "keepdim": False}
    return Operation(name, getattr(torch, name), ("input",), settings, name, None, False,
                     "Reductions", text)  # fmt: skip


def _shape(
    name: str, settings: Mapping[str, Any], text: str, *, many: bool = False, method: bool = True
) -> Operation:
    return Operation(
        name, getattr(torch, name), ("tensors" if many else "input",), settings,
        name if method else None, None, many, "Shape", text,
    )  # fmt: skip


ALL = [
    _binary("add", torch.add, "+", "The sum of two variables, element by element."),
    _binary("subtract", torch.sub, "-", "The difference of two variables, element by element."),
    _binary("multiply", torch.mul, "*", "The product of two variables, element by element."),
    _binary("divide", torch.div, "/", "The quotient of two variables, element by element."),
    _binary("power", torch.pow, "**", "One variable to the power of another, element by element."),
    _binary("matmul", torch.matmul, "@", "The matrix product of two variables."),
    Operation("negative", torch.neg, ("input",), {}, symbol="-", text="The elements negated."),
    _binary("equal", torch.eq, "==", "The equality of two variables, element by element."),
    _unary("exp", "The exponential of each element."),
    _unary("log", "The natural logarithm of each element."),
    _unary("sqrt", "The square root of each element."),
    _unary("square", "The square of each element."),
    _unary("abs", "The absolute value of each element."),
    _unary("sigmoid", "The logistic function of each element."),
    _unary("tanh", "The hyperbolic tangent of each element."),
    _unary("relu", "The positive part of each element."),
    _reduction("sum", "The sum over dimensions, or over all elements."),
    _reduction("mean", "The mean over dimensions, or over all elements."),
    Operation("argmax", torch.argmax, ("input",), {"dim": None, "keepdim": False}, "argmax",
              group="Reductions", text="The index of the largest element."),
    Operation("softmax", torch.softmax, ("input",), {"dim": REQUIRED}, "softmax",
              group="Functions", text="The softmax along a dimension."),
    Operation("float", torch.Tensor.float, ("input",), {}, "float", group="Functions",
              text="The elements converted to float32."),
    Operation("long", torch.Tensor.long, ("input",), {}, "long", group="Functions",
              text="The elements converted to int64."),
    Operation("log_softmax", torch.log_softmax, ("input",), {"dim": REQUIRED}, "log_softmax",
              group="Functions", text="The logarithm of the softmax along a dimension."),
    Operation("max", torch.max, ("input",), {}, "max", group="Reductions",
              text="The largest of all elements."),
    Operation("min", torch.min, ("input",), {}, "min", group="Reductions",
              text="The smallest of all elements."),
    Operation("T", torch.t, ("input",), {}, "T", group="Shape",
              text="The transpose of a matrix."),
    Operation("copy", torch.clone, ("input",), {}, "copy", group="Functions",
              text="The same variable under another name."),
    _shape("flatten", {"start_dim": 0, "end_dim": -1},
           "The variable with several dimensions merged into one."),
    _shape("reshape", {"shape": REQUIRED}, "The same elements in another shape."),
    _shape("transpose", {"dim0": REQUIRED, "dim1": REQUIRED},
           "The variable with two dimensions exchanged."),
    _shape("squeeze", {"dim": None}, "The variable without dimensions of size one."),
    _shape("unsqueeze", {"dim": REQUIRED},
           "The variable with an additional dimension of size one."),
    _shape("permute", {"dims": REQUIRED}, "The variable with its dimensions in another order."),
    Operation("concatenate", torch.cat, ("tensors",), {"dim": 0}, many=True, group="Shape",
              text="Several variables joined along a dimension."),
    _shape("stack", {"dim": 0}, "Several variables joined along a new dimension.", many=True,
           method=False),
    Operation("index", operator.getitem, ("input",), {"key": REQUIRED}, group="Shape",
              text="Some elements of a variable."),
]  # fmt: skip
"""All operations."""

BY_NAME: dict[str, Operation] = {operation.name: operation for operation in ALL}

ALIASES = {
    "sub": "subtract", "mul": "multiply", "truediv": "divide", "true_divide": "divide",
    "div": "divide", "pow": "power", "neg": "negative", "eq": "equal", "cat": "concatenate",
    "identity": "copy", "concat": "concatenate", "getitem": "index", "view": "reshape",
    "absolute": "abs",
}  # fmt: skip
"""Other names for the operations, as used by torch and Python."""

VARIADIC = {"reshape": "shape", "permute": "dims"}
"""For these operations, the setting whose elements can be given as separate arguments."""


def named(name: str) -> Operation | None:
    """Return the operation with this name or alias, or None if there is none."""
    return BY_NAME.get(ALIASES.get(name, name))


def arguments(
    operation: Operation, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the arguments of a call to the operation, keyed by name.

    Raises
    ------
    BuilderError
        If the operation does not accept one of the arguments.

    Examples
    --------
    >>> arguments(BY_NAME["mean"], ("x", 1), {"keepdim": True})
    {'input': 'x', 'dim': 1, 'keepdim': True}
    """
    names = [*operation.inputs, *operation.settings]
    last = VARIADIC.get(operation.name)
    if last is not None and len(args) > 1 and not isinstance(args[1], (tuple, list)):
        args = (args[0], tuple(args[1:]))
    found = dict(zip(names, args, strict=False))
    found.update(
        {ALIASED.get(key, key): value for key, value in kwargs.items() if value is not None}
    )
    unknown = [key for key in found if key not in names]
    if unknown or len(args) > len(names):
        surplus = unknown[0] if unknown else f"argument {len(names) + 1}"
        raise BuilderError(
            f"the operation {operation.name!r} does not accept {surplus!r} in a specification; "
            f"accepted arguments: {', '.join(names)}"
        )
    return found


def misfit(operation: Operation, name: str, value: Any) -> str | None:
    """Return the kind of value that a setting must have, or None if `value` is of this kind.

    Examples
    --------
    >>> misfit(BY_NAME["flatten"], "start_dim", "1"), misfit(BY_NAME["sum"], "dim", [0, 1])
    ('a whole number', None)
    """
    if name == "keepdim":
        return None if isinstance(value, bool) else "true or false"
    if name == "key" or (value is None and operation.settings[name] is None):
        return None
    several = isinstance(value, (list, tuple)) and all(map(is_whole, value))
    if name in VARIADIC.values():
        return None if several else "a list of whole numbers"
    if is_whole(value) or (several and operation.name in ("sum", "mean", "squeeze")):
        return None
    return "a whole number"


ALIASED = {"axis": "dim", "self": "input", "exponent": "other", "size": "shape"}
"""Other names for arguments."""


def call(operation: Operation, inputs: Sequence[Any], settings: Mapping[str, Any]) -> Any:
    """Apply an operation to variables and numbers."""
    if operation.symbol == "-" and len(inputs) == 1:
        return -inputs[0]
    if operation.symbol is not None:
        return OPERATORS[operation.symbol](*inputs)
    if operation.name == "T":
        return inputs[0].T
    if operation.name in ("copy", "float", "long"):  # these are methods of variables
        return getattr(inputs[0], operation.name)()
    if operation.name == "index":
        return inputs[0][settings["key"]]
    return operation.function(*inputs, **settings)


OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv,
    "**": operator.pow, "@": operator.matmul, "==": operator.eq,
}  # fmt: skip
"""The functions of Python's operators."""


def flat(value: Any) -> list[Any]:
    """Return the values in nested lists and tuples, such as an operation's inputs, in order."""
    if isinstance(value, (list, tuple)):
        return [part for piece in value for part in flat(piece)]
    return [value]
