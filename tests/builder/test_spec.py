"""Specifications as data: JSON, names, equality; and what `to_spec` writes and leaves out."""

from dataclasses import replace

import numpy
import pytest
import torch
from numpy.testing import assert_array_equal

from workbench import tensor
from workbench.bricks import (
    MLP,
    Brick,
    Dropout,
    Linear,
    Rectifier,
    Sequence,
    Softmax,
    Tanh,
    TorchModule,
    application,
)
from workbench.bricks.conv import Convolutional, ConvolutionalSequence, MaxPooling
from workbench.bricks.cost import CategoricalCrossEntropy, MisclassificationRate
from workbench.bricks.recurrent import LSTM, RecurrentStack
from workbench.builder import BuilderError, Spec, from_spec, register, to_spec
from workbench.filter import VariableFilter
from workbench.graph import ComputationGraph, apply_dropout
from workbench.initialization import Constant, IsotropicGaussian, SparseND, Uniform
from workbench.roles import OUTPUT


def settings(brick):
    """Return the settings in the specification of a brick."""
    return dict(to_spec(brick).bricks[0].settings)


def again(*described, **options):
    return from_spec(Spec.from_json(to_spec(*described, **options).to_json()))


def mlp(**options):
    return MLP([Tanh(), None], [4, 3, 2], weights_init=IsotropicGaussian(0.1), **options)


def test_what_is_inferred_is_not_written():
    sequence = ConvolutionalSequence(
        [Convolutional((3, 3), 4), MaxPooling((2, 2))], 3, image_size=(8, 8)
    )
    sequence.allocate()
    layers = settings(sequence)["layers"]
    assert [set(layer["brick"]["settings"]) for layer in layers] == [
        {"filter_size", "num_filters"},
        {"pooling_size"},
    ]


def test_a_specification_of_pushed_and_unpushed_bricks_is_the_same():
    pushed, fresh = mlp(), mlp()
    pushed.push_allocation_config()
    pushed.push_initialization_config()
    assert to_spec(pushed) == to_spec(fresh)


def test_a_layer_that_differs_stands_under_changes():
    brick = mlp(biases_init=Constant(0), seed=1)
    brick.push_initialization_config()
    brick.children[2].weights_init = Constant(7)
    changes = to_spec(brick).bricks[0].changes
    constant = {"scheme": {"type": "Constant", "settings": {"constant": 7}}}
    assert changes == {"linear_1": {"weights_init": constant}}
    twin = again(brick).bricks["mlp"]
    twin.initialize()
    assert (twin.children[2].W.get_value() == 7).all()
    assert not (twin.children[0].W.get_value() == 7).any()


def test_a_setting_that_a_parent_will_overwrite_is_not_a_change():
    brick = mlp()
    brick.children[0].weights_init = Constant(7)
    assert not to_spec(brick).bricks[0].changes


def test_a_renamed_layer_keeps_its_name():
    brick = mlp()
    brick.children[0].name = "first"
    twin = again(brick).bricks["mlp"]
    assert [child.name for child in twin.children] == ["first", "tanh", "linear_1"]


def test_a_brick_that_occurs_twice_is_one_brick():
    layer = Linear(3, 3)
    twin = again(Sequence([layer, Tanh(), layer])).bricks["sequence"]
    assert twin.application_methods[0].brick is twin.application_methods[2].brick
    assert len(twin.children) == 2


def test_two_bricks_share_a_layer():
    first = Sequence([Linear(3, 3), Tanh()], name="first")
    second = Sequence([first.children[0], Rectifier()], name="second")
    bricks = again(first, second).bricks
    assert bricks["first"].children[0] is bricks["second"].children[0]


def test_a_layer_made_by_a_constructor_is_shared_too():
    first = mlp()
    second = Sequence([first.children[0]], name="second")
    spec = to_spec(first, second)
    assert spec.bricks[1].settings == {"application_methods": [{"use": "mlp/linear_0"}]}
    bricks = from_spec(spec).bricks
    assert bricks["mlp"].children[0] is bricks["second"].children[0]


def test_another_application_method_is_kept():
    sequence = Sequence([Linear(3, 3), Softmax().log_probabilities])
    assert settings(sequence)["application_methods"][1]["method"] == "log_probabilities"
    assert again(sequence).bricks["sequence"].application_methods[1].name == "log_probabilities"


