"""Attention by content, against numpy and torch."""

import numpy
import pytest
import torch

from tests.support.gradients import check_gradients
from workbench import function, tensor
from workbench.bricks import MLP, Tanh
from workbench.bricks.attention import (
    AbstractAttention,
    AbstractAttentionRecurrent,
    SequenceContentAttention,
    ShallowEnergyComputer,
)
from workbench.initialization import IsotropicGaussian

RNG = numpy.random.default_rng(7)
ATTENDED = RNG.normal(size=(6, 3, 4)).astype("float32")  # L x B x A
STATES = {
    "states": RNG.normal(size=(3, 2)).astype("float32"),
    "cells": RNG.normal(size=(3, 5)).astype("float32"),
}
MASK = numpy.array([[1, 1, 1]] * 2 + [[1, 0, 1]] * 3 + [[1, 0, 0]], dtype="float32")
SCHEMES = {"weights_init": IsotropicGaussian(1), "biases_init": IsotropicGaussian(1), "seed": 2}


def made(**kwargs):
    attention = SequenceContentAttention(
        7, state_names=["states", "cells"], state_dims=[2, 5], attended_dim=4, **SCHEMES, **kwargs
    )
    attention.initialize()
    return attention


def by_hand(attention, mask=None):
    to_match = [child.W.get_value() for child in attention.state_transformers.children]
    preprocess = attention.attended_transformer
    match = ATTENDED @ preprocess.W.get_value() + preprocess.b.get_value()
    match = match + STATES["states"] @ to_match[0] + STATES["cells"] @ to_match[1]
    energies = (numpy.tanh(match) @ attention.energy_computer.children[1].W.get_value())[..., 0]
    weights = numpy.exp(energies) * (1 if mask is None else mask)
    weights /= weights.sum(0)
    return (weights[..., None] * ATTENDED).sum(0), weights.T


@pytest.mark.parametrize("mask", [None, MASK], ids=["all", "masked"])
@pytest.mark.parametrize("in_advance", [False, True])
def test_glimpses_agree_with_numpy(mask, in_advance):
    attention = made()
    preprocessed = attention.preprocess(ATTENDED) if in_advance else None
    glimpses = attention.take_glimpses(ATTENDED, preprocessed, mask, **STATES)
    for glimpse, expected in zip(glimpses, by_hand(attention, mask), strict=True):
        numpy.testing.assert_allclose(glimpse, expected, rtol=1e-4, atol=1e-5)


def test_gradients():
    def make(attended, mask, states, cells):
        averages, weights = made().take_glimpses(
            attended, attended_mask=mask, states=states, cells=cells
        )
        return torch.cat([averages, weights], 1)

    check_gradients(make, ATTENDED, MASK.astype("int64"), *STATES.values())


@pytest.mark.parametrize("in_advance", [False, True])
def test_padding_may_contain_anything(in_advance):
    attention, attended = made(), torch.tensor(ATTENDED)
    attended[MASK == 0] = torch.nan
    preprocessed = attention.preprocess(attended) if in_advance else None
    cost = sum(one.sum() for one in attention.take_glimpses(attended, preprocessed, MASK, **STATES))
    assert cost.item() == pytest.approx(
        sum(one.sum() for one in by_hand(attention, MASK)), rel=1e-4
    )


def test_what_is_all_masked_gets_no_weight():
    weights = made().compute_weights(
        torch.tensor([[1.0, 900.0], [2.0, 0.0]]), torch.tensor([[0.0, 0.0], [0.0, 1.0]])
    )
    assert weights.tolist() == [[0, 0], [0, 1]]


def test_energies_may_be_of_any_size():
    energies = torch.tensor([[1000.0], [1001.0]])
    torch.testing.assert_close(made().compute_weights(energies), torch.softmax(energies, 0))


def test_names_dimensions_and_initial_glimpses():
    attention = made()
    take = attention.take_glimpses
    assert take.inputs == ["attended", "preprocessed_attended", "attended_mask", "states", "cells"]
    assert take.outputs == ["weighted_averages", "weights"]
    assert attention.get_dims([*take.inputs, *take.outputs]) == [4, 7, 0, 2, 5, 4, 0]
    x = tensor.tensor3("x")
    glimpses = function([x], attention.initial_glimpses(x.shape[1], x))(ATTENDED)
    assert [glimpse.shape for glimpse in glimpses] == [(3, 4), (3, 6)]


def test_parts_may_be_other_bricks():
    deep = MLP([Tanh(), Tanh()], [None, 3, None], name="deep")
    computer = MLP([Tanh(), None], [None, 3, 1], name="energies")
    attention = made(attended_transformer=deep, energy_computer=computer, state_transformer=deep)
    averages, weights = attention.take_glimpses(ATTENDED, **STATES)
    assert averages.shape == (3, 4)
    torch.testing.assert_close(weights.sum(1), torch.ones(3))
    assert [child.name for child in attention.state_transformers.children] == [
        "transform_states",
        "transform_cells",
    ]


def test_an_energy_computer_may_have_a_bias():
    for use_bias in (False, True):
        computer = ShallowEnergyComputer(use_bias=use_bias, **SCHEMES)
        computer.input_dim, computer.output_dim = 4, 1
        computer.initialize()
        [w, *b] = computer.children[1].parameters
        expected = numpy.tanh(ATTENDED) @ w.get_value() + (b[0].get_value() if b else 0)
        numpy.testing.assert_allclose(computer.apply(ATTENDED), expected, rtol=1e-4, atol=1e-5)
        assert len(b) == use_bias


def test_interfaces_say_what_is_to_be_defined():
    x = tensor.tensor3("x")
    attention = AbstractAttention(["states"], [1], 2, name="mine")
    with pytest.raises(NotImplementedError, match="must define the method take_glimpses"):
        attention.take_glimpses(x)
    with pytest.raises(NotImplementedError, match="must define the method initial_glimpses"):
        attention.initial_glimpses(3, x)
    assert attention.preprocess(ATTENDED).shape == ATTENDED.shape
    for method in ("apply", "take_glimpses", "compute_states"):
        with pytest.raises(NotImplementedError, match=f"must define the method {method}"):
            getattr(AbstractAttentionRecurrent(), method)(states=x)
