"""Files that declare more than they contain, or are not regular: errors of one line."""

import contextlib
import gzip
import io
import os
import resource
import struct
import tarfile
import threading
import zipfile

import numpy as np
import pytest

from workbench.config import config
from workbench.data import CIFAR10, H5PYDataset, TextFile, make_dictionary, read_idx
from workbench.data.convert import csv_to_hdf5, idx_to_hdf5, npz_to_hdf5
from workbench.data.npz import read_npz
from workbench.errors import DataFileError, MissingDataError, SourceError, WorkbenchError


def idx(*sizes, content=b"", code=8):
    return bytes([0, 0, code, len(sizes)]) + struct.pack(f">{len(sizes)}I", *sizes) + content


IDX = {
    "255 axes": (idx(*[1] * 255, content=b"x"), "an array must have at most 64 axes, not 255"),
    "65 axes": (idx(*[1] * 65, content=b"x"), "an array must have at most 64 axes, not 65"),
    "16 exabytes": (idx(2**32 - 1, 2**32 - 1), "declares 18446744065119617025"),
    "beside a size of 0": (idx(0, *[2**32 - 1] * 3), "maximum"),
    "packed, 4 TB": (gzip.compress(idx(2**32 - 1, 1024)), "contains at most"),
    "packed, more than declared": (
        gzip.compress(idx(3, content=bytes(10**7))), "more bytes of values, but its header"
    ),
    "packed, less than declared": (
        gzip.compress(idx(30, content=bytes(9))), "contains 9 bytes of values, but its header"
    ),
}  # fmt: skip


