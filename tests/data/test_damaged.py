"""Damaged files of many kinds: each gives an error of one line that names the file and its fault.

The damage is typical: incomplete or wrong downloads, changed bytes, files written by other
programs, tables edited by hand.
"""

from __future__ import annotations

import gzip
import zipfile

import h5py
import numpy as np
import pytest

from workbench.data import H5PYDataset, read_idx, write_hdf5
from workbench.data.convert import csv_to_hdf5
from workbench.data.idx import encode_idx
from workbench.data.npz import read_npz
from workbench.errors import DataFileError, WorkbenchError

IDX = encode_idx(np.arange(24, dtype=np.uint8).reshape(2, 3, 4))
TABLE = b"length,width,kind\n5.1,3.5,a\n7.0,3.2,b\n6.4,3.2,a\n"

IDX_DAMAGE = {
    "empty": (b"", "the first bytes of this file are missing"),
    "another format": (b"\x89PNG\r\n\x1a\n", "file are 89 50 4e 47"),
    "a web page": (b"<!DOCTYPE html><title>404</title>", "file are 3c 21"),
    "unknown dtype": (b"\0\0\x0a" + IDX[3:], "file are 00 00 0a 03"),
    "cut in the header": (IDX[:10], "the file ends within its header; it is incomplete"),
    "cut in the values": (
        IDX[:-3],
        "of values, but its header declares 24 bytes, for shape (2, 3, 4)",
    ),
    "something follows": (IDX + b"more", "28 bytes of values,"),
    "a size that changed": (IDX[:4] + b"\x7f" + IDX[5:], "declares 25568477"),
    "cut gzip": (gzip.compress(IDX)[:-10], "the gzip data are damaged (Compressed file en"),
    "changed gzip": (gzip.compress(IDX)[:-8] + bytes(8), "the gzip data are damaged (CRC"),
}
CSV_DAMAGE = {
    "empty": (b"", "the file is empty; the first line must name the columns"),
    "names only": (b"length,width,kind\n", "has only one line; the first"),
    "a cell too few": (TABLE + b"6.0,b\n", "3 cells, one per column, not 2"),
    "a cell too many": (TABLE + b"6,0,1,b\n", "3 cells, one per column, not 4"),
    "no number": (TABLE + b"6.0,wide,b\n", "column 'width' must be a number, not 'wide';"),
    "nothing": (TABLE + b"6.0,,b\n", ":5: column 'width' must be a number, not an empty cell"),
    "no class": (TABLE + b"6.0,1, \n", "column 'kind' must be the name of a class, but is"),
    "the same name twice": (TABLE.replace(b"width", b"length"), ":1: two columns are named 'len"),
    "a nameless column": (TABLE.replace(b"width", b""), ":1: a column has no name"),
    "not text": (TABLE + b"\xff\xfe,1,a\n", "utf-8-sig text after line"),
    "an open quote": (
        TABLE + b'"6.0,1,a\n',
        "CSV after line 4 (unexpected end of data)",
    ),
    "text after a quote": (TABLE + b'"6"0,1,a\n', "CSV after line 4 (',' expected"),
    "a delimiter at the end of each row": (
        TABLE.replace(b",a\n", b",a,\n").replace(b",b\n", b",b,\n"),
        "cells, one per column, not 4",
    ),
    "after a cell of two lines": (TABLE + b'6,1,"a\nb"\n6,1\n', "cells, one per column, not 2"),
    "null bytes": (TABLE + b"\0\0\0\n", "3 cells, one per column, not 1"),
}


def changed_table(column, value):
    def change(file):
        table = file.attrs["split"]
        table[column] = value
        file.attrs["split"] = table

    return change


def without_columns(file):
    table = file.attrs["split"]
    file.attrs["split"] = table[["split", "source", "start", "stop"]]


def with_indices(values):
    def change(file):
        file["chosen"] = values
        changed_table("indices", file["chosen"].ref)(file)

    return change


