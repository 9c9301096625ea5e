"""Checks that operands compared element by element have equal shapes.

torch broadcasts a column of predictions against a vector of targets, and the resulting cost is
meaningless. Therefore cost bricks, and torch's losses applied to variables, accept only operands of
equal shape. Unknown sizes of inputs are assumed to be equal, and a call with unequal sizes raises
an error. Computed sizes are compared when the function runs. A scalar operand applies to all
elements and is always allowed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import torch
from torch.nn import functional

from workbench import errors
from workbench.tensor import probabilities, shapes
from workbench.tensor import torch_internals as internals
from workbench.tensor.call import PREPARED, apply
from workbench.tensor.losses import CHECKED, COMPARED
from workbench.tensor.shared import SharedVariable
from workbench.tensor.traversal import ancestors
from workbench.tensor.variable import Variable

UNEQUAL: Final = (
    "{where}: {first} has shape {first_shape}, but {second} has shape {second_shape}; they are "
    "compared element by element, so their shapes must be equal (y.unsqueeze(1) turns a vector "
    "into a column, y.squeeze(1) a column into a vector)"
)


def alike(first: Any, second: Any, where: str, names: Sequence[str]) -> Any:
    """Check that two operands have the same shape, and return `first`.

    Parameters
    ----------
    first, second : Variable or torch.Tensor
    where : str
        Name of the function or brick that compares the operands, for the error message.
    names : pair of str
        Names of the operands, for the error message.

    Returns
    -------
    Variable or torch.Tensor
        `first` unchanged if the checks of the inputs cover all sizes, else a node that compares
        the sizes at run time.

    Raises
    ------
    ShapeError
        If the shapes differ: immediately for known sizes, else at run time.
    """
    fakes = [one.fake if isinstance(one, Variable) else one for one in (first, second)]
    sizes = [[shapes.symbol(size) for size in fake.shape] for fake in fakes]
    text = Unequal(where, *names)
    if len(sizes[0]) != len(sizes[1]):
        raise text.error(*map(_shown, fakes))
    pairs = [
        (axis, pair) for axis, pair in enumerate(zip(*sizes, strict=True)) if pair[0] != pair[1]
    ]
    if any(all(isinstance(size, int) for size in pair) for _, pair in pairs):
        raise text.error(*map(_shown, fakes))  # raise before any sizes are recorded as equal
    given = _sizes_of_inputs(first, second) if pairs else set()
    for axis, _ in pairs:
        try:
            shapes.learn_equal(fakes[0].shape[axis], fakes[1].shape[axis])
        except RuntimeError:
            raise text.error(*map(_shown, fakes)) from None
    if all(isinstance(size, int) or size in given for _, pair in pairs for size in pair):
        return first
    return apply(_compared, (first, second, text), {})


class Unequal:
    """Factory for the errors about operands of different shapes.

    Parameters
    ----------
    where : str
        Name of the function or brick that compares the operands.
    first, second : str
        Names of the operands.
    """

    def __init__(self, where: str, first: str, second: str) -> None:
        self.where, self.first, self.second = where, first, second

    def error(self, first: str, second: str) -> errors.ShapeError:
        """Return an error that shows both operands with the shapes `first` and `second`."""
        return errors.ShapeError(
            UNEQUAL.format(
                where=self.where,
                first=self.first,
                first_shape=first,
                second=self.second,
                second_shape=second,
            )
        )


def _compared(first: torch.Tensor, second: torch.Tensor, text: Unequal) -> torch.Tensor:
    for one, other in zip(first.shape, second.shape, strict=True):
        if not (type(one) is type(other) is int):
            internals.check_size(one == other)  # symbolic sizes: record that they are equal
        elif one != other:
            raise text.error(str(tuple(first.shape)), str(tuple(second.shape)))
    return first


def _sizes_of_inputs(*operands: Any) -> set[Any]:
    """Return the sizes of the inputs that `operands` depend on; every call checks these sizes."""
    variables = [one for one in operands if isinstance(one, Variable)]
    return {
        shapes.symbol(size)
        for one in ancestors(variables)
        if one.owner is None and not isinstance(one, SharedVariable) and not one.is_number
        for size in one.fake.shape
    }


def _shown(fake: Any) -> str:
    return shapes.describe(fake).rpartition(" ")[0]


def arguments_of_loss(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the arguments of a torch loss, with checks of shapes and values added.

    Raises
    ------
    ShapeError, DomainError
        If a check fails: immediately for known shapes and values, else at run time.
    """
    names = COMPARED.get(function, ("input", "target"))
    running = errors.location.get()
    where = f"{running[-1] + ': ' if running else ''}{function.__name__}"
    given = {**dict(zip(names, args, strict=False)), **kwargs}
    if function in COMPARED:
        first = given.get(names[0])
        for name in names[1:]:
            other = given.get(name)
            if _comparable(first) and _comparable(other) and _likelihoods(function, first, other):
                given[name] = alike(other, first, where, (name, names[0]))
    for name, kind in CHECKED.get(function, {}).items():
        if isinstance(given.get(name), (Variable, torch.Tensor)):
            given[name] = _checked(function, given, name, kind, f"{where}: {name}")
    positional = [given.pop(name) for name in names[: len(args)]]
    return (*positional, *args[len(names) :]), given


def _checked(
    function: Callable[..., Any], given: dict[str, Any], name: str, kind: str, what: str
) -> Any:
    """Return the argument `name` with a check that its values are of the given kind."""
    value = given[name]
    if kind == "weights":
        return probabilities.weights(value, what)
    if kind == "logarithms" or (name == "target" and given.get("log_target")):
        return probabilities.log_probabilities(value, what)
    if kind == "scores":
        return probabilities.probabilities(value, what, probabilities.SCORES)
    if kind == "distributions" and not value.dtype.is_floating_point:
        return value  # class indices are not probabilities
    rows = kind == "distributions" and value.ndim <= 2  # else axis 1 holds the classes
    return probabilities.probabilities(value, what, rows=rows, masked=rows)


def _comparable(one: Any) -> bool:
    return isinstance(one, (Variable, torch.Tensor)) and one.ndim > 0


def _likelihoods(function: Callable[..., Any], first: Any, target: Any) -> bool:
    """Return True if targets have the shape of predictions, or False if they are class indices."""
    classes = function is functional.cross_entropy
    return not classes or (target.dtype.is_floating_point and target.ndim == first.ndim)


PREPARED.update(dict.fromkeys([*COMPARED, *CHECKED], arguments_of_loss))
