"""Beam search against all sequences, and against a plain loop."""

import itertools

import numpy
import pytest
import torch

from tests.bricks.sequence_generators.plain import ATTENDED, LETTERS, Plain, made
from workbench import function, tensor
from workbench.bricks import Linear
from workbench.bricks.recurrent import GatedRecurrent
from workbench.bricks.sequence_generators import (
    LookupFeedback,
    Readout,
    SequenceGenerator,
    SoftmaxEmitter,
)
from workbench.errors import SearchError
from workbench.initialization import Constant
from workbench.search import BeamSearch, _check_copies

EOL, LENGTH = 2, 4
LOOKED_AT = numpy.random.default_rng(4).normal(size=(5, 1, ATTENDED)).astype("float32")
GENERATOR = made()


def searching(generator=GENERATOR, batch_size=None):
    """Return a search of a generator that attends to an input."""
    x = tensor.tensor3("x")
    contexts = {"attended": x * 2} if generator is GENERATOR else {}
    size = x.shape[1] if batch_size is None else batch_size
    return BeamSearch(generator.generate(**contexts, n_steps=3, batch_size=size)[1])


def found(size, search=None, **kwargs):
    copies = numpy.repeat(LOOKED_AT, size, axis=1)
    return (search or searching()).search({"x": copies}, EOL, LENGTH, **kwargs)


def all_sequences(ignore_first_eol=False):
    """Return every sequence that ends, or has the full length, with its cost."""
    costs = {}
    y, x = tensor.lmatrix("y"), tensor.tensor3("x")
    run = function([y, x], GENERATOR.cost(y, attended=2 * x))
    for length in range(1, LENGTH + 1):
        for letters in itertools.product(range(LETTERS), repeat=length):
            ends = [i for i, letter in enumerate(letters) if letter == EOL]
            ends = [i for i in ends if i or not ignore_first_eol]
            if ends == [length - 1] or (not ends and length == LENGTH):
                costs[letters] = float(run(numpy.array(letters)[:, None], LOOKED_AT))
    return sorted(costs.items(), key=lambda item: item[1])


@pytest.mark.parametrize("ignore_first_eol", [False, True])
def test_a_large_beam_finds_the_best_of_all(ignore_first_eol):
    outputs, costs = found(60, ignore_first_eol=ignore_first_eol)
    everything = all_sequences(ignore_first_eol)
    expected, expected_costs = zip(*everything[:60], strict=True)
    assert len(outputs) == min(60, len(everything))
    assert [tuple(letters) for letters in outputs] == list(expected)
    numpy.testing.assert_allclose(costs, expected_costs, rtol=1e-4)


@pytest.mark.parametrize("size", [1, 2, 5])
def test_a_small_beam_agrees_with_a_loop(size):
    plain = Plain(GENERATOR)
    attended = torch.from_numpy(2 * LOOKED_AT)
    beam = [((), 0.0, *plain.start(1))]
    for _ in range(LENGTH):
        longer = []
        for letters, cost, states, last in beam:
            if EOL in letters:
                longer.append((letters, cost, states, last))
                continue
            averages, _ = plain.glimpses(states, attended)
            log_probs = torch.log_softmax(plain.logits(last, states, averages), 1)[0]
            for letter in torch.arange(LETTERS).split(1):
                after = plain.next_states(letter, states, averages)
                worse = cost - float(log_probs.detach()[letter])
                longer.append(((*letters, int(letter)), worse, after, letter))
        beam = sorted(longer, key=lambda item: item[1])[:size]
    outputs, costs = found(size)
    assert [tuple(letters) for letters in outputs] == [item[0] for item in beam]
    numpy.testing.assert_allclose(costs, [item[1] for item in beam], rtol=1e-4)


def test_arrays():
    outputs, mask, costs = found(6, as_arrays=True)
    assert outputs.shape == mask.shape == costs.shape == (LENGTH, 6)
    lists, totals = found(6)
    for column, letters in enumerate(lists):
        assert outputs[: len(letters), column].tolist() == letters
        assert (outputs[len(letters) :, column] == EOL).all()
        assert mask[:, column].tolist() == [1] * len(letters) + [0] * (LENGTH - len(letters))
        assert not costs[len(letters) :, column].any()
    assert costs.sum(0).tolist() == totals == sorted(totals)
    assert BeamSearch.result_to_lists((outputs, mask, costs)) == (lists, totals)


def test_the_parts_of_a_search():
    search = searching()
    assert search.generator is GENERATOR and not search.compiled
    search.compile()
    x = numpy.repeat(LOOKED_AT, 3, axis=1)
    contexts, states = search.compute_initial_states_and_contexts({search.inputs[0]: x})
    assert list(contexts) == ["attended", "preprocessed_attended"]
    assert list(states) == GENERATOR.generate.states
    log_probs = search.compute_logprobs(contexts, states)
    torch.testing.assert_close(log_probs.exp().sum(1), torch.ones(3))
    after = search.compute_next_states(contexts, states, torch.tensor([0, 1, 2]))
    assert after["outputs"].tolist() == [0, 1, 2]
    assert not torch.equal(after["states"][0], after["states"][1])


