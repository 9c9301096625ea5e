"""Settings that are given later."""

import copy
import pickle

import pytest
import torch

from workbench.bricks import (
    MLP,
    Brick,
    Linear,
    NoneAllocation,
    NoneInitialization,
    Tanh,
    lazy,
)
from workbench.initialization import Constant


class Scaled(Brick):
    """Needs a dimension and a scale."""

    @lazy(allocation=["dim"], initialization=["scale"])
    def __init__(self, dim, scale, note="-", **kwargs):
        super().__init__(**kwargs)
        self.dim, self.scale, self.note = dim, scale, note


class Wider(Scaled):
    """Needs one thing more."""

    @lazy(allocation=["width"])
    def __init__(self, width, **kwargs):
        super().__init__(**kwargs)
        self.width = width


@pytest.fixture
def eager(monkeypatch):
    monkeypatch.setattr(Brick, "lazy", False)


def test_what_is_not_passed_is_a_lazy_none():
    brick = Scaled(scale=2)
    assert (brick.dim, brick.scale, brick.note) == (NoneAllocation, 2, "-")
    assert Scaled(3).scale is NoneInitialization


@pytest.mark.parametrize("none", [NoneAllocation, NoneInitialization])
def test_a_lazy_none_is_false_and_one_of_its_kind(none):
    assert not none
    assert pickle.loads(pickle.dumps(none)) is copy.deepcopy(none) is none
    assert repr(none) in ("NoneAllocation", "NoneInitialization")


def test_each_constructor_adds_what_it_needs():
    brick = Wider(dim=1, scale=1)
    assert (brick.allocation_args, brick.initialization_args) == (["width", "dim"], ["scale"])


def test_missing_settings_are_named_with_path_and_remedy():
    child = Scaled(name="inner")
    outer = Brick(name="outer", children=[child])
    with pytest.raises(ValueError, match=r"outer/inner: allocation requires dim; .*inner\.dim"):
        outer.allocate()
    child.dim = 3
    with pytest.raises(ValueError, match="outer/inner: initialization requires scale"):
        outer.initialize()


def test_a_name_that_is_no_argument_is_refused():
    with pytest.raises(
        TypeError, match=r"@lazy names 'dmi', .* no such argument; did you mean 'dim'"
    ):

        class Wrong(Brick):
            @lazy(allocation=["dmi"])
            def __init__(self, dim):
                super().__init__()


def test_unknown_arguments_are_refused_with_the_nearest():
    with pytest.raises(
        TypeError, match=r"Linear has no argument 'inptu_dim' .*did you mean 'input_dim'"
    ):
        Linear(inptu_dim=3)


def test_without_laziness_everything_is_needed_at_once(eager):
    with pytest.raises(TypeError, match="is missing output_dim; .* because lazy"):
        Linear(3)


def test_without_laziness_applying_initialises(eager):
    mlp = MLP([Tanh()], [2, 2], weights_init=Constant(0), biases_init=Constant(1))
    assert not mlp.initialized
    assert mlp.apply(torch.zeros(1, 2)).tolist() == [[pytest.approx(0.7615942)] * 2]
    assert mlp.initialized


@pytest.mark.parametrize(
    ("args", "kwargs"), [((2,), {"input_dim": 2}), ((1, 2, 3, 4, 5, 6, 7), {})]
)
def test_arguments_that_do_not_fit_are_a_value_error_too(args, kwargs):
    shown = r"\(input_dim, output_dim, \*, weights_init, .*, name, children\)"
    with pytest.raises(ValueError, match=rf"^Linear: .*; it accepts {shown}"):
        Linear(*args, **kwargs)
