"""Misspelt attributes of things that users configure are refused, and nothing else is."""

import pytest

import workbench
from workbench import bricks, data, initialization, log, monitoring, tensor
from workbench.errors import UnknownAttributeError
from workbench.graph import ComputationGraph


def linear():
    return bricks.Linear(3, 2)


MADE = {
    "brick": linear,
    "shared variable": lambda: workbench.shared(0.1, "rate"),
    "variable": lambda: tensor.matrix("x"),
    "dataset": lambda: data.IndexableDataset({"x": [1, 2]}),
    "scheme": lambda: data.ShuffledScheme(4, 2),
    "stream": lambda: data.DataStream(data.IndexableDataset({"x": [1, 2]})),
    "initialization": lambda: initialization.Uniform(width=1),
    "aggregation scheme": lambda: monitoring.Mean(tensor.vector("x"), 1),
    "log": log.TrainingLog,
    "graph": lambda: ComputationGraph(tensor.vector("x") + 1),
}


@pytest.mark.parametrize("made", MADE.values(), ids=MADE)
def test_an_attribute_that_does_not_exist_is_refused(made):
    with pytest.raises(UnknownAttributeError, match="has no attribute 'zyx', so the value"):
        made().zyx = 1


@pytest.mark.parametrize("made", MADE.values(), ids=MADE)
def test_a_name_with_an_underscore_in_front_is_free(made):
    thing = made()
    thing._mine = 1
    assert thing._mine == 1


def test_a_misspelt_setting_of_a_brick_suggests_the_right_one():
    with pytest.raises(UnknownAttributeError, match="did you mean 'weights_init'"):
        linear().weight_init = initialization.Constant(0)


@pytest.mark.parametrize(
    ("name", "instead"),
    [
        ("value", r"write variable\.set_value\("),
        ("data", r"write variable\.set_value\("),
        ("requires_grad", r"GradientDescent\(parameters="),
        ("grad", r"workbench\.grad\("),
    ],
)
def test_names_of_torch_and_theano_say_what_to_write(name, instead):
    with pytest.raises(UnknownAttributeError, match=instead):
        setattr(workbench.shared(0.1, "rate"), name, 0.2)


class Noted(bricks.Linear):
    def note(self, text):
        self.text = text


def test_methods_of_a_subclass_add_what_they_like():
    brick = Noted(3, 2)
    brick.note("mine")
    assert brick.text == "mine"


def test_a_class_of_the_user_takes_new_names_from_outside():
    brick = Noted(3, 2)
    brick.colour = "red"
    assert brick.colour == "red"


def test_a_class_of_the_user_refuses_near_misses():
    with pytest.raises(UnknownAttributeError, match="did you mean 'weights_init'"):
        Noted(3, 2).weight_init = initialization.Constant(0)


def test_a_parent_configures_settings_that_a_child_lacks():
    class Parent(bricks.Brick):
        def _push_allocation_config(self):
            self.children[0].told_by_parent = 1

    child = linear()
    Parent(children=[child]).push_allocation_config()
    assert child.told_by_parent == 1
