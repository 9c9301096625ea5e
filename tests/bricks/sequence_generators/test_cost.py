"""Costs of given sequences, against a plain loop in torch."""

import pytest
import torch

from tests.bricks.sequence_generators.plain import ATTENDED, LETTERS, Plain, made
from tests.support.gradients import check_gradients
from workbench import function, grad, tensor
from workbench.bricks import Tanh
from workbench.bricks.recurrent import LSTM, GatedRecurrent, RecurrentStack, SimpleRecurrent
from workbench.bricks.sequence_generators import (
    LookupFeedback,
    Readout,
    SequenceGenerator,
    SoftmaxEmitter,
)
from workbench.data import as_stream
from workbench.filter import VariableFilter
from workbench.graph import ComputationGraph
from workbench.initialization import IsotropicGaussian
from workbench.monitoring.evaluators import DatasetEvaluator
from workbench.roles import COST
from workbench.select import Selector

torch.manual_seed(8)
T, B = 6, 4
Y = torch.randint(LETTERS, (T, B))
MASK = (torch.arange(T)[:, None] < torch.tensor([6, 1, 4, 3])).float()
LOOKED_AT = torch.randn(7, B, ATTENDED)
LOOKED_MASK = (torch.arange(7)[:, None] < torch.tensor([7, 7, 2, 5])).float()
SCHEMES = {
    "weights_init": IsotropicGaussian(1), "biases_init": IsotropicGaussian(1), "seed": 3
}  # fmt: skip


@pytest.mark.parametrize("mask", [None, MASK], ids=["all", "masked"])
@pytest.mark.parametrize("attended_mask", [None, LOOKED_MASK], ids=["all seen", "part seen"])
def test_costs_with_attention_agree_with_a_loop(mask, attended_mask):
    generator = made()
    got = generator.cost_matrix(Y, mask, attended=LOOKED_AT, attended_mask=attended_mask)
    costs, *_ = Plain(generator).run(Y, LOOKED_AT, mask, attended_mask)
    torch.testing.assert_close(got, costs.detach(), rtol=1e-4, atol=1e-5)
    assert generator.cost_matrix.outputs == ["costs"]