def shortened(file):
    values = file["x"][:2]
    del file["x"]
    file["x"] = values


def turned_into_group(file):
    del file["x"]
    file.create_group("x")


def turned_into_number(file):
    del file["x"]
    file["x"] = 3


def with_lost_reference(file):
    file["chosen"] = np.arange(2)
    changed_table("indices", file["chosen"].ref)(file)
    del file["chosen"]


def with_wrong_shapes(file):
    file["rows_shapes"][1] = (7, 7)


def with_fewer_shapes(file):
    del file["rows_shapes"]
    rows = file.create_dataset("rows_shapes", data=np.ones((2, 2), int))
    rows.make_scale("shapes")
    file["rows"].dims[0].attach_scale(rows)


HDF5_DAMAGE = {
    "no table of splits": (lambda file: file.attrs.pop("split"), "must have an attribute 'split',"),
    "text for a table": (
        lambda file: file.attrs.create("split", "train"),
        "attribute 'split' must be a table with the columns",
    ),
    "too few columns": (without_columns, "attribute 'split' must be a table with the columns"),
    "a name that is no text": (changed_table("source", b"\xff"), "a name in the attribute 'split'"),
    "a missing source": (lambda file: file.pop("x"), "the source 'x', .* is missing"),
    "a group for a source": (turned_into_group, "the source 'x' must be a dataset with an axis of"),
    "a number for a source": (
        turned_into_number,
        "the source 'x' must be a dataset with an axis of",
    ),
    "a source that is short": (shortened, "the 2 rows of source 'x', but some are not"),
    "a negative start": (changed_table("start", -3), "the 3 rows of source 'x', but some are not"),
    "an end before the start": (
        changed_table("stop", -1),
        "the 3 rows of source 'x', but some are not",
    ),
    "indices beyond the end": (with_indices([0, 3]), "the 3 rows of source 'x', but some are not"),
    "indices that are no integers": (with_indices([0.5]), "must be a list of integers"),
    "indices that are lost": (with_lost_reference, "the layout cannot be read"),
    "shapes that do not fit": (with_wrong_shapes, "its stored shape is .7, 7.; the file is dam"),
    "shapes that are missing": (with_fewer_shapes, "table of shapes has shape .2, 2.; the"),
}


