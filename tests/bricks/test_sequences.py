"""Sequences and multi-layer perceptrons."""

import numpy
import pytest
import torch
from numpy.testing import assert_allclose

from workbench import tensor
from workbench.bricks import (
    MLP,
    Brick,
    FeedforwardSequence,
    Identity,
    Linear,
    Logistic,
    Rectifier,
    Sequence,
    Softmax,
    Tanh,
    application,
)
from workbench.filter import VariableFilter
from workbench.graph import ComputationGraph
from workbench.initialization import Constant, IsotropicGaussian, Uniform
from workbench.roles import OUTPUT


@pytest.fixture
def mlp():
    schemes = {"weights_init": Uniform(width=1), "biases_init": Uniform(width=1)}
    mlp = MLP([Rectifier(), Softmax()], [6, 5, 4], **schemes)
    mlp.initialize()
    return mlp


def test_a_sequence_applies_one_after_the_other():
    sequence = Sequence([Tanh(), Logistic().apply, Softmax().log_probabilities])
    x = torch.randn(3, 4)
    expected = torch.log_softmax(torch.sigmoid(torch.tanh(x)), -1)
    assert_allclose(sequence.apply(x), expected, rtol=1e-5)
    assert [child.name for child in sequence.children] == ["tanh", "logistic", "softmax"]


def test_one_brick_may_come_several_times():
    tanh = Tanh()
    sequence = Sequence([tanh, tanh])
    assert sequence.children == [tanh]
    assert sequence.apply(torch.ones(1)).item() == pytest.approx(numpy.tanh(numpy.tanh(1)))


class Split(Brick):
    """One input, two outputs."""

    @application(inputs=["whole"], outputs=["left", "right"])
    def apply(self, whole):
        return whole - 1, whole + 1


class Join(Brick):
    """Two inputs, one output."""

    @application(inputs=["a", "b"], outputs=["product"])
    def apply(self, a, b):
        return a * b


def test_several_outputs_become_several_inputs():
    sequence = Sequence([Split(), Join()])
    assert (sequence.apply.inputs, sequence.apply.outputs) == (["whole"], ["product"])
    assert sequence.apply(torch.tensor([3.0])).item() == 8
    assert Sequence([Join(), Split()]).apply(a=torch.ones(1), b=torch.ones(1))[1].item() == 2


def test_a_sequence_tells_the_dimensions_of_its_ends():
    sequence = Sequence([Linear(3, 4), Tanh(), Linear(4, 5)])
    assert sequence.get_dims(["input_", "output"]) == [3, 5]


def test_a_sequence_refuses_what_cannot_be_applied():
    with pytest.raises(
        ValueError, match="must consist of bricks and their application methods, not <built-in"
    ):
        Sequence([Tanh(), torch.tanh])


def test_the_dimensions_of_a_feedforward_sequence_are_those_of_its_ends():
    sequence = FeedforwardSequence([first := Linear(), last := Linear()])
    sequence.input_dim, sequence.output_dim = 3, 4
    assert (first.input_dim, last.output_dim) == (3, 4)
    assert sequence.get_dims(["input_", "output"]) == [3, 4]
    with pytest.raises(
        AttributeError, match="the first or last brick of 'feedforwardsequence', has no"
    ):
        FeedforwardSequence([Tanh()]).input_dim


def test_an_mlp_is_linear_and_activation_in_turn(mlp):
    x = torch.randn(3, 6)
    W, b, V, c = (torch.tensor(p.get_value()) for layer in mlp.children for p in layer.parameters)
    expected = torch.softmax(torch.relu(x @ W + b) @ V + c, -1)
    assert_allclose(mlp.apply(x), expected, rtol=1e-4)


def test_children_of_an_mlp(mlp):
    assert [c.name for c in mlp.children] == ["linear_0", "rectifier", "linear_1", "softmax"]
    assert [c.get_dims(["input_", "output"]) for c in mlp.linear_transformations] == [
        [6, 5],
        [5, 4],
    ]
    assert mlp.apply.inputs == ["input_"]
    assert (mlp.input_dim, mlp.output_dim) == (6, 4)


def test_without_activation_there_is_only_the_transformation():
    mlp = MLP([None, Tanh().apply], [2, 3, 4])
    assert [c.name for c in mlp.children] == ["linear_0", "linear_1", "tanh"]


def test_dimensions_of_an_mlp_may_come_later():
    mlp = MLP([Tanh(), Tanh()], [None, 3, None])
    assert repr(mlp) == "<MLP mlp: ? -> ?>"
    with pytest.raises(ValueError, match="mlp/linear_0: allocation requires input_dim"):
        mlp.allocate()
    mlp.input_dim, mlp.output_dim = 2, 4
    assert mlp.dims == [2, 3, 4]
    assert mlp.apply(tensor.matrix("x")).shape[1] == 4


def test_an_mlp_without_dims_says_so():
    mlp = MLP([Tanh()])
    with pytest.raises(ValueError, match="mlp: allocation requires dims"):
        mlp.apply(tensor.matrix("x"))
    mlp.input_dim, mlp.output_dim = 2, 3
    mlp.allocate()
    assert mlp.children[0].W.shape == (2, 3)


@pytest.mark.parametrize(("use_bias", "count"), [(None, 2), (True, 4), (False, 2)])
def test_use_bias_is_pushed_only_if_given(use_bias, count):
    mlp = MLP([Tanh(), Tanh()], [2, 2, 2], prototype=Linear(use_bias=False), use_bias=use_bias)
    assert len(ComputationGraph(mlp.apply(tensor.matrix("x"))).parameters) == count


def test_a_prototype_is_copied_for_each_layer():
    prototype = Linear(name="dense", weights_init=Constant(3), biases_init=Constant(1))
    mlp = MLP([None, None], [1, 1, 1], prototype=prototype)
    mlp.initialize()
    assert [layer.name for layer in mlp.linear_transformations] == ["dense_0", "dense_1"]
    assert mlp.apply(torch.tensor([[2.0]])).item() == (2 * 3 + 1) * 3 + 1
    assert not prototype.allocated


def test_one_activation_may_serve_all_layers():
    mlp = MLP([Rectifier()] * 2 + [Logistic()], [4, 3, 2, 1])
    outputs = VariableFilter(roles=[OUTPUT], bricks=[Rectifier])
    assert len(outputs(ComputationGraph(mlp.apply(tensor.matrix("x"))).variables)) == 2
    assert [c.name for c in mlp.children].count("rectifier") == 1


def test_schemes_reach_nested_mlps():
    inner = MLP([Tanh()], [3, 3], name="inner")
    outer = MLP(
        [inner, Identity()], [3, 3, 2], weights_init=IsotropicGaussian(), biases_init=Constant(0)
    )
    outer.initialize()
    assert not numpy.isnan(inner.linear_transformations[0].W.get_value()).any()
