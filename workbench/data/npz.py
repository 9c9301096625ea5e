"""Reader for ``npz`` archives of numpy arrays; pickled objects are not loaded."""

from __future__ import annotations

import math
import os
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from workbench.data.files import one_line, regular_file, some
from workbench.data.idx import RATIO
from workbench.errors import DataFileError, nearest
from workbench.utils.npy import header_of

MAGIC = np.lib.format.MAGIC_PREFIX


def read_npz(path: str | os.PathLike[str], names: Sequence[str]) -> list[npt.NDArray[Any]]:
    """Read the named arrays of an archive.

    Parameters
    ----------
    path : str or Path
        The path of the archive.
    names : sequence of str
        The names of the arrays to read, in this order.

    Raises
    ------
    MissingDataError
        If the file does not exist.
    DataFileError
        If the file is not an archive, is damaged, does not contain one of the arrays, or contains
        an array of Python objects.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "points.npz"
    >>> np.savez(path, x=[1, 2], y=[3, 4])
    >>> read_npz(path, ["y"])
    [array([3, 4])]
    """
    path = regular_file(path, "npz file")
    try:
        with path.open("rb") as file:
            if file.read(len(MAGIC)) == MAGIC:
                raise DataFileError(f"{path} must be an npz file, not a single array{_shape(file)}")
            file.seek(0)
            with zipfile.ZipFile(file) as archive:
                members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
                for name in names:
                    if name not in members:
                        raise DataFileError(
                            f"{path}: the archive has no array {name}, only "
                            f"{some(members, str)}{nearest(name, members)}"
                        )
                return [_member(archive, members[name], name, path) for name in names]
    except DataFileError:
        raise
    except Exception as error:
        # numpy's parser and zipfile raise almost any error for a damaged header
        raise DataFileError(f"{path} {_damaged(error)}") from None


def _member(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str, path: Path
) -> npt.NDArray[Any]:
    """Check that the archive is large enough for the declared shape, and read the array."""
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise DataFileError(
            f"{path}: {name} must be uncompressed or deflated, as in files that numpy.savez or "
            "numpy.savez_compressed writes"
        )
    packed = info.compress_size * (RATIO if info.compress_type == zipfile.ZIP_DEFLATED else 1)
    with archive.open(info) as member:
        if member.read(len(MAGIC)) != MAGIC:
            raise DataFileError(f"{path}: each entry must be an array, but {name} is not")
    with archive.open(info) as member:
        shape, dtype = header_of(member)
        header = member.tell()
        if dtype.hasobject:
            raise DataFileError(
                f"{path}: {name} must not contain Python objects, which are pickled; pickles are "
                "not read, because they can run arbitrary code"
            )
        size = math.prod(shape) * dtype.itemsize
        there = min(info.file_size, packed) - header
        if size > there:
            raise DataFileError(
                f"{path}: the header of {name} declares {size} bytes, for shape {shape} and dtype "
                f"{dtype}, but the archive has at most {max(there, 0)}; the file is damaged"
            )
    with archive.open(info) as member:
        array: npt.NDArray[Any] = np.lib.format.read_array(member, allow_pickle=False)
        if member.read(1):  # reads to the end, where zipfile verifies the checksum
            raise DataFileError(
                f"{path}: {name} has more values than its header declares; the file is damaged"
            )
        return array


def _shape(file: IO[bytes]) -> str:
    file.seek(0)
    return f" of shape {header_of(file)[0]}"


def _damaged(error: Exception) -> str:
    return f"is not an npz file, or is damaged ({one_line(error)})"
