"""Indexing of rows and elements by integers, such as word or class indices, with clear errors.

torch's error for an index out of range states neither the meaning of the index nor its position.
The errors that this module raises state both. On an accelerator, the indices are inspected only
after a call has failed, so that no call waits for the device.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional

from workbench.errors import OutOfRangeError, ShapeError
from workbench.tensor import torch_internals as internals
from workbench.tensor.call import apply
from workbench.tensor.variable import Variable

ROWS = "indices start at 0, and the table must have a row for each index"
CLASSES = "classes start at 0, and there must be one prediction for each class"


def rows(table: Variable, indices: Variable, what: str) -> Variable:
    """Return the rows of a table at `indices`.

    Parameters
    ----------
    table : Variable
        The table, of shape (C, D).
    indices : Variable
        Integers of any shape, from 0 to C - 1.
    what : str
        Description of the indices, for the error message.

    Returns
    -------
    Variable
        The rows. Their shape is the shape of `indices`, followed by D.

    Raises
    ------
    OutOfRangeError
        At run time, if an index is below 0 or above C - 1.

    Examples
    --------
    >>> from workbench import shared, tensor
    >>> table, words = shared([[0.0, 1.0], [2.0, 3.0]]), tensor.lvector("words")
    >>> rows(table, words, "words").eval({words: [1]})
    tensor([[2., 3.]])
    >>> rows(table, words, "words").eval({words: [1, 2]})
    Traceback (most recent call last):
    ...
    workbench.errors.OutOfRangeError: words: 2 at position (1,) is out of range, and must be between
    0 and 1; indices start at 0, and the table must have a row for each index
    """
    result: Variable = apply(_rows, (table, indices.long(), what), {})
    return result


def elements(table: Variable, indices: Variable, what: str) -> Variable:
    """Return one element from each row of a table, selected by one index per row.

    Parameters
    ----------
    table : Variable
        The table, of shape (B, C).
    indices : Variable
        Integers of shape (B,), from 0 to C - 1.
    what : str
        Description of the indices, for the error message.

    Returns
    -------
    Variable
        The elements, of shape (B,).

    Raises
    ------
    OutOfRangeError
        At run time, if an index is below 0 or above C - 1.
    ShapeError
        If the number of indices differs from the number of rows.
    """
    result: Variable = apply(_elements, (table, indices.long(), what), {})
    return result


def where_exist(values: Variable, indices: Variable, size: Any) -> Variable:
    """Replace `values` with NaN where an index is out of range, in compiled programs only.

    Use this function for results that do not depend on the indexed element, since they would
    otherwise not become NaN.
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
    # `gather` would silently drop rows without an index.
    if not (type(number) is type(length) is int):
        internals.check_size(number == length)  # symbolic sizes: record that they are equal
    elif number != length:
        raise ShapeError(
            f"{what}: the number of indices ({length}) must equal the number of rows ({number})"
        )
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
    """Return a mask that is True where an index is between 0 and `size` - 1."""
    return (indices >= 0) & (indices < size)


def check_classes(
    classes: torch.Tensor, number: int, what: str, ignored: int | None = None
) -> None:
    """Raise `OutOfRangeError` if a class index is out of range and is not `ignored`."""
    if type(classes) is torch.Tensor and ignored is not None:
        classes = torch.where(classes == ignored, 0, classes)
    hint = "" if ignored is None else f"; use the class {ignored} to exclude an example"
    _check(classes, number, what, CLASSES + hint)


def _check(indices: torch.Tensor, size: int, what: str, hint: str = ROWS) -> None:
    """Raise `OutOfRangeError` if an index is out of range; do nothing for fake tensors."""
    if type(indices) is not torch.Tensor:
        return
    wrong = ((indices < 0) | (indices >= size)).nonzero()
    if len(wrong):
        place = tuple(wrong[0].tolist())
        raise OutOfRangeError(
            f"{what}: {int(indices[place])} at position {place} is out of range, and must be "
            f"between 0 and {size - 1}; {hint}"
        )


def within(indices: torch.Tensor, size: int, what: str) -> torch.Tensor:
    """Check that all `indices` are between 0 and `size` - 1, and return a copy of them."""
    if indices.numel():
        least, most = indices.aminmax()
        if least.item() < 0 or most.item() >= size:
            _check(indices, size, what)
    return indices.clone()


torch.library.define("workbench::within", "(Tensor indices, SymInt size, str what) -> Tensor")
torch.library.impl("workbench::within", "CompositeExplicitAutograd", within)
torch.library.register_fake("workbench::within", lambda indices, *_: torch.empty_like(indices))
_within = torch.ops.workbench.within.default
NAN_OUT_OF_RANGE = frozenset({_elements, _where_exist})
"""Functions that return NaN in compiled programs for an index out of range."""


AS_TORCH: dict[Callable[..., Any], Callable[..., tuple[Callable[..., Any], tuple[Any, ...]]]] = {
    _rows: lambda table, indices, what: (functional.embedding, (indices, table)),
}
"""Mapping from functions of this module to equivalent torch functions and their arguments."""
