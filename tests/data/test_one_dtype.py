"""Values of several dtypes that become one array: in lists, tables, batches, and splits of a file.

Numpy converts integers among floats to floats, and numbers among text to text, silently.
"""

import numpy as np
import pandas as pd
import pytest

from workbench.data import DataStream, H5PYDataset, IndexableDataset, IterableDataset, write_hdf5
from workbench.data.schemes import ConstantScheme
from workbench.errors import DataError

BIG = 2**53 + 1  # the first integer that float64 lacks

LOST = {
    "list": [BIG, 0.5],
    "tuple": (0.5, BIG),
    "lists": [[1, 0.5], [0.5, BIG]],
    "negative": [-BIG, 0.5],
    "signed and unsigned": [2**63 + 1, -1],
    "column with a gap": pd.Series([BIG, None], dtype="Int64"),
    "table": pd.DataFrame({"a": [BIG], "b": [0.5]}),
}
KEPT = {
    "list": [2**53, 0.5],
    "large floats": [1e300, 0.5, -1e20],
    "large even": [2**60, 0.5],
    "infinite": [float("inf"), float("nan"), 3],
    "column": pd.Series([1, 2], index=[7, 8]),
    "table": pd.DataFrame({"a": [1, 2], "b": [0.5, 1e20]}),
    "bools": [True, 2],
    "nothing": [],
}


@pytest.mark.parametrize("values", LOST.values(), ids=LOST)
def test_the_error_names_an_integer_that_would_be_rounded(values):
    with pytest.raises(
        DataError, match=r"source 'x' has the value -?\d+ at index .*cannot represent"
    ):
        IndexableDataset({"x": values})


@pytest.mark.parametrize("values", KEPT.values(), ids=KEPT)
def test_values_of_the_common_dtype_are_kept(values):
    kept = IndexableDataset({"x": values}).indexables[0]
    np.testing.assert_array_equal(kept, np.asarray(values))


@pytest.mark.parametrize("values", [[1, "a"], ["a", 1.5], [["a", "b"], ["c", True]]])
def test_a_number_beside_text_does_not_become_text(values):
    with pytest.raises(DataError, match=r"source 'x' contains text, so (1|1.5|True) at index"):
        IndexableDataset({"x": values})


def written(tmp_path, train, test):
    write_hdf5(tmp_path / "x.h5", {"train": {"x": train}, "test": {"x": test}})
    return [H5PYDataset(tmp_path / "x.h5", (name,)).indexables[0] for name in ("train", "test")]


@pytest.mark.parametrize(
    "train, test",
    [
        (np.array([BIG]), np.array([0.5])),
        (np.array([2**63 + 1], "uint64"), np.array([-1])),
        ([np.array([BIG]), np.array([1, 2])], [np.array([0.5])]),
    ],
)
def test_splits_whose_common_dtype_would_round_are_an_error(tmp_path, train, test):
    with pytest.raises(DataError, match=r"source 'x' has the value \d+ at index 0, which float64"):
        written(tmp_path, train, test)


@pytest.mark.parametrize("text", [np.array(["a"]), np.array([b"a"])])
def test_splits_of_numbers_and_text_are_an_error(tmp_path, text):
    with pytest.raises(DataError, match=r"source 'x' has values of dtypes .* and .*one dtype"):
        written(tmp_path, np.array([1]), text)


def test_splits_of_compatible_dtypes_get_the_common_one(tmp_path):
    train, test = written(tmp_path, np.array([1, 2], "uint8"), np.array([0.5], "float32"))
    assert train.tolist() == [1.0, 2.0] and test.tolist() == [0.5] and train.dtype == np.float32
    train, test = written(tmp_path, np.array(["abc"]), np.array(["a"]))
    assert train.tolist() == ["abc"] and test.tolist() == ["a"]


@pytest.mark.parametrize("values", [np.array(["2020-01-01"], "datetime64[D]"), ["a\0b"]])
def test_the_error_names_values_that_hdf5_cannot_store(tmp_path, values):
    with pytest.raises(
        DataError, match="the values of source 'x' must have a dtype that HDF5 can store, not"
    ):
        write_hdf5(tmp_path / "x.h5", {"train": {"x": values}})
    assert not (tmp_path / "x.h5").exists()


@pytest.mark.parametrize(
    "examples, text", [([BIG, 0.5], "cannot represent"), ([1, "a"], "one dtype")]
)
def test_examples_of_a_batch_are_checked(examples, text):
    stream = DataStream(IterableDataset({"x": examples}), iteration_scheme=ConstantScheme(2))
    with pytest.raises(DataError, match=text):
        next(stream.get_epoch_iterator())
