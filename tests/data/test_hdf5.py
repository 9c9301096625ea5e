"""HDF5 files in Fuel's layout."""

from __future__ import annotations

import os
import pickle
from concurrent.futures import ThreadPoolExecutor

import h5py
import numpy as np
import pytest

from workbench.data import DataStream, H5PYDataset, ShuffledScheme, write_hdf5
from workbench.data.hdf5.write import write_table
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
def test_sets_are_read_in_order(path, in_memory, sets):
    rows = {"train": list(range(10)), "valid": list(range(10, 14))}
    dataset = H5PYDataset(path, sets, load_in_memory=in_memory)
    [targets] = H5PYDataset(path, sets, sources=("targets",)).indexables
    assert targets.tolist() == rows[sets[0]] + rows[sets[1]]
    np.testing.assert_array_equal(dataset.get_data(slice(8, 12))[1], targets[8:12])


@pytest.mark.parametrize(
    "rows",
    [
        [*range(100, 140), *range(30, 60)],
        [*range(50), *range(190, 200), 0, 7],
        list(range(0, 200, 2)),
        [199],
        [],
    ],
    ids=["two runs", "runs and repetitions", "no runs", "the last", "none"],
)
def test_rows_that_are_read_in_runs_are_the_same(tmp_path, rows):
    x = np.arange(600).reshape(200, 3)
    write_hdf5(tmp_path / "x.h5", {"train": {"x": x}})
    [found] = H5PYDataset(tmp_path / "x.h5", ("train",)).get_data(np.array(rows, np.intp))
    assert found.tolist() == x[np.array(rows, np.intp)].tolist()


def test_a_subset_limits_the_examples(path, in_memory):
    dataset = H5PYDataset(path, ("train",), subset=slice(1, 9, 2), load_in_memory=in_memory)
    assert dataset.num_examples == 4
    assert dataset.get_data(slice(1, 3))[1].tolist() == [3, 5]


def test_sources_that_a_set_lacks_are_omitted(path):
    assert H5PYDataset(path, ("train", "test")).sources == ("features",)


def test_splits_can_refer_to_indices(path):
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
    with pytest.raises(
        DataError, match="arrays of source 'x' in the different splits cannot be concatenated:"
    ):
        write_hdf5(path, {"a": {"x": [1]}, "b": {"x": [[2]]}})
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == ["data.h5"]


def test_unknown_sets_and_sources_get_the_nearest_name(path):
    with pytest.raises(SourceError, match=r"no split 'trian', only 'train', .* mean 'train'"):
        H5PYDataset(path, ("trian",))
    with pytest.raises(SourceError, match=r"no source 'target', only .* mean 'targets'"):
        H5PYDataset(path, ("train",), sources=("target",))
    with pytest.raises(
        DataError, match="must not be empty; pass at least one of 'train', 'valid', 'test'"
    ):
        H5PYDataset(path, ())


@pytest.mark.parametrize("subset", [[9, 0, 4], np.array([9, 0, 4]), range(9, -1, -5), []])
def test_a_subset_can_be_indices(path, in_memory, subset):
    dataset = H5PYDataset(path, ("train",), subset=subset, load_in_memory=in_memory)
    assert dataset.num_examples == len(subset)
    expected = Y[np.asarray(subset, dtype=int)]
    np.testing.assert_array_equal(dataset.indexables[1], expected)
    np.testing.assert_array_equal(dataset.get_data(slice(0, len(subset)))[1], expected)


@pytest.mark.parametrize("subset", [[10], [-11], [0.5], [True]])
def test_a_subset_beyond_the_examples_is_an_error(path, subset):
    with pytest.raises(
        DataError, match="subset of .*'train'.* must contain indices of its 10 examples"
    ):
        H5PYDataset(path, ("train",), subset=subset)


def test_axes_are_named(path):
    dataset = H5PYDataset(path, ("train",))
    assert dataset.axis_labels == {"features": ("batch", "feature"), "targets": ("",)}
    assert dataset.vlen_sources == ()


IMAGES = [np.full((3, height, 4), height, np.uint8) for height in range(1, 7)]


@pytest.fixture
def ragged(tmp_path):
    labels = {"images": ("batch", "channel", "height", "width")}
    sets = {
        "train": {"images": IMAGES[:4], "number": range(4)},
        "test": {"images": IMAGES[4:], "number": range(2)},
    }
    write_hdf5(tmp_path / "ragged.h5", sets, axis_labels=labels)
    return tmp_path / "ragged.h5"


@pytest.mark.parametrize("request_", [slice(1, 3), [3, 0, 0], np.array([2])])
def test_examples_that_vary_in_shape_are_read(ragged, in_memory, request_):
    dataset = H5PYDataset(ragged, ("train",), load_in_memory=in_memory)
    assert dataset.vlen_sources == ("images",)
    batch, numbers = dataset.get_data(request_)
    assert batch.dtype == object
    for image, number in zip(batch, numbers, strict=True):
        np.testing.assert_array_equal(image, IMAGES[number])
    np.testing.assert_array_equal(dataset.get_data(2)[0], IMAGES[2])


def test_axes_of_examples_that_vary_in_shape_are_named(ragged):
    labels = H5PYDataset(ragged, ("test",)).axis_labels
    assert labels["images"] == ("batch", "channel", "height", "width")
    with h5py.File(ragged) as file:
        assert [scale.name for scale in file["images"].dims[0].values()] == [
            "/images_shapes",
            "/images_shape_labels",
        ]


