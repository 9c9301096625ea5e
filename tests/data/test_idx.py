"""IDX files."""

from __future__ import annotations

import gzip
import struct

import numpy as np
import pytest

from workbench.data import read_idx
from workbench.errors import DataFileError, MissingDataError

CODES = {"u1": 0x08, "i1": 0x09, ">i2": 0x0B, ">i4": 0x0C, ">f4": 0x0D, ">f8": 0x0E}


def encoded(array, code=0x08) -> bytes:
    header = bytes([0, 0, code, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.tobytes()


IMAGES = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
WHOLE = encoded(IMAGES)


@pytest.mark.parametrize("dtype", CODES)
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_every_dtype_is_read_compressed_or_not(tmp_path, dtype, pack):
    array = np.array([[1, 2, 3], [-1 if dtype != "u1" else 7, 0, 100]], dtype)
    path = tmp_path / "array"
    path.write_bytes(pack(encoded(array, CODES[dtype])))
    read = read_idx(path)
    np.testing.assert_array_equal(read, array)
    assert read.dtype.isnative
    assert read.flags.writeable


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the first bytes of this file are missing"),
        (b"\x89PNG", "the first bytes of this file are 89 50 4e 47"),
        (b"\0\0\x77\1" + WHOLE[4:], "an IDX file must start with 00 00"),
        (WHOLE[:9], "ends within its header"),
        (
            WHOLE[:-1],
            r"contains 23 bytes .* declares 24 bytes, for shape \(2, 3, 4\) and dtype uint8",
        ),
        (WHOLE + b"\0", "contains 25 bytes .* declares 24 bytes, .* the file is damaged"),
        (gzip.compress(WHOLE, mtime=0)[:-9], "the gzip data are damaged"),
        (b"\x1f\x8b" + b"x" * 50, "the gzip data are damaged"),
        (gzip.compress(WHOLE, mtime=0)[:-8] + bytes(8), "the gzip data are damaged"),
    ],
)
def test_the_error_names_the_fault_of_a_damaged_file(tmp_path, content, message):
    path = tmp_path / "images.idx"
    path.write_bytes(content)
    with pytest.raises(DataFileError, match=rf"images\.idx.*{message}"):
        read_idx(path)


def test_a_missing_file_is_a_file_not_found(tmp_path):
    with pytest.raises(MissingDataError, match="there is no IDX file"):
        read_idx(tmp_path / "none")
