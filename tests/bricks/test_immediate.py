"""Bricks applied to real tensors and arrays."""

import numpy
import pytest
import torch
from numpy.testing import assert_allclose

from workbench import tensor
from workbench.bricks import (
    MLP,
    Brick,
    LeakyRectifier,
    Linear,
    Maxout,
    Random,
    Tanh,
    application,
)
from workbench.config import config
from workbench.errors import ParameterError, ShapeError
from workbench.initialization import Constant


@pytest.fixture
def linear():
    linear = Linear(2, 3, weights_init=Constant(1), biases_init=Constant(0.5))
    linear.initialize()
    return linear


@pytest.mark.parametrize("make", [torch.ones, numpy.ones])
def test_values_in_give_values_out(linear, make):
    result = linear.apply(make((4, 2)))
    assert isinstance(result, torch.Tensor)
    assert not result.requires_grad
    assert_allclose(result, numpy.full((4, 3), 2.5))


def test_sizes_that_clash_are_told_once_with_the_place():
    class Sum(Brick):
        @application(inputs=["x", "y"], outputs=["z"])
        def apply(self, x, y):
            return x + y

    with pytest.raises(ShapeError, match=r"^sum.apply: dimension 1 of x has size 3, but dimension"):
        Sum().apply(torch.ones(5, 3), torch.ones(5, 4))


@pytest.mark.parametrize("shape", [(2, 10), (10,)])
def test_what_torch_refuses_while_computing_is_said_by_the_brick_where_it_can(shape):
    text = r"^maxout.apply: input_ has shape .*10,?\); .* multiple of num_pieces=3; set num"
    with pytest.raises(ShapeError, match=text):
        Maxout(3).apply(torch.zeros(shape))


def test_calls_of_one_kind_share_a_function(linear):
    linear.apply(torch.ones(4, 2))
    linear.apply(torch.ones(7, 2))
    assert len(linear._immediate) == 1
    linear.apply(torch.ones(2))
    assert len(linear._immediate) == 2


def test_arrays_of_floats_become_floatx_and_tensors_keep_their_dtype(linear):
    assert Tanh().apply(numpy.ones(3)).dtype is torch.float32
    assert Tanh().apply(torch.ones(3, dtype=torch.float64)).dtype is torch.float64
    with config.override(floatx="float64"):
        assert Tanh().apply(numpy.ones(3, "float32")).dtype is torch.float64


def test_new_values_of_parameters_are_used(linear):
    linear.apply(torch.ones(1, 2))
    linear.W.set_value(numpy.zeros((2, 3)))
    assert_allclose(linear.apply(torch.ones(1, 2)), [[0.5] * 3])


def test_a_new_setting_is_used():
    brick = LeakyRectifier(leak=0.5)
    assert brick.apply(torch.tensor([-1.0])).item() == -0.5
    brick.leak = 0.25
    assert brick.apply(torch.tensor([-1.0])).item() == -0.25


def test_a_new_allocation_anywhere_below_is_used():
    mlp = MLP([Tanh()], [2, 2], weights_init=Constant(1), biases_init=Constant(0))
    mlp.initialize()
    mlp.apply(torch.ones(1, 2))
    child = mlp.children[0]
    child.allocate()
    child.weights_init = Constant(0)
    child.initialize()
    assert_allclose(mlp.apply(torch.ones(1, 2)), [[0, 0]])


class Options(Brick):
    """Returns several things, some of which are no tensors."""

    @application(outputs=["scaled", "width", "nothing"])
    def apply(self, x, factor=1, note=None):
        return x * factor, x.ndim, note


def test_options_and_results_that_are_no_tensors():
    scaled, width, note = Options().apply(torch.ones(2), factor=3, note=None)
    assert (scaled.tolist(), width, note) == ([3, 3], 1, None)
    by_name = Options().apply(torch.ones(2), as_dict=True)
    assert list(by_name) == ["scaled", "width", "nothing"]
    assert Tanh().apply(torch.zeros(1), as_list=True)[0].item() == 0


def test_options_that_cannot_be_compared_work_too():
    brick = Options()
    for _ in range(2):
        assert brick.apply(torch.ones(1), note=[1, 2])[2] == [1, 2]
    assert not brick._immediate


def test_random_bricks_draw_other_numbers_each_time():
    class Noisy(Random):
        @application(outputs=["output"])
        def apply(self, x):
            return x + self.random_stream.normal(x.shape)

    noisy = Noisy()
    assert not torch.equal(noisy.apply(torch.zeros(5)), noisy.apply(torch.zeros(5)))


def test_inside_another_application_values_are_constants():
    class Outer(Brick):
        @application(outputs=["output"])
        def apply(self, x):
            return x + self.children[0].apply(torch.ones(2))

    x = tensor.vector("x")
    y = Outer(children=[Tanh()]).apply(x)
    assert_allclose(y.eval({x: [0.0, 1.0]}), numpy.tanh(1) + numpy.array([0, 1]), rtol=1e-6)


def test_parameters_that_were_never_set_are_reported():
    mlp = MLP([Tanh()], [2, 2])
    with pytest.raises(
        ParameterError, match=r"initialised: /mlp/linear_0\.W, .*as in mlp\.initialize\(\)"
    ):
        mlp.apply(torch.ones(1, 2))
    mlp.weights_init, mlp.biases_init = Constant(1), Constant(0)
    mlp.initialize()
    assert_allclose(mlp.apply(torch.ones(1, 2)), numpy.tanh([[2, 2]]), rtol=1e-6)


def test_values_of_the_wrong_shape_are_refused_with_the_path(linear):
    linear.apply(torch.ones(1, 2))
    with pytest.raises(
        ValueError, match=r"linear\.apply: input input_ got shape \(1, 3\), .*\(\?, 2\)"
    ):
        linear.apply(torch.ones(1, 3))
    with pytest.raises(TypeError, match=r"linear\.apply: input_ has dtype int64, but must"):
        linear.apply(torch.ones(1, 2, dtype=torch.int64))
