"""Modules of torch as bricks, against the modules themselves."""

import copy
import pickle
import threading

import pytest
import torch
from numpy.testing import assert_allclose
from torch import nn

from workbench import errors, function, grad, tensor
from workbench.algorithms import GradientDescent, Scale
from workbench.bricks import Linear, Sequence, Tanh, TorchModule
from workbench.config import config
from workbench.filter import VariableFilter
from workbench.graph import ComputationGraph, apply_training_mode
from workbench.initialization import Constant
from workbench.model import Model
from workbench.roles import (
    BATCH_NORM_POPULATION_STATISTICS,
    BIAS,
    FILTER,
    PERSISTENT,
    WEIGHT,
)


def convolutions():
    return nn.Sequential(
        nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(48, 2)
    )


MODULES = {
    "linear": (lambda: nn.Linear(4, 3), (5, 4), ["output"]),
    "convolutions": (convolutions, (5, 1, 6, 6), ["output"]),
    "lstm": (lambda: nn.LSTM(4, 3), (6, 5, 4), ["output", "states", "cells"]),
    "transformer": (
        lambda: nn.TransformerEncoderLayer(4, 2, 8, batch_first=True),
        (5, 6, 4),
        ["output"],
    ),
    "attention": (lambda: Attention(), (5, 6, 4), ["output", "weights"]),
}


class Attention(nn.Module):
    """Attention to itself, with its weights."""

    def __init__(self):
        super().__init__()
        self.inner = nn.MultiheadAttention(4, 2, batch_first=True)

    def forward(self, x):
        output, weights = self.inner(x, x, x)
        return {"weights": weights, "output": output}


class Tied(nn.Module):
    """There and back by one matrix."""

    def __init__(self):
        super().__init__()
        self.there, self.back = nn.Linear(4, 4), nn.Linear(4, 4)
        self.back.weight = self.there.weight

    def forward(self, x):
        return self.back(self.there(x).tanh())


