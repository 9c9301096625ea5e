"""Checks of the arguments `updates` and `givens` of `function`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch

from workbench import errors
from workbench.tensor import shapes
from workbench.tensor.inputs import as_variable
from workbench.tensor.shared import SharedVariable
from workbench.tensor.variable import Variable

NOT_UPDATES = (
    "updates must be a dictionary from shared variables to their new values, or a list of pairs, "
    "as in [(total, total + x)], not {given!r:.60}{within}"
)

Updates = Mapping[SharedVariable, Any] | Iterable[tuple[SharedVariable, Any]]


def listed_updates(updates: Updates) -> list[tuple[SharedVariable, Any]]:
    """Convert updates, given as a mapping or as pairs, to a list of pairs.

    Raises
    ------
    InputError
        If `updates` is neither a mapping nor an iterable of pairs.
    """
    if isinstance(updates, Mapping):
        return list(updates.items())
    if isinstance(updates, Variable) or not isinstance(updates, Iterable):
        raise errors.InputError(NOT_UPDATES.format(given=updates, within=""))
    pairs = list(updates)
    for pair in pairs:
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise errors.InputError(NOT_UPDATES.format(given=pair, within=" as an item"))
    return [(target, value) for target, value in pairs]


def checked_updates(updates: Updates) -> dict[SharedVariable, Variable]:
    """Convert updates to the dtypes of their variables and check that the shapes match."""
    pairs: dict[SharedVariable, Variable] = {}
    for target, value in listed_updates(updates):
        if not isinstance(target, SharedVariable):
            raise errors.InputError(
                f"cannot update {target!r}, since only shared variables keep a value; create the "
                "variable with workbench.shared"
            )
        if target in pairs:
            raise errors.InputError(
                f"{target!r} has two updates, but only one is allowed; remove one of them"
            )
        new = as_variable(value)
        if new.dtype != target.dtype:
            new = _cast(target, new)
        _check_fits(f"the update of {target!r}", new, target)
        pairs[target] = new
    return pairs


def checked_givens(givens: Any) -> dict[Variable, Variable]:
    """Check the shapes of replacements, and return them as a dictionary keyed by variable."""
    replacements = {}
    for old, value in givens.items() if isinstance(givens, Mapping) else givens:
        new = as_variable(value)
        _check_fits(f"the replacement of {old!r} in givens", new, old)
        replacements[old] = new
    return replacements


def default_updates(
    order: Sequence[Variable], given: Mapping[SharedVariable, Any]
) -> dict[SharedVariable, Variable]:
    """Return the default updates of the variables in `order`, except those in `given`."""
    return {
        v: v.default_update
        for v in order
        if isinstance(v, SharedVariable) and v.default_update is not None and v not in given
    }


def _cast(target: Variable, new: Variable) -> Variable:
    if torch.can_cast(new.dtype, target.dtype):
        tensor: Any = new
        if new.is_number:
            tensor = torch.scalar_tensor(new, dtype=new.dtype)  # type: ignore[arg-type]
        cast: Variable = tensor.to(target.dtype)
        return cast
    raise errors.DtypeError(
        f"the update of {target!r} must have the dtype {target.dtype}, not {new.dtype}; convert it "
        f"with .to({target.dtype})"
    )


def _check_fits(what: str, new: Variable, place: Variable) -> None:
    if new.ndim == place.ndim:
        sizes = zip(new.shape, place.shape, strict=True)
        if all(not (isinstance(a, int) and isinstance(b, int)) or a == b for a, b in sizes):
            return
    raise errors.ShapeError(
        f"{what} must be {shapes.describe(place.fake)}, not {shapes.describe(new.fake)}"
    )
