"""What is given to data sets and streams by mistake, and refused where it is given."""

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
        (lambda: DataStream(DATA, iteration_scheme=3), "iteration_scheme is a scheme .* not 3"),
        (lambda: DataStream(IterableDataset([1]), iteration_scheme=3), "is a scheme .* not 3"),
        (lambda: ConcatenatedScheme([SequentialScheme(4, 2), 3]), "made of schemes, .* got 3"),
        (lambda: Mapping(STREAM, 3), "mapping is a function of a batch .* not 3"),
        (lambda: Mapping(STREAM, SortMapping("x")), "key is a function .* not 'x'"),
        (lambda: Filter(STREAM, True), "predicate is a function .* not True"),
        (lambda: ScaleAndShift(STREAM, "a", 0), "scale is a number .* not array"),
        (lambda: ScaleAndShift(STREAM, 1, None), "shift is a number .* not array"),
        (lambda: DATA.get_data(slice(None)), "a slice needs 0 <= start <= stop <= 6"),
        (lambda: write_hdf5("x.h5", {"train": [1]}), "set 'train' was given as .1.; expected a ma"),
    ],
)
def test_what_does_not_fit_is_named(call, text):
    with pytest.raises(DataError, match=text):
        call()


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(MissingDataError, match="set.h5: cannot be written, .*no folder .*nowhere"):
        write_hdf5(tmp_path / "nowhere" / "set.h5", {"train": {"x": [1]}})


CONVERTERS = {
    "csv": lambda given: csv_to_hdf5("x.h5", given),
    "images": lambda given: images_to_hdf5("x.h5", given),
    "idx": lambda given: idx_to_hdf5("x.h5", given),
    "npz": lambda given: npz_to_hdf5("x.h5", "x.npz", given),
}


@pytest.mark.parametrize("converter", CONVERTERS)
@pytest.mark.parametrize("given", ["set", Path("set"), ["set"], None, 3, {"train": 3}])
def test_converters_say_what_they_expect(converter, given):
    with pytest.raises(DataError, match=r"must be a (mapping from s|path|name)"):
        CONVERTERS[converter](given)


def test_a_file_alone_is_shown_as_that_of_a_split():
    with pytest.raises(DataError, match=r"such as \{'train': 'iris.csv'\}"):
        csv_to_hdf5("x.h5", "iris.csv")
    with pytest.raises(DataError, match=r"such as \{'train': \{'features': 'x.idx'\}\}"):
        idx_to_hdf5("x.h5", "x.idx")
