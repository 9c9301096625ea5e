"""Stacks against their layers applied by hand."""

import numpy
import pytest
import torch

from workbench import function, grad, tensor
from workbench.bricks import MLP, Identity, Tanh
from workbench.bricks.recurrent import (
    LSTM,
    Bidirectional,
    GatedRecurrent,
    RecurrentStack,
    SimpleRecurrent,
)
from workbench.graph import ComputationGraph
from workbench.initialization import Constant, IsotropicGaussian
from workbench.select import Selector

SCHEMES = {
    "weights_init": IsotropicGaussian(0.5), "biases_init": IsotropicGaussian(0.5), "seed": 1
}  # fmt: skip
RNG = numpy.random.default_rng(8)
X = RNG.normal(size=(5, 3, 8)).astype("float32")
GATED = {
    "inputs#1": RNG.normal(size=(5, 3, 3)).astype("float32"),
    "gate_inputs#1": RNG.normal(size=(5, 3, 6)).astype("float32"),
}
MASK = (RNG.uniform(size=(5, 3)) < 0.7).astype("float32")


def made(**kwargs):
    layers = [LSTM(2), GatedRecurrent(3), SimpleRecurrent(4, Tanh())]
    stack = RecurrentStack(layers, **SCHEMES, **kwargs)
    stack.initialize()
    return stack


def by_hand(stack, mask=None, extra=None, **options):
    first, second, third = stack.transitions
    states, cells = first.apply(X, mask=mask, **options)
    inputs, gates = stack.forks[0].apply(states)
    if extra is not None:
        inputs = inputs + torch.from_numpy(extra["inputs#1"])
        gates = gates + torch.from_numpy(extra["gate_inputs#1"])
    upper = second.apply(inputs=inputs, gate_inputs=gates, mask=mask, **options)
    return states, cells, upper, third.apply(stack.forks[1].apply(upper), mask=mask, **options)


