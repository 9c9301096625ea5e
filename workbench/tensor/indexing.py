"""Indexing of rows and elements by integers such as words and classes, with clear errors.

torch's error about an index out of range gives neither the meaning of the index nor its position;
these functions do. They look at the indices only after something has failed, so that nothing waits
for an accelerator.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional

from workbench.errors import OutOfRangeError, ShapeError
from workbench.tensor import torch_internals as internals
from workbench.tensor.call import apply
from workbench.tensor.variable import Variable

ROWS = "indices count from 0, and the table must have a row for each"
CLASSES = "classes count from 0, and there must be one prediction for each"


def rows(table: Variable, indices: Variable, what: str) -> Variable:
    """Return the rows of a table at `indices`.

    Parameters
    ----------
    table : Variable
        Of shape (C, D).
    indices : Variable
        Integers of any shape, from 0 to C - 1.
    what : str
        The meaning of the indices, for the error.

    Returns
    -------
    Variable
        Of the shape of `indices`, followed by the dimension D.

    Raises
    ------
    OutOfRangeError
        When computed, if an index is below 0 or above C - 1.

    Examples
    --------
    >>> from workbench import shared, tensor
    >>> table, words = shared([[0.0, 1.0], [2.0, 3.0]]), tensor.lvector("words")
    >>> rows(table, words, "words").eval({words: [1]})
    tensor([[2., 3.]])
    >>> rows(table, words, "words").eval({words: [1, 2]})
    Traceback (most recent call last):
    ...
    workbench.errors.OutOfRangeError: words: 2 at position (1,) is out of range: there are 2, from 0
    to 1; indices count from 0, and the table must have a row for each
    """
    result: Variable = apply(_rows, (table, indices.long(), what), {})
    return result


def elements(table: Variable, indices: Variable, what: str) -> Variable:
    """Return one element of each row of a table, chosen by the index of the row.

    Parameters
    ----------
    table : Variable
        Of shape (B, C).
    indices : Variable
        Integers of shape (B,), from 0 to C - 1.
    what : str
        The meaning of the indices, for the error.

    Returns
    -------
    Variable
        Of shape (B,).

    Raises
    ------
    OutOfRangeError
        When computed, if an index is below 0 or above C - 1.
    ShapeError
        If the number of indices is not the number of rows.
    """
    result: Variable = apply(_elements, (table, indices.long(), what), {})
    return result


def where_exist(values: Variable, indices: Variable, size: Any) -> Variable:
    """Return `values`, one for each of `indices`, with NaN for an index out of range.

    For results that do not use the element that an index chooses, and so would not become NaN.
    """
    result: Variable = apply(_where_exist, (values, indices, size), {})
    return result


def _rows(table: torch.Tensor, indices: torch.Tensor, what: str) -> torch.Tensor:
    if type(indices) is not torch.Tensor and indices.is_cpu:
        indices = _within(indices, table.shape[0], what)
    try:
        return functional.embedding(indices, table)
    except (IndexError, RuntimeError):
        _check(indices, table.shape[0], what)
        raise


def _elements(table: torch.Tensor, indices: torch.Tensor, what: str) -> torch.Tensor:
    number, length = table.shape[0], indices.shape[0]
    # `gather` would silently drop the rows that have no index.
    if not (type(number) is type(length) is int):
        internals.check_size(number == length)  # symbolic sizes: learn that they are equal
    elif number != length:
        raise ShapeError(f"{what}: there are {length} indices for {number} rows; give one for each")
    if type(indices) is not torch.Tensor and not table.is_floating_point():
        indices = _within(indices, table.shape[1], what)
    elif type(indices) is not torch.Tensor:
        there = exist(indices, table.shape[1])
        found = table.gather(1, torch.where(there, indices, 0).unsqueeze(1)).squeeze(1)
        return torch.where(there, found, torch.nan)
    try:
        return table.gather(1, indices.unsqueeze(1)).squeeze(1)
    except (IndexError, RuntimeError):
        check_classes(indices, table.shape[1], what)
        raise


def _where_exist(values: torch.Tensor, indices: torch.Tensor, size: int) -> torch.Tensor:
    if type(indices) is torch.Tensor:
        return values
    return torch.where(exist(indices, size), values, torch.nan)


def exist(indices: torch.Tensor, size: int) -> torch.Tensor:
    """Return, for each of the integers `indices`, True if it is from 0 to `size` - 1."""
    return (indices >= 0) & (indices < size)


def check_classes(
    classes: torch.Tensor, number: int, what: str, ignored: int | None = None
) -> None:
    """Raise `OutOfRangeError` if one of `classes` does not exist and is not `ignored`."""
    if type(classes) is torch.Tensor and ignored is not None:
        classes = torch.where(classes == ignored, 0, classes)
    hint = "" if ignored is None else f"; use the class {ignored} to leave an example out"
    _check(classes, number, what, CLASSES + hint)


def _check(indices: torch.Tensor, size: int, what: str, hint: str = ROWS) -> None:
    """Raise `OutOfRangeError` if an index is out of range; do nothing while a graph is made."""
    if type(indices) is not torch.Tensor:  # a fake tensor has no values
        return
    wrong = ((indices < 0) | (indices >= size)).nonzero()
    if len(wrong):
        place = tuple(wrong[0].tolist())
        raise OutOfRangeError(
            f"{what}: {int(indices[place])} at position {place} is out of range: there are {size}, "
            f"from 0 to {size - 1}; {hint}"
        )


def within(indices: torch.Tensor, size: int, what: str) -> torch.Tensor:
    """Return a copy of `indices`, checked to be from 0 to `size` - 1."""
    if indices.numel():
        least, most = indices.aminmax()
        if least.item() < 0 or most.item() >= size:
            _check(indices, size, what)
    return indices.clone()


torch.library.define("workbench::within", "(Tensor indices, SymInt size, str what) -> Tensor")
torch.library.impl("workbench::within", "CompositeExplicitAutograd", within)
torch.library.register_fake("workbench::within", lambda indices, *_: torch.empty_like(indices))
_within = torch.ops.workbench.within.default
LOOKED_AT = frozenset({_elements, _where_exist})
"""Functions that return NaN in compiled programs for an index out of range."""
