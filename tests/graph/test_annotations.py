"""Annotations, application calls, and their auxiliary variables and updates."""

from workbench import tensor
from workbench.bricks import Brick, Tanh, application
from workbench.filter import get_application_call, get_brick
from workbench.graph import Annotation, ComputationGraph, add_annotation
from workbench.roles import AUXILIARY, COST, has_roles


def test_an_auxiliary_variable_gets_role_name_and_annotation():
    annotation, x = Annotation(), tensor.matrix("x")
    mean = x.mean()
    annotation.add_auxiliary_variable(mean, roles=[COST], name="average")
    assert annotation.auxiliary_variables == [mean]
    assert (mean.name, mean.tag.name) == ("average", "average")
    assert has_roles(mean, [AUXILIARY, COST], match_all=True)
    assert mean.tag.annotations == [annotation]


def test_an_annotation_is_added_once():
    annotation, x = Annotation(), tensor.matrix("x")
    add_annotation(x, annotation)
    add_annotation(x, annotation)
    assert x.tag.annotations == [annotation]


def test_a_number_can_be_an_auxiliary_variable():
    annotation = Annotation()
    annotation.add_auxiliary_variable(784, name="width")
    assert annotation.auxiliary_variables[0].eval() == 784


class Noted(Brick):
    """Brick that attaches the mean of its input to the call."""

    @application(outputs=["output"])
    def apply(self, x, application_call):
        application_call.add_auxiliary_variable(x.mean(), name="mean")
        return x + 1


def test_a_call_names_its_auxiliary_variables_after_brick_and_application():
    noted = Noted(name="noted")
    y = noted.apply(tensor.vector("x"))
    [mean] = ComputationGraph(y).auxiliary_variables
    assert (mean.name, mean.tag.name) == ("noted_apply_mean", "mean")
    assert get_brick(mean) is noted
    assert get_application_call(mean) is get_application_call(y)


def test_each_call_has_auxiliary_variables_of_its_own():
    noted, x = Noted(), tensor.vector("x")
    first, second = noted.apply(x), noted.apply(x)
    assert len(ComputationGraph(first).auxiliary_variables) == 1
    assert len(ComputationGraph([first, second]).auxiliary_variables) == 2


def test_a_call_keeps_the_id_it_was_given():
    y = Tanh().apply(tensor.vector("x"), call_id="first")
    assert get_application_call(y).metadata == {"call_id": "first"}
    assert repr(get_application_call(y)) == "<call of tanh.apply>"
