"""Configuration, allocation, application, initialisation: what happens when."""

import copy

import numpy
import pytest
from numpy.testing import assert_array_equal

from workbench import tensor
from workbench.bricks import (
    MLP,
    Brick,
    Feedforward,
    Initializable,
    Linear,
    Tanh,
    application,
    lazy,
)
from workbench.initialization import Constant, IsotropicGaussian
from workbench.utils import shared_floatx_nans


class Recorder(Brick):
    """Writes down which steps are taken."""

    def __init__(self, record, **kwargs):
        super().__init__(**kwargs)
        self.record = record

    def _push_allocation_config(self):
        self.record.append((self.name, "push allocation"))

    def _allocate(self):
        self.record.append((self.name, "allocate"))
        self.parameters.append(shared_floatx_nans((2,), name="p"))

    def _push_initialization_config(self):
        self.record.append((self.name, "push initialization"))

    def _initialize(self):
        self.record.append((self.name, "initialize"))

    @application(outputs=["output"])
    def apply(self, x):
        return x + self.parameters[0]


def test_steps_are_taken_in_order_and_once():
    record = []
    top = Recorder(record, name="top", children=[Recorder(record, name="child")])
    top.apply(tensor.vector("x"))
    top.apply(tensor.vector("x"))
    top.initialize()
    assert record == [
        ("top", "push allocation"),
        ("child", "push allocation"),
        ("child", "allocate"),
        ("top", "allocate"),
        ("top", "push initialization"),
        ("child", "push initialization"),
        ("child", "initialize"),
        ("top", "initialize"),
    ]


def test_flags_tell_which_steps_were_taken():
    mlp = MLP([Tanh()], [2, 3], weights_init=Constant(1), biases_init=Constant(0))
    flags = "allocation_config_pushed allocated initialization_config_pushed initialized".split()
    assert not any(getattr(mlp, flag) for flag in flags)
    mlp.push_allocation_config()
    assert [getattr(mlp, flag) for flag in flags] == [True, False, False, False]
    mlp.initialize()
    assert all(getattr(brick, flag) for flag in flags for brick in [mlp, *mlp.children])


def test_parameters_are_nan_until_they_are_initialised():
    linear = Linear(2, 3, weights_init=Constant(1), biases_init=Constant(2))
    with pytest.raises(
        AttributeError, match=r"linear has no parameters yet; call its allocate\(\) method"
    ):
        linear.parameters
    linear.allocate()
    assert numpy.isnan(linear.W.get_value()).all()
    linear.initialize()
    assert_array_equal(linear.W.get_value(), numpy.ones((2, 3)))
    assert_array_equal(linear.b.get_value(), [2, 2, 2])


def test_allocating_again_makes_new_parameters_and_norms():
    linear = Linear(2, 3)
    linear.allocate()
    before = linear.W
    linear.output_dim = 5
    linear.allocate()
    assert linear.W is not before
    assert linear.W.shape == (2, 5)
    assert len(linear.auxiliary_variables) == 2


def test_settings_pushed_by_hand_can_be_changed_in_a_child():
    mlp = MLP([Tanh(), None], [2, 3, 2], weights_init=Constant(1), biases_init=Constant(0))
    mlp.push_initialization_config()
    mlp.children[0].weights_init = Constant(7)
    for _ in range(2):
        mlp.initialize()
        assert [layer.W.get_value()[0, 0] for layer in mlp.linear_transformations] == [7, 1]


def test_a_new_setting_reaches_the_children_at_the_next_initialisation():
    mlp = MLP([Tanh()], [2, 3], weights_init=Constant(1), biases_init=Constant(0))
    mlp.initialize()
    mlp.weights_init = Constant(4)
    mlp.initialize()
    assert mlp.children[0].W.get_value()[0, 0] == 4


def test_a_new_child_is_configured():
    record = []
    top = Recorder(record, name="top")
    top.allocate()
    top.children.append(Recorder(record, name="late"))
    assert not top.allocation_config_pushed
    top.allocate()
    assert ("late", "push allocation") in record


class Chain(Feedforward):
    """Two bricks, the second as wide as the first gives."""

    def __init__(self, first, second, **kwargs):
        self.first, self.second = first, second
        super().__init__(children=[first, second], **kwargs)

    @property
    def input_dim(self):
        return self.first.input_dim

    @input_dim.setter
    def input_dim(self, value):
        self.first.input_dim = value

    def _push_allocation_config(self):
        self.second.input_dim = self.first.get_dim("output")

    @application
    def apply(self, x):
        return self.second.apply(self.first.apply(x))


