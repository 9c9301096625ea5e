"""Cross-validation: every example is in the validation set of one fold and trains all others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, TypeVar, overload

import numpy as np

from workbench.data.schemes.base import IndexScheme
from workbench.data.seeds import as_integer
from workbench.errors import DataError

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
    """Cut a data set into folds, and give the schemes to train and to validate each with.

    The validation sets are neighbouring examples, in order: shuffle data that are sorted by class
    before.

    Parameters
    ----------
    scheme_class : type of IndexScheme
        The class of all the schemes.
    num_examples : int
        N, the number of examples of the data set.
    num_folds : int
        K, how many folds; from 2 to N.
    strict : bool
        Whether to insist on validation sets of equal size.
    **kwargs
        What else `scheme_class` takes, such as ``batch_size``.

    Yields
    ------
    training, validation : IndexScheme
        The schemes of a fold and, where `strict` is False, the size of its validation set.

    Raises
    ------
    DataError
        If there are not that many folds, or with `strict` if K does not divide N.

    Examples
    --------
    >>> from workbench.data import SequentialScheme
    >>> for training, validation in cross_validation(SequentialScheme, 6, 3, batch_size=4):
    ...     print(training.indices, list(validation.get_request_iterator()))
    [2 3 4 5] [slice(0, 2, None)]
    [0 1 4 5] [slice(2, 4, None)]
    [0 1 2 3] [slice(4, 6, None)]
    """
    num_examples = as_integer(num_examples, "num_examples")
    num_folds = as_integer(num_folds, "num_folds")
    if not 2 <= num_folds <= num_examples:
        raise DataError(
            f"{num_folds} folds of {num_examples} examples were asked for; expected at least 2, "
            "and at most as many as there are examples"
        )
    if strict and num_examples % num_folds:
        raise DataError(
            f"{num_examples} examples cannot be cut into {num_folds} validation sets of equal "
            "size; pass strict=False to allow sizes that differ by one"
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
