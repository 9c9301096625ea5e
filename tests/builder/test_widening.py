"""Wider layers: the specification, what reads the units, and the function that stays the same."""

import numpy as np
import pytest
import torch

from workbench import tensor
from workbench.bricks import MLP, Linear, Softmax, Tanh
from workbench.builder import BLOCKS, deepen, from_spec, to_spec, widen
from workbench.builder.differences import differences
from workbench.builder.growth import growths, without
from workbench.builder.matching import held, match
from workbench.errors import BuilderError


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