def test_a_stack_of_three_layers_keeps_its_names():
    stack = RecurrentStack([LSTM(2), LSTM(3, name="middle"), LSTM(1)], name="stack")
    twin = again(stack).bricks["stack"]
    assert [c.name for c in twin.children] == [c.name for c in stack.children]


@pytest.mark.parametrize(
    "scheme",
    [
        Uniform(std=2.0),
        Uniform(1.0, width=0.5),
        Constant(numpy.array([[1.0, 2.0]])),
        Constant(float("inf")),
        SparseND(axis=(0,), num_init=0.5, weights_init=Uniform(width=1)),
    ],
    ids=repr,
)
def test_schemes_survive(scheme):
    twin = again(Linear(2, 2, weights_init=scheme)).bricks["linear"].weights_init
    assert repr(twin) == repr(scheme)
    rng = [numpy.random.default_rng(3) for _ in range(2)]
    assert_array_equal(twin.generate(rng[0], (2, 2)), scheme.generate(rng[1], (2, 2)))


@pytest.mark.parametrize(
    "module",
    [
        torch.nn.Linear(3, 2, bias=False),
        torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3, padding=1), torch.nn.ReLU()),
        torch.nn.GRU(3, 4, num_layers=2, batch_first=True),
        torch.nn.LayerNorm((3,), eps=0.1),
    ],
    ids=lambda module: type(module).__name__,
)
def test_modules_of_torch_survive(module):
    twin = again(TorchModule(module, name="net")).bricks["net"].module
    assert repr(twin) == repr(module)
    assert [p.shape for p in twin.parameters()] == [p.shape for p in module.parameters()]


def test_a_graph_with_operations_and_a_cost():
    x, y = tensor.variable("features", (None, 2, 2)), tensor.lvector("targets")
    brick = MLP([Tanh(), Softmax()], [4, 3, 2], name="net")
    probabilities = brick.apply(x.flatten(1))
    cost = CategoricalCrossEntropy().apply(y, probabilities)
    cost = cost + 0.01 * (brick.children[0].W ** 2).sum()
    cost.name = "regularized"
    error = MisclassificationRate().apply(y, probabilities)
    error.name = "error_rate"
    spec = to_spec(cost, monitored=[error])
    assert [call.operation or call.brick for call in spec.calls] == [
        "flatten", "net", "categoricalcrossentropy", "power", "sum", "multiply", "add",
        "misclassificationrate",
    ]  # fmt: skip
    assert (spec.cost, spec.monitored) == ("regularized", ("error_rate",))
    built = from_spec(Spec.from_json(spec.to_json(indent=2)))
    assert to_spec(built.cost, monitored=built.monitored) == spec
    values = {"features": numpy.ones((3, 2, 2), "float32"), "targets": [0, 1, 1]}
    for source in (brick, built.bricks["net"]):
        source.weights_init, source.biases_init, source.seed = Uniform(width=1), Constant(0), 3
        source.initialize()
    assert float(built.cost.eval(values)) == float(cost.eval(values))
    assert list(built.model.get_parameter_dict()) == [
        "/net/linear_0.W", "/net/linear_0.b", "/net/linear_1.W", "/net/linear_1.b",
    ]  # fmt: skip


def test_options_of_a_call_survive():
    x = tensor.tensor3("x")
    states, _ = LSTM(2).apply(x, reverse=True)
    spec = to_spec(states)
    assert spec.calls[0].settings == {"reverse": True}
    assert spec.calls[0].outputs == ("lstm_apply_states", "lstm_apply_cells")
    assert to_spec(from_spec(spec).variables["lstm_apply_states"]) == spec


def test_positions_do_not_belong_to_the_meaning():
    spec = to_spec(mlp())
    moved = replace(spec, positions={"mlp": (10, 20.5)})
    assert moved != spec
    assert moved.same_as(spec)
    assert not moved.same_as(to_spec(Linear(1, 1)))
    assert Spec.from_json(moved.to_json()) == moved


def test_describing_changes_nothing():
    brick = mlp()
    to_spec(brick)
    assert not brick.allocation_config_pushed
    brick.push_initialization_config()
    brick.children[0].weights_init = Constant(1)
    to_spec(brick)
    assert repr(brick.children[0].weights_init) == "Constant(constant=1)"


def test_a_class_of_ones_own_must_be_registered():
    class Doubled(Tanh):
        def __init__(self, factor=2, **kwargs):
            super().__init__(**kwargs)
            self.factor = factor

    with pytest.raises(BuilderError, match=r"Doubled is not registered.*register\(Doubled\) first"):
        to_spec(Doubled(3))
    assert register(Doubled) is Doubled
    assert again(Doubled(3)).bricks["doubled"].factor == 3


