"""Kinds of the outputs of one brick: as in a graph, with nothing kept but pristine inputs."""

import gc
import weakref
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from workbench import tensor
from workbench.bricks import MLP, Brick, Linear, Tanh, application
from workbench.bricks.cost import SquaredError
from workbench.bricks.inference import MOST_KINDS, Kind, _kept, infer
from workbench.bricks.recurrent import LSTM
from workbench.errors import ArgumentError, Fix, ShapeError
from workbench.tensor import Variable


def test_unknown_and_known_sizes():
    assert infer(Linear(3, 4).apply, {"input_": Kind((None, 3))}) == {"output": Kind((None, 4))}
    assert infer(Linear(3, 4).apply, {"input_": Kind((2, 3))}) == {"output": Kind((2, 4))}


def test_names_of_sizes_are_carried():
    found = infer(LSTM(2).apply, {"inputs": Kind(("time", "batch", 8))})
    assert found == {name: Kind(("time", "batch", 2)) for name in ("states", "cells")}


def test_sizes_of_one_name_are_equal():
    @application(outputs=["sum"])
    def apply(self, a, b):
        return a + b

    kinds = {"a": Kind(("n", 3)), "b": Kind(("n", 3))}
    brick = type("Sum", (Brick,), {"apply": apply})()
    before = len(_kept._by_key)
    assert infer(brick.apply, kinds) == {"sum": Kind(("n", 3))}
    assert len(_kept._by_key) == before + 1  # nothing had to be learned


def test_what_one_brick_teaches_about_a_size_is_forgotten():
    kinds = {"input_": Kind((None, None))}
    for dim in (3, 5):
        assert infer(Linear(dim, 4).apply, kinds) == {"output": Kind((None, 4))}
    cost = {"y": Kind((None, 3)), "y_hat": Kind((None, 3))}
    for _ in range(2):
        assert infer(SquaredError().apply, cost) == {"cost": Kind(())}


def test_dtypes():
    double = Kind((None, 3), torch.float64)
    with pytest.raises(ValueError, match="all operands must have the same dtype"):
        infer(Linear(3, 4).apply, {"input_": double})
    assert infer(Tanh().apply, {"input_": double}) == {"output": double}


def test_an_error_has_its_fix_and_the_next_call_is_right():
    mlp = MLP([Tanh(), None], [500, 20, 10])
    for _ in range(2):
        with pytest.raises(ShapeError) as caught:
            infer(mlp.apply, {"input_": Kind((None, 784))})
        assert caught.value.fix == Fix("mlp", "input_dim", 784)
    mlp = MLP([Tanh(), None], [784, 20, 10])
    assert infer(mlp.apply, {"input_": Kind((None, 784))}) == {"output": Kind((None, 10))}


def test_an_output_that_is_no_variable_is_refused():
    @application(outputs=["answer"])
    def apply(self, x):
        return 42

    brick = type("Answer", (Brick,), {"apply": apply})()
    with pytest.raises(ArgumentError, match=r"answer\.apply: the output answer is 42, but must be"):
        infer(brick.apply, {"x": Kind(())})


def variables():
    return sum(issubclass(type(one), Variable) for one in gc.get_objects())


def test_nothing_is_kept_but_the_inputs():
    kinds = {"input_": Kind(("batch", 21))}
    infer(Linear(21, 4).apply, kinds)
    gc.collect()
    before, gone = variables(), []
    for _ in range(50):
        brick = Linear(21, 4)
        infer(brick.apply, kinds)
        gone += [weakref.ref(brick), weakref.ref(brick.W)]
        del brick
    gc.collect()
    assert [one() for one in gone] == [None] * 100
    assert variables() <= before  # what earlier tests left can be freed meanwhile


def test_the_number_of_kept_inputs_is_bounded():
    for size in range(MOST_KINDS + 5):
        infer(Tanh().apply, {"input_": Kind((1, size + 1))})
    assert len(_kept._by_key) == MOST_KINDS


def test_threads_do_not_share_inputs():
    def shape(i):
        return infer(Linear(3, i).apply, {"input_": Kind(("batch", 3))})["output"].shape

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(shape, range(1, 30))) == [("batch", i) for i in range(1, 30)]


def test_the_kind_of_a_variable():
    assert Kind.of(tensor.matrix("x")) == Kind((None, None))
    assert Kind.of(tensor.lvector("y")) == Kind((None,), torch.int64)
