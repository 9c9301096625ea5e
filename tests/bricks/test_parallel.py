"""Routing bricks against numpy."""

import numpy
import pytest
from numpy.testing import assert_allclose

from tests.support.gradients import check_gradients
from workbench import tensor
from workbench.bricks import MLP, Linear, Tanh
from workbench.bricks.parallel import Distribute, Fork, Merge, Parallel
from workbench.initialization import Constant, IsotropicGaussian

RNG = numpy.random.default_rng(4)
SCHEMES = {"weights_init": IsotropicGaussian(1), "biases_init": IsotropicGaussian(1), "seed": 1}


def data(*shape):
    return RNG.normal(size=shape).astype("float32")


def weights(brick):
    return [child.W.get_value() for child in brick.children]


def test_parallel_transforms_each_input():
    brick = Parallel(["a", "b"], {"b": 4, "a": 3}, [2, 5], **SCHEMES)
    brick.initialize()
    a, b = data(6, 3), data(6, 4)
    w_a, w_b = weights(brick)
    for given in ({"a": a, "b": b}, {"b": b, "a": a}):
        new_a, new_b = brick.apply(**given)
        assert_allclose(new_a, a @ w_a, rtol=1e-5)
        assert_allclose(new_b, b @ w_b, rtol=1e-5)
    assert_allclose(brick.apply(a, b)[1], b @ w_b, rtol=1e-5)
    assert brick.apply.inputs == brick.apply.outputs == ["a", "b"]
    assert not brick.children[0].use_bias


def test_fork_has_biases_and_takes_any_number_of_dimensions():
    brick = Fork(["y", "z"], 3, output_dims=[2, 4], **SCHEMES)
    brick.initialize()
    x = data(5, 6, 3)
    for value, child in zip(brick.apply(x), brick.children, strict=True):
        expected = x @ child.W.get_value() + child.b.get_value()
        assert_allclose(value, expected, rtol=1e-4, atol=1e-5)
    assert brick.apply.outputs == ["y", "z"] and brick.get_dims(["input_", "z"]) == [3, 4]
    assert [child.name for child in brick.children] == ["fork_y", "fork_z"]


def test_distribute_adds_the_source_to_the_targets():
    brick = Distribute(["x", "y"], "z", target_dims=[2, 3], source_dim=4, **SCHEMES)
    brick.initialize()
    x, y, z = data(5, 2), data(5, 3), data(5, 4)
    new_x, new_y = brick.apply(z=z, y=y, x=x)
    assert_allclose(new_x, x + z @ weights(brick)[0], rtol=1e-4, atol=1e-5)
    assert_allclose(new_y, y + z @ weights(brick)[1], rtol=1e-4, atol=1e-5)
    assert brick.apply.inputs == ["z", "x", "y"] and brick.apply.outputs == ["x", "y"]


def test_merge_adds_up_with_one_bias():
    brick = Merge(["a", "b"], [3, 4], 2, **SCHEMES)
    brick.children[0].use_bias = True
    brick.initialize()
    a, b = data(6, 3), data(6, 4)
    w_a, w_b = weights(brick)
    expected = a @ w_a + b @ w_b + brick.children[0].b.get_value()
    assert_allclose(brick.apply(b=b, a=a), expected, rtol=1e-4, atol=1e-5)
    assert len(brick.children[1].parameters) == 1


@pytest.mark.parametrize("kind", [Parallel, Fork, Distribute, Merge])
def test_gradients(kind):
    settings = {
        Parallel: {"input_names": ["a", "b"], "input_dims": [2, 2], "output_dims": [2, 2]},
        Fork: {"output_names": ["a", "b"], "input_dim": 2, "output_dims": [2, 2]},
        Distribute: {
            "target_names": ["a"], "source_name": "b", "target_dims": [2], "source_dim": 2
        },
        Merge: {"input_names": ["a", "b"], "input_dims": [2, 2], "output_dim": 2},
    }[kind]  # fmt: skip

    def make(*inputs):
        brick = kind(**settings, **SCHEMES)
        brick.initialize()
        return sum(brick.apply(*inputs, as_list=True))

    check_gradients(make, *[data(3, 2) for _ in range(1 if kind is Fork else 2)])


def test_any_feedforward_brick_is_a_prototype_and_each_copy_has_its_own_parameters():
    prototype = MLP([Tanh(), None], [None, 5, None], name="net")
    brick = Fork(["y", "z"], 3, prototype, output_dims=[2, 4], **SCHEMES)
    brick.initialize()
    y, z = brick.apply(data(6, 3))
    assert y.shape == (6, 2) and z.shape == (6, 4)
    first, second = (child.children[0].W.get_value() for child in brick.children)
    assert first.shape == second.shape == (3, 5) and not numpy.allclose(first, second)


def test_names_and_dimensions_may_come_later_and_change():
    brick = Merge(weights_init=Constant(1))
    assert brick.children == [] and not brick.output_dims
    brick.input_names, brick.input_dims, brick.output_dim = ["a"], [2], 3
    brick.allocate()
    kept = brick.children[0]
    brick.input_names = ("a",)
    assert brick.children[0] is kept and kept.output_dim == 3
    brick.input_names = ["c", "d"]
    brick.input_dims = [1, 2]
    brick.allocate()
    brick.initialize()
    assert brick.apply(c=data(1, 1), d=data(1, 2)).shape == (1, 3)


def test_what_does_not_fit_is_named():
    brick = Merge(["a", "b"], [3], 2, prototype=Linear())
    with pytest.raises(ValueError, match=r"merge: input_dims is \[3\], but .* the names \['a', 'b"):
        brick.allocate()
    with pytest.raises(ValueError, match="fork has only one input; set input_dim"):
        Fork(["a"], 2, output_dims=[1]).input_dims = [3]
    with pytest.raises(ValueError, match="merge has only one output; set output_dim"):
        brick.output_dims = [3, 4]
    brick.input_dims = [3, 4]
    with pytest.raises(TypeError, match=r"merge.apply must be 2 \(a, b\), not 1"):
        brick.apply(tensor.matrix("a"))
    with pytest.raises(TypeError, match="merge.apply: .*"):
        brick.apply(a=tensor.matrix("a"))
    with pytest.raises(ValueError, match="merge/transform_b.apply: input_ has shape"):
        brick.apply(tensor.matrix("a"), tensor.variable("b", (None, 5)))
