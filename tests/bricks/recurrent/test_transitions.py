"""Recurrent transitions against plain loops in torch, in values and gradients."""

import numpy
import pytest
import torch

from workbench import function, grad, tensor
from workbench.bricks import LearnedPositions, Linear, Rectifier, Tanh
from workbench.bricks.lookup import LookupTable
from workbench.bricks.recurrent import LSTM, GatedRecurrent, RecurrentStack, SimpleRecurrent
from workbench.bricks.sequence_generators import FakeAttentionRecurrent, LookupFeedback
from workbench.config import config
from workbench.graph import ComputationGraph
from workbench.initialization import Constant, Identity, IsotropicGaussian, Orthogonal
from workbench.roles import INITIAL_STATE, WEIGHT, has_roles
from workbench.select import Selector

T, D = 5, 3


def simple(p, x, h):
    return [torch.tanh(x + h @ p["W"])]


def lstm(p, x, h, c):
    z = h @ p["W_state"] + x
    i = torch.sigmoid(z[:, :D] + c * p["W_cell_to_in"])
    f = torch.sigmoid(z[:, D : 2 * D] + c * p["W_cell_to_forget"])
    new = f * c + i * torch.tanh(z[:, 2 * D : 3 * D])
    o = torch.sigmoid(z[:, 3 * D :] + new * p["W_cell_to_out"])
    return [o * torch.tanh(new), new]


def gru(p, x, g, h):
    gates = torch.sigmoid(h @ p["state_to_gates"] + g)
    update, reset = gates[:, :D], gates[:, D:]
    return [update * torch.tanh((h * reset) @ p["state_to_state"] + x) + (1 - update) * h]


# How to make it, its step in torch, its sequences and their sizes, its initial states.
CASES = {
    "simple": (lambda **k: SimpleRecurrent(D, Tanh(), **k), simple, {"inputs": D},
               ["initial_state"]),
    "lstm": (lambda **k: LSTM(D, **k), lstm, {"inputs": 4 * D},
             ["initial_state", "initial_cells"]),
    "gru": (lambda **k: GatedRecurrent(D, **k), gru, {"inputs": D, "gate_inputs": 2 * D},
            ["initial_state"]),
}  # fmt: skip


def unrolled(step, p, sequences, states, mask, reverse):
    steps = []
    for t in reversed(range(T)) if reverse else range(T):
        new = step(p, *[s[t] for s in sequences], *states)
        if mask is not None:
            m = mask[t, :, None]
            new = [m * a + (1 - m) * b for a, b in zip(new, states, strict=True)]
        states = new
        steps.append(new)
    if reverse:
        steps.reverse()
    return [torch.stack(series) for series in zip(*steps, strict=True)]


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("batch", [1, 4])
@pytest.mark.parametrize("masks", [False, True])
@pytest.mark.parametrize("reverse", [False, True])
def test_agrees_with_a_loop_in_values_and_gradients(case, batch, masks, reverse):
    make, step, sizes, initial = CASES[case]
    rng = numpy.random.default_rng(5)
    with config.override(floatx="float64"):
        brick = make(weights_init=IsotropicGaussian(0.7), seed=1)
        brick.initialize()
        inputs = {name: tensor.tensor3(name) for name in sizes}
        mask = {"mask": tensor.matrix("mask")} if masks else {}
        outputs = brick.apply(**inputs, **mask, reverse=reverse, as_list=True)
    for parameter in brick.parameters:
        parameter.set_value(rng.normal(size=parameter.get_value().shape))
    values = [torch.from_numpy(rng.normal(size=(T, batch, size))) for size in sizes.values()]
    mask_value = torch.from_numpy(rng.integers(0, 2, size=(T, batch)).astype("float64"))
    scales = [torch.from_numpy(rng.normal(size=(T, batch, D))) for _ in outputs]
    cost = sum((o * s).sum() for o, s in zip(outputs, scales, strict=True))
    moved = [*inputs.values(), *brick.parameters]
    run = function([*inputs.values(), *mask.values()], [*outputs, *grad(cost, moved)])
    got = run(*values, *([mask_value] if masks else []))

    for value in values:
        value.requires_grad_()
    p = {v.name: torch.from_numpy(v.get_value()).requires_grad_() for v in brick.parameters}
    states = [p[name].expand(batch, D) for name in initial]
    expected = unrolled(step, p, values, states, mask_value if masks else None, reverse)
    total = sum((o * s).sum() for o, s in zip(expected, scales, strict=True))
    gradients = torch.autograd.grad(total, [*values, *p.values()])
    for a, b in zip(got, [*expected, *gradients], strict=True):
        torch.testing.assert_close(a, b)


