"""Seeds of the random numbers of initialisation."""

import copy

import numpy
import pytest
from numpy.testing import assert_array_equal

from workbench import tensor
from workbench.bricks import MLP, Linear, Random, Sequence, Tanh, application
from workbench.config import config
from workbench.initialization import Constant, IsotropicGaussian

SCHEMES = {"weights_init": IsotropicGaussian(), "biases_init": IsotropicGaussian()}


def values(brick):
    return [p.get_value() for child in brick.children for p in child.parameters]


def mlp(**kwargs):
    return MLP([Tanh(), None], [3, 3, 3], **SCHEMES, **kwargs)


@pytest.mark.parametrize("seed", [None, 0, 5])
def test_initialising_twice_gives_the_same_numbers(seed):
    brick = mlp(seed=seed)
    brick.initialize()
    first = values(brick)
    brick.initialize()
    assert_array_equal(values(brick)[0], first[0])
    assert_array_equal(values(brick)[-1], first[-1])


def test_the_same_seed_gives_the_same_numbers_and_zero_is_a_seed():
    drawn = {}
    for seed in (0, 0, 1):
        brick = mlp(seed=seed)
        brick.initialize()
        drawn.setdefault(seed, []).append(values(brick)[0])
    assert_array_equal(drawn[0][0], drawn[0][1])
    assert (drawn[0][0] != drawn[1][0]).all()


def test_layers_and_bricks_of_one_name_differ():
    first, second = mlp(), mlp()
    for brick in (first, second):
        brick.initialize()
    drawn = [values(first)[0], values(first)[2], values(second)[0]]
    assert len({array.tobytes() for array in drawn}) == 3


def test_twins_below_one_parent_differ():
    sequence = Sequence([Linear(2, 2, **SCHEMES), Linear(2, 2, **SCHEMES)])
    sequence.initialize()
    assert (values(sequence)[0] != values(sequence)[2]).all()


def test_a_child_alone_draws_what_it_draws_with_its_parent():
    brick = mlp(seed=3)
    brick.initialize()
    expected = values(brick)
    child = brick.linear_transformations[1]
    child.W.set_value(numpy.zeros((3, 3)))
    child.initialize()
    assert_array_equal(values(brick)[2], expected[2])


def test_other_layers_do_not_matter():
    small, large = (MLP([None] * n, [3] * (n + 1), seed=3, **SCHEMES) for n in (1, 4))
    for brick in (small, large):
        brick.initialize()
    assert_array_equal(values(small)[0], values(large)[0])


def test_seeds_follow_the_configured_one():
    def seed(default):
        with config.override(default_seed=default):
            return Linear(2, 2).seed

    assert len({seed(1), seed(2), seed(0)}) == 3


def test_a_seed_can_be_set_later_and_taken_back():
    linear = Linear(2, 2, **SCHEMES)
    derived = linear.seed
    assert linear.seed == derived
    linear.seed = 0
    assert linear.seed == 0
    linear.seed = None
    assert linear.seed == derived


def test_a_generator_of_ones_own_is_used_as_it_is():
    linear = Linear(2, 2, weights_init=IsotropicGaussian(), biases_init=Constant(0))
    linear.rng = numpy.random.RandomState(1)
    linear.initialize()
    expected = numpy.random.RandomState(1).normal(size=(2, 2)).astype("float32")
    assert_array_equal(linear.W.get_value(), expected)


def test_a_copy_draws_the_same_numbers():
    brick = mlp()
    brick.initialize()
    twin = copy.deepcopy(brick)
    twin.initialize()
    assert_array_equal(values(twin)[0], values(brick)[0])


class Noisy(Random):
    """Adds noise."""

    @application(outputs=["output"])
    def apply(self, x):
        return x + self.random_stream.normal(x.shape)


def test_random_bricks_are_seeded():
    x = tensor.vector("x")
    drawn = [Noisy(random_seed=s).apply(x).eval({x: numpy.zeros(4, "float32")}) for s in (0, 0, 1)]
    assert_array_equal(drawn[0], drawn[1])
    assert (drawn[0] != drawn[2]).all()
    noisy = Noisy()
    assert noisy.random_seed == noisy.random_seed != Noisy().random_seed
    noisy.random_seed = 4
    assert noisy.random_stream.seed == 4
