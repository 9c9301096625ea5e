"""Reader for the IDX format, which MNIST and similar datasets use.

An IDX file starts with two zero bytes, a code for the dtype and the number of axes, followed by the
length of each axis and the values, all big-endian. It may be compressed with gzip.
"""

from __future__ import annotations

import gzip
import math
import os
import struct
import zlib
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from workbench.data.files import one_line, regular_file
from workbench.errors import DataFileError
from workbench.hints import hinted

DTYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
GZIP = b"\x1f\x8b"
RATIO = 1032
"""Upper bound on the ratio of decompressed to compressed size in gzip."""
AXES = 64
"""Maximum number of axes of a numpy array."""


class Readable(Protocol):
    """Interface of an open binary file, which may be compressed."""

    def read(self, size: int, /) -> bytes:
        """Read at most `size` bytes, and return them."""


@hinted
def read_idx(path: str | os.PathLike[str]) -> npt.NDArray[Any]:
    """Read one array from an IDX file, which may be compressed with gzip.

    Parameters
    ----------
    path : str or Path
        The path of the file.

    Returns
    -------
    numpy.ndarray
        The array, in the byte order of this machine.

    Raises
    ------
    MissingDataError
        If the file does not exist.
    DataFileError
        If the file is not an IDX file, or is damaged.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "labels"
    >>> _ = path.write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 2, 1]))
    >>> read_idx(path)
    array([7, 2, 1], dtype=uint8)
    """
    path = regular_file(path, "IDX file")
    with path.open("rb") as file:
        packed = file.read(2) == GZIP
        file.seek(0)
        if not packed:
            return _read(file, path, path.stat().st_size, path.stat().st_size)
        # the content of a gzip file cannot be larger
        most = path.stat().st_size * RATIO
        try:
            with gzip.GzipFile(fileobj=file) as unpacked:
                return _read(unpacked, path, None, most)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise DataFileError(f"{path}: the gzip data are damaged ({one_line(error)})") from None


def _read(file: Readable, path: Path, length: int | None, most: int) -> npt.NDArray[Any]:
    """Read an array, without reading more bytes than its header declares.

    Parameters
    ----------
    file : file
        The open file.
    path : Path
        The path of the file, for error messages.
    length, most : int
        The number of bytes after decompression, if known, and an upper bound on this number.
    """
    head = file.read(4)
    if len(head) < 4 or head[:2] != b"\0\0" or head[2] not in DTYPES:
        raise DataFileError(
            f"{path}: an IDX file must start with 00 00, the code of a dtype and the number of "
            f"axes; the first bytes of this file are {head.hex(' ') or 'missing'}"
        )
    dtype, axes = np.dtype(DTYPES[head[2]]), head[3]
    if axes > AXES:
        raise DataFileError(f"{path}: an array must have at most {AXES} axes, not {axes}")
    sizes = file.read(4 * axes)
    if len(sizes) < 4 * axes:
        raise DataFileError(f"{path}: the file ends within its header; it is incomplete")
    shape = struct.unpack(f">{axes}I", sizes)
    size = math.prod(shape) * dtype.itemsize
    header = (
        f"its header declares {size} byte{'s' * (size != 1)}, for shape {shape} and dtype "
        f"{dtype.name}"
    )
    there = None if length is None else length - 4 - 4 * axes
    if size > most or (there is not None and there != size):
        held = (
            f"{there} byte{'s' * (there != 1)} of values"
            if there is not None
            else f"at most {most} bytes"
        )
        raise DataFileError(f"{path} contains {held}, but {header}; the file is damaged")
    content = file.read(size)
    follows = file.read(1)  # reads to the end, where gzip verifies the checksum
    if len(content) != size or follows:
        found = f"{len(content)} byte{'s' * (len(content) != 1)} of values"
        held = "more bytes of values" if follows else found
        raise DataFileError(f"{path} contains {held}, but {header}; the file is damaged")
    try:
        array = np.frombuffer(content, dtype).reshape(shape)
    except ValueError as error:  # one axis has length 0 and others are too long
        raise DataFileError(f"{path}: {one_line(error)}; {header}") from None
    return array.astype(dtype.newbyteorder("="))  # also creates a writable copy


def encode_idx(array: npt.NDArray[Any]) -> bytes:
    """Encode `array` as the content of an IDX file.

    Examples
    --------
    >>> encode_idx(np.array([7, 2, 1], dtype=np.uint8)).hex(" ")
    '00 00 08 01 00 00 00 03 07 02 01'
    """
    dtype = array.dtype.newbyteorder(">").str.lstrip("|")
    codes = {name: code for code, name in DTYPES.items()}
    header = bytes([0, 0, codes[dtype], array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.astype(dtype).tobytes()
