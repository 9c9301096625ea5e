"""Transitions with attention against their parts, step by step."""

import numpy
import pytest
import torch

from workbench import function, grad, tensor
from workbench.bricks.attention import AttentionRecurrent, SequenceContentAttention
from workbench.bricks.parallel import Distribute
from workbench.bricks.recurrent import LSTM, BaseRecurrent, GatedRecurrent, recurrent
from workbench.filter import VariableFilter
from workbench.graph import ComputationGraph
from workbench.initialization import IsotropicGaussian

RNG = numpy.random.default_rng(9)
SCHEMES = {
    "weights_init": IsotropicGaussian(0.7), "biases_init": IsotropicGaussian(0.7), "seed": 1
}  # fmt: skip


def data(*shape):
    return torch.from_numpy(RNG.normal(size=shape).astype("float32"))


ATTENDED, X = data(6, 3, 5), data(4, 3, 8)
ATTENDED_MASK = torch.tensor([[1.0, 1, 1]] * 3 + [[1, 0, 1]] * 3)
MASK = torch.tensor([[1.0, 1, 1], [1, 1, 0], [1, 0, 0], [1, 0, 0]])


def made(transition=None, **kwargs):
    transition = transition or LSTM(2)
    attention = SequenceContentAttention(
        4, state_names=list(transition.apply.states), attended_dim=5, name="attention"
    )
    brick = AttentionRecurrent(transition, attention, **kwargs, **SCHEMES)
    brick.initialize()
    return brick


def by_hand(brick, mask=None, attended_mask=None):
    steps = []
    state = {name: torch.zeros(3, 2) for name in ("states", "cells")}
    for t in range(4):
        average, weights = brick.attention.take_glimpses(
            ATTENDED, attended_mask=attended_mask, **state
        )
        inputs = brick.distribute.apply(inputs=X[t], weighted_averages=average)
        given = {} if mask is None else {"mask": mask[t]}
        states, cells = brick.transition.apply(inputs=inputs, **state, **given, iterate=False)
        state = {"states": states, "cells": cells}
        steps.append([states, cells, average, weights])
    return [torch.stack(series) for series in zip(*steps, strict=True)]


