"""Reader for IDX files, the format that MNIST and its relatives are published in.

Such a file begins with two zero bytes, a code for the dtype and the number of axes, followed by the
length of each axis and the values, everything big-endian. It may be compressed by gzip.
"""

from __future__ import annotations

import gzip
import os
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from workbench.data.files import one_line
from workbench.errors import DataFileError, MissingDataError

DTYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
GZIP = b"\x1f\x8b"


def read_idx(path: str | os.PathLike[str]) -> npt.NDArray[Any]:
    """Read one array from an IDX file, compressed by gzip or not.

    Parameters
    ----------
    path : str or Path
        The file.

    Returns
    -------
    numpy.ndarray
        The array, in the byte order of this machine.

    Raises
    ------
    MissingDataError
        If there is no such file.
    DataFileError
        If it is not an IDX file, or is damaged.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "labels"
    >>> _ = path.write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 2, 1]))
    >>> read_idx(path)
    array([7, 2, 1], dtype=uint8)
    """
    content = _content(Path(path))
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in DTYPES:
        raise DataFileError(
            f"{path}: not an IDX file; it begins with {content[:4].hex(' ') or 'nothing'}, "
            "expected 00 00, a code of a dtype and the number of axes"
        )
    dtype, axes = np.dtype(DTYPES[content[2]]), content[3]
    start = 4 + 4 * axes
    if len(content) < start:
        raise DataFileError(f"{path}: ends within its header; the file is incomplete")
    shape = struct.unpack(f">{axes}I", content[4:start])
    size = int(np.prod(shape, dtype=object)) * dtype.itemsize
    if len(content) - start != size:
        raise DataFileError(
            f"{path}: holds {len(content) - start} bytes of values; its header, shape {shape} and "
            f"dtype {dtype.name}, promises {size}; the file is damaged"
        )
    array = np.frombuffer(content, dtype, offset=start).reshape(shape)
    return array.astype(dtype.newbyteorder("="))  # also a copy that may be written to


def encode_idx(array: npt.NDArray[Any]) -> bytes:
    """Return the content of an IDX file that holds `array`.

    Examples
    --------
    >>> encode_idx(np.array([7, 2, 1], dtype=np.uint8)).hex(" ")
    '00 00 08 01 00 00 00 03 07 02 01'
    """
    dtype = array.dtype.newbyteorder(">").str.lstrip("|")
    codes = {name: code for code, name in DTYPES.items()}
    header = bytes([0, 0, codes[dtype], array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.astype(dtype).tobytes()


def _content(path: Path) -> bytes:
    if not path.is_file():
        raise MissingDataError(f"there is no IDX file {path}")
    content = path.read_bytes()
    if not content.startswith(GZIP):
        return content
    try:
        return gzip.decompress(content)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataFileError(
            f"{path}: the gzip compression is damaged ({one_line(error)})"
        ) from None
