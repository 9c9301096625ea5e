"""Code as users of Fuel write it."""

import pickle

import h5py
import numpy as np
import pytest

from tests.data.support import batches_of, examples_of, ragged_batches
from workbench import data
from workbench.errors import DataError

X = np.arange(3600, dtype="uint16").reshape(100, 36)
Y = np.arange(30, dtype="uint8").reshape(30, 1)


@pytest.fixture
def file():
    """Yield a file in memory, with splits that lack sources and one that refers to indices."""
    with h5py.File("in memory.h5", "w", driver="core", backing_store=False) as file:
        file["features"], file["targets"] = X, Y
        for axis, label in zip(file["features"].dims, ("batch", "feature"), strict=True):
            axis.label = label
        file["odd"] = np.arange(1, 30, 2)
        odd = (-1, -1, file["odd"].ref, "every other")
        splits = {
            "train": {"features": (0, 20, None), "targets": (0, 20)},
            "test": {"features": (20, 30), "targets": (20, 30)},
            "odd": {"features": odd, "targets": odd},
            "unlabeled": {"features": (30, 100, None, ".")},
        }
        file.attrs["split"] = data.H5PYDataset.create_split_array(splits)
        yield file


def test_an_open_file_is_read_and_stays_open(file):
    train = data.H5PYDataset(file, which_sets=("train",))
    np.testing.assert_array_equal(train.get_data(slice(3, 5))[0], X[3:5])
    assert train.axis_labels["features"] == ("batch", "feature")
    train.close()
    assert file and train.get_data([19])[1].tolist() == [[19]]
    everything = data.H5PYDataset(file, ("train", "test"), load_in_memory=True)
    np.testing.assert_array_equal(everything.indexables[1], Y)


def test_a_table_of_splits_has_the_given_values(file):
    assert data.H5PYDataset.get_all_splits(file) == ("train", "test", "odd", "unlabeled")
    assert data.H5PYDataset.get_all_sources(file) == ("features", "targets")
    assert data.H5PYDataset(file, "unlabeled").provides_sources == ("features",)
    odd = data.H5PYDataset(file, ("odd",))
    np.testing.assert_array_equal(odd.get_data(slice(0, 3))[0], X[[1, 3, 5]])
    with pytest.raises(DataError, match="must consist of the first row,"):
        data.H5PYDataset.create_split_array({"train": {"x": (1,)}})


def test_other_objects_than_open_files_are_an_error(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as closed:
        pass
    with pytest.raises(
        DataError, match="if path is a file object, it must be open, not <Closed HDF5 file>; pass"
    ):
        data.H5PYDataset(closed, ("train",))
    with pytest.raises(DataError, match="path must be the name of an HDF5 file, .* not 3"):
        data.H5PYDataset(3, ("train",))


def test_a_pickle_of_an_open_file_refers_to_its_name(tmp_path):
    path = tmp_path / "set.h5"
    data.write_hdf5(path, {"train": {"x": [1, 2, 3]}})
    with h5py.File(path) as file:
        dataset = data.H5PYDataset(file, ("train",))
        again = pickle.loads(pickle.dumps(dataset))
    assert again.get_data([2])[0].tolist() == [3]


def test_a_state_is_accepted_before_the_request(file):
    for dataset in (data.H5PYDataset(file, "train"), data.IndexableDataset({"x": X})):
        for given in (
            dataset.get_data(None, slice(0, 2)),
            dataset.get_data(object(), [0, 1]),
            dataset.get_data(state=None, request=slice(0, 2)),
            dataset.get_data(request=[0, 1]),
        ):
            np.testing.assert_array_equal(given[0], X[:2])
        dataset.close(None)
        for wrong in ((), (None, None), (None, 1, 2)):
            with pytest.raises(DataError, match="requires a request:|not 3 arguments"):
                dataset.get_data(*wrong)


def test_a_transformer_accepts_the_kind_of_its_results():
    class Pairs(data.Transformer):
        def __init__(self, data_stream, **options):
            super().__init__(data_stream, data_stream.produces_examples, **options)

        def transform(self, data):
            return (data[0] * 2,)

    stream = Pairs(examples_of(x=[1, 2]), axis_labels={"x": ("feature",)})
    assert (stream.produces_examples, stream.axis_labels) == (True, {"x": ("feature",)})
    assert list(stream.get_epoch_iterator()) == [(2,), (4,)]

    class Twice(data.SourcewiseTransformer):
        def transform_source_batch(self, source_batch, source_name):
            return 2 * source_batch

        def transform_source_example(self, source_example, source_name):
            return 3 * source_example

    below = batches_of(2, x=[1, 2], y=[3, 4])
    twice = Twice(below, below.produces_examples, which_sources=("y",))
    assert [entry.tolist() for entry in next(twice.get_epoch_iterator())] == [[1, 2], [6, 8]]


def test_closing_reaches_the_data_set(tmp_path):
    path = tmp_path / "set.h5"
    data.write_hdf5(path, {"train": {"x": [1, 2, 3]}})
    datasets = [data.H5PYDataset(path, ("train",)) for _ in range(2)]
    first, second = (dataset.get_example_stream() for dataset in datasets)
    merged = data.Merge([data.Prefetch(first), data.Rename(second, {"x": "y"})])
    assert [tuple(map(int, pair)) for pair in merged.iterate(0)] == [(1, 1), (2, 2), (3, 3)]
    merged.close()
    assert all(dataset._handle._file is None for dataset in datasets)
    assert len(list(merged.get_epoch_iterator())) == 3


def test_integers_of_two_kinds_are_padded_exactly_or_an_error():
    rows = [np.array([5, 6]), np.array([7], np.uint64)]
    assert next(data.Padding(ragged_batches(2, x=rows)).iterate(0))[0].tolist() == [[5, 6], [7, 0]]
    rows[0][0] = 2**60 + 1
    with pytest.raises(DataError, match="Padding: source 'x' has the value 1152921504606846977"):
        next(data.Padding(ragged_batches(2, x=rows)).iterate(0))


def test_masked_values_are_an_error():
    fine = np.ma.array([1, 2, 3], mask=[0, 0, 0])
    assert data.IndexableDataset(fine).indexables[0].tolist() == [1, 2, 3]
    with pytest.raises(DataError, match="source 'data' must not have masked values;"):
        data.IndexableDataset(np.ma.array([1, 2, 3], mask=[0, 1, 0]))


def test_half_precision_tensors_of_both_kinds_are_accepted():
    import torch

    for dtype in (torch.float16, torch.bfloat16):
        dataset = data.IndexableDataset(torch.tensor([0.5, 1.0], dtype=dtype))
        assert dataset.indexables[0].tolist() == [0.5, 1.0]


def test_integers_that_numpy_would_round_are_an_error():
    assert data.IndexableDataset([2**63, -1]).indexables[0].tolist() == [2.0**63, -1.0]
    with pytest.raises(DataError, match="source 'data' has the value 9223372036854775809 at index"):
        data.IndexableDataset([2**63 + 1, -1])
    assert data.IndexableDataset([1, 2.5]).indexables[0].tolist() == [1.0, 2.5]
