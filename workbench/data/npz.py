"""Reader for ``npz`` archives: several numpy arrays in a zip file, none of them pickled."""

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
    """Read some arrays of an archive.

    Parameters
    ----------
    path : str or Path
        The file.
    names : sequence of str
        The arrays wanted, in this order.

    Raises
    ------
    MissingDataError
        If there is no such file.
    DataFileError
        If it is no archive, is damaged, lacks an array, or has one of Python objects.

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
                raise DataFileError(f"{path}: not an npz file, but a single array{_shape(file)}")
            file.seek(0)
            with zipfile.ZipFile(file) as archive:
                members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
                for name in names:
                    if name not in members:
                        raise DataFileError(
                            f"{path}: {name} is not among the arrays of the archive, which are "
                            f"{some(members, str)}{nearest(name, members)}"
                        )
                return [_member(archive, members[name], name, path) for name in names]
    except DataFileError:
        raise
    except Exception as error:
        # of a damaged header numpy's parser raises almost anything, and zipfile too
        raise DataFileError(f"{path}: {_damaged(error)}") from None


def _member(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str, path: Path
) -> npt.NDArray[Any]:
    """Read an array, having seen that its header promises what the archive can hold."""
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise DataFileError(f"{path}: {name} is compressed by a method that numpy does not use")
    packed = info.compress_size * (RATIO if info.compress_type == zipfile.ZIP_DEFLATED else 1)
    with archive.open(info) as member:
        if member.read(len(MAGIC)) != MAGIC:
            raise DataFileError(f"{path}: not an npz file of arrays; {name} in it is none")
    with archive.open(info) as member:
        shape, dtype = header_of(member)
        header = member.tell()
        if dtype.hasobject:
            raise DataFileError(
                f"{path}: not an npz file of plain arrays; it holds pickled Python objects, which "
                "are not read, for they could run any code"
            )
        size = math.prod(shape) * dtype.itemsize
        there = min(info.file_size, packed) - header
        if size > there:
            raise DataFileError(
                f"{path}: {name} is to be of shape {shape} and dtype {dtype}, {size} bytes, but "
                f"the archive has at most {max(there, 0)} bytes for it; the file is damaged"
            )
    with archive.open(info) as member:
        array: npt.NDArray[Any] = np.lib.format.read_array(member, allow_pickle=False)
        if member.read(1):  # to the end, where the checksum is looked at
            raise DataFileError(f"{path}: {name} has more values than its header promises")
        return array


def _shape(file: IO[bytes]) -> str:
    file.seek(0)
    return f" of shape {header_of(file)[0]}"


def _damaged(error: Exception) -> str:
    return f"not an npz file, or a damaged one ({one_line(error)})"
