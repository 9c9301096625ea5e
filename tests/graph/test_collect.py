"""Collection of many parameters in one vector."""

import numpy
import pytest
import torch

from workbench import grad, shared, tensor
from workbench.bricks import MLP, Logistic
from workbench.bricks.cost import SquaredError
from workbench.filter import VariableFilter
from workbench.graph import ComputationGraph, collect_parameters
from workbench.initialization import Constant, IsotropicGaussian
from workbench.roles import COLLECTED, COLLECTOR


def collected():
    x = tensor.matrix("x")
    mlp = MLP(
        [Logistic(), Logistic()],
        [5, 4, 5],
        weights_init=IsotropicGaussian(),
        biases_init=Constant(0.1),
    )
    graph = ComputationGraph(SquaredError().apply(x, mlp.apply(x)))
    mlp.initialize()
    return x, graph, collect_parameters(graph, graph.parameters)


def test_one_shared_variable_is_left_and_the_cost_is_the_same():
    x, graph, new = collected()
    value = torch.linspace(0, 1, 15).reshape(3, 5)
    torch.testing.assert_close(new.outputs[0].eval({x: value}), graph.outputs[0].eval({x: value}))
    [collector] = new.shared_variables
    assert collector.name == "collected_parameters" and COLLECTOR in collector.tag.roles


def test_pieces_lead_back_to_the_parameters():
    _, graph, new = collected()
    pieces = VariableFilter(roles=[COLLECTED])(new.variables)
    assert {piece.tag.replacement_of for piece in pieces} == set(graph.parameters)


def test_the_gradient_is_that_of_all_parameters():
    x, graph, new = collected()
    value = torch.linspace(0, 1, 15).reshape(3, 5)
    whole = grad(new.outputs[0], new.shared_variables[0]).eval({x: value})
    parts = [grad(graph.outputs[0], p).eval({x: value}).flatten() for p in graph.parameters]
    torch.testing.assert_close(whole, torch.cat(parts))


def test_parameters_of_several_dtypes_are_refused():
    a, b = shared(numpy.ones(2), "a"), shared(numpy.ones(2, "float32"), "b")
    with pytest.raises(ValueError, match=r"the same dtype, but received a \(.*64\), b \(.*32\)"):
        collect_parameters(ComputationGraph(a.sum() + b.sum()), [a, b])