def cut(content):
    return content[: len(content) // 2]


def overwritten(content):
    middle = len(content) // 3
    return content[:middle] + bytes(64) + content[middle + 64 :]


FILE_DAMAGE = {
    "empty": (lambda content: b"", "not an HDF5 file, or is damaged"),
    "another format": (lambda content: b"PK\3\4" + content[4:], "not an HDF5 file, or is damaged"),
    "cut off": (cut, "not an HDF5 file, or is damaged"),
}


def one_line(caught, path) -> str:
    text = str(caught.value)
    assert str(path) in text
    assert "\n" not in text and len(text) < 500
    return text


@pytest.mark.parametrize(("content", "fault"), IDX_DAMAGE.values(), ids=IDX_DAMAGE)
def test_damaged_idx(tmp_path, content, fault):
    path = tmp_path / "damaged.idx"
    path.write_bytes(content)
    with pytest.raises(DataFileError) as caught:
        read_idx(path)
    assert fault in one_line(caught, path)


@pytest.mark.parametrize(("content", "fault"), CSV_DAMAGE.values(), ids=CSV_DAMAGE)
def test_damaged_csv(tmp_path, content, fault):
    path = tmp_path / "damaged.csv"
    path.write_bytes(content)
    with pytest.raises(DataFileError) as caught:
        csv_to_hdf5(tmp_path / "out.h5", {"train": path}, targets=["kind"])
    assert fault in one_line(caught, path)
    assert not (tmp_path / "out.h5").exists()


def test_tables_that_differ(tmp_path):
    (tmp_path / "train.csv").write_bytes(TABLE)
    (tmp_path / "test.csv").write_bytes(TABLE.replace(b"width", b"height"))
    files = {"train": tmp_path / "train.csv", "test": tmp_path / "test.csv"}
    with pytest.raises(DataFileError) as caught:
        csv_to_hdf5(tmp_path / "out.h5", files, targets=["kind"])
    assert "not length, height, kind" in one_line(caught, tmp_path / "test.csv")


@pytest.fixture
def whole(tmp_path):
    """Write an undamaged file, which the tests damage."""
    path = tmp_path / "damaged.h5"
    rows = [np.ones((length, 2), int) for length in (1, 2, 3)]
    write_hdf5(path, {"train": {"x": [1, 2, 3], "rows": rows}})
    return path


@pytest.mark.parametrize(("change", "fault"), HDF5_DAMAGE.values(), ids=HDF5_DAMAGE)
def test_damaged_hdf5(whole, change, fault):
    with h5py.File(whole, "r+") as file:
        change(file)
    with pytest.raises(DataFileError, match=fault) as caught:
        H5PYDataset(whole, ("train",)).get_data(slice(0, 3))
    one_line(caught, whole)


@pytest.mark.parametrize(("change", "fault"), FILE_DAMAGE.values(), ids=FILE_DAMAGE)
def test_damaged_files(whole, change, fault):
    whole.write_bytes(change(whole.read_bytes()))
    with pytest.raises(DataFileError, match=fault) as caught:
        H5PYDataset(whole, ("train",))
    one_line(caught, whole)


@pytest.mark.parametrize("fill", [0, 255])
def test_damage_anywhere_is_an_error_or_harmless(tmp_path, fill):
    """Omit rows of variable length, for which HDF5 itself can crash or never return."""
    path = tmp_path / "damaged.h5"
    x, y = np.arange(30).reshape(3, 10), np.arange(3)
    write_hdf5(path, {"train": {"x": x, "y": y}})
    content = path.read_bytes()
    for start in range(0, len(content), 10):
        path.write_bytes(content[:start] + bytes([fill]) * 20 + content[start + 20 :])
        try:
            read = H5PYDataset(path, ("train",)).get_data(slice(0, 3))
        except WorkbenchError as error:
            assert "\n" not in str(error)
        else:
            np.testing.assert_array_equal(read[0], x)
            np.testing.assert_array_equal(read[1], y)


def rewritten(path, change):
    np.savez(path, x=np.arange(3), y=np.arange(4))
    path.write_bytes(change(path.read_bytes()))


def with_objects(path):
    np.savez(path, x=np.array([{}, 1], dtype=object))


def with_text_member(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x", "not an array")


def with_lone_array(path):
    with path.open("wb") as file:
        np.save(file, np.ones(2))


NPZ_DAMAGE = {
    "empty": (lambda path: path.write_bytes(b""), "not an npz file, or is damaged"),
    "another format": (lambda path: path.write_bytes(IDX), "not an npz file, or is damaged"),
    "cut off": (lambda path: rewritten(path, cut), "not an npz file, or is damaged"),
    "changed": (lambda path: rewritten(path, overwritten), "not an npz file, or is damaged"),
    "pickled objects": (
        with_objects,
        "not contain Python objects, which are pickled; pickles are not",
    ),
    "a member that is no array": (
        with_text_member,
        "must be an array, but x is not",
    ),
    "a lone array": (with_lone_array, "an npz file, not a single array of shape (2,)"),
    "a missing array": (lambda path: np.savez(path, xx=1), "the archive has no array x"),
}


@pytest.mark.parametrize(("make", "fault"), NPZ_DAMAGE.values(), ids=NPZ_DAMAGE)
def test_damaged_npz(tmp_path, make, fault):
    path = tmp_path / "damaged.npz"
    make(path)
    with pytest.raises(DataFileError) as caught:
        read_npz(path, ("x",))
    assert fault in one_line(caught, path)
