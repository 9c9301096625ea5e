"""Numbers of parameters and operations, against torch's counter on values."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from tests.contracts.test_bricks import TABLE, symbols
from workbench import function, tensor
from workbench.bricks import MLP, Linear, Tanh, TorchModule, symbolic_parameters
from workbench.bricks.recurrent import SimpleRecurrent
from workbench.errors import ArgumentError, NotAllocatedError, ShapeError
from workbench.graph import ComputationGraph, count_flops, count_parameters
from workbench.initialization import Constant
from workbench.utils import find_bricks

SCHEMES = {"weights_init": Constant(1), "biases_init": Constant(0)}


def counted(run):
    """Return what torch counts for a call that is not the first one, which also tries sizes."""
    run()
    with FlopCounterMode(display=False) as counter:
        run()
    return counter.get_total_flops()


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.brick.__name__)
def test_every_brick_is_counted_as_torch_counts_it(row):
    brick, given = row.made(), symbols(row)
    named = dict(zip(row.by_name, given[len(row.inputs) :], strict=True))
    outputs = getattr(brick, row.method)(*given[: len(row.inputs)], **named, as_list=True)
    brick.initialize()
    run = function(given, outputs, execution="eager", on_unused_input="ignore")
    flops = count_flops(outputs, {v: x.shape for v, x in zip(given, row.all_inputs, strict=True)})
    assert flops.total == counted(lambda: run(*row.all_inputs))
    assert flops.by_brick.get(brick.name, 0) == flops.total
    real = [
        p.tensor.numel() for one in find_bricks([brick], lambda _: True) for p in one.parameters
    ]
    assert count_parameters(brick) == sum(real)


def test_symbolic_parameters_are_counted_too():
    mlp = MLP([Tanh(), None], [10**6, 10**6, 1])
    with symbolic_parameters():
        y = mlp.apply(tensor.matrix("x"))
    assert count_parameters(mlp) == count_parameters(y) == 10**12 + 2 * 10**6 + 1
    assert count_flops(y, {"x": (1, 10**6)}).total == 2 * (10**12 + 10**6)


def test_a_shared_parameter_counts_once():
    linear = Linear(3, 3)
    y = linear.apply(linear.apply(tensor.matrix("x")))
    assert count_parameters(y) == count_parameters(linear, y, linear) == 12


def test_a_brick_must_be_allocated():
    with pytest.raises(NotAllocatedError, match="linear has no parameters yet"):
        count_parameters(Linear(3, 4))


def test_operations_are_listed_by_brick():
    x = tensor.matrix("x")
    y = MLP([Tanh(), None], [4, 3, 2]).apply(x)
    flops = count_flops(y @ torch.ones(2, 5), {x: (7, 4)})
    assert dict(flops.by_brick) == {"mlp": 252, "mlp/linear_0": 168, "mlp/linear_1": 84}
    assert flops.total == 252 + 2 * 7 * 2 * 5


def test_a_gradient_costs_twice_as_much_as_the_product():
    linear = Linear(4, 3, **SCHEMES)
    x = tensor.matrix("x")
    cost = linear.apply(x).sum()
    linear.initialize()
    gradient = tensor.grad(cost, [linear.W])
    run = function([x], [cost, *gradient], execution="eager")
    flops = count_flops([cost, *gradient], {x: (7, 4)})
    assert flops.total == counted(lambda: run(torch.ones(7, 4))) == 2 * (2 * 7 * 4 * 3)


def test_every_step_of_a_loop_counts_also_in_the_gradient():
    recurrent = SimpleRecurrent(3, activation=Tanh(), **SCHEMES)
    x = tensor.tensor3("x")
    cost = recurrent.apply(x).sum()
    recurrent.initialize()
    assert count_flops(cost, {x: (5, 2, 3)}).total == 5 * 2 * 2 * 3 * 3
    gradients = tensor.grad(cost, ComputationGraph(cost).parameters)
    run = function([x], gradients, execution="eager")
    flops = count_flops(gradients, {x: (5, 2, 3)})
    assert flops.total == counted(lambda: run(torch.ones(5, 2, 3)))


def test_a_loop_without_steps_costs_nothing():
    y = SimpleRecurrent(3, activation=Tanh()).apply(tensor.tensor3("x"))
    assert count_flops(y, {"x": (0, 2, 3)}).total == 0


def test_hooks_are_not_called():
    linear = Linear(4, 3)
    linear.print_shapes = True
    assert count_flops(linear.apply(tensor.matrix("x")), {"x": (1, 4)}).total == 24


def test_known_sizes_need_not_be_given():
    x = tensor.variable("x", (2, 4), torch.float32)
    assert count_flops(Linear(4, 3).apply(x)).total == 48


def test_a_module_without_memory_is_counted():
    with torch.device("meta"):
        module = torch.nn.Linear(30_000, 30_000)
    brick = TorchModule(module)
    y = brick.apply(tensor.matrix("x"))
    assert count_parameters(brick) == 30_000 * 30_001
    assert count_flops(y, {"x": (1, 30_000)}).total == 2 * 30_000**2


@pytest.mark.parametrize(
    "sizes, kind, said",
    [
        ({}, ArgumentError, r"a size of x \(\?, 4\) float32 is unknown; pass its shape"),
        ({"y": (1, 4)}, ArgumentError, r"'y' is not an input of the graph \(inputs: x\)"),
        ({"x": (1, 5)}, ShapeError, r"x has shape \(\?, 4\) float32, which does not match .*1, 5"),
        ({"x": (4,)}, ShapeError, r"which does not match the given shape \(4,\)"),
    ],
)
def test_wrong_sizes_are_refused(sizes, kind, said):
    y = Linear(4, 3).apply(tensor.variable("x", (None, 4), torch.float32))
    with pytest.raises(kind, match=said):
        count_flops(y, sizes)
