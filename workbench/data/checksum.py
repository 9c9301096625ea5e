"""Checksums that show whether data have changed since they were pickled."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.errors import DataFileError


def checksum(arrays: Iterable[npt.NDArray[Any]], start: int = 0) -> int:
    """Return a 32-bit checksum of the shapes, dtypes and values of `arrays`.

    The checksum detects a damaged file or a different version of a file, but does not protect
    against malicious changes.

    Examples
    --------
    >>> checksum([np.arange(3)]) == checksum([np.arange(3)])
    True
    >>> checksum([np.arange(3)]) == checksum([np.arange(3.0)])
    False
    """
    total = start
    for array in arrays:
        total = zlib.crc32(f"{array.dtype}{array.shape}".encode(), total)
        if array.dtype != object:
            total = zlib.crc32(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data, total)
            continue
        for item in array.flat:  # examples of different shapes, or text
            if isinstance(item, np.ndarray):
                total = checksum([item], total)
            else:
                total = zlib.crc32(repr(item).encode("utf-8", "surrogatepass"), total)
    return total


def same_or_raise(arrays: Iterable[npt.NDArray[Any]], expected: int, where: object) -> None:
    """Raise a `DataFileError` unless `arrays` have the checksum `expected`."""
    if checksum(arrays) != expected:
        raise DataFileError(
            f"{where}: the data must be the same as when they were pickled, but their checksum "
            "differs; the file has changed, or the arrays were modified before pickling"
        )