@pytest.mark.parametrize("mask", [None, MASK], ids=["all", "masked"])
@pytest.mark.parametrize("attended_mask", [None, ATTENDED_MASK], ids=["all", "masked"])
def test_agrees_with_its_parts(mask, attended_mask):
    brick = made()
    got = brick.apply(X, mask, ATTENDED, attended_mask)
    for a, b in zip(got, by_hand(brick, mask, attended_mask), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


def test_the_halves_of_a_step():
    brick = made()
    zeros = {"states": torch.zeros(3, 2), "cells": torch.zeros(3, 2)}
    glimpses = brick.take_glimpses(attended=ATTENDED, **zeros, as_dict=True)
    states = brick.compute_states(
        inputs=X[0], attended=ATTENDED, attended_mask=ATTENDED_MASK, **zeros, **glimpses
    )
    whole = brick.apply(
        inputs=X[0], attended=ATTENDED, **zeros, **glimpses, iterate=False, as_list=True
    )
    for a, b in zip([*states, *glimpses.values()], whole, strict=True):
        torch.testing.assert_close(a, b)
    assert brick.take_glimpses.outputs == ["weighted_averages", "weights"]
    assert brick.compute_states.outputs == ["states", "cells"]


def test_names_and_dimensions():
    brick = made()
    assert brick.apply.sequences == ["inputs", "mask"]
    assert brick.apply.contexts == ["attended", "attended_mask"]
    assert brick.do_apply.contexts == [*brick.apply.contexts, "preprocessed_attended"]
    outputs = ["states", "cells", "weighted_averages", "weights"]
    assert brick.apply.states == brick.apply.outputs == brick.initial_states.outputs == outputs
    assert brick.get_dims(brick.apply.inputs) == [8, 0, 5, 0, 2, 2, 5, 0]
    assert brick.get_dim("preprocessed_attended") == 4
    assert brick.distribute.target_dims == [8] and brick.distribute.source_dim == 5


def test_gradients_agree_with_the_parts():
    brick = made()
    x, attended = tensor.tensor3("x"), tensor.tensor3("attended")
    outputs = brick.apply(inputs=x, attended=attended)
    cost = sum((v**2).sum() for v in outputs)
    parameters = ComputationGraph(cost).parameters
    # Unrolled into a graph without a loop.
    initial = brick.initial_states(3, attended=attended)
    state, parts = dict(zip(brick.apply.states, initial, strict=True)), []
    for t in range(4):
        state = brick.apply(inputs=x[t], attended=attended, **state, iterate=False, as_dict=True)
        parts += state.values()
    unrolled = sum((v**2).sum() for v in parts)
    wanted = [x, attended, *parameters]
    both = function([x, attended], [*grad(cost, wanted), *grad(unrolled, wanted)])(X, ATTENDED)
    for a, b in zip(both[: len(wanted)], both[len(wanted) :], strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4)


def test_preprocessing_happens_once_outside_the_loop():
    graph = ComputationGraph(made().apply(inputs=tensor.tensor3("x"), attended=tensor.tensor3("a")))
    found = VariableFilter(
        name="preprocessed_attended", applications=[SequenceContentAttention.preprocess]
    )
    assert found(graph.variables) and not found(graph.scan_variables)


def test_padding_is_removed_once_outside_the_loop():
    outputs = made().apply(X, MASK, tensor.tensor3("attended"), tensor.matrix("attended_mask"))
    graph = ComputationGraph(outputs)
    for variables, count in ((graph.variables, 1), (graph.scan_variables, 0)):
        calls = {v.owner for v in variables if v.owner is not None and v.ndim == 3}
        assert [call.name for call in calls].count("where") == count


class WithContexts(BaseRecurrent):
    @recurrent(
        sequences=["inputs"],
        states=["states"],
        contexts=["memory", "memory_mask"],
        outputs=["states"],
    )
    def apply(self, inputs, states, memory, memory_mask=None):
        return inputs + states + memory.sum(0)[:, :2]

    def get_dim(self, name):
        return {"memory": 5, "memory_mask": 0}.get(name, 2)


def test_contexts_of_the_transition_may_be_attended():
    brick = made(WithContexts(), add_contexts=False)
    assert brick.apply.contexts == ["memory", "memory_mask"]
    assert brick.attention.attended_dim == 5
    states, _, weights = brick.apply(inputs=X[..., :2], memory=ATTENDED, memory_mask=ATTENDED_MASK)
    assert states.shape == (4, 3, 2)
    torch.testing.assert_close(weights[:, 1, 3:], torch.zeros(4, 3))
    with pytest.raises(ValueError, match=r"must have contexts .* but its contexts are \(\)"):
        made(LSTM(2), add_contexts=False)


def test_names_of_contexts_and_the_distributor_may_be_chosen():
    distribute = Distribute(["gate_inputs"], "weighted_averages", **SCHEMES)
    brick = made(GatedRecurrent(2), distribute=distribute, attended_name="source")
    assert brick.apply.contexts == ["source", "attended_mask"]
    assert brick.distribute.target_dims == [4]
    states, *_ = brick.apply(inputs=X[..., :2], gate_inputs=X[..., :4], source=ATTENDED)
    assert states.shape == (4, 3, 2)


def test_what_is_missing_is_named():
    with pytest.raises(
        TypeError, match=r"attentionrecurrent.apply requires attended, the sequence to attend to"
    ):
        made().apply(tensor.tensor3("x"))
    with pytest.raises(TypeError, match="accepts 4 positional arguments"):
        made().apply(*[tensor.tensor3("x")] * 5)


def test_padding_may_contain_anything():
    brick, x = made(), tensor.tensor3("x")
    parameters = ComputationGraph(brick.apply(X, MASK, x, ATTENDED_MASK)[0].sum()).parameters
    cost = sum(one.sum() for one in brick.apply(X, MASK, x, ATTENDED_MASK))
    gradients = function([x], [cost, *grad(cost, parameters)])
    attended = ATTENDED.clone()
    attended[ATTENDED_MASK == 0] = torch.nan
    for found, expected in zip(gradients(attended), gradients(ATTENDED), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
