"""HDF5 files in Fuel's layout."""

from __future__ import annotations

import pickle

import h5py
import numpy as np
import pytest

from workbench.data import DataStream, H5PYDataset, ShuffledScheme, write_hdf5
from workbench.errors import DataError, DataFileError, MissingDataError, SourceError

X = np.arange(60, dtype=np.uint8).reshape(20, 3)
Y = np.arange(20)


@pytest.fixture
def path(tmp_path):
    splits = {
        "train": {"features": X[:10], "targets": Y[:10]},
        "valid": {"features": X[10:14], "targets": Y[10:14]},
        "test": {"features": X[14:]},
    }
    path = tmp_path / "data.h5"
    write_hdf5(
        path,
        splits,
        axis_labels={"features": ("batch", "feature")},
        attributes={"licence": "none needed"},
    )
    return path


@pytest.fixture(params=[True, False], ids=["in memory", "on disk"])
def in_memory(request):
    return request.param


def test_a_split_has_its_sources_and_examples(path, in_memory):
    dataset = H5PYDataset(path, ("train",), load_in_memory=in_memory)
    assert dataset.sources == ("features", "targets")
    assert dataset.num_examples == 10
    features, targets = dataset.get_data(slice(2, 5))
    np.testing.assert_array_equal(features, X[2:5])
    np.testing.assert_array_equal(targets, Y[2:5])


@pytest.mark.parametrize("request_", [[3, 1, 3, 0], np.array([9]), 4])
def test_any_examples_can_be_read(path, in_memory, request_):
    dataset = H5PYDataset(path, ("train",), load_in_memory=in_memory)
    np.testing.assert_array_equal(dataset.get_data(request_)[0], X[request_])
    np.testing.assert_array_equal(dataset.get_data(request_)[1], Y[request_])


@pytest.mark.parametrize("sets", [("train", "valid"), ("valid", "train")])
def test_sets_are_read_one_after_another(path, in_memory, sets):
    rows = {"train": list(range(10)), "valid": list(range(10, 14))}
    dataset = H5PYDataset(path, sets, load_in_memory=in_memory)
    [targets] = H5PYDataset(path, sets, sources=("targets",)).indexables
    assert targets.tolist() == rows[sets[0]] + rows[sets[1]]
    np.testing.assert_array_equal(dataset.get_data(slice(8, 12))[1], targets[8:12])


def test_a_subset_limits_the_examples(path, in_memory):
    dataset = H5PYDataset(path, ("train",), subset=slice(1, 9, 2), load_in_memory=in_memory)
    assert dataset.num_examples == 4
    assert dataset.get_data(slice(1, 3))[1].tolist() == [3, 5]


def test_sources_that_a_set_lacks_are_left_out(path):
    assert H5PYDataset(path, ("train", "test")).sources == ("features",)


def test_splits_may_refer_to_indices(path):
    with h5py.File(path, "r+") as file:
        file["odd"] = np.array([5, 1, 3])
        table = file.attrs["split"]
        table["indices"][:2] = file["odd"].ref
        file.attrs["split"] = table
    dataset = H5PYDataset(path, "train")
    assert dataset.num_examples == 3
    assert dataset.get_data(slice(0, 3))[1].tolist() == [5, 1, 3]


def test_a_stream_on_disk_resumes_in_a_new_process(path):
    dataset = H5PYDataset(path, ("train",))
    stream = DataStream(dataset, iteration_scheme=ShuffledScheme(10, 4, seed=0))
    next(stream.get_epoch_iterator())
    again = pickle.loads(pickle.dumps(stream))
    again.load_state_dict(stream.state_dict())
    rest = [targets.tolist() for _, targets in again.get_epoch_iterator()]
    assert rest == [targets.tolist() for _, targets in stream.iterate(0, 1)]


def test_the_file_describes_itself(path):
    with h5py.File(path) as file:
        assert file.attrs["licence"] == "none needed"
        assert [axis.label for axis in file["features"].dims] == ["batch", "feature"]
        assert file["features"].compression == "gzip"


def test_a_failed_write_leaves_the_old_file(path):
    before = path.read_bytes()
    with pytest.raises(DataError, match="splits of source 'x' do not fit"):
        write_hdf5(path, {"a": {"x": [1]}, "b": {"x": [[2]]}})
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == ["data.h5"]


def test_unknown_sets_and_sources_get_the_nearest_name(path):
    with pytest.raises(SourceError, match=r"no set 'trian', only 'train', .* mean 'train'"):
        H5PYDataset(path, ("trian",))
    with pytest.raises(SourceError, match=r"no source 'target', only .* mean 'targets'"):
        H5PYDataset(path, ("train",), sources=("target",))
    with pytest.raises(DataError, match="no split of .* it has 'train', 'valid', 'test'"):
        H5PYDataset(path, ())


@pytest.mark.parametrize("request_", [slice(0, 11), 10, [0, 99], 0.5])
def test_a_request_beyond_the_examples_is_refused(path, in_memory, request_):
    dataset = H5PYDataset(path, ("train",), load_in_memory=in_memory)
    with pytest.raises(DataError, match="was asked for"):
        dataset.get_data(request_)


def edit(change):
    def damage(path):
        with h5py.File(path, "r+") as file:
            change(file)

    return damage


def shorten(file):
    features = file["features"][:5]
    del file["features"]
    file["features"] = features


def shift(file):
    table = file.attrs["split"]
    table["stop"][1] = 9
    file.attrs["split"] = table


DAMAGE = {
    "not HDF5": (lambda path: path.write_bytes(b"PK" * 99), "not an HDF5 file, or a damaged one"),
    "empty": (lambda path: path.write_bytes(b""), "not an HDF5 file"),
    "cut off": (lambda path: path.write_bytes(path.read_bytes()[:2000]), "not an HDF5 file, or"),
    "no split": (edit(lambda file: file.attrs.pop("split")), "no readable attribute 'split'"),
    "other split": (edit(lambda file: file.attrs.create("split", [1, 2])), "wrong columns: int64"),
    "no source": (edit(lambda file: file.pop("targets")), "the source 'targets' .* is missing"),
    "short source": (edit(shorten), "'train' reaches beyond the 5 examples of source 'features'"),
    "uneven": (edit(shift), "differ in their number of examples: {'features': 10, 'targets': 9}"),
}


@pytest.mark.parametrize(("damage", "message"), DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_file_is_named_with_its_fault(path, damage, message):
    damage(path)
    with pytest.raises(DataFileError, match=rf"data\.h5: .*{message}"):
        H5PYDataset(path, ("train",), load_in_memory=True)


def test_damaged_values_are_named(path):
    content = bytearray(path.read_bytes())
    with h5py.File(path) as file:
        chunk = file["features"].id.get_chunk_info(0)
    for offset in range(chunk.byte_offset, chunk.byte_offset + chunk.size):
        content[offset] ^= 255
    path.write_bytes(content)
    with pytest.raises(DataFileError, match=r"data\.h5: source 'features' cannot be read"):
        H5PYDataset(path, ("train",)).get_data(slice(0, 2))


def test_a_missing_file_is_a_file_not_found(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no HDF5 file .*none\.h5") as caught:
        H5PYDataset(tmp_path / "none.h5", ("train",))
    assert isinstance(caught.value, MissingDataError)


def test_a_dataset_shows_its_file(path):
    shown = repr(H5PYDataset(path, ("valid",)))
    assert shown.endswith("data.h5', ('valid',), 4 examples, sources=('features', 'targets'))")