def test_a_parent_configures_from_what_its_children_tell():
    schemes = {"weights_init": Constant(2), "use_bias": False}
    chain = Chain(Linear(3, 2, **schemes), second := Linear(output_dim=4, **schemes))
    chain.initialize()
    assert second.input_dim == 2
    assert_array_equal(chain.apply(numpy.ones((1, 3))), [[24] * 4])


def test_a_failed_push_is_not_taken_for_done():
    mlp = MLP([Tanh(), Tanh()], [2, 3])
    for _ in range(2):
        with pytest.raises(ValueError, match=r"mlp: dims is \[2, 3\], but must have 3 numbers"):
            mlp.allocate()
    assert not mlp.allocation_config_pushed


def test_a_brick_in_two_models_keeps_its_parameters():
    common = Linear(2, 2)
    first, second = (Chain(common, Linear(output_dim=2), name=name) for name in "ab")
    x = tensor.matrix("x")
    first.apply(x)
    W = common.W
    second.apply(x)
    assert common.W is W
    first.allocate()
    assert common.W is not W


def test_a_brick_that_one_model_has_twice_is_allocated_once():
    record = []
    common = Recorder(record, name="common")
    Brick(
        children=[Brick(name="a", children=[common]), Brick(name="b", children=[common])]
    ).allocate()
    assert record.count(("common", "allocate")) == 1


@pytest.mark.parametrize("make", [copy.copy, copy.deepcopy])
def test_a_copy_is_a_brick_of_its_own(make):
    mlp = MLP([Tanh()], [2, 3], weights_init=IsotropicGaussian(), biases_init=Constant(0))
    mlp.initialize()
    twin = make(mlp)
    layer, original = twin.linear_transformations[0], mlp.linear_transformations[0]
    assert layer.parents == [twin]
    assert original.parents == [mlp]
    assert layer.W is not original.W
    assert_array_equal(layer.W.get_value(), original.W.get_value())
    assert layer.parameters[0].tag.annotations == [layer]


def test_a_copy_of_a_child_leaves_the_parents_behind():
    mlp = MLP([Tanh()], [2, 3])
    assert copy.deepcopy(mlp.children[0]).parents == []


def test_dimensions_by_name():
    linear = Linear(2, 3)
    assert linear.get_dims(["input_", "output"]) == [2, 3]
    with pytest.raises(
        ValueError, match=r"linear: Linear has no input or output named 'outptu' \(names"
    ):
        linear.get_dim("outptu")
    with pytest.raises(ValueError, match="tanh: Tanh does not define the dimension of 'output'"):
        Tanh().get_dim("output")


def test_children_that_come_with_an_allocation_get_schemes_too():
    class Late(Initializable):
        def _push_allocation_config(self):
            if not self.children:
                self.children = [Linear(1, 1)]

    late = Late(weights_init=Constant(2), biases_init=Constant(3))
    late.push_initialization_config()
    late.initialize()
    assert [p.get_value().item() for p in late.children[0].parameters] == [2, 3]


def test_a_push_before_all_settings_are_there_gives_what_is_known():
    class Pair(Feedforward):
        @lazy(allocation=["input_dim", "output_dim"])
        def __init__(self, input_dim, output_dim, **kwargs):
            super().__init__(children=[Linear(), Linear(name="other")], **kwargs)
            self.input_dim, self.output_dim = input_dim, output_dim

        def _push_allocation_config(self):
            for child in self.children:
                child.input_dim, child.output_dim = self.input_dim, self.output_dim

    pair = Pair(input_dim=2)
    pair.push_allocation_config()
    assert [child.input_dim for child in pair.children] == [2, 2]
    assert not pair.allocation_config_pushed
    pair.output_dim = 3
    pair.allocate()
    assert pair.allocation_config_pushed and pair.children[1].W.shape == (2, 3)


def test_a_push_that_goes_wrong_for_want_of_a_setting_names_it():
    with pytest.raises(ValueError, match="^mlp: allocation requires dims"):
        MLP([Tanh()]).push_allocation_config()


def test_settings_that_a_parent_pushed_are_inferred_until_they_are_assigned():
    mlp = MLP([Tanh()], [3, 2], weights_init=Constant(1))
    layer = mlp.children[0]
    assert not layer.inferred_settings()
    mlp.push_allocation_config()
    mlp.push_initialization_config()
    assert layer.inferred_settings() == {"input_dim", "output_dim", "weights_init"}
    layer.weights_init = Constant(2)
    assert layer.inferred_settings() == {"input_dim", "output_dim"}
