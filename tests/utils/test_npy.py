"""Arrays from bytes that may be malicious."""

import io
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra import numpy as st_numpy

from workbench.utils.npy import array_of, arrays_of


def npy(array):
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


def header(shape, descr="'<f8'", version=b"\x01\x00"):
    """Return the start of an .npy file whose header declares this shape."""
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    text = text.ljust(117) + b"\n"
    return b"\x93NUMPY" + version + len(text).to_bytes(2, "little") + text


def npz(members, **options):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", **options) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return file.getvalue()


@given(
    st_numpy.arrays(
        st_numpy.scalar_dtypes() | st_numpy.unicode_string_dtypes(min_len=1),
        st_numpy.array_shapes(min_dims=0, min_side=0),
    )
)
def test_an_array_is_read_unchanged(array):
    found = array_of(npy(array))
    assert found.dtype == array.dtype and found.shape == array.shape
    assert found.tobytes() == array.tobytes()


def test_an_array_in_fortran_order_is_read():
    np.testing.assert_equal(array_of(npy(np.asfortranarray(np.eye(2, 3)))), np.eye(2, 3))


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (header("(500000000000,)") + bytes(8), r"declares shape \(500000000000,\)"),
        (header("(2, -3)") + bytes(48), r"declares shape \(2, -3\)"),
        (header("(-2, -3)") + bytes(48), r"declares shape"),
        (header("(4611686018427387904,)", "'|V0'"), "dtype"),
        (header("(1,)", "'|O'") + bytes(8), "execute arbitrary code"),
        (header("(1,)", version=b"\x09\x00") + bytes(8), "version"),
        (header("(1,)"), r"\(0 bytes\)"),
        (b"", "."),
        (b"\x93NUMPY", "."),
        (header("(" * 5000 + "1" + ")" * 5000), "."),
    ],
)
def test_a_malicious_array_is_an_error(data, text):
    with pytest.raises(ValueError, match=text):
        array_of(data)


def test_arrays_are_read_by_name():
    file = io.BytesIO()
    np.savez(file, **{"a.b": np.ones(2), "c": np.arange(3)})
    found = arrays_of(file.getvalue())
    assert list(found) == ["a.b", "c"] and found["c"].tolist() == [0, 1, 2]


def test_a_compressed_member_is_an_error():
    data = npz({"a.npy": npy(np.zeros(10**6))}, compression=zipfile.ZIP_DEFLATED)
    assert len(data) < 20_000
    with pytest.raises(ValueError, match=r"'a.npy' is compressed"):
        arrays_of(data)


def test_members_that_overlap_are_an_error():
    data = bytearray(npz({"a.npy": npy(np.zeros(1000)), "b.npy": npy(np.zeros(1000))}))
    single = npz({"a.npy": npy(np.zeros(1000))})
    # one local file that the directory lists many times
    directory = single.index(b"PK\x01\x02")
    end = single.index(b"PK\x05\x06")
    entry = single[directory:end]
    n = 50
    tail = bytearray(single[end:])
    tail[8:10] = tail[10:12] = n.to_bytes(2, "little")
    tail[12:16] = (n * len(entry)).to_bytes(4, "little")
    data = single[:directory] + entry * n + bytes(tail)
    with pytest.raises((ValueError, zipfile.BadZipFile)):
        arrays_of(data)
