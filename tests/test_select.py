"""Paths, and selection of bricks and parameters by them."""

import pytest

from workbench.bricks import MLP, Brick, Linear, Sequence, Tanh
from workbench.select import Path, Selector


@pytest.fixture
def mlp():
    mlp = MLP([Tanh(), Tanh()], [5, 7, 2])
    mlp.allocate()
    return mlp


@pytest.mark.parametrize("text", ["mlp", "mlp/linear_0", "mlp/linear_0.W", "a/b/c.d"])
def test_a_path_is_its_text(text):
    path = Path.parse(text)
    assert str(path) == "/" + text
    assert path == Path.parse("/" + text)
    assert len({path, Path.parse(text)}) == 1


def test_nodes_have_the_class_of_their_kind():
    path = Path.parse("mlp/linear.W")
    assert [type(node) for node in path.nodes] == [Path.BrickName] * 2 + [Path.ParameterName]
    assert path.nodes[0].part() == "/mlp"
    assert path == Path.parse("mlp") + Path.parse("linear.W")


@pytest.mark.parametrize("text", ["", "/", "a//b", "a.b/c", "a.b.c", "a/"])
def test_a_text_that_is_not_a_path_is_refused(text):
    with pytest.raises(LookupError, match="is not a path; write brick names"):
        Path.parse(text)


def test_a_path_is_made_of_nodes():
    with pytest.raises(LookupError, match=r"not 'mlp'; Path\.parse converts a string"):
        Path(["mlp"])
    with pytest.raises(LookupError, match="the parameter 'W' must be the last"):
        Path([Path.ParameterName("W"), Path.BrickName("mlp")])


def test_parameters_by_path(mlp):
    first, second = mlp.linear_transformations
    assert Selector([mlp]).get_parameters() == {
        "/mlp/linear_0.W": first.W,
        "/mlp/linear_0.b": first.b,
        "/mlp/linear_1.W": second.W,
        "/mlp/linear_1.b": second.b,
    }
    assert list(Selector(mlp).get_parameters("b")) == ["/mlp/linear_0.b", "/mlp/linear_1.b"]


def test_selecting_bricks_and_parameters(mlp):
    selector = Selector([mlp])
    found = selector.select("mlp/linear_1")
    assert list(found) == [mlp.linear_transformations[1]]
    assert found.select(Path.parse("linear_1.W")) == [mlp.linear_transformations[1].W]
    assert selector.select("mlp.W") == [layer.W for layer in mlp.linear_transformations]
    assert len(selector.select("mlp/tanh")) == 2


def test_a_missing_name_is_shown_with_the_nearest(mlp):
    with pytest.raises(
        LookupError, match=r"no 'linera_0' \(available names: linear_0, .*, tanh\); did you mean"
    ):
        Selector(mlp).select("mlp/linera_0")
    with pytest.raises(LookupError, match=r"no 'w' \(available names: W, b\); did you mean 'W'"):
        Selector(mlp).select("mlp/linear_0.w")


def test_two_parameters_of_one_path_are_refused():
    twins = Sequence([Linear(2, 2), Linear(2, 2)])
    twins.allocate()
    with pytest.raises(LookupError, match=r"two parameters have the path '/sequence/linear\.W'"):
        Selector(twins).get_parameters()


def test_a_brick_below_two_others_is_no_conflict():
    shared_linear = Linear(2, 2)
    tops = [Brick(name=n, children=[shared_linear]) for n in ("a", "b")]
    for top in tops:
        top.allocate()
    found = Selector(tops).get_parameters("W")
    assert found["/a/linear.W"] is found["/b/linear.W"] is shared_linear.W
