"""Inputs for an application of a brick, created from examples or from the brick's dimensions."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import numpy
import torch

from workbench.bricks.lazy import is_set
from workbench.errors import BrickError, OperationError, ShapeError, WorkbenchError, nearest
from workbench.graph.annotations import BrickMethod
from workbench.tensor import Variable, variable
from workbench.tensor.device import floatx

AXES = (1, 2, 3)
"""The numbers of axes to try in front of the last axis of an input, in this order."""

UNKNOWN = (
    "{path}: the number of axes of the inputs {names} cannot be inferred ({error}); pass an "
    "example of each input, as in inputs=torch.zeros(1, 28, 28)"
)
LACKING = (
    "{path} has the inputs {names}, but no example was given for {lacking}; pass a list with an "
    "example or a shape for each input"
)

Given = Any
"""None, an example, a sequence of examples, or a mapping from names to examples."""


def applied(
    bound: BrickMethod, inputs: Given = None, sizes: bool = False
) -> tuple[dict[str, Variable], list[Variable]]:
    """Apply a brick to new inputs.

    Parameters
    ----------
    bound : BoundApplication
    inputs : tensor, array, tuple of int, or a list or mapping of these, optional
        An example of each input, or its shape; see `examples_of`. Without it, the inputs are
        inferred from the dimensions of the brick.
    sizes : bool
        True to fix all sizes to the sizes in the examples or shapes. By default all can vary.

    Returns
    -------
    inputs, outputs : dict of str to Variable, list of Variable

    Raises
    ------
    BrickError
        If the inputs cannot be inferred, or if an example is missing.
    """
    if inputs is not None:
        examples = examples_of(bound, inputs)
        try:
            return _applied_to(bound, examples, known=0 if sizes else None)
        except ShapeError:  # the brick needs all sizes except the batch size
            return _applied_to(bound, examples, known=1)
        except OperationError as error:
            lacking = [name for name in required(bound) if name not in examples]
            if not lacking:
                raise
            raise BrickError(
                LACKING.format(
                    path=bound.path, names=", ".join(required(bound)), lacking=", ".join(lacking)
                )
            ) from error
    errors: list[WorkbenchError] = []
    for axes in AXES:
        given = {name: _inferred(bound, name, axes) for name in required(bound)}
        try:
            return given, _apply(bound, given)
        except (ShapeError, BrickError) as error:
            errors.append(error)
    text = UNKNOWN.format(path=bound.path, names=", ".join(required(bound)), error=errors[0])
    raise BrickError(text) from errors[0]


def examples_of(bound: BrickMethod, inputs: Given) -> dict[str, Any]:
    """Return the given examples or shapes, keyed by input name.

    A tuple of integers is one shape; a list or any other tuple has one item for each input.

    Raises
    ------
    BrickError
        If there are more examples than inputs, or if a name is unknown.
    """
    names = [name for name in bound.inputs if name] or required(bound)
    if isinstance(inputs, Mapping):
        found = dict(inputs)
    elif _is_example(inputs):
        found = {names[0]: inputs}
    else:
        found = dict(zip(names, inputs, strict=False))
        if len(inputs) > len(names):
            raise BrickError(
                f"{bound.path} has the inputs {', '.join(names)}, but {len(inputs)} examples were "
                "given; pass one example for each input"
            )
    unknown = [name for name in found if name not in names]
    if unknown:
        raise BrickError(
            f"{bound.path} has the inputs {', '.join(names)}, but an example was given for "
            f"{unknown[0]!r}{nearest(unknown[0], names)}"
        )
    return found


def examples(inputs: Mapping[str, Variable], given: Mapping[str, Any]) -> dict[str, torch.Tensor]:
    """Return an example tensor for each input: the given example, or a tensor of the given shape.

    Unknown sizes become 2. Floats are random numbers, and integers are zeros.
    """
    random = torch.Generator().manual_seed(0)
    made = {}
    for name, symbol in inputs.items():
        example = given.get(name)
        if example is not None and not isinstance(example, tuple):
            made[name] = torch.as_tensor(example, dtype=symbol.dtype)
            continue
        known = symbol.shape if example is None else example
        shape = [n if isinstance(n, int) else 2 for n in known]
        if symbol.dtype.is_floating_point:
            made[name] = torch.rand(shape, generator=random, dtype=symbol.dtype)
        else:
            made[name] = torch.zeros(shape, dtype=symbol.dtype)
    return made


def required(bound: BrickMethod) -> list[str]:
    """Return the names of the inputs that have no default."""
    signature: inspect.Signature = bound.application.signature
    parameters = signature.parameters
    if any(p.kind is p.VAR_POSITIONAL for p in parameters.values()):
        return list(bound.inputs)
    optional = {p.name for p in parameters.values() if p.default is not p.empty}
    needed = [name for name in bound.inputs if name not in optional]
    sequences = getattr(bound, "sequences", None)
    if sequences is not None:  # every argument of a recurrent application is optional
        needed = [*(n for n in sequences if n != "mask"), *bound.contexts]  # type: ignore[attr-defined]
    return needed


def _is_example(value: Any) -> bool:
    if isinstance(value, (torch.Tensor, numpy.ndarray)):
        return True
    return isinstance(value, tuple) and all(n is None or isinstance(n, int) for n in value)


def _shape(value: Any) -> list[int | None]:
    return list(value) if isinstance(value, tuple) else list(value.shape)


def _dtype(value: Any) -> torch.dtype:
    if isinstance(value, tuple):
        return floatx()
    if isinstance(value, numpy.ndarray):
        return floatx() if value.dtype.kind == "f" else torch.as_tensor(value[:0]).dtype
    dtype: torch.dtype = value.dtype
    return dtype


def _applied_to(
    bound: BrickMethod, examples: Mapping[str, Any], known: int | None
) -> tuple[dict[str, Variable], list[Variable]]:
    """Apply a brick to inputs; if axis `known` is given, fix all sizes from this axis onwards."""
    given = {}
    for name, example in examples.items():
        shape = _shape(example)
        front = len(shape) if known is None else known
        given[name] = variable(name, [None] * front + shape[front:], _dtype(example))
    return given, _apply(bound, given)


def _apply(bound: BrickMethod, given: Mapping[str, Variable]) -> list[Variable]:
    if all(p.kind is p.VAR_POSITIONAL for p in bound.application.signature.parameters.values()):
        results: list[Variable] = bound(*given.values(), as_list=True)
        return results
    return list(bound(**given, as_list=True))


def _inferred(bound: BrickMethod, name: str, axes: int) -> Variable:
    """Return an input with `axes` leading axes, followed by the dimension that the brick expects.

    A dimension that is a sequence of sizes always has one leading axis.
    """
    try:
        dim = bound.brick.get_dim(name)
    except WorkbenchError:
        dim = None
    if isinstance(dim, int) and dim == 0:
        return variable(name, (None,) * axes, torch.int64)
    if isinstance(dim, Sequence):
        return variable(name, (None, *(n if is_set(n) else None for n in dim)))
    return variable(name, (*(None,) * axes, dim if isinstance(dim, int) else None))
