"""Generation, against a plain loop in torch."""

import numpy
import pytest
import scipy.stats
import torch

from tests.bricks.sequence_generators.plain import ATTENDED, LETTERS, Plain, made
from workbench import function, tensor
from workbench.bricks import Tanh
from workbench.bricks.recurrent import BaseRecurrent, SimpleRecurrent, recurrent
from workbench.bricks.sequence_generators import Readout, SequenceGenerator
from workbench.errors import ApplicationError
from workbench.filter import VariableFilter
from workbench.graph import ComputationGraph
from workbench.initialization import IsotropicGaussian

torch.manual_seed(9)
B = 3
LOOKED_AT = torch.randn(7, B, ATTENDED)
LOOKED_MASK = (torch.arange(7)[:, None] < torch.tensor([7, 2, 5])).float()


def drawn(generator, **kwargs):
    """Compute the outputs of a generator; repeated calls draw the same numbers."""
    return function([], generator.generate(**kwargs, as_list=True))()


SCHEMES = {
    "weights_init": IsotropicGaussian(1), "biases_init": IsotropicGaussian(1), "seed": 3
}  # fmt: skip


@pytest.mark.parametrize("attended_mask", [None, LOOKED_MASK], ids=["all seen", "part seen"])
def test_what_is_drawn_has_the_costs_and_states_of_a_loop(attended_mask):
    generator = made()
    got = generator.generate(
        attended=LOOKED_AT, attended_mask=attended_mask, n_steps=5, batch_size=B, as_dict=True
    )
    costs, states, averages, weights = Plain(generator).run(
        got["outputs"], LOOKED_AT, None, attended_mask
    )
    close = {"rtol": 1e-4, "atol": 1e-5}
    torch.testing.assert_close(got["costs"], costs.detach(), **close)
    torch.testing.assert_close(got["states"][:-1], states[1:].detach(), **close)
    torch.testing.assert_close(got["weighted_averages"], averages.detach(), **close)
    torch.testing.assert_close(got["weights"], weights.detach(), **close)


def test_costs_of_generated_sequences_are_those_of_given_ones():
    generator = made(attention=False)
    _, outputs, costs = drawn(generator, n_steps=8, batch_size=4)
    torch.testing.assert_close(generator.cost_matrix(outputs), costs, rtol=1e-4, atol=1e-5)


def test_what_is_attended_is_preprocessed_once():
    generator = made()
    outputs = generator.generate(attended=tensor.tensor3("x"), n_steps=5, batch_size=B)[1]
    graph = ComputationGraph(outputs)
    preprocess = VariableFilter(bricks=[generator.transition.attention.attended_transformer])
    assert preprocess(graph.variables) and not preprocess(graph.scan_variables)


def test_one_step():
    generator = made()
    plain = Plain(generator)
    states, last = torch.randn(B, 4), torch.tensor([0, 2, 1])
    got = generator.generate(
        outputs=last, states=states, attended=LOOKED_AT, weighted_averages=torch.zeros(B, ATTENDED),
        weights=torch.zeros(B, 7), iterate=False, as_dict=True,
    )  # fmt: skip
    assert list(got) == ["states", "outputs", "weighted_averages", "weights", "costs"]
    averages, _ = plain.glimpses(states, LOOKED_AT)
    expected = plain.next_states(got["outputs"], states, averages)
    torch.testing.assert_close(got["states"], expected.detach(), rtol=1e-4, atol=1e-5)
    with pytest.raises(TypeError, match=r"generate requires .*a single step"):
        generator.generate(outputs=last, attended=LOOKED_AT, iterate=False)


def test_letters_come_with_their_probabilities():
    generator = made(attention=False)
    _, outputs, _ = drawn(generator, n_steps=2, batch_size=6000)
    plain = Plain(generator)
    states, start = plain.start(1)

    def agree(letters, logits):
        expected = torch.softmax(logits.detach().double()[0], 0).numpy()
        counts = numpy.bincount(letters, minlength=LETTERS)
        return scipy.stats.chisquare(counts, counts.sum() * expected).pvalue > 0.01

    assert agree(outputs[0], plain.logits(start, states))
    for letter in torch.arange(LETTERS).unsqueeze(1):
        second = outputs[1][outputs[0] == letter]
        assert agree(second, plain.logits(letter, plain.next_states(letter, states)))


