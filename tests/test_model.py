"""Models: top bricks, parameters by path, and sanity before training."""

import io
from types import SimpleNamespace

import numpy
import pytest
from numpy.testing import assert_array_equal

from workbench import shared, tensor
from workbench.bricks import MLP, Linear, Sequence, Tanh
from workbench.bricks.cost import SquaredError
from workbench.filter import get_brick
from workbench.initialization import Constant
from workbench.model import Model
from workbench.roles import PARAMETER, add_role
from workbench.select import Selector
from workbench.serialization import dump, load_parameters


@pytest.fixture
def mlp():
    mlp = MLP([Tanh(), None], [3, 4, 2], weights_init=Constant(1), biases_init=Constant(0))
    mlp.initialize()
    return mlp


@pytest.fixture
def model(mlp):
    return Model(SquaredError().apply(tensor.matrix("y"), mlp.apply(tensor.matrix("x"))))


def test_top_bricks_are_the_roots(mlp, model):
    assert {brick.name for brick in model.get_top_bricks()} == {"mlp", "squarederror"}
    assert Model(mlp.children[0].apply(tensor.matrix("x"))).get_top_bricks() == [mlp]


def test_parameters_have_paths(mlp, model):
    first, second = mlp.linear_transformations
    assert model.get_parameter_dict() == {
        "/mlp/linear_0.W": first.W,
        "/mlp/linear_0.b": first.b,
        "/mlp/linear_1.W": second.W,
        "/mlp/linear_1.b": second.b,
    }


def test_a_parameter_without_brick_goes_by_its_name():
    scale = shared(2.0, "scale")
    add_role(scale, PARAMETER)
    assert Model(tensor.vector("x") * scale).get_parameter_dict() == {"scale": scale}


def test_two_parameters_of_one_path_are_refused():
    twins = Sequence([Linear(2, 2), Linear(2, 2)])
    model = Model(twins.apply(tensor.matrix("x")))
    with pytest.raises(ValueError, match=r"has the same path, '/sequence/linear\.W', as another"):
        model.get_parameter_dict()


def test_values_go_out_and_in_again(model):
    values = model.get_parameter_values()
    doubled = {path: 2 * value + 1 for path, value in values.items()}
    model.set_parameter_values(doubled)
    for path, value in model.get_parameter_values().items():
        assert_array_equal(value, 2 * values[path] + 1)


def test_paths_may_be_given_without_the_separator_in_front(model):
    values = {path.removeprefix("/"): 3 * v for path, v in model.get_parameter_values().items()}
    model.set_parameter_values(values)
    for path, value in model.get_parameter_values().items():
        assert_array_equal(value, values[path.removeprefix("/")])
    with pytest.raises(ValueError, match=r"'/mlp/linear_0\.W' is given twice"):
        model.set_parameter_values({**values, "/mlp/linear_0.W": 0})


def test_model_selector_and_archive_spell_paths_alike(mlp, model):
    file = io.BytesIO()
    dump(None, file, parameters=model.parameters)
    paths = set(model.get_parameter_dict())
    assert paths == set(Selector(mlp).get_parameters()) == set(load_parameters(file))
    assert paths == {get_brick(p).get_hierarchical_name(p) for p in model.parameters}
    for path, parameter in model.get_parameter_dict().items():
        for spelling in (path, path.removeprefix("/")):
            assert Selector(mlp).select(spelling) == [parameter]
            assert model.get_parameter_dict()[spelling] is parameter
            assert Selector(mlp).get_parameters().get(spelling) is parameter
            for values in (model.get_parameter_values(), load_parameters(file)):
                assert_array_equal(values[spelling], parameter.get_value())
    with pytest.raises(KeyError, match=r"no parameter 'mlp/linear_0\.w'; did you mean '/mlp/lin"):
        model.get_parameter_dict()["mlp/linear_0.w"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"/mlp/linear_0.w": 0},
            r"'/mlp/linear_0\.w' is not a parameter.*did you mean '/mlp/linear_0\.W'",
        ),
        ({"/mlp/linear_1.b": None}, r"'/mlp/linear_1\.b' has no value"),
        ({"/mlp/linear_1.b": numpy.zeros(3)}, r"must have shape \(2,\), not \(3,\)"),
        ({"/mlp/linear_1.b": numpy.array(["a", "b"])}, "must have numeric values, not values"),
    ],
)
def test_nothing_is_set_if_anything_does_not_fit(model, changes, message):
    before = model.get_parameter_values()
    values = {path: value + 1 for path, value in before.items()} | changes
    values = {path: value for path, value in values.items() if value is not None}
    with pytest.raises(ValueError, match=f"no parameter was set: .*{message}"):
        model.set_parameter_values(values)
    for path, value in model.get_parameter_values().items():
        assert_array_equal(value, before[path])


def test_a_sound_model_passes(model):
    model.check_sanity(SimpleNamespace(parameters=model.parameters))


def test_parameters_that_were_never_initialised_are_named():
    model = Model(Linear(2, 2).apply(tensor.matrix("x")))
    with pytest.raises(
        ValueError, match=r"not initialised: /linear\.W, /linear\.b; call the brick's init"
    ):
        model.check_sanity(SimpleNamespace(parameters=model.parameters))


def test_different_parameters_of_model_and_algorithm_are_named(model):
    algorithm = SimpleNamespace(parameters=[*model.parameters[1:], shared(0.0, "extra")])
    with pytest.warns(UserWarning, match=r"only in the model: /mlp/linear_0\.W; .*: extra"):
        model.check_sanity(algorithm)
