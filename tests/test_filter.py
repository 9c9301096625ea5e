"""Filters by role, brick, application and name."""

import pytest

from workbench import tensor
from workbench.bricks import MLP, Brick, Identity, Linear, Logistic, Sequence, Tanh
from workbench.errors import SignatureError
from workbench.filter import VariableFilter, get_annotation, get_application_call, get_brick
from workbench.graph import Annotation, ComputationGraph
from workbench.graph.annotations import ApplicationCall
from workbench.roles import AUXILIARY, BIAS, INPUT, OUTPUT, PARAMETER, WEIGHT, WeightRole


@pytest.fixture(scope="module")
def mlp():
    return MLP([Identity(), Logistic()], [3, 4, 5])


@pytest.fixture(scope="module")
def variables(mlp):
    return ComputationGraph(mlp.apply(tensor.matrix("x"), call_id="main")).variables


def names(found):
    return [variable.name for variable in found]


def test_without_criteria_everything_passes(variables):
    assert VariableFilter()(variables) == variables


def test_any_of_the_roles_will_do(mlp, variables):
    first, second = mlp.linear_transformations
    assert VariableFilter(roles=[WEIGHT])(variables) == [first.W, second.W]
    found = VariableFilter(roles=[WEIGHT, BIAS])(variables)
    assert found == VariableFilter(roles=[PARAMETER])(variables)


def test_each_role_can_be_demanded(variables):
    assert VariableFilter(roles=[WEIGHT, PARAMETER], each_role=True)(variables)
    assert not VariableFilter(roles=[WEIGHT, BIAS], each_role=True)(variables)


def test_an_empty_list_of_roles_matches_nothing(variables):
    assert VariableFilter(roles=[])(variables) == []


def test_a_brick_is_matched_itself_and_not_through_its_parent(mlp, variables):
    first = mlp.linear_transformations[0]
    assert VariableFilter(roles=[PARAMETER], bricks=[first])(variables) == [first.W, first.b]
    assert VariableFilter(roles=[PARAMETER], bricks=[mlp])(variables) == []


def test_a_class_matches_its_bricks_and_those_of_subclasses(variables):
    outputs = VariableFilter(roles=[OUTPUT], bricks=[Linear, Sequence])(variables)
    assert names(outputs) == ["linear_0_apply_output", "linear_1_apply_output", "mlp_apply_output"]
    assert len(VariableFilter(roles=[OUTPUT], bricks=[Brick])(variables)) == 5


@pytest.mark.parametrize(
    ("criteria", "found"),
    [
        ({"name": "W_norm"}, ["W_norm", "W_norm"]),
        ({"name": "output", "bricks": [Identity]}, ["identity_apply_output"]),
        ({"name_regex": "W_no", "roles": [AUXILIARY]}, ["W_norm", "W_norm"]),
        ({"name_regex": "norm"}, []),
        ({"variable_name": "linear_0_apply_output"}, ["linear_0_apply_output"]),
        ({"variable_name_regex": r"linear_\d_apply_in", "bricks": [Linear], "name": "input_"},
         ["linear_0_apply_input_", "linear_1_apply_input_"]),
        ({"call_id": "main"}, ["mlp_apply_input_", "mlp_apply_output"]),
        ({"call_id": "other"}, []),
    ],
)  # fmt: skip
def test_names_and_call_ids(variables, criteria, found):
    assert names(VariableFilter(**criteria)(variables)) == found


def test_applications_of_one_brick_or_of_all(mlp, variables):
    first = mlp.linear_transformations[0]
    of_one = VariableFilter(applications=[first.apply], roles=[INPUT])(variables)
    of_all = VariableFilter(applications=[Linear.apply], roles=[INPUT])(variables)
    assert names(of_one) == ["linear_0_apply_input_"]
    assert names(of_all) == ["linear_0_apply_input_", "linear_1_apply_input_"]
    assert not VariableFilter(applications=[Tanh.apply])(variables)


@pytest.mark.parametrize(
    ("criteria", "message"),
    [
        ({"roles": WEIGHT}, "roles must be a list of roles such as WEIGHT, not WEIGHT"),
        ({"roles": [WeightRole]}, "roles must be a list of roles such as WEIGHT, not .*WeightRole"),
        (
            {"bricks": ["mlp"]},
            r"bricks must be a list of bricks and classes of bricks, not \['mlp'\]",
        ),
    ],
)
def test_criteria_of_the_wrong_kind_are_refused(criteria, message):
    with pytest.raises(TypeError, match=message):
        VariableFilter(**criteria)


def test_annotations_of_a_kind_are_found(mlp, variables):
    assert get_brick(variables[-1]) in mlp.linear_transformations
    assert get_annotation(variables[1], ApplicationCall) is get_application_call(variables[1])
    assert get_annotation(variables[0], Annotation) is None


def test_a_filter_shows_its_criteria():
    assert (
        repr(VariableFilter(roles=[WEIGHT], name="W")) == "VariableFilter(roles=[WEIGHT], name='W')"
    )


@pytest.mark.parametrize("option", ["name_regex", "variable_name_regex"])
@pytest.mark.parametrize("pattern", ["[", "*", 3, ["W"]])
def test_an_invalid_regular_expression_is_refused_at_once(option, pattern):
    with pytest.raises(SignatureError, match=f"{option}=.* is not a regular expression"):
        VariableFilter(**{option: pattern})
