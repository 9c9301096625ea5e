"""Numbers in other dtypes: the same numbers, or an error that names the first that differs."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.data.support import batches_of, examples_of, first, ragged_batches
from workbench.data import Cast, ForceFloatX, H5PYDataset, ScaleAndShift
from workbench.data.convert import csv_to_hdf5
from workbench.data.exact_dtypes import converted
from workbench.errors import DataError, DataFileError

KEPT = [
    ([0, 255], "uint8", [0, 255]),
    ([-128, 127], "int8", [-128, 127]),
    ([2**24, -(2**24)], "float32", [2**24, -(2**24)]),
    ([2**62], "float32", [2**62]),
    ([0.0, 1.0], "bool", [False, True]),
    ([3.0, -4.0], "int16", [3, -4]),
    ([np.nan, np.inf, -np.inf], "float32", [np.nan, np.inf, -np.inf]),
    ([0.1], "float32", [np.float32(0.1)]),
    ([10**20], "float64", [1e20]),
    ([1 + 0j], "float32", [1.0]),
    (["1.5", " 2 "], "float32", [1.5, 2.0]),
    ([True, False], "float32", [1.0, 0.0]),
    ([], "uint8", []),
]
REFUSED = [
    ([1, 300], "uint8", "300 at index 1"),
    ([-1], "uint8", "-1 at index 0"),
    ([-1], "uint64", "-1 at index 0"),
    ([2**63], "int64", "9223372036854775808 at index 0"),
    ([2**31], "int32", "2147483648 at index 0"),
    ([10**20], "int64", "100000000000000000000"),
    ([10**20], "float32", "100000000000000000000"),
    ([2**53 + 1], "float64", "9007199254740993 at index 0"),
    ([2**24 + 1], "float32", "16777217 at index 0"),
    ([2**63 - 1], "float32", "9223372036854775807 at index 0"),
    ([1e39, 1.0], "float32", "1e+39 at index 0"),
    ([70000], "float16", "70000 at index 0"),
    ([0.5], "int64", "0.5 at index 0"),
    ([1.0, np.nan], "int64", "nan at index 1"),
    ([np.inf], "int8", "inf at index 0"),
    ([2.0**63], "int64", "9.223372036854775e+18 at index 0"),
    ([2], "bool", "2 at index 0"),
    ([1 + 1j], "float32", "(1+1j) at index 0"),
    (["300"], "uint8", "'300' at index 0"),
    ([[1, 2], [3, 400]], "uint8", "400 at index (1, 1)"),
]


@pytest.mark.parametrize(("values", "dtype", "kept"), KEPT)
def test_numbers_of_the_dtype_are_kept(values, dtype, kept):
    result = first(Cast(batches_of(max(len(values), 1), x=values), dtype))["x"] if values else (
        converted(np.array([], dtype=int), np.dtype(dtype), "x")
    )  # fmt: skip
    assert result.dtype == dtype
    np.testing.assert_array_equal(result, np.array(kept, dtype))


@pytest.mark.parametrize(("values", "dtype", "what"), REFUSED)
def test_the_error_names_a_number_that_the_dtype_lacks(values, dtype, what):
    what = what.replace("9.223372036854775e+18", repr(2.0**63))
    with pytest.raises(DataError) as caught:
        next(Cast(batches_of(2, x=values), dtype).get_epoch_iterator())
    assert (
        str(caught.value)
        == f"Cast: source 'x' has the value {what}, which {dtype} cannot represent"
    )


@pytest.mark.parametrize("values", [["a"], ["1_000"], [""], [None]])
def test_the_error_names_a_value_that_is_not_a_number(values):
    with pytest.raises(DataError, match="must contain numbers, not"):
        next(Cast(batches_of(1, x=np.array(values, object)), "float32").get_epoch_iterator())


@pytest.mark.parametrize("dtype", ["str", "S1", "datetime64[s]", object, "floaty"])
def test_a_dtype_without_numbers_is_an_error(dtype):
    with pytest.raises(DataError, match="dtype of Cast must be a numeric dtype"):
        Cast(batches_of(1, x=[1]), dtype)


def test_examples_and_ragged_batches_are_checked():
    for stream in (examples_of(x=[300]), ragged_batches(2, x=[[1], [2, 300]])):
        with pytest.raises(DataError, match="has the value 300"):
            next(Cast(stream, "uint8").get_epoch_iterator())


@pytest.mark.parametrize(
    ("tensor", "dtype"),
    [
        (torch.tensor([300]), "uint8"),
        (torch.tensor([-1]), "uint8"),
        (torch.tensor([2**53 + 1]), "float64"),
        (torch.tensor([float("nan")]), "int64"),
        (torch.tensor([1e39], dtype=torch.float64), "float32"),
        (torch.tensor([300.0]).bfloat16(), "uint8"),
    ],
)
def test_tensors_are_checked(tensor, dtype):
    from workbench.data import as_stream

    with pytest.raises(DataError, match="which .* cannot represent"):
        next(Cast(as_stream([{"x": tensor}]), dtype).get_epoch_iterator())
    fine = torch.ones(2, dtype=tensor.dtype)
    [given] = next(Cast(as_stream([{"x": fine}]), dtype).get_epoch_iterator())
    assert (str(given.dtype), given.tolist()) == (f"torch.{dtype}", [1, 1])


def test_other_transformers_that_convert_numbers_check_them():
    with pytest.raises(DataError, match="ForceFloatX: source 'x' has the value 1e"):
        next(ForceFloatX(batches_of(1, x=[1e39])).get_epoch_iterator())
    with pytest.raises(DataError, match="ScaleAndShift: source 'x' has the value 16777217"):
        next(ScaleAndShift(batches_of(1, x=[2**24 + 1]), 2, 0).get_epoch_iterator())
    with pytest.raises(DataError, match="the scale of ScaleAndShift has the value 1e"):
        next(ScaleAndShift(batches_of(1, x=[1]), 1e39, 0).get_epoch_iterator())


INTEGERS = ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"]


@given(
    st.sampled_from(INTEGERS),
    st.sampled_from([*INTEGERS, "float16", "float32", "float64"]),
    st.integers(-(2**63), 2**64 - 1),
)
def test_integers_are_kept_exactly_or_an_error(source, target, value):
    """Compare with Python's integers, which have no fixed width."""
    limits = np.iinfo(source)
    value = max(int(limits.min), min(int(limits.max), value))
    with np.errstate(all="ignore"):
        near = np.array([value], source).astype(target)[0]
    fits = bool(np.isfinite(near)) and int(near) == value
    if target in INTEGERS:
        fits = np.iinfo(target).min <= value <= np.iinfo(target).max
    try:
        result = converted(np.array([value], source), np.dtype(target), "x")
    except DataError:
        assert not fits
    else:
        assert fits and int(result[0]) == value


