"""Names, children, parents and parameters of components."""

import pytest

from workbench import shared
from workbench.bricks import MLP, Brick, Linear, Sequence, Tanh
from workbench.filter import get_brick
from workbench.roles import PARAMETER, WEIGHT, add_role


def test_a_brick_is_called_after_its_class():
    assert (Linear().name, Linear(name="first").name) == ("linear", "first")


@pytest.mark.parametrize("name", ["", "a/b", "a.b", 3])
def test_names_that_would_break_paths_are_refused(name):
    with pytest.raises(ValueError, match="the name of a brick must be a non-empty string"):
        Tanh(name=name)


def test_children_know_their_parents():
    child = Tanh()
    parent = Brick(children=[child])
    assert child.parents == [parent]
    parent.children.remove(child)
    assert child.parents == []
    parent.children = [child]
    assert (child.parents, parent.children) == ([parent], [child])


def test_only_bricks_can_be_children():
    with pytest.raises(ValueError, match="a child must be a brick, not 3"):
        Brick(children=[3])


def test_a_brick_cannot_be_below_itself():
    top = Brick(name="top", children=[Brick(name="middle", children=[bottom := Brick()])])
    with pytest.raises(ValueError, match="'top' cannot be a child"):
        bottom.children.append(top)


def test_paths_lead_down_from_the_root():
    mlp = MLP([Tanh()], [2, 3], name="net")
    outer = Sequence([mlp], name="outer")
    mlp.allocate()
    linear = mlp.children[0]
    assert linear.get_unique_path() == [outer, mlp, linear]
    assert linear.get_hierarchical_name(linear.W) == "/outer/net/linear_0.W"
    assert linear.get_hierarchical_name(linear.W, delimiter="|") == "|outer|net|linear_0.W"


def test_of_several_paths_the_first_by_name_counts():
    child = Tanh()
    parents = [Brick(name="b", children=[child]), Brick(name="a", children=[child])]
    assert child.get_unique_path() == [parents[1], child]


def test_parameters_get_role_and_owner():
    brick, W, V = Brick(), shared([1.0], "W"), shared([2.0], "V")
    add_role(V, WEIGHT)
    brick.parameters = [W, None]
    brick.parameters.append(V)
    assert (W.tag.roles, V.tag.roles) == ([PARAMETER], [WEIGHT])
    assert get_brick(W) is get_brick(V) is brick
    assert brick.parameters == [W, None, V]


def test_only_variables_can_be_parameters():
    with pytest.raises(
        ValueError, match=r"brick: a parameter must be a shared variable or None, not \[1\]"
    ):
        Brick().parameters = [[1]]
