"""Conversion of files to HDF5."""

from __future__ import annotations

import pickle
import sys

import h5py
import numpy as np
import pytest
from PIL import Image

from workbench.data import H5PYDataset, write_hdf5
from workbench.data.convert import csv_to_hdf5, idx_to_hdf5, images_to_hdf5, npz_to_hdf5
from workbench.data.idx import encode_idx
from workbench.errors import DataError, DataFileError, MissingLibraryError, SourceError

X = np.arange(24, dtype=np.uint8).reshape(4, 3, 2)
Y = np.arange(4, dtype=np.uint8)
TABLE = "a,b,kind\n1,2.5,red\n3,4,blue\n\n5,6,red\n"


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out.h5"


def read(path, split="train"):
    return H5PYDataset(path, (split,)).indexables


def test_idx_files(tmp_path, out):
    (tmp_path / "x").write_bytes(encode_idx(X))
    (tmp_path / "y").write_bytes(encode_idx(Y))
    files = {"train": {"features": tmp_path / "x", "targets": tmp_path / "y"}}
    idx_to_hdf5(out, files, axis_labels={"targets": ("batch",)})
    np.testing.assert_array_equal(read(out)[0], X)
    np.testing.assert_array_equal(read(out)[1], Y)
    assert H5PYDataset(out, "train").axis_labels["targets"] == ("batch",)


def test_arrays_of_an_archive(tmp_path, out):
    np.savez(tmp_path / "data.npz", x_train=X, x_test=X[:1])
    names = {"train": {"features": "x_train"}, "test": {"features": "x_test"}}
    npz_to_hdf5(out, tmp_path / "data.npz", names)
    np.testing.assert_array_equal(read(out)[0], X)
    np.testing.assert_array_equal(read(out, "test")[0], X[:1])


def test_a_table_with_classes(tmp_path, out):
    (tmp_path / "train.csv").write_text(TABLE)
    (tmp_path / "test.csv").write_text("a,b,kind\n7,8,green\n")
    files = {"train": tmp_path / "train.csv", "test": tmp_path / "test.csv"}
    csv_to_hdf5(out, files, targets=["kind"])
    features, targets = read(out)
    assert (features.dtype, features.tolist()) == (np.float32, [[1, 2.5], [3, 4], [5, 6]])
    assert targets.tolist() == [[2], [0], [2]]
    assert read(out, "test")[1].tolist() == [[1]]
    with h5py.File(out) as file:
        assert list(file.attrs["classes"]) == ["blue", "green", "red"]
        assert list(file.attrs["columns"]) == ["a", "b"]


def test_classes_whose_names_read_as_missing_values(tmp_path, out):
    (tmp_path / "t.csv").write_text("x,country\n1,NA\n2,null\n3,nan\n4,None\n")
    csv_to_hdf5(out, {"train": tmp_path / "t.csv"}, targets=["country"])
    with h5py.File(out) as file:
        assert list(file.attrs["classes"]) == ["NA", "None", "nan", "null"]


@pytest.mark.parametrize(
    ("column", "dtype", "values"),
    [("a", np.int64, [[1], [3], [5]]), ("b", np.float64, [[2.5], [4], [6]])],
)
def test_targets_that_are_numbers(tmp_path, out, column, dtype, values):
    (tmp_path / "train.csv").write_text(TABLE)
    files = {"train": tmp_path / "train.csv"}
    csv_to_hdf5(out, files, targets=column, ignore="kind", dtype="float64")
    [features, targets] = read(out)
    assert features.shape == (3, 1)
    assert (targets.dtype, targets.tolist()) == (dtype, values)


def test_other_delimiters_and_byte_order_marks(tmp_path, out):
    (tmp_path / "t.csv").write_bytes('\ufeff"x;1";y\r\n1;2\r\n'.encode())
    csv_to_hdf5(out, {"train": tmp_path / "t.csv"}, targets=["y"], delimiter=";")
    with h5py.File(out) as file:
        assert list(file.attrs["columns"]) == ["x;1"]


def save(path, size, color, mode="RGB"):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, color).save(path)


def test_images_in_folders_of_classes(tmp_path, out):
    save(tmp_path / "train" / "dog" / "b.png", (5, 4), (1, 2, 3))
    save(tmp_path / "train" / "cat" / "a.bmp", (5, 4), (4, 5, 6))
    save(tmp_path / "test" / "dog" / "deep" / "c.png", (5, 4), 7, mode="L")
    (tmp_path / "train" / "dog" / "notes.txt").write_text("not an image")
    images_to_hdf5(out, {"train": tmp_path / "train", "test": tmp_path / "test"})
    features, targets = read(out)
    assert (features.shape, features.dtype) == ((2, 3, 4, 5), np.uint8)
    assert features[:, :, 0, 0].tolist() == [[4, 5, 6], [1, 2, 3]]
    assert targets.tolist() == [[0], [1]]
    assert read(out, "test")[0][0, :, 0, 0].tolist() == [7, 7, 7]
    assert read(out, "test")[1].tolist() == [[1]]
    dataset = H5PYDataset(out, ("train",))
    assert dataset.axis_labels["features"] == ("batch", "channel", "height", "width")
    with h5py.File(out) as file:
        assert list(file.attrs["classes"]) == ["cat", "dog"]