@contextlib.contextmanager
def little_memory():
    """Limit the process to one gigabyte of additional memory."""
    with open("/proc/self/statm") as file:
        size = int(file.read().split()[0]) * resource.getpagesize()
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (size + 2**30, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def refused(call, message, path):
    with little_memory(), pytest.raises(DataFileError) as caught:
        call()
    text = str(caught.value)
    assert message in text and str(path) in text
    assert "\n" not in text and len(text) < 2000


@pytest.mark.parametrize(("content", "message"), IDX.values(), ids=IDX)
def test_idx_is_read_no_further_than_it_declares(tmp_path, content, message):
    path = tmp_path / "digits"
    path.write_bytes(content)
    refused(lambda: read_idx(path), message, path)


def npy(shape, content=b"", dtype="<f8"):
    file = io.BytesIO()
    header = {"descr": dtype, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)
    return file.getvalue() + content


def zipped(path, content, method=zipfile.ZIP_STORED, claimed=None):
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("x.npy", content)
    if claimed is not None:  # in the directory at the end, which readers use
        whole = path.read_bytes()
        at = whole.rindex(b"PK\1\2") + 24
        path.write_bytes(whole[:at] + struct.pack("<I", claimed) + whole[at + 4 :])


BEYOND = "but the archive has at most"
NPZ = {
    "4 TB": (npy((2**39,)), {}, "shape (549755813888,) and dtype float64,"),
    "4 TB, packed": (npy((2**39,)), {"method": zipfile.ZIP_DEFLATED}, BEYOND),
    "a false directory": (
        npy((2**28,)), {"method": zipfile.ZIP_DEFLATED, "claimed": 2**31 + 128}, BEYOND
    ),
    "a value too few": (npy((4,), bytes(24)), {}, "at most 24; the file is damaged"),
    "a value too many": (npy((4,), bytes(40)), {}, "x has more values than its header declares"),
    "negative": (npy((-4,)), {}, "not an npz file, or is damaged"),
    "an invalid header": (b"\x93NUMPY\1\0\6\0{(((((", {}, "not an npz file, or is damaged"),
    "another method": (
        npy((1,), bytes(8)), {"method": zipfile.ZIP_LZMA}, "as in files that numpy.savez"
    ),
}  # fmt: skip


@pytest.mark.parametrize(("content", "how", "message"), NPZ.values(), ids=NPZ)
def test_npz_is_read_no_further_than_it_declares(tmp_path, content, how, message):
    path = tmp_path / "digits.npz"
    zipped(path, content, **how)
    refused(lambda: read_npz(path, ["x"]), message, path)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_correct_archives_are_read(tmp_path, save):
    arrays = {
        "zeros": np.zeros((2000, 1000)),
        "none": np.zeros((0, 3)),
        "one": np.array(3),
        "turned": np.asfortranarray(np.arange(6).reshape(2, 3)),
        "text": np.array(["a", "bcd"]),
    }
    save(tmp_path / "a.npz", **arrays)
    for name, array in arrays.items():
        [read] = read_npz(tmp_path / "a.npz", [name])
        np.testing.assert_array_equal(read, array)
        assert read.dtype == array.dtype


def test_an_hdf5_file_that_declares_more_than_the_memory(tmp_path):
    import h5py

    path = tmp_path / "set.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("x", (2**39,), "f8", chunks=(1024,))
        row = (b"all", b"x", 0, 2**39, None, True, b".")
        kinds = ["S3", "S1", "i8", "i8", h5py.ref_dtype, "?", "S1"]
        names = ["split", "source", "start", "stop", "indices", "available", "comment"]
        file.attrs["split"] = np.array([row], dtype=list(zip(names, kinds, strict=True)))
    assert H5PYDataset(path, ("all",)).get_data([2**38])[0].tolist() == [0]
    refused(lambda: H5PYDataset(path, ("all",), load_in_memory=True), "cannot be read", path)


def test_an_archive_of_another_set_is_not_unpacked(tmp_path):
    path = tmp_path / "cifar-10-binary.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        entry = tarfile.TarInfo("filler")
        entry.size = 10**8
        archive.addfile(entry, io.BytesIO(bytes(10**8)))
    with config.override(data_path=[tmp_path]):
        refused(
            lambda: CIFAR10(("test",)), "bytes, but 'filler' in the archive has 100000000", path
        )


TABLE = "a,b\n1,2\n"
CSV = {
    "NUL in a cell": ("a,b\n1,2\n3,4\0\n", "a NUL character;"),
    "NUL in a name": ("a\0,b\n1,2\n", "a NUL character;"),
    "NUL in a class": ("a,kind\n1,x\0y\n", "a NUL character;"),
    "another encoding": (TABLE.encode("utf-16-le").decode("latin-1"), "a NUL character;"),
}


@pytest.mark.parametrize(("content", "message"), CSV.values(), ids=CSV)
def test_text_has_no_nul(tmp_path, content, message):
    path = tmp_path / "t.csv"
    path.write_text(content, encoding="latin-1")
    targets = ["kind"] if "kind" in content else []
    refused(lambda: csv_to_hdf5(tmp_path / "o.h5", {"all": path}, targets=targets), message, path)


def test_300_000_columns_are_read_or_an_error_of_one_line(tmp_path):
    path = tmp_path / "t.csv"
    names = [f"column{number}" for number in range(300_000)]
    path.write_text(",".join(names) + "\n" + ",".join(["1"] * len(names)) + "\n")
    csv_to_hdf5(tmp_path / "o.h5", {"all": path})
    assert H5PYDataset(tmp_path / "o.h5", ("all",)).get_data([0])[0].shape == (1, 300_000)
    with pytest.raises(SourceError, match="and 299980 more") as caught:
        csv_to_hdf5(tmp_path / "o.h5", {"all": path}, targets=["colum"])
    assert len(str(caught.value)) < 2000
    path.write_text(",".join([*names, "column7"]) + "\n1\n")
    refused(
        lambda: csv_to_hdf5(tmp_path / "o.h5", {"all": path}),
        "two columns are named 'column7'",
        path,
    )


READERS = {
    "IDX": lambda path: read_idx(path),
    "IDX to HDF5": lambda path: idx_to_hdf5(path.with_name("o"), {"all": {"x": path}}),
    "npz": lambda path: read_npz(path, ["x"]),
    "npz to HDF5": lambda path: npz_to_hdf5(path.with_name("o"), path, {"all": {"x": "x"}}),
    "CSV": lambda path: csv_to_hdf5(path.with_name("o"), {"all": path}),
    "HDF5": lambda path: H5PYDataset(path, ("all",)),
    "splits of HDF5": lambda path: H5PYDataset.get_all_splits(path),
    "text": lambda path: TextFile(path, {"<S>": 0, "</S>": 1, "<UNK>": 2}),
    "dictionary": lambda path: make_dictionary(path),
}
KINDS = {
    "a named pipe": os.mkfifo,
    "a folder": os.mkdir,
    "a device": lambda path: os.symlink("/dev/zero", path),
    "a link to a named pipe": lambda path: (os.mkfifo(f"{path}_"), os.symlink(f"{path}_", path)),
}


@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
@pytest.mark.parametrize("kind", KINDS)
def test_paths_that_are_not_regular_files_are_not_read(tmp_path, reader, kind):
    path = tmp_path / "given"
    KINDS[kind](path)
    result = []

    def call():
        try:
            reader(path)
        except WorkbenchError as error:
            result.append(str(error))

    thread = threading.Thread(target=call, daemon=True)  # it may wait forever
    thread.start()
    thread.join(30)
    name = kind.removeprefix("a link to ")
    assert result and result[0].startswith(f"{path} must be a regular ")
    assert result[0].endswith(f", not {name}")


@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
@pytest.mark.parametrize("name", ["nowhere", "no\0where", "x" * 300, "file/inner"])
def test_the_error_names_a_missing_path(tmp_path, reader, name):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(MissingDataError, match="there is no "):
        reader(tmp_path / name)
