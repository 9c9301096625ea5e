"""Function that checks the mapping from splits to files that is passed to a converter."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from workbench.errors import DataError


def check_splits(splits: Any, what: str, *, by_source: bool = False) -> None:
    """Raise a `DataError` unless `splits` maps each split to a string or path, or to a mapping.

    Parameters
    ----------
    splits : mapping
        The mapping from split to str or path, or from split to a mapping from source to str or
        path.
    what : str
        The kind of value, for error messages, such as ``"path"``.
    by_source : bool
        True if the value of each split must itself be a mapping, keyed by source.

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
            raise DataError(f"split {split!r} must have a {inner}, not {given!r:.60}")
        for one in given.values() if by_source else [given]:
            if not isinstance(one, (str, os.PathLike)):
                raise DataError(f"{one!r:.60}, given for split {split!r}, must be a {what}")
