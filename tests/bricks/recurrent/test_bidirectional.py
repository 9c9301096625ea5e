"""Bidirectional networks."""

import numpy
import pytest
import torch

from tests.support.gradients import check_gradients
from workbench import tensor
from workbench.bricks import Tanh
from workbench.bricks.recurrent import LSTM, Bidirectional, GatedRecurrent, SimpleRecurrent
from workbench.initialization import IsotropicGaussian

X = torch.randn(4, 3, 8, generator=torch.Generator().manual_seed(1))
MASK = torch.tensor([[1.0, 1, 1], [1, 1, 0], [1, 0, 0], [1, 0, 0]])


@pytest.fixture
def both():
    brick = Bidirectional(LSTM(2), weights_init=IsotropicGaussian(0.5), seed=3)
    brick.initialize()
    return brick


@pytest.mark.parametrize("mask", [None, MASK], ids=["all", "masked"])
def test_joins_both_directions_in_the_order_of_time(both, mask):
    given = {} if mask is None else {"mask": mask}
    flipped = {name: value.flip(0) for name, value in given.items()}
    forward, backward = both.children
    there = forward.apply(X, **given)
    back = [series.flip(0) for series in backward.apply(X.flip(0), **flipped)]
    for joined, *parts in zip(both.apply(X, **given), there, back, strict=True):
        torch.testing.assert_close(joined, torch.cat(parts, -1))


def test_the_copies_have_names_and_weights_of_their_own(both):
    forward, backward = both.children
    assert (forward.name, backward.name) == ("forward", "backward")
    a, b = (brick.parameters[0].get_value() for brick in both.children)
    assert not numpy.allclose(a, b)
    assert both.apply.sequences == ["inputs", "mask"] and both.apply.outputs == ["states", "cells"]
    assert both.get_dims(["inputs", "states", "cells"]) == [8, 4, 4]


def test_arguments_by_position_and_by_name_are_the_same():
    brick = Bidirectional(GatedRecurrent(2), weights_init=IsotropicGaussian(0.5))
    brick.initialize()
    by_position = brick.apply(X[..., :2], X[..., 2:6])
    torch.testing.assert_close(brick.apply(gate_inputs=X[..., 2:6], inputs=X[..., :2]), by_position)


def test_gradients():
    def make(x, mask):
        prototype = SimpleRecurrent(3, Tanh())
        brick = Bidirectional(prototype, weights_init=IsotropicGaussian(0.5), seed=1)
        brick.initialize()
        return brick.apply(x, mask=mask.detach())

    check_gradients(make, X[..., :3].numpy(), MASK.numpy().astype("int64"))


def test_a_direction_cannot_be_chosen(both):
    for options in ({"reverse": True}, {"iterate": False}):
        with pytest.raises(TypeError, match="accepts neither reverse nor"):
            both.apply(tensor.tensor3("x"), **options)