def test_attended_sequences_are_preprocessed_once():
    search = searching()
    contexts, states = search.compute_initial_states_and_contexts({"x": LOOKED_AT})
    before = search.compute_logprobs(contexts, states)
    contexts["preprocessed_attended"] = -contexts["preprocessed_attended"]
    assert not torch.allclose(search.compute_logprobs(contexts, states), before)


ALPHABET = " abno."


def speller(text):
    """Return a generator that emits, after each letter, the one that follows it in `text`."""
    size = len(ALPHABET)
    readout = Readout(
        SoftmaxEmitter(), LookupFeedback(size, size), merge_prototype=Linear(use_bias=False),
        source_names=["states", "feedback"], readout_dim=size,
    )  # fmt: skip
    generator = SequenceGenerator(
        readout, GatedRecurrent(1), weights_init=Constant(0), biases_init=Constant(0)
    )
    generator.initialize()
    likely = numpy.zeros((size, size), "float32")
    for before, after in itertools.pairwise(text):
        likely[ALPHABET.index(before), ALPHABET.index(after)] += 2
    generator.readout.feedback_brick.lookup.W.set_value(numpy.eye(size, dtype="float32"))
    generator.readout.merge.children[1].W.set_value(likely)
    return generator


def test_characters():
    generator = speller(" banana bono.")
    end = ALPHABET.index(".")
    search = BeamSearch(generator.generate(n_steps=1, batch_size=20, as_dict=True)["outputs"])
    outputs, costs = search.search({}, end, max_length=12)
    words = ["".join(ALPHABET[code] for code in codes) for codes in outputs]
    assert len(set(words)) == 20 and words[0] == "bo."
    assert all(word.endswith(".") or len(word) == 12 for word in words)
    letters = numpy.array(outputs[0])[:, None]
    assert float(generator.cost(letters)) == pytest.approx(costs[0], rel=1e-5)


def test_an_impossible_output_is_never_chosen():
    generator = speller(" bab.")
    impossible = numpy.array([0, 0, 0, -numpy.inf, 0, 0], "float32")
    generator.readout.post_merge.parameters[0].set_value(impossible)
    outputs, costs = searching(generator, 100).search({}, 5, 2)
    assert len(outputs) == 1 + 4 * 5 and all(ALPHABET.index("n") not in word for word in outputs)
    assert numpy.isfinite(costs).all()


def test_misuse_is_named():
    x = tensor.tensor3("x")
    copies = {"x": numpy.repeat(LOOKED_AT, 3, axis=1)}
    with pytest.raises(
        ValueError, match="samples must be an output of .* not x, which is not from a sequence"
    ):
        BeamSearch(x)
    with pytest.raises(ValueError, match="applied with n_steps.* not .* of generator.cost"):
        BeamSearch(GENERATOR.cost(tensor.lmatrix("y"), attended=x))
    trivial = SequenceGenerator(Readout(source_names=["states"], readout_dim=2), GatedRecurrent(1))
    with pytest.raises(ValueError, match="sequencegenerator/readout has no .* named probs"):
        BeamSearch(trivial.generate(n_steps=1, batch_size=1)[1])
    search = searching()
    with pytest.raises(ValueError, match="eol_symbol must be an output from 0 to 2, not 3"):
        search.search(copies, 3, 5)
    with pytest.raises(ValueError, match="max_length must be a positive integer, not 0"):
        search.search(copies, EOL, 0)
    with pytest.raises(ValueError, match=r"has no input 'xx', only \(x\); did you mean 'x'\?"):
        search.search({"xx": LOOKED_AT}, EOL, 5)
    with pytest.raises(ValueError, match="the search requires a value for x"):
        search.search({}, EOL, 5)
    with pytest.raises(ValueError, match="attended differs between the 3 sequences of the batch"):
        search.search({"x": LOOKED_AT * numpy.arange(3, dtype="float32")[:, None]}, EOL, 5)
    with pytest.raises(ValueError, match="the batch is empty; pass a copy"):
        search.search({"x": LOOKED_AT[:, :0]}, EOL, 5)


def test_a_generator_that_went_wrong_is_named():
    generator = speller(" bab.")
    generator.readout.post_merge.parameters[0].set_value(numpy.full(6, numpy.nan, "float32"))
    with pytest.raises(ValueError, match=r"probabilities that are not numbers \(NaN\); initialise"):
        searching(generator, 2).search({}, 5, 2)


def test_copies_may_differ_by_rounding():
    value = torch.tensor([[1.0, 2.0], [1.0, 2.0 + 1e-6]])
    _check_copies(2, {}, {"states": value})
    with pytest.raises(SearchError, match="states differs between the 2 sequences"):
        _check_copies(2, {}, {"states": value * 1e-4 + torch.tensor([[0.0, 0.0], [0.0, 1e-7]])})
