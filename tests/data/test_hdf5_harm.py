"""Harmful HDF5 files: references to other files, and heaps that crash the library."""

import os
import signal
import subprocess
import sys
import time

import h5py
import numpy as np
import pytest

from workbench.data import H5PYDataset, write_hdf5
from workbench.data.hdf5 import examine
from workbench.data.hdf5.examine import Examiner
from workbench.errors import DataError, DataFileError, MissingDataError

ROWS = [np.arange(5 * n) for n in (1, 2, 3, 4)]


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "set.h5"
    write_hdf5(path, {"all": {"x": np.arange(4), "rows": ROWS}}, axis_labels={"x": ("batch",)})
    return path


@pytest.fixture
def secret(tmp_path):
    path = tmp_path / "secret"
    path.write_bytes(np.arange(10, 14).tobytes())
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["x"] = np.arange(20, 24)
    return path


def with_external_storage(file, secret):
    del file["x"]
    file.create_dataset("x", (4,), "i8", external=[(str(secret), 0, h5py.h5f.UNLIMITED)])


def with_virtual(file, secret):
    del file["x"]
    layout = h5py.VirtualLayout((4,), "i8")
    layout[:] = h5py.VirtualSource(str(secret.with_name("other.h5")), "x", shape=(4,))
    file.create_virtual_dataset("x", layout)


def with_external_link(file, secret):
    del file["x"]
    file["x"] = h5py.ExternalLink(str(secret.with_name("other.h5")), "/x")


def with_link_behind_a_link(file, secret):
    del file["x"]
    file.create_group("inner")["other"] = h5py.ExternalLink(str(secret.with_name("other.h5")), "/")
    file["x"] = h5py.SoftLink("/inner/other/x")


def with_external_indices(file, secret):
    file.create_dataset("chosen", (4,), "i8", external=[(str(secret), 0, 32)])
    table = file.attrs["split"]
    table["indices"] = file["chosen"].ref
    file.attrs["split"] = table


def with_external_shapes(file, secret):
    del file["rows_shapes"]
    shapes = file.create_dataset("rows_shapes", (4, 1), "i8", external=[(str(secret), 0, 32)])
    shapes.make_scale("shapes")
    file["rows"].dims[0].attach_scale(shapes)


ELSEWHERE = {
    "external storage": (with_external_storage, r"'/x' stores its values in '.*secret'", [10, 11]),
    "virtual": (with_virtual, r"'/x' is composed of datasets in '.*other.h5'", [20, 21]),
    "external link": (with_external_link, r"'x' is a link to '/x' in the file '.*other", [20, 21]),
    "link behind a link": (with_link_behind_a_link, "'other' is a link to '/' in", [20, 21]),
    "indices": (with_external_indices, "'/chosen' stores its values in", None),
    "shapes": (with_external_shapes, "'/rows_shapes' stores its values in", None),
}


@pytest.mark.parametrize(("change", "message", "allowed"), ELSEWHERE.values(), ids=ELSEWHERE)
def test_other_files_are_read_only_if_that_is_allowed(path, secret, change, message, allowed):
    with h5py.File(path, "r+") as file:
        change(file, secret)
    with pytest.raises(DataFileError, match=f"{message}.* pass allow_external=True") as caught:
        H5PYDataset(path, ("all",)).get_data(slice(0, 2))
    assert str(path) in str(caught.value)
    if allowed is not None:
        dataset = H5PYDataset(path, ("all",), sources=("x",), allow_external=True)
        assert dataset.get_data(slice(0, 2))[0].tolist() == allowed


def test_a_link_within_the_file_is_followed(path):
    with h5py.File(path, "r+") as file:
        file.move("x", "kept")
        file["inner/way"] = h5py.SoftLink("/kept")
        file["x"] = h5py.SoftLink("inner/way")
    assert H5PYDataset(path, "all", sources="x").get_data([3])[0].tolist() == [3]


def test_a_cycle_of_links_is_an_error(path):
    with h5py.File(path, "r+") as file:
        del file["x"]
        file["x"], file["y"] = h5py.SoftLink("/y"), h5py.SoftLink("/x")
    with pytest.raises(DataFileError, match="'x' must not consist of more than 100"):
        H5PYDataset(path, ("all",))


def test_a_replaced_file_is_checked_again(path, secret):
    dataset = H5PYDataset(path, ("all",), sources=("x",))
    dataset.close()
    with h5py.File(path, "r+") as file:
        with_external_storage(file, secret)
    with pytest.raises(DataFileError, match="pass allow_external=True"):
        dataset.get_data(slice(0, 2))


def changed(path, offset, content, heap=0):
    """Overwrite some bytes of a heap."""
    whole = path.read_bytes()
    start = [i for i in range(len(whole)) if whole.startswith(b"GCOL", i)][heap] + offset
    path.write_bytes(whole[:start] + content + whole[start + len(content) :])


