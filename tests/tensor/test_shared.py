"""Shared variables."""

import copy
import pickle

import numpy
import pytest
import torch

from workbench import function, shared


def test_the_value_is_copied_in_and_out():
    array = numpy.zeros(2, "float32")
    w = shared(array, "w")
    array[:] = 1
    w.get_value()[:] = 2
    assert w.get_value().tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        (1.0, torch.float32),
        ([1.0], torch.float32),
        (1, torch.int64),
        (numpy.ones(2), torch.float64),
        (True, torch.bool),
    ],
)
def test_python_floats_are_floatx_and_arrays_keep_their_dtype(value, dtype):
    assert shared(value).dtype is dtype


def test_set_value_converts_precision_only():
    w = shared(numpy.zeros(2, "float32"), "w")
    w.set_value(numpy.ones(2))
    assert w.get_value().dtype == numpy.float32 and w.get_value().sum() == 2
    with pytest.raises(
        TypeError, match="set_value of k: the dtype must be torch.int64, not torch.float64"
    ):
        shared(1, "k").set_value(1.5)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float8_e4m3fn])
def test_dtypes_that_numpy_lacks_have_exact_values(dtype):
    w = shared(torch.tensor([0.5, -2.0]).to(dtype), "w")
    assert w.get_value().tolist() == [0.5, -2.0] and w.get_value().dtype == numpy.float32
    w.set_value(w.get_value())
    assert w.dtype is dtype and w.tensor.float().tolist() == [0.5, -2.0]


def test_another_shape_is_refused():
    with pytest.raises(ValueError, match=r"set_value of w: the shape must be \(2,\), not \(3,\)"):
        shared([0.0, 0.0], "w").set_value([1.0, 2.0, 3.0])


def test_functions_see_the_value_set_last():
    w = shared(1.0, "w")
    f = function([], w * 2)
    w.set_value(4.0)
    assert f() == 8.0


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda v: pickle.loads(pickle.dumps(v))])
def test_copies_have_a_value_of_their_own(duplicate):
    w = shared([1.0, 2.0], "w")
    new = duplicate(w)
    w.set_value([0.0, 0.0])
    assert (new.name, new.get_value().tolist()) == ("w", [1.0, 2.0])
    assert (new * 1).eval().tolist() == [1.0, 2.0]
