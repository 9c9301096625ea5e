"""Graphs survive pickling and copying."""

import copy
import pickle

import cloudpickle
import numpy
import pytest
import torch

from workbench import function, grad, shared, tensor
from workbench.tensor.traversal import ancestors


def duplicates(value):
    return [copy.deepcopy(value), pickle.loads(pickle.dumps(value))]


def test_a_graph_computes_the_same_after_pickling():
    x, w = tensor.matrix("x"), shared(numpy.full((3, 2), 2.0, "float32"), "w")
    y = torch.relu(x.T.sum(1) @ w).copy("y")
    y.tag.name = "output"
    for new_x, new_y in duplicates([x, y]):
        assert (new_y.name, new_y.tag.name, new_x.shape[1]) == ("y", "output", 3)
        assert new_y.eval({new_x: [[1.0, 2.0, 3.0]]}).tolist() == [12.0, 12.0]


def test_shared_parts_stay_shared():
    x = tensor.matrix("x")
    values, indices = torch.max(x, 1)
    a, b = copy.deepcopy([values * 2, indices + 1])
    assert a.owner.inputs[0].owner is b.owner.inputs[0].owner
    assert len([v for v in ancestors([a, b]) if v.owner is None]) == 1


def test_gradients_sizes_and_draws_survive():
    x = tensor.vector("x")
    n, g = x.shape[0] * 2, grad((x**2).sum(), x)
    stream = tensor.RandomStream(1)
    draw = stream.uniform((2,))
    for new_x, new_n, new_g, new_draw in duplicates([x, n, g, draw]):
        assert function([new_x], [new_n, new_g])([3.0])[1].tolist() == [6.0]
        f, again = function([], new_draw), function([], copy.deepcopy(draw))
        assert torch.equal(f(), again()) and torch.equal(f(), again())


def test_arguments_can_refer_back_to_their_call():
    x = tensor.vector("x")
    for join in (lambda v: torch.cat([v, v]), lambda v: torch.clamp(v, max=v)):
        part = x.copy("part")
        y = join(part)
        part.tag.note = {"leads to": y}
        for new in duplicates(y):
            assert torch.equal(new.eval({"x": [1.0]}), y.eval({"x": [1.0]}))


def test_functions_written_in_a_notebook_survive():
    x = tensor.vector("x")
    tensor.put_hook(x, lambda value: None)
    (new,) = pickle.loads(cloudpickle.dumps([x + 1]))
    assert new.eval({"x": [1.0]}).tolist() == [2.0]


@pytest.mark.parametrize("operation", [lambda x: x.T, lambda x: x[1:, None], lambda x: abs(-x) @ x])
def test_operators_methods_and_properties_survive(operation):
    x = tensor.variable("x", (2, 2))
    for new in duplicates(operation(x)):
        assert torch.equal(new.eval({"x": torch.eye(2)}), operation(torch.eye(2)))