def test_an_lstm_without_peepholes_is_that_of_torch():
    brick = LSTM(D, weights_init=IsotropicGaussian(0.5))
    brick.initialize()
    for peephole in brick.parameters[1:4]:
        peephole.set_value(numpy.zeros(D, "float32"))
    reference = torch.nn.LSTM(4 * D, D, bias=False)
    with torch.no_grad():
        reference.weight_ih_l0.copy_(torch.eye(4 * D))
        reference.weight_hh_l0.copy_(torch.from_numpy(brick.parameters[0].get_value().T))
    x = torch.randn(T, 2, 4 * D, generator=torch.Generator().manual_seed(1))
    h0, c0 = torch.randn(2, 2, D, generator=torch.Generator().manual_seed(2))
    expected, (_, last_cells) = reference(x, (h0[None], c0[None]))
    states, cells = brick.apply(x, states=h0, cells=c0)
    torch.testing.assert_close(states, expected.detach())
    torch.testing.assert_close(cells[-1], last_cells[0].detach())


@pytest.mark.parametrize("case", CASES)
def test_roles_and_initial_values_of_parameters(case):
    make, _, _, initial = CASES[case]
    brick = make(weights_init=IsotropicGaussian(1))
    brick.initialize()
    found = [v.name for v in brick.parameters if has_roles(v, [INITIAL_STATE])]
    assert found == initial
    for parameter in brick.parameters:
        trained_from_zero = parameter.name in initial
        assert has_roles(parameter, [WEIGHT]) != trained_from_zero
        assert (parameter.get_value() == 0).all() == trained_from_zero


def test_each_gate_of_a_gated_transition_is_drawn_by_itself():
    brick = GatedRecurrent(D, weights_init=Orthogonal(), seed=2)
    brick.initialize()
    update, reset = numpy.hsplit(brick.state_to_gates.get_value(), 2)
    for weights in (update, reset, brick.state_to_state.get_value()):
        numpy.testing.assert_allclose(weights @ weights.T, numpy.eye(D), atol=1e-5)
    assert not numpy.allclose(update, reset)


def test_other_activations_are_used_and_stand_among_the_children():
    brick = SimpleRecurrent(D, Rectifier(), weights_init=IsotropicGaussian(1))
    brick.initialize()
    x = -torch.ones(1, 1, D)
    assert brick.apply(x).tolist() == [[[0.0] * D]]
    assert [child.name for child in LSTM(2, activation=Rectifier()).children] == [
        "rectifier",
        "logistic",
    ]


def test_padding_does_not_reach_the_states():
    brick = SimpleRecurrent(1, Tanh(), weights_init=IsotropicGaussian(1))
    brick.initialize()
    x = torch.tensor([1.0, float("nan"), 2.0]).reshape(3, 1, 1)
    states = brick.apply(x, mask=torch.tensor([[1.0], [0.0], [1.0]]))
    assert states.isfinite().all() and states[1] == states[0]