HEAPS = {
    "another signature": (0, b"XXXX"),
    "a size of 0": (8, bytes(8)),
    "a size beyond the file": (8, b"\xff" * 7),
    "an object of no size": (24, bytes(8)),
    "an object beyond the heap": (24, b"\xff" * 8),
    "all zeros": (0, bytes(200)),
    "all ones": (0, b"\xff" * 200),
}


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(examine.examiner, "patience", 2.0)


@pytest.mark.parametrize(("offset", "content"), HEAPS.values(), ids=HEAPS)
@pytest.mark.parametrize("kind", ["rows", "text", "labels"])
def test_a_damaged_heap_crashes_only_the_other_process(tmp_path, impatient, kind, offset, content):
    path = tmp_path / "set.h5"
    values = {"rows": ROWS, "text": ["a", "bcd"], "labels": np.arange(4)}[kind]
    labels = {"x": ("batch",)} if kind == "labels" else None
    write_hdf5(path, {"all": {"x": values}}, axis_labels=labels)
    changed(path, offset, content)
    try:
        dataset = H5PYDataset(path, ("all",))
        dataset.get_data(slice(0, 2))
        assert dataset.axis_labels
    except DataFileError as error:
        assert str(path) in str(error) and "\n" not in str(error)


def test_the_error_states_how_the_process_ended(tmp_path):
    path = tmp_path / "set.h5"
    write_hdf5(path, {"all": {"x": np.arange(4)}}, axis_labels={"x": ("batch",)})
    changed(path, 0, b"XXXX")
    dataset = H5PYDataset(path, ("all",))
    assert dataset.get_data([1])[0].tolist() == [1]
    with pytest.raises(DataFileError, match=r"the names of axes cannot be read.* ended with SIG"):
        dataset.axis_labels


class Noting(Examiner):
    def __init__(self):
        super().__init__()
        self.tried = []

    def _try(self, request):
        self.tried.append(request["names"])
        return super()._try(request)


def test_a_file_is_examined_once_until_it_changes(path, monkeypatch):
    noting = Noting()
    monkeypatch.setattr("workbench.data.hdf5.dataset.examiner", noting)
    for _ in range(2):
        H5PYDataset(path, ("all",)).get_data([0])
    assert noting.tried == [["rows"]]
    write_hdf5(path, {"all": {"rows": ROWS[:2]}})
    H5PYDataset(path, ("all",))
    assert noting.tried == [["rows"]] * 2
    H5PYDataset(path, ("all",)).axis_labels
    assert len(noting.tried) == 3
    noting.close()


def test_files_of_numbers_are_not_examined(path, monkeypatch):
    monkeypatch.setattr("workbench.data.hdf5.dataset.examiner", None)
    assert H5PYDataset(path, ("all",), sources=("x",)).get_data([1])[0].tolist() == [1]


def test_a_process_that_cannot_be_started_is_an_error(path, monkeypatch):
    monkeypatch.setattr("sys.executable", "/nowhere/python")
    with pytest.raises(DataError, match="process that checks an HDF5 file could not be started"):
        Examiner().check(path, ["rows"], rows=True, what="rows")


def test_a_fork_starts_its_own_process(path):
    H5PYDataset(path, ("all",))
    child = os.fork()
    if child == 0:
        try:
            write_hdf5(path, {"all": {"rows": ROWS[:2]}})
            H5PYDataset(path, ("all",))
            examine.examiner.close()
        except BaseException:
            os._exit(1)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    write_hdf5(path, {"all": {"rows": ROWS[:3]}})
    assert H5PYDataset(path, ("all",)).num_examples == 3


def test_the_splits_and_the_sources_of_a_file(path):
    assert H5PYDataset.get_all_splits(path) == ("all",)
    assert H5PYDataset.get_all_sources(path) == ("x", "rows")
    with pytest.raises(MissingDataError, match="there is no HDF5 file"):
        H5PYDataset.get_all_splits(path.with_name("nowhere.h5"))


def test_texts_in_the_table_of_splits_are_examined(tmp_path, monkeypatch):
    noting = Noting()
    monkeypatch.setattr("workbench.data.hdf5.dataset.examiner", noting)
    path = tmp_path / "set.h5"
    write_hdf5(path, {"all": {"x": np.arange(2)}})
    with h5py.File(path, "r+") as file:
        del file["x"]
        file.create_dataset("x", (2,), [("number", "i4"), ("name", h5py.string_dtype())])
    H5PYDataset(path, ("all",))
    assert noting.tried == [["x"]]
    noting.close()


def test_the_other_process_has_its_own_timer(path):
    """Check that it ends even if its parent has ended."""
    code = "import signal; from workbench.data.hdf5 import examiner as e; e.lasting(0.1); "
    ended = subprocess.run([sys.executable, "-c", code + "signal.pause()"], timeout=60)
    assert ended.returncode == -signal.SIGALRM
    trying = Examiner(patience=0.3)
    trying.check(path, ["rows"], rows=True, what="rows")
    time.sleep(0.8)
    assert trying._process.poll() is None  # idle, it waits
    trying.close()
