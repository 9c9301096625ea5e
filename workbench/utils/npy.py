"""Safe reading of ``.npy`` and ``.npz`` files that may be damaged or malicious.

NumPy allocates the memory that a header declares before it checks the size of the file, and it
decompresses the members of a zip file even if they are huge. The functions in this module never
allocate more memory than the file occupies.
"""

from __future__ import annotations

import io
import math
import zipfile
from typing import IO, Any

import numpy
from numpy.typing import NDArray

SUFFIX = ".npy"
UNKNOWN_VERSION = "the version of the .npy format must be (1, 0) or (2, 0), not {version}"
PROMISE = (
    "the header declares shape {shape} and dtype {dtype}, which do not match the size of the data "
    "(in bytes: {room})"
)
OBJECTS = (
    "the array contains Python objects, which cannot be read safely, because unpickling can "
    "execute arbitrary code"
)
NOT_STORED = (
    "the member {name!r} is compressed or overlaps another member; members must be stored as "
    "numpy.savez stores them"
)


def array_of(data: bytes) -> NDArray[Any]:
    """Return the array in a ``.npy`` file.

    Parameters
    ----------
    data : bytes
        The content of the file.

    Returns
    -------
    numpy.ndarray

    Raises
    ------
    ValueError
        If `data` does not contain an array of numbers, strings or dates.

    Examples
    --------
    >>> file = io.BytesIO()
    >>> numpy.save(file, numpy.arange(3))
    >>> array_of(file.getvalue())
    array([0, 1, 2])
    """
    file = io.BytesIO(data)
    shape, dtype = header_of(file)
    if dtype.hasobject:
        raise ValueError(OBJECTS)
    room = len(data) - file.tell()
    count = math.prod(shape)
    if (
        min(shape, default=0) < 0
        or count * dtype.itemsize != room
        or (count and not dtype.itemsize)
    ):
        raise ValueError(PROMISE.format(shape=shape, dtype=dtype, room=room))
    file.seek(0)
    array: NDArray[Any] = numpy.lib.format.read_array(file, allow_pickle=False)
    return array


def header_of(file: IO[bytes]) -> tuple[tuple[int, ...], numpy.dtype[Any]]:
    """Return the shape and the dtype that the header of a ``.npy`` file declares.

    Raises
    ------
    ValueError
        If `file` does not start with a ``.npy`` header of version 1.0 or 2.0.
    """
    version = numpy.lib.format.read_magic(file)
    readers = {
        (1, 0): numpy.lib.format.read_array_header_1_0,
        (2, 0): numpy.lib.format.read_array_header_2_0,
    }
    if version not in readers:
        raise ValueError(UNKNOWN_VERSION.format(version=version))
    shape, _, dtype = readers[version](file)
    return shape, dtype


def arrays_of(data: bytes) -> dict[str, NDArray[Any]]:
    """Return a dictionary of the arrays in a ``.npz`` file that was written by `numpy.savez`.

    Parameters
    ----------
    data : bytes
        The content of the file.

    Raises
    ------
    ValueError, zipfile.BadZipFile
        If `data` is not a valid ``.npz`` file or is compressed.

    Examples
    --------
    >>> file = io.BytesIO()
    >>> numpy.savez(file, a=numpy.ones(2), b=numpy.arange(2))
    >>> arrays_of(file.getvalue())
    {'a': array([1., 1.]), 'b': array([0, 1])}
    """
    arrays = {}
    left = len(data)
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        for member in file.infolist():
            left -= member.file_size
            if member.compress_type != zipfile.ZIP_STORED or left < 0:
                raise ValueError(NOT_STORED.format(name=member.filename))
            arrays[member.filename.removesuffix(SUFFIX)] = array_of(file.read(member))
    return arrays
