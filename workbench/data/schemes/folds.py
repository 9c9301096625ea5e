"""Cross-validation: each example is in the validation set of exactly one fold."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, TypeVar, overload

import numpy as np

from workbench.data.schemes.base import IndexScheme
from workbench.errors import DataError
from workbench.utils.numbers import as_whole

SchemeT = TypeVar("SchemeT", bound=IndexScheme)


@overload
def cross_validation(
    scheme_class: type[SchemeT],
    num_examples: int,
    num_folds: int,
    strict: Literal[True] = True,
    **kwargs: object,
) -> Iterator[tuple[SchemeT, SchemeT]]: ...
@overload
def cross_validation(
    scheme_class: type[SchemeT],
    num_examples: int,
    num_folds: int,
    strict: Literal[False],
    **kwargs: object,
) -> Iterator[tuple[SchemeT, SchemeT, int]]: ...
def cross_validation(
    scheme_class: type[SchemeT],
    num_examples: int,
    num_folds: int,
    strict: bool = True,
    **kwargs: object,
) -> Iterator[Any]:
    """Split a dataset into folds, and yield the training and validation schemes of each fold.

    The validation set of a fold consists of consecutive examples, so first shuffle data that are
    sorted by class.

    Parameters
    ----------
    scheme_class : type of IndexScheme
        The class of the schemes.
    num_examples : int
        The number of examples N in the dataset.
    num_folds : int
        The number of folds K, from 2 to N.
    strict : bool
        If True, require that all validation sets have the same size.
    **kwargs
        Additional arguments of `scheme_class`, such as ``batch_size``.

    Yields
    ------
    training, validation : IndexScheme
        The schemes of a fold. If `strict` is False, a third item is the size of the validation set.

    Raises
    ------
    DataError
        If K is out of range, or if `strict` is True and K does not divide N.

    Examples
    --------
    >>> from workbench.data import SequentialScheme
    >>> for training, validation in cross_validation(SequentialScheme, 6, 3, batch_size=4):
    ...     print(training.indices, list(validation.get_request_iterator()))
    [2 3 4 5] [slice(0, 2, None)]
    [0 1 4 5] [slice(2, 4, None)]
    [0 1 2 3] [slice(4, 6, None)]
    """
    num_examples = as_whole(num_examples, "num_examples", DataError)
    num_folds = as_whole(num_folds, "num_folds", DataError)
    if not 2 <= num_folds <= num_examples:
        raise DataError(
            f"num_folds must be between 2 and the number of examples ({num_examples}), not "
            f"{num_folds}"
        )
    if strict and num_examples % num_folds:
        raise DataError(
            f"num_folds={num_folds} must divide the number of examples ({num_examples}); pass "
            "strict=False to allow validation sets whose sizes differ by one"
        )
    return _folds(scheme_class, num_examples, num_folds, strict, kwargs)


def _folds(
    scheme_class: type[SchemeT], count: int, folds: int, strict: bool, kwargs: dict[str, Any]
) -> Iterator[Any]:
    for fold in range(folds):
        start, stop = count * fold // folds, count * (fold + 1) // folds
        others = np.r_[0:start, stop:count]
        pair = scheme_class(others, **kwargs), scheme_class(range(start, stop), **kwargs)
        yield pair if strict else (*pair, stop - start)