@given(st.floats(), st.sampled_from([*INTEGERS, "float32", "bool"]))
def test_floats_are_kept_or_an_error(value, target):
    integer = target != "float32"
    low, high = (0, 1) if target == "bool" else (-np.inf, np.inf)
    if integer and target != "bool":
        low, high = int(np.iinfo(target).min), int(np.iinfo(target).max)
    with np.errstate(all="ignore"):
        fits = np.isfinite(np.float32(value)) or not np.isfinite(value)
    if integer:
        fits = bool(np.isfinite(value)) and value == int(value) and low <= int(value) <= high
    try:
        result = converted(np.array([value]), np.dtype(target), "x")
    except DataError:
        assert not fits
    else:
        assert fits
        np.testing.assert_array_equal(result, np.array([value]).astype(target))


def table(folder, *cells):
    path = folder / "t.csv"
    path.write_text("id,x\n" + "".join(f"{number},{cell}\n" for number, cell in enumerate(cells)))
    return path


CELLS = {
    "10**20": (str(10**20), "float32"),
    "10**20 as an integer": (str(10**20), "int64"),
    "2**53 + 1": (str(2**53 + 1), "float64"),
    "2**24 + 1": (str(2**24 + 1), "float32"),
    "2**24 + 1 with a point": ("16777217.0", "float32"),
    "too large": ("1e39", "float32"),
    "far too large": ("1e400", "float64"),
    "too small": ("1e-50", "float32"),
    "300": ("300", "uint8"),
    "negative": ("-1", "uint8"),
    "fraction": ("2.5", "int32"),
    "nan": ("nan", "int32"),
    "inf": ("inf", "int32"),
    "many digits": ("9" * 5000, "int64"),
    "two": ("2", "bool"),
}


@pytest.mark.parametrize(("cell", "dtype"), CELLS.values(), ids=CELLS)
def test_the_error_names_the_line_of_a_cell_that_the_dtype_lacks(tmp_path, cell, dtype):
    path = table(tmp_path, "1", cell)
    with pytest.raises(DataFileError) as caught:
        csv_to_hdf5(tmp_path / "o.h5", {"all": path}, dtype=dtype, ignore=["id"])
    start = (
        f"{path}:3: column 'x' has {cell:.60}, which {dtype} cannot represent; pass a wider dtype"
    )
    assert str(caught.value).startswith(start)


@pytest.mark.parametrize("cell", ["1_000", "0x10", "1 2", "--1"])
def test_a_cell_that_only_resembles_a_number_is_an_error(tmp_path, cell):
    with pytest.raises(DataFileError, match="column 'x' must be a number,"):
        csv_to_hdf5(tmp_path / "o.h5", {"all": table(tmp_path, cell)}, ignore=["id"])


@pytest.mark.parametrize(
    ("cell", "dtype", "value"),
    [
        (str(2**53 + 1), "int64", 2**53 + 1),
        (str(2**64 - 1), "uint64", 2**64 - 1),
        ("6.022e23", "float32", np.float32(6.022e23)),
        ("1e3", "int32", 1000),
        ("3.000", "int8", 3),
        ("5.1", "float32", np.float32(5.1)),
        ("-inf", "float32", -np.inf),
        ("0.0", "float32", 0),
    ],
)
def test_a_cell_of_the_dtype_is_kept(tmp_path, cell, dtype, value):
    csv_to_hdf5(tmp_path / "o.h5", {"all": table(tmp_path, cell)}, dtype=dtype, ignore="id")
    [features] = H5PYDataset(tmp_path / "o.h5", ("all",)).indexables
    assert features.dtype == dtype and features[0, 0] == value


def test_targets_keep_every_digit(tmp_path):
    path = table(tmp_path, "7", str(2**53 + 1))
    csv_to_hdf5(tmp_path / "o.h5", {"all": path}, targets=["x"])
    _, targets = H5PYDataset(tmp_path / "o.h5", ("all",)).indexables
    assert targets.tolist() == [[7], [2**53 + 1]]
    path = table(tmp_path, str(10**20))
    with pytest.raises(
        DataFileError, match=":2: column 'x' has 1000.*, which int64 cannot represent"
    ):
        csv_to_hdf5(tmp_path / "o.h5", {"all": path}, targets=["x"])