def values(shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("name", MODULES)
def test_values_and_gradients_are_those_of_the_module(name):
    make, shape, outputs = MODULES[name]
    module = make().eval()
    brick = TorchModule(module, outputs=outputs)
    x = tensor.variable("x", shape=[None, *shape[1:]])
    results = brick.apply(x, as_list=True)
    cost = (results[0] ** 2).sum()
    trained = set(ComputationGraph(cost).parameters)
    parameters = [variable for _, variable in brick.held() if variable in trained]
    computed = function([x], [*results, *grad(cost, [x, *parameters])])(values(shape))
    given = values(shape).requires_grad_()
    expected = module(given)
    if isinstance(expected, dict):
        expected = [expected[key] for key in outputs]
    leaves = torch.utils._pytree.tree_leaves(expected)
    wanted = torch.autograd.grad((leaves[0] ** 2).sum(), [given, *module.parameters()])
    for value, other in zip(computed, [*leaves, *wanted], strict=True):
        assert_allclose(value, other.detach(), rtol=1e-3, atol=1e-4)


def test_running_averages_are_updates_of_the_graph():
    module = convolutions()
    brick, twin = TorchModule(module), copy.deepcopy(module)
    x = tensor.variable("x", shape=[None, 1, 6, 6])
    graph = apply_training_mode(ComputationGraph(brick.apply(x)))
    names = {v.name for v in graph.updates}
    assert names == {"running_mean", "running_var", "num_batches_tracked"}
    run = graph.get_function()
    for i in range(3):
        [output] = run(values((5, 1, 6, 6)) + i)
        assert_allclose(output, twin(values((5, 1, 6, 6)) + i).detach(), rtol=1e-4, atol=1e-4)
    for own, other in zip(module.buffers(), twin.buffers(), strict=True):
        torch.testing.assert_close(own, other)
    assert ComputationGraph(brick.apply(x)).updates == {}


def test_nothing_is_written_unless_updates_are_made():
    module = convolutions()
    brick = TorchModule(module)
    with brick:
        brick.apply(values((5, 1, 6, 6)))
    assert module[1].num_batches_tracked == 0 and not module[1].running_mean.any()
    assert module.training and all(part.training for part in module)


def test_training_changes_the_module_itself():
    module = nn.Linear(4, 1)
    x = tensor.matrix("x")
    cost = (TorchModule(module).apply(x) ** 2).mean()
    parameters = ComputationGraph(cost).parameters
    algorithm = GradientDescent(cost=cost, parameters=parameters, step_rule=Scale(0.1))
    twin = copy.deepcopy(module)
    algorithm.process_batch({"x": values((5, 4)).numpy()})
    (twin(values((5, 4))) ** 2).mean().backward()
    torch.optim.SGD(twin.parameters(), 0.1).step()
    for own, other in zip(module.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(own, other)


def test_what_torch_changes_the_brick_sees():
    module = nn.Linear(2, 1, bias=False)
    brick = TorchModule(module)
    nn.init.constant_(module.weight, 3)
    assert brick.apply(torch.ones(1, 2)).item() == 6
    brick.parameters[0].set_value([[1, 2]])
    assert module(torch.ones(1, 2)).item() == 3


def test_parameters_have_roles_and_paths():
    module = convolutions()
    module[4].bias.requires_grad_(False)
    network = Sequence([TorchModule(module, name="net"), Tanh()], name="all")
    model = Model(network.apply(tensor.variable("x", shape=[None, 1, 6, 6])))
    found = {path: v.tag.roles[0] for path, v in model.get_parameter_dict().items()}
    assert found.keys() == {
        "/all/net/0.weight", "/all/net/0.bias", "/all/net/1.weight", "/all/net/1.bias",
        "/all/net/4.weight",
    }  # fmt: skip
    assert found["/all/net/0.weight"] is FILTER and found["/all/net/0.bias"] is BIAS
    assert found["/all/net/4.weight"] is WEIGHT
    kept = VariableFilter(roles=[PERSISTENT])(model.shared_variables)
    others = [v for v in kept if v not in set(model.parameters)]
    assert {v.name for v in others} == {
        "running_mean",
        "running_var",
        "num_batches_tracked",
        "bias",
    }
    assert len(VariableFilter(roles=[BATCH_NORM_POPULATION_STATISTICS])(others)) == 2


def test_tied_parameters_are_one():
    module = Tied()
    brick, x = TorchModule(module), tensor.matrix("x")
    cost = (brick.apply(x) ** 2).sum()
    weight, *biases = ComputationGraph(cost).parameters
    assert len(biases) == 2
    gradient = function([x], grad(cost, weight))(values((5, 4)))
    (module(values((5, 4))) ** 2).sum().backward()
    assert_allclose(gradient, module.there.weight.grad, rtol=1e-3, atol=1e-4)
    twin = copy.deepcopy(brick).module
    assert twin.there.weight.data_ptr() == twin.back.weight.data_ptr()


def test_random_numbers_come_from_the_stream_of_the_brick():
    def run(seed):
        x = tensor.matrix("x")
        with TorchModule(nn.Dropout(0.5), random_seed=seed) as brick:
            return function([x], brick.apply(x))

    ones, before = torch.ones(20, 20), torch.get_rng_state()
    first = run(3)
    a, b = first(ones), first(ones)
    again = run(3)
    assert not torch.equal(a, b)
    assert torch.equal(again(ones), a) and torch.equal(again(ones), b)
    assert not torch.equal(run(4)(ones), a)
    assert torch.equal(torch.get_rng_state(), before)


def test_only_what_draws_needs_a_stream():
    x = tensor.tensor3("x")
    for module in (nn.Dropout(0.5), nn.TransformerEncoderLayer(4, 2, 8)):
        brick = TorchModule(module)
        shared = ComputationGraph(brick.apply(x)).shared_variables
        assert not any("random" in v.name for v in shared)
        with brick:
            shared = ComputationGraph(brick.apply(x)).shared_variables
        assert any("random" in v.name for v in shared)


def test_the_graph_of_a_module_is_a_module_again():
    module = nn.Linear(4, 3)
    back = Model(TorchModule(module).apply(tensor.matrix("x"))).to_module()
    torch.testing.assert_close(back(values((5, 4))), module(values((5, 4))))


def test_inputs_stay_as_they_are():
    x = tensor.matrix("x")
    y = TorchModule(nn.ReLU(inplace=True)).apply(x)
    rectified, same = function([x], [y, x * 1])(-torch.ones(1, 2))
    assert rectified.tolist() == [[0, 0]] and same.tolist() == [[-1, -1]]


class Masked(nn.Module):
    """Takes more than it needs."""

    def forward(self, a, mask=None, *, scale=1):
        a = a * scale
        return a if mask is None else a * mask


def test_inputs_have_names():
    one = TorchModule(Masked())
    assert (one.apply.inputs, one.apply.outputs) == (["a"], ["output"])
    two = TorchModule(Masked(), inputs=["a", "scale"])
    assert two.apply(scale=torch.tensor([2.0]), a=torch.tensor([3.0])).item() == 6
    assert two.apply(torch.tensor([3.0])).item() == 3
    with pytest.raises(TypeError, match="masked.apply: argument 'sclae' is unknown"):
        two.apply(a=tensor.vector("a"), sclae=tensor.vector("s"))


def test_outputs_have_names():
    with pytest.raises(ValueError, match=r"lstm\.apply: LSTM\(4, 3\) returns 3 tensors, but"):
        TorchModule(nn.LSTM(4, 3)).apply(tensor.tensor3("x"))
    some = TorchModule(Attention(), outputs=["output"])
    assert some.apply(values((5, 6, 4))).shape == (5, 6, 4)
    with pytest.raises(ValueError, match=r"2 tensors \('weights', 'output'\), but the outputs are"):
        TorchModule(Attention(), outputs=["values"]).apply(tensor.tensor3("x"))


def test_modules_that_need_sizes_say_so():
    module = convolutions().eval()
    brick = TorchModule(module)
    with pytest.raises(ValueError, match=r"sequential\.apply: .*declare them, as in tensor\.varia"):
        brick.apply(tensor.tensor4("x"))
    x = values((5, 1, 6, 6))  # real values have sizes
    torch.testing.assert_close(brick.apply(x), module(x).detach())
    with pytest.raises(ValueError, match=r"^sequential\.apply"):
        brick.apply(values((5, 1, 7, 6)))


def test_lazy_modules_are_refused():
    with pytest.raises(ValueError, match="LazyLinear '' has a lazy parameter 'weight'.*run the"):
        TorchModule(nn.LazyLinear(3))


@pytest.mark.parametrize("carried", [copy.deepcopy, lambda b: pickle.loads(pickle.dumps(b))])
def test_copies_have_a_module_of_their_own(carried):
    brick = TorchModule(convolutions())
    brick.allocate()
    twin = carried(brick)
    assert twin.module is not brick.module
    x = values((5, 1, 6, 6))
    assert_allclose(twin.apply(x), brick.apply(x))
    nn.init.zeros_(twin.module[4].weight)
    assert_allclose(twin.apply(x), twin.module[4].bias.detach().expand(5, 2))
    assert brick.module[4].weight.any()


def test_both_modes_at_once_in_two_threads():
    brick = TorchModule(nn.Sequential(*[nn.BatchNorm1d(4) for _ in range(5)]))
    x = tensor.matrix("x")
    used = function([x], brick.apply(x))
    with brick:
        trained = function([x], brick.apply(x))
    given = values((50, 4)) * 3
    expected = {run: run(given) for run in (used, trained)}
    wrong = []

    def repeat(run):
        wrong.extend(i for i in range(200) if not torch.equal(run(given), expected[run]))

    threads = [threading.Thread(target=repeat, args=(run,)) for run in (used, trained)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_among_other_bricks():
    first = Linear(3, 4, weights_init=Constant(1), biases_init=Constant(0))
    network = Sequence([first, TorchModule(nn.Linear(4, 2)), Tanh()])
    network.initialize()
    output = network.apply(values((5, 3)))
    assert output.shape == (5, 2)
    assert len(ComputationGraph(network.apply(tensor.matrix("x"))).parameters) == 4


def test_training_can_be_archived():
    x = tensor.matrix("x")
    module = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.Dropout(0.5))
    graph = apply_training_mode(ComputationGraph((TorchModule(module).apply(x) ** 2).mean()))
    algorithm = GradientDescent(cost=graph.outputs[0], parameters=graph.parameters)
    algorithm.add_updates(graph.updates)
    algorithm.process_batch({"x": values((5, 4)).numpy()})
    twin = pickle.loads(pickle.dumps(algorithm))
    for both in (algorithm, twin):
        both.process_batch({"x": values((5, 4)).numpy()})
    for own, other in zip(algorithm.parameters, twin.parameters, strict=True):
        assert_allclose(own.get_value(), other.get_value())


@pytest.mark.parametrize("frozen", [[0], [0, 1], []])
def test_parts_in_evaluation_mode_are_named(frozen, caplog):
    parts = [nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4)), nn.Dropout(), nn.Linear(4, 2)]
    module = nn.Sequential(*parts)
    for i in [*frozen, 2]:
        module[i].eval()
    TorchModule(module)
    names = ", ".join(map(str, frozen))
    expected = f"Sequential has parts in evaluation mode ({names}), but a brick ignores the mode"
    assert (expected in caplog.text) == bool(frozen)
    caplog.clear()
    TorchModule(module.eval())
    assert not caplog.text


