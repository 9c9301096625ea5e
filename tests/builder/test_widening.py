"""Wider layers: the specification, what reads the units, and the function that stays the same."""

import numpy as np
import pytest
import torch

from workbench import tensor
from workbench.bricks import MLP, Linear, Softmax, Tanh, TransformerBlock
from workbench.bricks.bn import BatchNormalization
from workbench.bricks.conv import Convolutional, Flattener, MaxPooling
from workbench.bricks.lookup import LookupTable
from workbench.bricks.parallel import Fork
from workbench.bricks.recurrent import LSTM, Bidirectional, GatedRecurrent, SimpleRecurrent
from workbench.builder import BLOCKS, deepen, from_spec, plan, to_spec, widen
from workbench.builder.differences import differences
from workbench.builder.growth import growths, without
from workbench.builder.matching import held, match
from workbench.errors import BuilderError
from workbench.initialization import IsotropicGaussian

SCHEMES = {"weights_init": IsotropicGaussian(0.5), "biases_init": IsotropicGaussian(0.5)}


def grown(spec, brick, units):
    """Return the model of a specification, and the wider one with its values."""
    found = widen(spec, brick, units)
    old, new = from_spec(spec), from_spec(found.spec)
    for top in old.bricks.values():
        if not top.initialized:
            top.initialize()
    before, after = (dict(built.model.get_parameter_dict().items())
                     for built in (old, new))  # fmt: skip
    one, other = held(before.values()), held(after.values())
    copies = growths(spec, [brick], one, other)
    pairs = match(without(one, copies), without(other, copies)).pairs
    assert set(copies) | set(pairs) == set(after)
    for path, growth in copies.items():
        after[path].set_value(growth.value(torch.as_tensor(before[growth.source].get_value())))
    for path, was in pairs.items():
        after[path].set_value(before[was].get_value())
    return old, new, found