def close(got, expected):
    assert len(got) == len(expected)
    for a, b in zip(got, expected, strict=True):
        torch.testing.assert_close(torch.as_tensor(a), torch.as_tensor(b), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("low_memory", [False, True])
@pytest.mark.parametrize("mask", [None, MASK], ids=["all", "masked"])
@pytest.mark.parametrize("reverse", [False, True])
def test_agrees_with_the_layers(low_memory, mask, reverse):
    stack = made()
    got = stack.apply(X, mask, low_memory=low_memory, reverse=reverse)
    close(got, by_hand(stack, mask=mask, reverse=reverse))


@pytest.mark.parametrize("low_memory", [False, True])
def test_skip_connections_add_to_what_comes_from_below(low_memory):
    stack = made(skip_connections=True)
    third = {"inputs#2": numpy.zeros((5, 3, 4), "float32")}
    got = stack.apply(inputs=X, **GATED, **third, mask=MASK, low_memory=low_memory)
    close(got, by_hand(stack, mask=MASK, extra=GATED))
    assert not any(child.use_bias for fork in stack.forks for child in fork.children)


def test_both_ways_have_the_same_gradients():
    stack, x, mask = made(), tensor.tensor3("x"), tensor.matrix("mask")
    found = []
    for low_memory in (False, True):
        outputs = stack.apply(x, mask, low_memory=low_memory)
        cost = sum((output**2).sum() for output in outputs)
        parameters = sorted(
            ComputationGraph(cost).parameters, key=lambda p: p.tag.annotations[0].path() + p.name
        )
        found.append(function([x, mask], grad(cost, [x, *parameters]))(X, MASK))
    close(*found)


def test_names():
    plain, skipping = made(), made(skip_connections=True)
    assert plain.apply.sequences == ["inputs", "mask"] and plain.apply.contexts == []
    assert skipping.apply.sequences == [
        "inputs", "inputs#1", "gate_inputs#1", "inputs#2", "mask"
    ]  # fmt: skip
    assert plain.apply.states == plain.apply.outputs == ["states", "cells", "states#1", "states#2"]
    assert plain.low_memory_apply.states == plain.apply.states
    assert plain.initial_states.outputs == plain.apply.states
    assert [layer.name for layer in plain.transitions] == [
        "lstm", "gatedrecurrent#1", "simplerecurrent#2"
    ]  # fmt: skip
    assert plain.get_dims(["inputs", "states#1", "gate_inputs#1", "mask"]) == [8, 3, 6, 0]
    assert "/recurrentstack/fork_1/fork_gate_inputs.b" in Selector([plain]).get_parameters()


@pytest.mark.parametrize("low_memory", [False, True])
@pytest.mark.parametrize("reverse", [False, True])
def test_initial_states_are_given_and_returned(low_memory, reverse):
    stack = made()
    h0 = RNG.normal(size=(3, 3)).astype("float32")
    options = {"low_memory": low_memory, "reverse": reverse, "states#1": h0}
    plain = stack.apply(X, **options)
    first, rest = (-1, slice(None, -1)) if reverse else (0, slice(1, None))
    full = stack.apply(X, return_initial_states=True, **options)
    close([series[rest] for series in full], plain)
    close([full[2][first]], [h0])


def test_one_step_and_then_the_next():
    stack = made()
    states = stack.apply(X[0], **zeros(stack), iterate=False, as_dict=True)
    close(states.values(), [series[0] for series in stack.apply(X)])
    second = stack.apply(X[1], **states, iterate=False)
    close(second, [series[1] for series in stack.apply(X)])


def zeros(stack):
    dims = zip(stack.apply.states, stack.get_dims(stack.apply.states), strict=True)
    return {name: numpy.zeros((3, dim), "float32") for name, dim in dims}


def test_prototypes_of_forks_may_be_any_feedforward_brick():
    layers = [SimpleRecurrent(2, Identity()), SimpleRecurrent(3, Identity())]
    stack = RecurrentStack(layers, MLP([Tanh(), None], [None, 4, None], name="net"), **SCHEMES)
    stack.initialize()
    assert [s.shape[-1] for s in stack.apply(X[..., :2])] == [2, 3]


def test_another_output_may_go_to_the_next_layer():
    stack = RecurrentStack([LSTM(2), LSTM(3)], states_name="cells", **SCHEMES)
    stack.initialize()
    lower, upper = stack.transitions
    states, cells = lower.apply(X)
    close(stack.apply(X), [states, cells, *upper.apply(stack.forks[0].apply(cells))])
    with pytest.raises(ValueError, match="has no output 'cell' .* did you mean 'cells'"):
        RecurrentStack([LSTM(2)], states_name="cell")


def test_what_does_not_fit_is_named():
    stack = made()
    with pytest.raises(TypeError, match=r"accepts 2 positional arguments \(inputs, mask\), not 3"):
        stack.apply(*[tensor.tensor3(name) for name in "abc"])
    with pytest.raises(TypeError, match="recurrentstack/lstm.apply: .*'nput'.*"):
        stack.apply(tensor.tensor3("x"), nput=tensor.tensor3("y"))
    with pytest.raises(ValueError, match="has no input or output named 'states#7'"):
        stack.get_dim("states#7")


def test_schemes_reach_layers_and_forks():
    layers = [SimpleRecurrent(1, Identity()), SimpleRecurrent(1, Identity())]
    stack = RecurrentStack(layers, weights_init=Constant(2), biases_init=Constant(3))
    stack.initialize()
    values = {v.name: v.get_value().item() for v in Selector([stack]).get_parameters().values()}
    assert values == {"W": 2, "b": 3, "initial_state": 0}


@pytest.mark.parametrize("options", [{}, {"low_memory": True}], ids=["plain", "low_memory"])
@pytest.mark.parametrize("mask", [None, MASK], ids=["all", "masked"])
def test_layers_may_read_in_both_directions(mask, options):
    layers = [Bidirectional(LSTM(2)), GatedRecurrent(3), Bidirectional(SimpleRecurrent(2, Tanh()))]
    stack = RecurrentStack(layers, **SCHEMES)
    stack.initialize()
    assert stack.get_dims(["states", "states#1", "states#2"]) == [4, 3, 4]
    close(stack.apply(X, mask, **options), by_hand(stack, mask=mask))


@pytest.mark.parametrize(
    "options",
    [{"reverse": True}, {"return_initial_states": True}, {"iterate": False}],
    ids=lambda options: next(iter(options)),
)
def test_a_layer_of_both_directions_says_what_it_cannot_do(options):
    stack = RecurrentStack([Bidirectional(SimpleRecurrent(2, Tanh()))], name="stack", **SCHEMES)
    with pytest.raises(ValueError, match=r"stack/bidirectional\.apply .* (both|two) directions"):
        stack.apply(tensor.tensor3("x"), **options)
    with pytest.raises(ValueError, match="iterates in both directions"):
        stack.initial_states(3)