class Faulty(torch.nn.Module):
    def __init__(self, fault):
        super().__init__()
        self.layer, self.fault = torch.nn.Linear(3, 2), fault

    def forward(self, x):
        return self.fault(self, x)


@pytest.mark.parametrize(
    ("fault", "kind", "text"),
    [
        (lambda self, x: self.lair(x), errors.OperationError, "AttributeError: .*'lair'"),
        (lambda self, x: self.layer(x[:, :2]), errors.ShapeError, "same reduction dim"),
    ],
)
def test_an_error_in_the_code_of_a_module_names_its_line(fault, kind, text):
    with pytest.raises(kind, match=rf"{text}.* \(line \d+, in <lambda>: .*lambda self, x: self"):
        TorchModule(Faulty(fault)).apply(tensor.variable("x", (None, 3)))


class Counts(nn.Module):
    """Part that assigns its buffers in ``forward`` in training mode."""

    def __init__(self):
        super().__init__()
        self.register_buffer("count", torch.zeros((), dtype=torch.int64))
        self.register_buffer("average", torch.zeros(3))

    def forward(self, x):
        if self.training:
            self.count = self.count + 1
            self.average = 0.9 * self.average + 0.1 * x.detach().mean(0)
        return x - self.average


class Assigning(nn.Module):
    """Module with nested parts that assign their buffers."""

    def __init__(self):
        super().__init__()
        self.parts = nn.Sequential(Counts(), nn.BatchNorm1d(3), Counts())
        self.linear = nn.Linear(3, 1)
        self.register_buffer("factor", torch.ones(()))
        self.register_buffer("earlier", torch.zeros(1, 3))

    def forward(self, x):
        if self.training:
            self.factor = self.factor * 1.01
            self.earlier = self.linear.weight.detach().clone()
        return self.linear(self.parts(x)) * self.factor


