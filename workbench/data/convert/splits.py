"""Check of the argument of the converters: the files of each split."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from workbench.errors import DataError


def check_splits(splits: Any, what: str, *, by_source: bool = False) -> None:
    """Raise `DataError` unless each split has its files or names.

    Parameters
    ----------
    splits : mapping
        Mapping from split to text or path, or from split to a mapping from source to these.
    what : str
        The kind of the values, such as ``"path"``, for messages.
    by_source : bool
        True if each split is a mapping from source.

    Examples
    --------
    >>> check_splits("iris.csv", "path")
    Traceback (most recent call last):
    ...
    workbench.errors.DataError: 'iris.csv' must be a mapping from split to path, such as
    {'train': 'iris.csv'}
    """
    inner = f"mapping from source to {what}" if by_source else what
    if not isinstance(splits, Mapping):
        hint = ""
        if isinstance(splits, (str, os.PathLike)):
            example = f"{{'features': {splits!r:.60}}}" if by_source else f"{splits!r:.60}"
            hint = f", such as {{'train': {example}}}"
        raise DataError(f"{splits!r:.60} must be a mapping from split to {inner}{hint}")
    for split, given in splits.items():
        if by_source and not isinstance(given, Mapping):
            raise DataError(f"{given!r:.60} of split {split!r} must be a {inner}")
        for one in given.values() if by_source else [given]:
            if not isinstance(one, (str, os.PathLike)):
                raise DataError(f"{one!r:.60} of split {split!r} must be a {what}")
