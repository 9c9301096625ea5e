"""Wrong arguments of data sets and streams, with errors at the call."""

from pathlib import Path

import numpy as np
import pytest

from workbench.data import (
    ConcatenatedScheme,
    DataStream,
    Filter,
    IndexableDataset,
    IterableDataset,
    Mapping,
    ScaleAndShift,
    SequentialScheme,
    SortMapping,
    write_hdf5,
)
from workbench.data.convert import csv_to_hdf5, idx_to_hdf5, images_to_hdf5, npz_to_hdf5
from workbench.errors import DataError, MissingDataError

DATA = IndexableDataset({"x": np.arange(6)})
STREAM = DataStream(DATA, iteration_scheme=SequentialScheme(6, 2))


@pytest.mark.parametrize(
    "call, text",
    [
        (
            lambda: DataStream(DATA, iteration_scheme=3),
            "iteration_scheme must be a scheme, .* not 3",
        ),
        (
            lambda: DataStream(IterableDataset([1]), iteration_scheme=3),
            "must be a scheme, .* not 3",
        ),
        (
            lambda: ConcatenatedScheme([SequentialScheme(4, 2), 3]),
            "must be iteration schemes, not 3",
        ),
        (lambda: Mapping(STREAM, 3), "mapping must be a function of a batch .* not 3"),
        (lambda: Mapping(STREAM, SortMapping("x")), "key must be a function .* not 'x'"),
        (lambda: Filter(STREAM, True), "predicate must be a function .* not True"),
        (lambda: ScaleAndShift(STREAM, "a", 0), "scale must be a number .* not array"),
        (lambda: ScaleAndShift(STREAM, 1, None), "shift must be a number .* not array"),
        (lambda: DATA.get_data(slice(None)), "a slice must have 0 <= start <= stop <= 6"),
        (lambda: write_hdf5("x.h5", {"train": [1]}), "split 'train' must be a mapping .* not .1."),
    ],
)
def test_the_error_names_the_wrong_argument(call, text):
    with pytest.raises(DataError, match=text):
        call()


def test_the_error_names_a_missing_folder(tmp_path):
    with pytest.raises(MissingDataError, match="set.h5 cannot be written, .*folder .*nowhere"):
        write_hdf5(tmp_path / "nowhere" / "set.h5", {"train": {"x": [1]}})


CONVERTERS = {
    "csv": lambda given: csv_to_hdf5("x.h5", given),
    "images": lambda given: images_to_hdf5("x.h5", given),
    "idx": lambda given: idx_to_hdf5("x.h5", given),
    "npz": lambda given: npz_to_hdf5("x.h5", "x.npz", given),
}


@pytest.mark.parametrize("converter", CONVERTERS)
@pytest.mark.parametrize("given", ["set", Path("set"), ["set"], None, 3, {"train": 3}])
def test_the_error_of_a_converter_describes_its_argument(converter, given):
    with pytest.raises(DataError, match="must (be|have) a (mapping from s|path|name)"):
        CONVERTERS[converter](given)


def test_the_error_for_a_single_file_shows_it_as_a_split():
    with pytest.raises(DataError, match=r"such as \{'train': 'iris.csv'\}"):
        csv_to_hdf5("x.h5", "iris.csv")
    with pytest.raises(DataError, match=r"such as \{'train': \{'features': 'x.idx'\}\}"):
        idx_to_hdf5("x.h5", "x.idx")
