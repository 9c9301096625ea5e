"""Dropout as a brick: nothing in use, masks in training."""

import numpy
import pytest
import torch

from workbench import function, grad, tensor
from workbench.bricks import MLP, Dropout, Sequence, Tanh
from workbench.bricks.conv import Convolutional, ConvolutionalSequence
from workbench.filter import VariableFilter
from workbench.graph import ComputationGraph, apply_training_mode, training_mode
from workbench.initialization import Constant, IsotropicGaussian
from workbench.roles import DROPOUT, OUTPUT

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
