"""Lookup tables against torch's embedding."""

import numpy
import pytest
import torch
from numpy.testing import assert_allclose

from tests.support.gradients import check_gradients
from workbench import tensor
from workbench.bricks import MLP, Sequence, Tanh
from workbench.bricks.lookup import LookupTable
from workbench.errors import OutOfRangeError
from workbench.initialization import Constant, IsotropicGaussian

RNG = numpy.random.default_rng(2)


@pytest.fixture
def table():
    brick = LookupTable(7, 3, weights_init=IsotropicGaussian(1))
    brick.initialize()
    return brick


@pytest.mark.parametrize("shape", [(), (5,), (4, 2), (2, 3, 4)])
@pytest.mark.parametrize("dtype", ["int32", "int64", "uint8"])
def test_agrees_with_torch(table, shape, dtype):
    indices = numpy.asarray(RNG.integers(0, 7, size=shape), dtype=dtype)
    expected = table.W.get_value()[indices]
    assert_allclose(table.apply(indices), expected)


def test_gradients():
    def make(indices):
        brick = LookupTable(5, 2, weights_init=IsotropicGaussian(1))
        brick.initialize()
        return brick.apply(indices)

    check_gradients(make, numpy.array([[0, 3], [3, 4]]))


def test_an_input_dimension_of_zero_is_that_of_an_index():
    mlp = MLP([Tanh()], [3, 2], weights_init=Constant(1), biases_init=Constant(0))
    table = LookupTable(4, 3, weights_init=Constant(0.5))
    sequence = Sequence([table, mlp])
    sequence.initialize()
    assert sequence.apply(torch.tensor([1, 2])).shape == (2, 2)
    table.input_dim = 0
    assert (table.input_dim, table.output_dim) == (0, 3)
    with pytest.raises(ValueError, match="input_dim must be 0, not 3, because .* are indices"):
        table.input_dim = 3


def test_indices_are_integers(table):
    with pytest.raises(TypeError, match=r"indices have dtype float32, but must be int"):
        table.apply(tensor.vector("x"))
    with pytest.raises(TypeError, match="indices have dtype bool"):
        table.apply(torch.tensor([True]))


@pytest.mark.parametrize("wrong", [3, -1])
def test_an_index_outside_the_table_is_named_with_its_place(wrong):
    lookup = LookupTable(3, 2, weights_init=Constant(0))
    lookup.initialize()
    text = rf"lookuptable.apply: indices: {wrong} at position \(0, 1\) is out of range, and must"
    with pytest.raises(OutOfRangeError, match=text):
        lookup.apply(torch.tensor([[0, wrong]]))
