"""Wrong arguments for inputs, shared variables and numpy, and the errors about them."""

import numpy as np
import pytest
import torch

from workbench import shared, tensor
from workbench.errors import ArgumentError, DtypeError, ShapeError, SymbolicError


@pytest.mark.parametrize(
    ("dtype", "text"),
    [
        ("float32", r"the dtype of 'x' must be a torch.dtype, not 'float32'; write torch.float32"),
        (np.float64, r"the dtype of 'x' must be .*float64.*; write torch.float64"),
        (float, r"must be a torch.dtype, not <class 'float'>; write torch.float32"),
        ("words", r"must be a torch.dtype, not 'words'; use a dtype such as torch.float32"),
    ],
)
def test_a_dtype_is_one_of_torch(dtype, text):
    with pytest.raises(DtypeError, match=text):
        tensor.variable("x", (None,), dtype=dtype)
    with pytest.raises(DtypeError, match="must be a torch.dtype"):
        shared(1.0, dtype=dtype)


@pytest.mark.parametrize("make", [tensor.matrix, tensor.lvector, tensor.variable])
def test_a_name_is_a_string(make):
    with pytest.raises(
        ArgumentError, match=r"the name of an input must be a string, not 3; .*shape=\(No"
    ):
        make(3)


def test_names_of_shared_variables_and_constants_are_strings():
    with pytest.raises(
        ArgumentError, match="the name of a shared variable must be a string, not 3"
    ):
        shared(1.0, 3)
    with pytest.raises(
        ArgumentError, match=r"the name of a constant must be a string, not \['x'\]"
    ):
        tensor.constant(1.0, ["x"])


def test_a_shape_is_a_sequence():
    with pytest.raises(ShapeError, match="shape 3 of input 'x': a shape must be a sequence"):
        tensor.variable("x", 3)


@pytest.mark.parametrize("value", ["a", None, {}, [[1.0], [1.0, 2.0]], object()])
def test_values_are_numbers(value):
    with pytest.raises(DtypeError, match=r"must be a number, or an array or tensor of numbers \("):
        shared(value)


@pytest.mark.parametrize(
    ("compute", "name"),
    [
        (np.exp, "torch.exp"),
        (np.sum, "torch.sum"),
        (lambda x: np.concatenate([x, x]), "torch.cat"),
        (lambda x: np.maximum(0, x), "torch.maximum"),
        (lambda x: np.add(x, 1, dtype="float64"), "torch.add"),
        (np.fft.fft, "a torch function"),
    ],
)
def test_functions_of_numpy_point_to_torch(compute, name):
    text = (
        rf"numpy computes with values, but x is a variable .* use {name}, which accepts variables"
    )
    with pytest.raises(SymbolicError, match=text):
        compute(tensor.matrix("x"))


ARRAY = np.array([[1.0, 2.0], [3.0, 4.0]], dtype="float32")


@pytest.mark.parametrize(
    "compute",
    [
        lambda a, x: a * x,
        lambda a, x: a - x,
        lambda a, x: a @ x,
        lambda a, x: a**x,
        lambda a, x: a < x,
        lambda a, x: a == x,
        lambda a, x: np.float32(2) / x,
    ],
)
def test_an_array_can_be_the_left_operand(compute):
    x, value = tensor.matrix("x"), torch.tensor([[1.0, 3.0], [2.0, 5.0]])
    torch.testing.assert_close(
        compute(ARRAY, x).eval({x: value}), torch.as_tensor(compute(ARRAY, value.numpy()))
    )


def test_adding_a_variable_to_an_array_makes_a_variable():
    x, total = tensor.matrix("x"), ARRAY.copy()
    total += x
    assert isinstance(total, tensor.Variable)
    np.testing.assert_array_equal(total.eval({x: ARRAY}), 2 * ARRAY)


def test_numpy_can_read_the_shape():
    x = tensor.variable("x", (3, 4))
    assert (np.shape(x), np.ndim(x)) == ((3, 4), 2)


@pytest.mark.parametrize("view", [lambda a: a[0, ::-1], lambda a: a.diagonal()])
def test_a_value_can_be_a_reversed_or_read_only_view(view):
    variable, value = shared(np.zeros(2)), view(np.array([[1.0, 2.0], [3.0, 4.0]]))
    variable.set_value(value)
    np.testing.assert_array_equal(variable.get_value(), value)