@pytest.mark.parametrize("load", [True, False])
def test_a_dataset_has_the_names_of_classes_of_its_file(tmp_path, out, load):
    (tmp_path / "t.csv").write_text("x,kind\n1,no\n2,yes\n")
    csv_to_hdf5(out, {"train": tmp_path / "t.csv"}, targets=["kind"])
    dataset = H5PYDataset(out, ("train",), load_in_memory=load)
    assert dataset.classes == pickle.loads(pickle.dumps(dataset)).classes == ("no", "yes")
    assert H5PYDataset(out, ("train",), sources=["features"]).classes is None
    dataset.close()


@pytest.mark.parametrize("classes", [None, [3, 4], "no", [["no"], ["yes"]]], ids=str)
def test_an_attribute_that_is_no_list_of_names_names_no_classes(out, classes):
    write_hdf5(out, {"train": {"targets": [0, 1]}})
    with h5py.File(out, "a") as file:
        file.attrs["classes"] = h5py.Empty("f") if classes is None else classes
    assert H5PYDataset(out, ("train",)).classes is None


def test_images_in_hidden_folders_are_not_read(tmp_path, out):
    save(tmp_path / "all" / "cat" / "a.png", (2, 2), 1, mode="L")
    save(tmp_path / "all" / "cat" / ".ipynb_checkpoints" / "a.png", (2, 2), 2, mode="L")
    save(tmp_path / "all" / "cat" / "deep" / ".cache" / "more" / "a.png", (2, 2), 3, mode="L")
    images_to_hdf5(out, {"train": tmp_path / "all"}, mode="L")
    assert read(out)[0][:, 0, 0, 0].tolist() == [1]


def test_images_of_different_sizes_without_classes(tmp_path, out):
    for number, size in enumerate([(5, 4), (2, 3), (7, 1)]):
        save(tmp_path / "all" / f"{number}.png", size, number, mode="L")
    images_to_hdf5(out, {"train": tmp_path / "all"}, mode="L")
    dataset = H5PYDataset(out, ("train",))
    assert (dataset.sources, dataset.vlen_sources) == (("features",), ("features",))
    [batch] = dataset.get_data([2, 0])
    assert [image.shape for image in batch] == [(1, 1, 7), (1, 4, 5)]
    assert [int(image.max()) for image in batch] == [2, 0]


def test_many_images_are_written_in_blocks(tmp_path, out):
    for number in range(7):
        save(tmp_path / "all" / f"{number}.png", (300, 300), (number, 0, 0))
    images_to_hdf5(out, {"train": tmp_path / "all"})
    with h5py.File(out) as file:
        assert file["features"].chunks[0] == 3
    assert read(out)[0].max((1, 2, 3)).tolist() == list(range(7))


def test_without_pillow_the_error_names_the_package(tmp_path, out, monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(MissingLibraryError, match=r"pip install pillow .*workbench\[images\]"):
        images_to_hdf5(out, {"train": tmp_path})
    assert issubclass(MissingLibraryError, ImportError)


def test_an_unknown_encoding_is_not_blamed_on_the_file(tmp_path, out):
    (tmp_path / "t.csv").write_text(TABLE)
    with pytest.raises(DataError, match="name of an encoding, such as 'utf-8', not 'utf-88'"):
        csv_to_hdf5(out, {"train": tmp_path / "t.csv"}, encoding="utf-88")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"targets": ["knd"]}, "no column 'knd', only 'a', 'b', 'kind'; did you mean 'kind'?"),
        ({"ignore": ["z"]}, "no column 'z'"),
    ],
)
def test_unknown_columns_get_the_nearest_name(tmp_path, out, arguments, message):
    (tmp_path / "t.csv").write_text(TABLE)
    with pytest.raises(SourceError, match=message):
        csv_to_hdf5(out, {"train": tmp_path / "t.csv"}, **arguments)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda out: csv_to_hdf5(out, {}),
            "files must not be empty; pass at least one split to write",
        ),
        (lambda out: images_to_hdf5(out, {}), "folders must not be empty; pass at least one split"),
        (lambda out: images_to_hdf5(out, {"train": out}), "there is no folder .*out.h5"),
        (lambda out: images_to_hdf5(out, {"all": out.parent}), "contain no images;"),
        (
            lambda out: images_to_hdf5(out, {"all": out.parent}, mode="CMYK"),
            "mode must be one of .* not 'CMYK'",
        ),
    ],
)
def test_nothing_to_convert_is_an_error(out, call, message):
    with pytest.raises(DataError, match=message):
        call(out)


def test_splits_with_and_without_classes_do_not_mix(tmp_path, out):
    save(tmp_path / "train" / "dog" / "b.png", (5, 4), 1)
    save(tmp_path / "test" / "c.png", (5, 4), 1)
    with pytest.raises(DataError, match="must be in subfolders"):
        images_to_hdf5(out, {"train": tmp_path / "train", "test": tmp_path / "test"})


def test_a_failed_conversion_leaves_nothing(tmp_path, out):
    save(tmp_path / "all" / "0.png", (50, 40), 1)
    path = tmp_path / "all" / "1.png"
    path.write_bytes((tmp_path / "all" / "0.png").read_bytes()[:60])
    with pytest.raises(
        DataFileError, match="1.png cannot be read; it may be damaged .*, so remove it"
    ):
        images_to_hdf5(out, {"train": tmp_path / "all"})
    assert sorted(file.name for file in tmp_path.iterdir()) == ["all"]
