"""The encoding of plain values as bytes, and the decoding."""

import math
import uuid

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import StateError
from workbench.serialization.state import check_keys, decode, encode, storable

PLAIN = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(), st.binary()
)
KEYS = st.one_of(st.text(), st.integers(), st.booleans(), st.tuples(st.integers(), st.text()))
NESTED = st.recursive(
    PLAIN,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(KEYS, inner, max_size=4),
    ),
    max_leaves=12,
)


def same(a, b):
    """Return True if two values are equal, types included."""
    if isinstance(a, dict):
        return type(b) is dict and same(list(a.items()), list(b.items()))
    if isinstance(a, (list, tuple)):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and a == b


@given(NESTED)
def test_plain_values_are_restored_with_their_types(value):
    assert same(decode(encode(value)), value)


def test_numbers_that_are_not_finite_are_restored():
    value = decode(encode([math.inf, -math.inf, math.nan]))
    assert value[:2] == [math.inf, -math.inf] and math.isnan(value[2])


@pytest.mark.parametrize(
    "dtype", ["float16", "float64", "int8", "uint64", "bool", "complex64", "U3"]
)
def test_arrays_are_restored_with_shape_and_dtype(dtype):
    for array in (np.array([[1, 0]]).astype(dtype), np.zeros((0, 3), dtype), np.array(1, dtype)):
        again = decode(encode({"x": array}))["x"]
        assert again.dtype == array.dtype and again.shape == array.shape
        assert (again == array).all()


@pytest.mark.parametrize(
    "dtype", [torch.float32, torch.bfloat16, torch.float8_e4m3fn, torch.int64, torch.bool]
)
def test_tensors_are_restored_with_dtype(dtype):
    for tensor in (torch.tensor([[1.5, 0.0, -2.0]]).to(dtype), torch.tensor(1.0).to(dtype)):
        again = decode(encode([tensor]))[0]
        assert again.dtype is dtype and torch.equal(again.double(), tensor.double())


def test_numpy_numbers_and_identities_are_restored():
    value = {"scalar": np.float32(0.1), "id": uuid.UUID(int=5), "sliced": np.arange(9)[::3]}
    again = decode(encode(value))
    assert type(again["scalar"]) is np.float32 and again["scalar"] == np.float32(0.1)
    assert again["id"] == value["id"] and again["sliced"].tolist() == [0, 3, 6]


@pytest.mark.parametrize(
    "value, place",
    [
        (object(), "state is object"),
        ({"a": [1, {2}]}, r"state\['a'\]\[1\] is set"),
        ({"a": (lambda: 1,)}, r"state\['a'\]\[0\] is function"),
        ([np.array([None])], r"state\[0\] is an array of objects"),
        ({frozenset(): 1}, r"key frozenset\(\) of state is frozenset"),
    ],
)
def test_values_that_are_not_plain_are_refused_with_their_place(value, place):
    assert not storable(value)
    with pytest.raises(StateError, match=place):
        encode(value)


def test_other_bytes_are_no_state():
    with pytest.raises(StateError, match="state cannot be read"):
        decode(b"something else")


def test_wrong_keys_are_all_named():
    with pytest.raises(
        StateError,
        match="the state of X does not fit: 'bset' is unknown .did you mean 'best'..; "
        "'best' is missing; 'count' is missing",
    ):
        check_keys("the state of X", {"bset": 1}, ("best", "count"))