def test_rows_without_shapes_are_vectors(tmp_path):
    with h5py.File(tmp_path / "rows.h5", "w") as file:
        rows = file.create_dataset("rows", (2,), h5py.vlen_dtype(np.int64))
        rows[0], rows[1] = [1], [2, 3]
        write_table(file, [("all", "rows", 0, 2)])
    dataset = H5PYDataset(tmp_path / "rows.h5", ("all",))
    assert [row.tolist() for row in dataset.get_data(slice(0, 2))[0]] == [[1], [2, 3]]
    assert dataset.get_data(1)[0].tolist() == [2, 3]


def test_text_is_read(tmp_path, in_memory):
    write_hdf5(tmp_path / "text.h5", {"all": {"word": ["Äpfel", "b", "c"]}})
    dataset = H5PYDataset(tmp_path / "text.h5", ("all",), load_in_memory=in_memory)
    assert dataset.get_data([2, 0])[0].tolist() == ["c", "Äpfel"]


def test_the_file_stays_open_until_it_is_closed(path):
    dataset = H5PYDataset(path, ("train",))
    file = dataset._handle.open()
    dataset.get_data(0)
    assert dataset._handle.open() is file
    dataset.close()
    assert not file
    assert dataset.get_data(0)[1] == 0


def test_data_in_memory_need_no_file(path):
    dataset = H5PYDataset(path, ("train",), load_in_memory=True)
    path.unlink()
    assert dataset.get_data(3)[1] == 3


def test_threads_share_the_file(path):
    dataset = H5PYDataset(path, ("train",))
    with ThreadPoolExecutor(4) as pool:
        read = list(pool.map(lambda number: dataset.get_data(number % 10)[1], range(200)))
    assert read == [number % 10 for number in range(200)]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_fork_opens_the_file_again(path):
    dataset = H5PYDataset(path, ("train",))
    dataset.get_data(0)
    inherited = dataset._handle.open()
    child = os.fork()
    if not child:
        good = dataset.get_data(4)[1] == 4 and dataset._handle.open() is not inherited
        os._exit(0 if good else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert dataset.get_data(5)[1] == 5


def test_a_pickle_finds_its_file_from_another_folder(path, monkeypatch):
    monkeypatch.chdir(path.parent)
    dataset = H5PYDataset("data.h5", ("train",))
    pickled = pickle.dumps(dataset)
    monkeypatch.chdir(path.parent.parent)
    assert pickle.loads(pickled).get_data(7)[1] == 7
    assert dataset.get_data(7)[1] == 7


def test_a_file_that_was_replaced_by_a_shorter_one_is_an_error(path):
    pickled = pickle.dumps(H5PYDataset(path, ("train",)))
    write_hdf5(path, {"train": {"features": X[:3], "targets": Y[:3]}})
    with pytest.raises(
        DataFileError, match="some of the requested rows of source 'features' no longer exist"
    ):
        pickle.loads(pickled).get_data(slice(2, 6))


@pytest.mark.parametrize(
    ("splits", "message"),
    [
        ({}, "at least one source to write to .*new.h5"),
        ({"all": {"x": [1], "y": [1, 2]}}, "split 'all' must have the same .*'x': 1, 'y': 2."),
        ({"all": {"x": [[1], [[2]]]}}, "'x' must be numeric arrays .* but have ndim 1 or 2"),
        ({"all": {"x": [["a"], ["b", "c"]]}}, "must be numeric arrays .* dtype <U1"),
    ],
)
def test_unsuitable_data_are_an_error(tmp_path, splits, message):
    with pytest.raises(DataError, match=message):
        write_hdf5(tmp_path / "new.h5", splits)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("request_", [slice(0, 11), 10, [0, 99], 0.5])
def test_a_request_beyond_the_examples_is_an_error(path, in_memory, request_):
    dataset = H5PYDataset(path, ("train",), load_in_memory=in_memory)
    with pytest.raises(DataError, match="cannot read"):
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
    "not HDF5": (lambda path: path.write_bytes(b"PK" * 99), "is not an HDF5 file, or is damaged"),
    "empty": (lambda path: path.write_bytes(b""), "is not an HDF5 file, or is damaged"),
    "cut off": (
        lambda path: path.write_bytes(path.read_bytes()[:2000]),
        "is not an HDF5 file, or is damaged",
    ),
    "no split": (edit(lambda file: file.attrs.pop("split")), "read .* with h5py, and pass"),
    "other split": (
        edit(lambda file: file.attrs.create("split", [1, 2])),
        "must be a table with the columns split, source, start, stop, .* but has dtype int64",
    ),
    "no source": (edit(lambda file: file.pop("targets")), "the source 'targets', .* is missing"),
    "short source": (
        edit(shorten),
        "rows of split 'train' must be among the 5 rows of source 'features'",
    ),
    "uneven": (
        edit(shift),
        "the same number of examples, but the numbers are {'features': 10, 'targets': 9}",
    ),
}


@pytest.mark.parametrize(("damage", "message"), DAMAGE.values(), ids=DAMAGE)
def test_the_error_names_the_fault_of_a_damaged_file(path, damage, message):
    damage(path)
    with pytest.raises(DataFileError, match=rf"data\.h5:? .*{message}"):
        H5PYDataset(path, ("train",), load_in_memory=True)


def test_damaged_values_are_an_error(path):
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