@pytest.mark.parametrize("execution", ["eager", "compiled"])
def test_buffers_that_a_module_assigns_are_kept(execution):
    module = Assigning()
    twin = copy.deepcopy(module)
    x = tensor.variable("x", shape=[None, 3])
    graph = apply_training_mode(ComputationGraph((TorchModule(module).apply(x) ** 2).mean()))
    algorithm = GradientDescent(
        cost=graph.outputs[0], parameters=graph.parameters, step_rule=Scale(0.01)
    )
    algorithm.add_updates(graph.updates)
    torch_rule = torch.optim.SGD(twin.parameters(), 0.01)
    with config.override(execution=execution):
        algorithm.initialize()
        for i in range(50):
            batch = values((5, 3)) + i % 7
            algorithm.process_batch({"x": batch.numpy()})
            torch_rule.zero_grad()
            (twin(batch) ** 2).mean().backward()
            torch_rule.step()
    assert module.parts[2].count == 50
    for own, other in zip(module.buffers(), twin.buffers(), strict=True):
        torch.testing.assert_close(own, other)


class Assigns(nn.Module):
    """Module whose ``forward`` assigns what a function returns to the buffer ``kept``."""

    def __init__(self, new):
        super().__init__()
        self.new = new
        self.register_buffer("kept", torch.zeros(3))

    def forward(self, x):
        self.kept = self.new(x)
        return x + 1


@pytest.mark.parametrize(
    ("new", "message"),
    [
        (lambda x: x.detach(), r"tensor \(\?, 3\) float32 to the buffer 'kept', which is \(3,\)"),
        (lambda x: x[0].double(), r"\(3,\) float64 to the buffer 'kept', which is \(3,\) float32"),
        (lambda _: None, "Assigns.forward assigns None to the buffer 'kept'"),
    ],
)
def test_a_buffer_keeps_its_shape_and_dtype(new, message):
    with pytest.raises(errors.BrickError, match=message):
        TorchModule(Assigns(new)).apply(tensor.variable("x", shape=[None, 3]))


class Remembers(nn.Module):
    """Module that changes attributes that are not buffers."""

    def __init__(self):
        super().__init__()
        self.calls, self.state = 0, None

    def forward(self, x):
        self.calls += 1
        self.state = x * 2 if self.state is None else self.state + x
        return self.state * self.calls


@pytest.mark.parametrize("execution", ["eager", "compiled"])
def test_changes_of_other_attributes_are_forgotten_and_mentioned(execution, caplog):
    brick = TorchModule(Remembers())
    x = tensor.variable("x", shape=[None, 3])
    output = brick.apply(x)
    brick.apply(x)
    [text] = caplog.messages
    assert "changes calls (0 -> 1), state (None -> a " in text
    assert "self.register_buffer('calls'" in text
    with config.override(execution=execution):
        run = function([x], output)
        for _ in range(3):
            assert_allclose(run(values((2, 3))), 2 * values((2, 3)), rtol=1e-6)
