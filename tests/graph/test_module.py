"""Models as torch modules."""

import copy

import pytest
import torch

from workbench import tensor
from workbench.bricks import MLP, Softmax, Tanh
from workbench.bricks.cost import SquaredError
from workbench.graph import ComputationGraph, apply_dropout
from workbench.initialization import Constant, IsotropicGaussian
from workbench.model import Model


@pytest.fixture
def mlp():
    schemes = {"weights_init": IsotropicGaussian(0.5), "biases_init": Constant(0.1)}
    mlp = MLP([Tanh(), Softmax()], [4, 3, 2], **schemes)
    mlp.initialize()
    return mlp


@pytest.fixture
def model(mlp):
    return Model(mlp.apply(tensor.matrix("features")))


def test_the_module_computes_the_same_as_the_model(mlp, model):
    x = torch.randn(5, 4)
    module = model.to_module()
    torch.testing.assert_close(module(x), mlp.apply(x))
    torch.testing.assert_close(module(features=x), mlp.apply(x))


def test_parameters_are_shared_both_ways(model):
    module = model.to_module()
    first = model.get_parameter_dict()["/mlp/linear_0.W"]
    with torch.no_grad():
        module.mlp.linear_0.W.fill_(2)
    assert (first.get_value() == 2).all()
    first.set_value(first.get_value() * 2)
    assert (module.mlp.linear_0.W == 4).all()


def test_a_state_dict_goes_out_and_in_again(model):
    module = model.to_module()
    state = copy.deepcopy(module.state_dict())
    assert list(state) == ["mlp.linear_0.W", "mlp.linear_0.b", "mlp.linear_1.W", "mlp.linear_1.b"]
    with torch.no_grad():
        module.mlp.linear_1.b.fill_(9)
    module.load_state_dict(state)
    assert (model.parameters[-1].tensor == state["mlp.linear_1.b"]).all()


def test_a_torch_optimizer_trains_the_model(mlp):
    x, y = tensor.matrix("x"), tensor.matrix("y")
    model = Model(SquaredError().apply(y, mlp.apply(x)))
    module = model.to_module()
    optimizer = torch.optim.SGD(module.parameters(), lr=0.5)
    values = {"x": torch.randn(20, 4), "y": torch.rand(20, 2)}
    before = model.outputs[0].eval(values)
    for _ in range(5):
        optimizer.zero_grad()
        module(**values).backward()
        optimizer.step()
    assert model.outputs[0].eval(values) < before


def test_several_outputs_are_a_tuple(mlp):
    x = tensor.matrix("x")
    module = Model([mlp.apply(x), x + 1]).to_module()
    assert [tuple(result.shape) for result in module(torch.ones(3, 4))] == [(3, 2), (3, 4)]


def test_the_module_can_be_exported(model):
    module, x = model.to_module().eval(), torch.randn(5, 4)
    exported = torch.export.export(module, (x,))
    torch.testing.assert_close(exported.module()(x), module(x))


def test_constants_are_no_part_of_the_state():
    module = Model(tensor.vector("x") + torch.tensor([1.0, 2.0])).to_module()
    assert not module.state_dict()
    assert module(torch.zeros(2)).tolist() == [1, 2]


def test_wrong_arguments_are_refused(model):
    for args, named in [((), {}), ((), {"featuers": torch.ones(1, 4)}), ((1, 2), {})]:
        with pytest.raises(TypeError, match=r"arguments of the module must be \('features'\)"):
            model.to_module()(*args, **named)


def test_a_graph_that_draws_is_refused(model):
    dropped = apply_dropout(ComputationGraph(model.outputs), model.inputs, 0.5)
    with pytest.raises(ValueError, match=r"the graph updates random_counter.* whenever it runs"):
        Model(dropped.outputs).to_module()