def test_every_call_draws_other_numbers():
    run = function([], made(attention=False).generate(n_steps=9, batch_size=2, as_list=True)[1])
    assert not torch.equal(run(), run())


def test_the_same_seed_draws_the_same():
    first, second = (drawn(made(attention=False), n_steps=9, batch_size=2) for _ in range(2))
    assert torch.equal(first[1], second[1])


def test_the_number_of_steps_and_of_sequences_may_be_variables():
    generator, x = made(attention=False), tensor.matrix("x")
    outputs = generator.generate(n_steps=2 * x.shape[0], batch_size=x.shape[1], as_dict=True)
    run = function([x], outputs["outputs"])
    assert run(torch.zeros(4, 3)).shape == (8, 3)


def test_generation_goes_on_from_given_states():
    generator = made(attention=False)
    states, outputs, _ = drawn(generator, n_steps=3, batch_size=2)
    states, more, costs = generator.generate(outputs=outputs[-1], states=states[-1], n_steps=4)
    whole = generator.cost_matrix(torch.cat([outputs, more]))
    torch.testing.assert_close(whole[3:], costs, rtol=1e-4, atol=1e-5)


def test_vectors_are_generated_and_fed_back():
    generator = SequenceGenerator(
        Readout(source_names=["states"], readout_dim=2), SimpleRecurrent(3, Tanh()), **SCHEMES
    )
    generator.initialize()
    states, outputs, costs = drawn(generator, n_steps=4, batch_size=1)
    [merge] = generator.readout.merge.children
    fork, bias = generator.fork.children[0], generator.readout.post_merge
    w, v, to = (p.W.get_value() for p in (generator.transition.transition, merge, fork))
    state, made_here = numpy.zeros((1, 3)), []
    for _ in range(4):
        output = state @ v + bias.parameters[0].get_value()
        state = numpy.tanh(state @ w + output @ to + fork.b.get_value())
        made_here.append(output)
    numpy.testing.assert_allclose(outputs, made_here, rtol=1e-4)
    numpy.testing.assert_allclose(states[-1], state, rtol=1e-4)
    assert not costs.any() and costs.shape == (4, 1)


class WithContext(BaseRecurrent):
    @recurrent(sequences=["inputs"], states=["states"], contexts=["given"], outputs=["states"])
    def apply(self, inputs, states, given):
        return torch.tanh(inputs + states + given)

    def get_dim(self, name):
        return 2


def test_contexts_reach_transition_and_readout():
    generator = SequenceGenerator(
        Readout(source_names=["states", "given"], readout_dim=2), WithContext(), **SCHEMES
    )
    generator.initialize()
    assert generator.generate.contexts == ["given"]
    given = torch.randn(1, 2)
    _, outputs, _ = generator.generate(given=given, n_steps=3, batch_size=1)
    _, other, _ = generator.generate(given=-given, n_steps=3, batch_size=1)
    assert not torch.allclose(outputs[0], other[0]) and not torch.allclose(outputs[2], other[2])
    assert generator.cost_matrix(outputs, given=given).shape == (3, 1)


def test_what_generation_needs_is_named():
    generator = made(attention=False)
    with pytest.raises(TypeError, match="without sequences, so it requires n_steps"):
        generator.generate(batch_size=3)
    with pytest.raises(TypeError, match=r"cannot infer the batch size"):
        generator.generate(n_steps=3)


class Undeclared(BaseRecurrent):
    """A transition whose step does not say what it returns."""

    @recurrent(sequences=["inputs", "mask"], states=["states"], contexts=[])
    def apply(self, inputs, states, mask=None):
        return torch.tanh(states + inputs)

    def get_dim(self, name):
        return 4 if name in ("inputs", "states") else super().get_dim(name)


def test_a_transition_that_does_not_declare_its_outputs_is_named_with_what_to_write():
    readout = Readout(readout_dim=4, source_names=["states"])
    generator = SequenceGenerator(readout, Undeclared(name="mine"), **SCHEMES)
    generator.initialize()
    with pytest.raises(ApplicationError, match=r"mine.apply: .*outputs=\['states'\]"):
        generator.cost(tensor.tensor3("y"))