def test_a_class_of_ones_own_decides_about_its_values():
    @register
    class Mine(Tanh):
        def __init__(self, patch_size, hidden_layers, period, scale: int = 3, **kwargs):
            super().__init__(**kwargs)
            self.patch_size, self.hidden_layers = patch_size, hidden_layers
            self.period, self.scale = period, scale

    found = again(Mine(-1, -2, 10**12, scale=None)).bricks["mine"]
    assert (found.patch_size, found.hidden_layers) == (-1, -2)
    assert (found.period, found.scale) == (10**12, None)


def test_two_classes_with_one_name_are_told_apart():
    classes = []
    for module in ("one", "two"):
        cls = type("Twice", (Tanh,), {"__module__": module})
        classes.append(register(cls))
    assert [to_spec(cls(name="it")).bricks[0].type for cls in classes] == ["one.Twice", "two.Twice"]
    assert type(again(classes[0](name="it")).bricks["it"]) is classes[0]


def test_a_call_that_returns_no_variable_is_an_error_that_names_what_it_returns():
    @register
    class Sized(Brick):
        @application(inputs=["input_"], outputs=["output"])
        def apply(self, input_):
            return input_ if self.name == "described" else 3

    spec = to_spec(Sized(name="described").apply(tensor.matrix("x")))
    text = spec.to_json().replace("described", "other")
    with pytest.raises(BuilderError, match=r"calls/0 .*returns 3, which is not a variable"):
        from_spec(Spec.from_json(text))


def test_what_cannot_be_described_is_an_error_that_names_it():
    class Forgetful(Tanh):
        def __init__(self, factor, **kwargs):
            super().__init__(**kwargs)

    register(Forgetful)
    with pytest.raises(BuilderError, match=r"does not keep the argument 'factor'.*self\.factor ="):
        to_spec(Forgetful(3))
    brick = mlp()
    brick.rng = numpy.random.default_rng(1)
    with pytest.raises(BuilderError, match="mlp has its own random generator"):
        to_spec(brick)
    brick = mlp()
    brick.children.append(Tanh())
    with pytest.raises(BuilderError, match=r"mlp \(MLP\) cannot be described: its children are"):
        to_spec(brick)
    with pytest.raises(
        BuilderError, match="computed by 'cumsum', which a specification cannot contain"
    ):
        to_spec(tensor.vector("x").cumsum(0))
    with pytest.raises(BuilderError, match="two bricks have the name 'linear'.*'linear_2'"):
        to_spec(Linear(), Linear())
    with pytest.raises(BuilderError, match="describes bricks and variables, not 3"):
        to_spec(3)


def test_a_group_of_bricks_is_not_described_without_a_class():
    with pytest.raises(BuilderError, match="Brick is not registered"):
        to_spec(Brick(name="outer", children=[Tanh()]))


def test_a_graph_that_was_changed_is_not_described_as_if_it_were_not():
    x = tensor.matrix("x")
    net = Sequence([Dropout(0.3), Linear(3, 2), Tanh()], name="net")
    output = net.apply(x)
    linear = VariableFilter(bricks=[net.children[1]], roles=[OUTPUT])(ComputationGraph(output))
    [dropped] = apply_dropout(ComputationGraph(output), linear, 0.5).outputs
    with net.children[0]:
        trained = net.apply(x)
    for changed in (dropped, trained):
        with pytest.raises(BuilderError, match=r"net\.apply: its part of the graph was changed"):
            to_spec(changed)
    assert to_spec(output).monitored == ("net_apply_output",)


def test_a_variable_inside_of_a_brick_has_no_name():
    output = mlp().apply(tensor.matrix("x"))
    inner = VariableFilter(bricks=[Tanh], roles=[OUTPUT])(ComputationGraph(output))
    with pytest.raises(BuilderError, match="is inside the brick mlp"):
        to_spec(output, monitored=inner)


def test_describing_a_graph_draws_no_random_numbers():
    first, second = (Dropout(0.5, random_seed=3) for _ in range(2))
    x = tensor.matrix("x")
    for one in (first, second):
        with one:
            one.apply(x)
    output = first.apply(x)
    to_spec(output)
    with first, second:
        drawn = [one.apply(x).eval({x: numpy.ones((2, 9), "float32")}) for one in (first, second)]
    assert_array_equal(drawn[0].numpy(), drawn[1].numpy())