def test_a_mask_may_be_boolean():
    brick = SimpleRecurrent(1, Tanh(), weights_init=IsotropicGaussian(1))
    brick.initialize()
    x = torch.ones(3, 1, 1)
    mask = torch.tensor([[True], [False], [True]])
    torch.testing.assert_close(brick.apply(x, mask=mask), brick.apply(x, mask=mask.float()))


def test_what_does_not_fit_is_named():
    brick = LSTM(2, name="memory")
    with pytest.raises(ValueError, match=r"memory.apply: inputs has shape \(\?, 4\) .* \(B, 8\)"):
        brick.apply(tensor.variable("x", (None, None, 4)))
    with pytest.raises(ValueError, match="without the time dimension T"):
        brick.apply(tensor.matrix("x"))
    with pytest.raises(ValueError, match=r"mask of a single step must .* not \(\?, \?\)"):
        brick.apply(tensor.tensor3("x"), mask=tensor.tensor3("mask"))
    with pytest.raises(TypeError, match="inputs has dtype int64, but must have a float"):
        brick.apply(tensor.ltensor3("x"))


def test_parameters_and_norms_are_in_the_graph_once():
    brick = LSTM(2, weights_init=IsotropicGaussian(1))
    graph = ComputationGraph(brick.apply(tensor.tensor3("x")))
    assert set(graph.parameters) == set(brick.parameters)
    assert {v.name for v in graph.auxiliary_variables} == {
        f"{weights.name}_norm" for weights in brick.parameters[:4]
    }


def test_gates_of_an_lstm_get_matrices_of_their_own_where_a_scheme_makes_only_such():
    brick = LSTM(D, weights_init=Orthogonal(2), seed=1)
    brick.initialize()
    weights, *peepholes = (v.get_value() for v in brick.parameters[:4])
    for gate in numpy.hsplit(weights, 4):
        numpy.testing.assert_allclose(gate.T @ gate, 4 * numpy.eye(D), atol=1e-5)
    assert all((abs(p) <= 2).all() and (p != 0).all() for p in peepholes)
    assert not numpy.array_equal(peepholes[0], peepholes[1])


def test_identity_makes_peepholes_of_its_diagonal():
    brick = LSTM(D, weights_init=Identity(0.5))
    brick.initialize()
    for gate in numpy.hsplit(brick.parameters[0].get_value(), 4):
        numpy.testing.assert_array_equal(gate, 0.5 * numpy.eye(D))
    for peephole in brick.parameters[1:4]:
        numpy.testing.assert_array_equal(peephole.get_value(), [0.5] * D)


class Shifted(LSTM):
    """An LSTM that transforms its inputs itself."""

    def __init__(self, dim, **kwargs):
        self.shift = Linear(4 * dim, 4 * dim)
        super().__init__(dim, children=[self.shift], **kwargs)


@pytest.mark.parametrize("parent", [None, RecurrentStack, FakeAttentionRecurrent])
def test_schemes_reach_the_children_that_a_subclass_adds(parent):
    schemes = {"weights_init": Constant(1), "biases_init": Constant(2)}
    brick = Shifted(1, **({} if parent else schemes))
    if parent:
        given = [brick] if parent is RecurrentStack else brick
        parent(given, **schemes).initialize()
    else:
        brick.initialize()
    assert brick.shift.b.get_value().tolist() == [2] * 4


@pytest.mark.parametrize(
    "make",
    [LSTM, GatedRecurrent, lambda **kw: SimpleRecurrent(activation=Tanh(), **kw),
     lambda dim, **kw: LookupTable(dim, dim, **kw),
     lambda dim, **kw: LookupFeedback(dim, dim, **kw),
     lambda dim, **kw: LearnedPositions(dim, dim, **kw)],
)  # fmt: skip
def test_schemes_are_taken_where_there_are_no_biases(make):
    brick = make(dim=2, weights_init=Constant(1), biases_init=Constant(5), use_bias=False)
    brick.initialize()
    for variable in Selector(brick).get_parameters().values():
        assert (variable.get_value() != 5).all()
