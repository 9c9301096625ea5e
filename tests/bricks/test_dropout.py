"""Dropout as a brick: nothing in use, masks in training."""

import numpy
import pytest
import torch

from workbench import function, grad, shared, tensor
from workbench.bricks import MLP, Dropout, Sequence, Tanh
from workbench.bricks.conv import Convolutional, ConvolutionalSequence
from workbench.filter import VariableFilter
from workbench.graph import ComputationGraph, apply_training_mode, training_mode
from workbench.initialization import Constant, IsotropicGaussian
from workbench.roles import ALGORITHM_HYPERPARAMETER, DROPOUT, OUTPUT, has_roles

ONES = torch.ones(300, 200)


def test_it_does_nothing_when_a_model_is_used():
    x = tensor.matrix("x")
    program = function([x], Dropout(0.5).apply(x)).program
    assert [n.name for n in program.module.graph.nodes if n.op == "call_function"] == []


@pytest.mark.parametrize("drop_prob", [0, 0.25, 0.9])
def test_the_expectation_stays_what_it_was(drop_prob):
    dropout = Dropout(drop_prob, random_seed=1)
    with dropout:
        dropped = dropout.apply(ONES)
    assert abs((dropped == 0).float().mean() - drop_prob) < 0.01
    assert abs(dropped.mean() - 1) < 0.05


def test_gradients_flow_where_nothing_was_dropped():
    dropout, x = Dropout(0.5, random_seed=1), tensor.matrix("x")
    with dropout:
        y = dropout.apply(x)
    value, gradient = function([x], [y, grad((y * 3).sum(), x)])(ONES)
    torch.testing.assert_close(gradient, value * 3)


def test_masks_differ_from_call_to_call_and_between_applications():
    dropout, x = Dropout(0.5, random_seed=1), tensor.matrix("x")
    with dropout:
        run = function([x], [dropout.apply(x), dropout.apply(x)])
    (a, b), (c, _) = run(ONES), run(ONES)
    assert not torch.equal(a, b) and not torch.equal(a, c)


def test_the_same_seed_gives_the_same_masks():
    def run():
        dropout = Dropout(0.5, random_seed=7)
        with dropout:
            return dropout.apply(ONES)

    assert torch.equal(run(), run())


def test_a_graph_is_rewritten_for_training():
    mlp = MLP(
        [Sequence([Tanh(), Dropout(0.5, random_seed=0)])] * 1 + [None], [4, 50, 2],
        weights_init=IsotropicGaussian(), biases_init=Constant(0),
    )  # fmt: skip
    mlp.initialize()
    used = ComputationGraph(mlp.apply(tensor.matrix("x")))
    trained = apply_training_mode(used)
    [new] = VariableFilter(roles=[OUTPUT], bricks=[Dropout])(trained.variables)
    assert new.tag.replacement_of in set(used.variables)
    assert len(VariableFilter(roles=[DROPOUT])(trained.variables)) == 1
    assert set(trained.parameters) == set(used.parameters)
    [a], [b] = (graph.get_function()(ONES[:, :4]) for graph in (used, trained))
    assert not torch.equal(a, b)


def test_training_mode_reaches_all_below():
    sequence = Sequence([Dropout(0.5), Sequence([Dropout(0.1)], name="inner")])
    with training_mode(sequence):
        assert sequence.children[0].in_training_mode
        assert sequence.children[1].children[0].in_training_mode


def test_among_layers_on_images():
    sequence = ConvolutionalSequence([Convolutional((3, 3), 2), Dropout(0.5)], 1, (5, 5))
    assert sequence.get_dim("output") == (2, 3, 3)


@pytest.mark.parametrize("drop_prob", [-0.1, 1, numpy.nan])
def test_a_probability_that_is_none_is_refused(drop_prob):
    with pytest.raises(ValueError, match=r"it: drop_prob is .*, but must be a number in \[0, 1\)"):
        Dropout(drop_prob, name="it")


def test_the_probability_is_a_hyperparameter_of_the_brick():
    dropout = Dropout(0.25, name="noise", random_seed=1)
    with dropout:
        graph = ComputationGraph(dropout.apply(tensor.matrix("x")))
    assert has_roles(dropout.probability, [ALGORITHM_HYPERPARAMETER])
    assert dropout.probability in set(graph.shared_variables)
    run = graph.get_function()
    dropout.probability.set_value(0.75)
    assert abs((run(ONES)[0] == 0).float().mean() - 0.75) < 0.01
    assert dropout.drop_prob == 0.75


def test_one_variable_can_be_the_probability_of_several_bricks():
    probability = shared(numpy.float32(0), "rate")
    first, second = Dropout(probability, random_seed=1), Dropout(probability, random_seed=2)
    x = tensor.matrix("x")
    with training_mode(first, second):
        run = function([x], second.apply(first.apply(x)))
    torch.testing.assert_close(run(ONES), ONES)
    probability.set_value(0.5)
    assert abs((run(ONES) == 0).float().mean() - 0.75) < 0.01


@pytest.mark.parametrize("given", [[0.5], 1, 1.0])
def test_a_variable_without_a_probability_is_refused(given):
    wrong = shared(numpy.asarray(given), "rate")
    with pytest.raises(ValueError, match=r"it: the value of rate: drop_prob is .*\[0, 1\)"):
        Dropout(wrong, name="it")


def test_a_scalar_keeps_its_dtype():
    with (dropout := Dropout(0.5, random_seed=1)):
        assert dropout.apply(tensor.scalar("x")).dtype == torch.float32