@pytest.mark.parametrize("mask", [None, MASK], ids=["all", "masked"])
def test_costs_without_attention_agree_with_a_loop(mask):
    generator = made(attention=False)
    costs, *_ = Plain(generator).run(Y, mask=mask)
    got = generator.cost_matrix(Y, mask)
    torch.testing.assert_close(got, costs.detach(), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(generator.cost(Y, mask), got.sum(0).mean())


@pytest.mark.parametrize("attention", [False, True])
def test_gradients_agree_with_those_of_the_loop(attention):
    generator = made(attention)
    y, mask, attended = tensor.lmatrix("y"), tensor.matrix("mask"), tensor.tensor3("attended")
    contexts = {"attended": attended} if attention else {}
    cost = generator.cost(y, mask, **contexts)
    found = Selector(generator).get_parameters()
    inputs = [y, mask, *contexts.values()]
    values = [Y, MASK, *([LOOKED_AT] if attention else [])]
    got = function(inputs, grad(cost, list(found.values())))(*values)
    plain = Plain(generator)
    plain.run(Y, LOOKED_AT if attention else None, MASK)[0].sum(0).mean().backward()
    for path, value in zip(found, got, strict=True):
        expected = plain.parameters[path].grad
        torch.testing.assert_close(value, expected, rtol=1e-3, atol=1e-5, msg=path)


@pytest.mark.parametrize(
    "transition",
    [
        SimpleRecurrent(2, activation=Tanh()),
        LSTM(2),
        RecurrentStack([GatedRecurrent(2), LSTM(2)], skip_connections=True),
    ],
    ids=lambda transition: transition.name,
)
def test_gradients_agree_with_finite_differences(transition):
    def make(y, mask):
        generator = SequenceGenerator(
            Readout(
                SoftmaxEmitter(), LookupFeedback(LETTERS, 2),
                source_names=[*transition.apply.states, "feedback"], readout_dim=LETTERS,
            ),
            transition, **SCHEMES,
        )  # fmt: skip
        generator.initialize()
        return generator.cost_matrix(y, mask)

    check_gradients(make, Y.numpy(), MASK.long().numpy())


def test_gradients_with_attention_agree_with_finite_differences():
    def make(y, attended):
        return made().cost_matrix(y, attended=attended)

    check_gradients(make, Y.numpy(), LOOKED_AT.numpy())


def test_states_and_glimpses_of_every_step_can_be_looked_at():
    generator = made()
    y, attended = tensor.lmatrix("y"), tensor.tensor3("attended")
    graph = ComputationGraph(generator.cost(y, attended=attended))
    _, *expected = Plain(generator).run(Y, LOOKED_AT)
    for name, series in zip(("states", "weighted_averages", "weights"), expected, strict=True):
        find = VariableFilter(applications=[generator.cost_matrix], name=name)
        [found] = find(graph.auxiliary_variables)
        got = found.eval({y: Y, attended: LOOKED_AT})
        torch.testing.assert_close(got, series.detach(), rtol=1e-4, atol=1e-5)


def test_a_long_sequence_may_be_taken_in_pieces():
    generator = made(attention=False)
    y = tensor.lmatrix("y")
    states = tensor.matrix("states")
    costs = generator.cost_matrix(y, states=states)
    find = VariableFilter(applications=[generator.cost_matrix], name="states_final_value")
    [final] = find(ComputationGraph(costs).auxiliary_variables)
    run = function([y, states], [costs, final])
    whole, _ = run(Y, torch.zeros(B, 4))
    _, between = run(Y[:3], torch.zeros(B, 4))
    rest, _ = run(Y[3:], between)
    # Only the first output of the second piece has another feedback.
    torch.testing.assert_close(rest[1:], whole[4:])


def test_the_cost_is_that_of_an_example_whatever_the_batches():
    generator = made(attention=False)
    y, mask = tensor.lmatrix("y"), tensor.matrix("mask")
    cost = generator.cost(y, mask)
    assert COST in cost.tag.roles
    [element] = VariableFilter(name="per_sequence_element")(ComputationGraph(cost).variables)
    cost.name, element.name = "cost", "element"
    batches = [{"y": Y[:, part], "mask": MASK[:, part]} for part in (slice(1), slice(1, None))]
    values = DatasetEvaluator([cost, element]).evaluate(as_stream(batches))
    matrix = generator.cost_matrix(Y, MASK)
    assert values["cost"] == pytest.approx(float(matrix.sum() / B), rel=1e-5)
    assert values["element"] == pytest.approx(float(matrix.sum() / MASK.sum()), rel=1e-5)


def test_padding_costs_nothing_whatever_it_is():
    generator = made(attention=False)
    other = torch.where(MASK != 0, Y, (Y + 1) % LETTERS)
    torch.testing.assert_close(generator.cost(Y, MASK), generator.cost(other, MASK))


def test_what_does_not_fit_is_named():
    generator, y = made(), tensor.lmatrix("y")
    with pytest.raises(TypeError, match=r"arguments \(outputs, .*, not 'atended'; did you mean '"):
        generator.cost(y, atended=tensor.tensor3("x"))
    with pytest.raises(TypeError, match="requires attended, the sequence to attend to"):
        generator.cost(y)
    with pytest.raises(ValueError, match=r"outputs have shape \(\?,\), but must have shape"):
        generator.cost(tensor.lvector("y"), attended=tensor.tensor3("x"))
    with pytest.raises(ValueError, match=r"mask has shape \(\?,\), but must have shape \(T, B\)"):
        generator.cost(y, tensor.vector("mask"), attended=tensor.tensor3("x"))