def assert_same_function(old, new, batch):
    names = [name for name, v in old.variables.items() if name not in old.inputs]
    for name in names:
        one, other = old.variables[name], new.variables[name]
        if one.ndim == other.ndim and one.shape == other.shape:
            given = dict(batch.items())
            torch.testing.assert_close(other.eval(given), one.eval(given), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("used", ["first", "second"])
def test_a_cost_that_uses_the_widened_parameters_is_a_reason(used):
    bricks = {"first": Linear(4, 3, name="first"), "second": Linear(3, 2, name="second")}
    output = bricks["second"].apply(bricks["first"].apply(tensor.matrix("x")))
    cost = output.mean() + 0.1 * (bricks[used].W ** 2).sum()
    found = widen(to_spec(cost), "first", 5)
    text = "the predictions stay the same, but the cost changes because it uses"
    assert found.reason == f"{text} {used}.W"


@pytest.mark.parametrize("brick, units", [
    ("convolutions/conv_0", 11), ("convolutions/conv_1", 40), ("mlp/linear_0", 130),
])  # fmt: skip
def test_a_wider_lenet_computes_the_same(brick, units):
    rng = np.random.default_rng(1)
    old, new, found = grown(BLOCKS["LeNet"].spec, brick, units)
    assert found.reason == ""
    batch = {
        "features": rng.random((5, 1, 28, 28), dtype="float32"),
        "targets": rng.integers(0, 10, (5, 1)),
    }
    torch.testing.assert_close(new.cost.eval(batch), old.cost.eval(batch), rtol=1e-4, atol=1e-5)


def test_lone_layers_are_widened_and_the_next_one_follows():
    x = tensor.matrix("x")
    first, second = Linear(4, 3, name="first"), Linear(3, 2, name="second")
    spec = to_spec(second.apply(Tanh().apply(first.apply(x))))
    found = widen(spec, "first", 7)
    assert found.reason == ""
    assert differences(spec, found.spec) == [
        "first: output_dim 3 -> 7", "second: input_dim 3 -> 7",
    ]  # fmt: skip


def test_a_softmax_between_is_named():
    mlp = MLP([Softmax(), None], [4, 3, 2])
    found = widen(to_spec(mlp.apply(tensor.matrix("x"))), "mlp/linear_0", 5)
    assert found.reason == (
        "the units of mlp/linear_0 are inputs of mlp/softmax (Softmax), which would count copies "
        "twice"
    )


def test_the_last_layer_changes_the_output():
    mlp = MLP([Tanh(), None], [4, 3, 2])
    found = widen(to_spec(mlp.apply(tensor.matrix("x"))), "mlp/linear_1", 5)
    assert found.reason == "the units of mlp/linear_1 are an output of the model"


@pytest.mark.parametrize("brick, units, text", [
    ("mlp/linear_0", 3,
     "mlp/linear_0 has 3 units, so it can be widened only to more than 3 units, not to 3"),
    ("mlp/tanh", 5, "mlp/tanh is a Tanh, which cannot be widened; choose a Linear"),
    ("mlp/line", 5, "there is no brick 'mlp/line' in the model; its bricks: mlp, mlp/linear_0"),
])  # fmt: skip
def test_what_cannot_be_widened(brick, units, text):
    mlp = MLP([Tanh(), None], [4, 3, 2])
    with pytest.raises(BuilderError) as error:
        widen(to_spec(mlp.apply(tensor.matrix("x"))), brick, units)
    assert text in str(error.value)


@pytest.mark.parametrize("brick, text", [
    ("mlp/linear_1", "mlp/linear_1 is the last layer of mlp; choose a layer that is followed"),
    ("mlp/tanh", "mlp/tanh is not a layer of a top-level MLP"),
    ("mlp/l", "there is no brick 'mlp/l' in the model; its bricks: mlp, mlp/linear_0"),
])  # fmt: skip
def test_what_cannot_be_deepened(brick, text):
    mlp = MLP([Tanh(), None], [4, 3, 2])
    with pytest.raises(BuilderError) as error:
        deepen(to_spec(mlp.apply(tensor.matrix("x"))), brick)
    assert text in str(error.value)


def test_a_tanh_cannot_be_applied_twice():
    mlp = MLP([Tanh(), None], [4, 3, 2])
    found = deepen(to_spec(mlp.apply(tensor.matrix("x"))), "mlp/linear_0")
    assert found.reason.startswith("applying Tanh twice does not give the same result")


def recurrent_model(layer, blocks):
    """Return the specification of a recurrent layer between linear layers."""
    x = tensor.tensor3("x")
    given = {
        name: Linear(3, n * layer.dim, name=f"to_{name}", **SCHEMES).apply(x)
        for name, n in blocks.items()
    }
    states = layer.apply(**given, as_list=True)[0]
    return to_spec(Linear(layer.dim, 2, name="head", **SCHEMES).apply(states[-1]))


@pytest.mark.parametrize(
    ("layer", "blocks"),
    [
        (SimpleRecurrent(4, Tanh(), name="it", **SCHEMES), {"inputs": 1}),
        (LSTM(4, name="it", **SCHEMES), {"inputs": 4}),
        (GatedRecurrent(4, name="it", **SCHEMES), {"inputs": 1, "gate_inputs": 2}),
    ],
    ids=lambda one: type(one).__name__,
)
def test_a_wider_recurrent_layer_computes_the_same(layer, blocks):
    old, new, found = grown(recurrent_model(layer, blocks), "it", 7)
    assert (found.units, found.reason) == ((4, 7), "")
    x = np.random.default_rng(1).normal(size=(5, 6, 3)).astype("float32")
    [one], [other] = old.model.outputs, new.model.outputs
    assert one.eval({"x": x}).abs().max() > 0.1
    torch.testing.assert_close(other.eval({"x": x}), one.eval({"x": x}), rtol=1e-5, atol=1e-5)


def test_a_plan_lists_a_wider_recurrent_layer_without_the_layer_before_it():
    old = recurrent_model(LSTM(4, name="it", **SCHEMES), {"inputs": 4})
    found = plan(old, widen(old, "it", 7).spec)
    assert (found.widened, found.new, found.reason) == (("it",), (), "")


def test_a_wider_lookup_table_computes_the_same():
    table = LookupTable(5, 4, name="table", **SCHEMES)
    output = Linear(4, 2, name="head", **SCHEMES).apply(table.apply(tensor.lmatrix("x")).mean(1))
    old, new, found = grown(to_spec(output), "table", 9)
    assert (found.units, found.reason) == ((4, 9), "")
    x = np.random.default_rng(1).integers(0, 5, (3, 6))
    [one], [other] = old.model.outputs, new.model.outputs
    torch.testing.assert_close(other.eval({"x": x}), one.eval({"x": x}), rtol=1e-5, atol=1e-5)


def test_the_hidden_layer_of_a_wider_transformer_block_computes_the_same():
    block = TransformerBlock(8, num_heads=2, name="block", **SCHEMES)
    old, new, found = grown(to_spec(block.apply(tensor.tensor3("x"))), "block/mlp/linear_0", 40)
    assert (found.spec.bricks[0].settings["hidden_dim"], found.reason) == (40, "")
    x = np.random.default_rng(1).normal(size=(2, 5, 8)).astype("float32")
    [one], [other] = old.model.outputs, new.model.outputs
    torch.testing.assert_close(other.eval({"x": x}), one.eval({"x": x}), rtol=1e-5, atol=1e-5)


def test_the_inputs_of_a_wider_recurrent_layer_can_come_from_a_fork():
    layer = GatedRecurrent(4, name="it", **SCHEMES)
    fork = Fork(["inputs", "gate_inputs"], input_dim=3, output_dims=[4, 8], name="fork", **SCHEMES)
    inputs, gates = fork.apply(tensor.tensor3("x"))
    states = layer.apply(inputs=inputs, gate_inputs=gates)
    spec = to_spec(Linear(4, 2, name="head", **SCHEMES).apply(states[-1]))
    old, new, found = grown(spec, "it", 6)
    assert found.spec.bricks[0].settings["output_dims"] == [6, 12]
    x = np.random.default_rng(1).normal(size=(5, 6, 3)).astype("float32")
    [one], [other] = old.model.outputs, new.model.outputs
    torch.testing.assert_close(other.eval({"x": x}), one.eval({"x": x}), rtol=1e-5, atol=1e-5)


def test_a_recurrent_layer_without_a_layer_before_it_is_not_widened():
    states = SimpleRecurrent(4, Tanh(), name="it").apply(tensor.tensor3("x"))
    with pytest.raises(BuilderError, match="its input 'inputs' needs a Linear brick"):
        widen(to_spec(states), "it", 7)


def test_a_recurrent_layer_with_a_softmax_is_named():
    layer = SimpleRecurrent(4, Softmax(), name="it", **SCHEMES)
    found = widen(recurrent_model(layer, {"inputs": 1}), "it", 7)
    assert found.reason == "the activation of it (Softmax) does not treat each unit separately"


def test_a_layer_inside_a_bidirectional_brick_is_not_widened():
    x = tensor.tensor3("x")
    both = Bidirectional(SimpleRecurrent(4, Tanh()), name="both")
    with pytest.raises(BuilderError, match="both/forward is a part of another brick"):
        widen(to_spec(both.apply(Linear(3, 4).apply(x))), "both/forward", 7)


def assert_same_outputs(spec, brick, units, x):
    old, new, found = grown(spec, brick, units)
    assert found.reason == ""
    [one], [other] = old.model.outputs, new.model.outputs
    assert one.eval({"x": x}).abs().max() > 0.1
    torch.testing.assert_close(other.eval({"x": x}), one.eval({"x": x}), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", ["table", "linear", "recurrent", "normalised"])
def test_a_wider_layer_with_a_time_axis_can_be_flattened(kind):
    rng, x = np.random.default_rng(1), tensor.variable("x", (None, 3, 5))
    batch = rng.normal(size=(2, 3, 5)).astype("float32")
    layer = Linear(5, 4, name="it", **SCHEMES)
    if kind == "table":
        x, batch = tensor.variable("x", (None, 3), torch.int64), rng.integers(0, 10, (2, 3))
        layer = LookupTable(10, 4, name="it", **SCHEMES)
    values = layer.apply(x)
    if kind == "recurrent":
        values = SimpleRecurrent(4, Tanh(), name="states", **SCHEMES).apply(values)
    flat = Flattener().apply(values)
    if kind == "normalised":
        flat = BatchNormalization(12, scale_init=IsotropicGaussian(0.5)).apply(flat)
    spec = to_spec(Linear(12, 2, **SCHEMES).apply(flat))
    assert_same_outputs(spec, "states" if kind == "recurrent" else "it", 7, batch)


def convolution():
    """Return the outputs of a convolution of shape ``(None, 4, 5, 5)``."""
    layer = Convolutional((2, 2), 4, 1, image_size=(6, 6), name="conv", **SCHEMES)
    return layer.apply(tensor.variable("x", (None, 1, 6, 6)))


@pytest.mark.parametrize(
    ("change", "size"),
    [
        (lambda v: v.mean(dim=(2, 3)), 4),
        (lambda v: v.sum(dim=-1), 20),
        (lambda v: v.mean(dim=2, keepdim=True), 20),
        (lambda v: v[:, :, 0], 20),
        (lambda v: v[:, :, 1:, 2], 16),
    ],
)
def test_a_wider_convolution_can_be_reduced_along_other_axes(change, size):
    x = np.random.default_rng(1).normal(size=(3, 1, 6, 6)).astype("float32")
    values = change(convolution())
    spec = to_spec(Linear(size, 2, **SCHEMES).apply(Flattener().apply(values)))
    assert_same_outputs(spec, "conv", 6, x)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda v: v.mean(dim=1), "in the operation mean"),
        (lambda v: v.sum(dim=(1, 2)), "in the operation sum"),
        (lambda v: v[:, 0], "in the operation getitem"),
        (lambda v: v[:, 1:], "in the operation getitem"),
        (lambda v: v[1], "along axis 0 of the inputs of flattener (Flattener)"),
        (Linear(5, 5, name="line").apply, "along axis 1 of the inputs of line (Linear)"),
    ],
)
def test_a_reduction_of_the_units_of_a_convolution_is_named(change, text):
    values = Flattener().apply(change(convolution()))
    spec = to_spec(Linear(values.shape[1], 2).apply(values))
    assert text in widen(spec, "conv", 6).reason


def test_a_pooling_along_the_units_is_named():
    values = Linear(5, 4, name="it").apply(tensor.variable("x", (None, 2, 4, 5)))
    pooled = Flattener().apply(MaxPooling((2, 2)).apply(values))
    spec = to_spec(Linear(8, 2).apply(pooled))
    assert "axis 3 of the inputs of maxpooling (MaxPooling)" in widen(spec, "it", 8).reason
