"""Equal shapes of what is compared element by element.

torch compares a column of predictions with a matrix of targets by repeating the column, and the
number that comes out means nothing. The losses of torch, and the costs of bricks, therefore take
operands of equal shape only: sizes that are not known are learned to be equal, so that values which
differ are refused when they are given, and sizes that are computed are compared when they are
there. An operand without dimensions is one number for all, and stays allowed.
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
    "compared element by element, so their shapes must be equal (y.unsqueeze(1) makes a column of "
    "a vector, y.squeeze(1) a vector of a column)"
)


def alike(first: Any, second: Any, where: str, names: Sequence[str]) -> Any:
    """The operand `first`, sure to have the shape of `second`.

    Parameters
    ----------
    first, second : Variable or torch.Tensor
    where : str
        Who compares them, for the error.
    names : pair of str
        What they are called there.

    Returns
    -------
    Variable or torch.Tensor
        `first` itself where their sizes are checked on what is given, else a node that compares
        them when they are computed.

    Raises
    ------
    ShapeError
        At once, or when computed, if the shapes differ.
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
        raise text.error(*map(_shown, fakes))  # before anything is learned
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
    """The error of operands that are not alike.

    Parameters
    ----------
    where : str
        Who compares them.
    first, second : str
        What they are called there.
    """

    def __init__(self, where: str, first: str, second: str) -> None:
        self.where, self.first, self.second = where, first, second

    def error(self, first: str, second: str) -> errors.ShapeError:
        """The error for two shapes."""
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
            internals.check_size(one == other)  # where sizes are learned, learn this
        elif one != other:
            raise text.error(str(tuple(first.shape)), str(tuple(second.shape)))
    return first


def _sizes_of_inputs(*operands: Any) -> set[Any]:
    """The unknown sizes of what will be given, which are checked there."""
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
    """The arguments of one of torch's losses: what it compares made sure to be alike, and checked.

    Raises
    ------
    ShapeError, DomainError
        At once for what is known already; else when computed.
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
    """An argument that must be a probability, or the like, and is looked at when it is there."""
    value = given[name]
    if kind == "weights":
        return probabilities.weights(value, what)
    if kind == "logarithms" or (name == "target" and given.get("log_target")):
        return probabilities.log_probabilities(value, what)
    if kind == "scores":
        return probabilities.probabilities(value, what, probabilities.SCORES)
    if kind == "distributions" and not value.dtype.is_floating_point:
        return value  # class indices
    rows = kind == "distributions" and value.ndim <= 2  # with more, classes are not last
    return probabilities.probabilities(value, what, rows=rows, masked=rows)


def _comparable(one: Any) -> bool:
    return isinstance(one, (Variable, torch.Tensor)) and one.ndim > 0


def _likelihoods(function: Callable[..., Any], first: Any, target: Any) -> bool:
    """Return True if a target has a number for each of what is predicted, and is no class index."""
    classes = function is functional.cross_entropy
    return not classes or (target.dtype.is_floating_point and target.ndim == first.ndim)


PREPARED.update(dict.fromkeys([*COMPARED, *CHECKED], arguments_of_loss))
