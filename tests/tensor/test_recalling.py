"""Inference that recalls the results of earlier calls."""

import functools

import pytest
import torch
from torch.nn import functional

from workbench import function, shared, tensor
from workbench.bricks import symbolic_parameters
from workbench.errors import ShapeError
from workbench.tensor import exact, recalling, shapes
from workbench.tensor import torch_internals as internals
from workbench.tensor.call import apply


@pytest.fixture
def inferred(monkeypatch):
    """Return a list of the functions that were really inferred."""
    found = []
    real = shapes.infer

    def infer(function, *args):
        found.append(function)
        return real(function, *args)

    monkeypatch.setattr(shapes, "infer", infer)
    monkeypatch.setattr(recalling, "_kept", {})
    return found


def result(call, *given):
    """Return the sizes, strides and dtype of a result, and whether it shares storage."""
    fake, storages = call(*given).fake, [internals.storage_of(one.fake) for one in given]
    return shapes.sizes_of(fake), fake.dtype, internals.storage_of(fake) in storages


CALLS = {
    "elements": lambda x: torch.relu(x) * 2 + 1,
    "sum": lambda x: x.sum(0, keepdim=True),
    "transposed": lambda x: x.T,
    "slice": lambda x: x[1:, 2:4],
    "merged": lambda x: x.reshape(-1),
    "repeated": lambda x: torch.cat([x, x, x[1:]]),
    "one of several": lambda x: torch.max(x, 1).indices,
    "integers": lambda x: x.long(),
    "norm": lambda x: functional.layer_norm(x, (7,)),
    "with limits": exact.log_softmax,
}


@pytest.mark.parametrize("name", CALLS)
def test_a_recalled_result_is_that_of_inference(inferred, name):
    x = tensor.variable("x", (None, 7))
    wanted = result(CALLS[name], x)
    count = len(inferred)
    assert result(CALLS[name], x) == wanted
    assert len(inferred) == count


@pytest.mark.parametrize("name", CALLS)
def test_a_result_is_recalled_for_other_inputs_of_the_same_kind(inferred, name):
    first, second = tensor.variable("x", (None, 7)), tensor.variable("y", (None, 7))
    CALLS[name](first)
    count = len(inferred)
    recalled = result(CALLS[name], second)
    assert len(inferred) == count
    recalling._kept.clear()
    assert recalled == result(CALLS[name], second)


def test_results_do_not_share_storage(inferred):
    x = tensor.matrix("x")
    storages = {internals.storage_of(torch.relu(x).fake) for _ in range(3)}
    assert len(storages) == 3
    with symbolic_parameters():  # here nothing is run, so that one fake tensor is enough
        assert torch.relu(x).fake is torch.relu(x).fake


@pytest.mark.parametrize(
    "other",
    [
        lambda x: torch.sum(x, dim=0),
        lambda x: torch.sum(x, dim=1, keepdim=True),
        lambda x: torch.sum(x.double(), dim=1),
        lambda x: torch.sum(tensor.variable("y", (None, 5)), dim=1),
        lambda x: torch.sum(x.T, dim=1),
    ],
)
def test_other_arguments_give_their_own_result(inferred, other):
    x = tensor.variable("x", (None, 7))
    wanted = shapes.describe(other(x).fake)
    recalling._kept.clear()
    torch.sum(x, dim=1)
    assert shapes.describe(other(x).fake) == wanted


def test_a_size_is_learned_each_time(inferred):
    for _ in range(2):
        x = tensor.variable("x", (None, None))
        x @ torch.ones(7, 3)
        assert x.shape[1] == 7
    assert len(inferred) == 1


def test_equal_sizes_are_learned_each_time(inferred):
    counts = []
    for _ in range(2):
        x, y = tensor.matrix("x"), tensor.matrix("y")
        f = function([x, y], x + y)
        counts.append(len(inferred))
        with pytest.raises(ShapeError, match="dimension 0 of x has size 2, but .* of y has size 3"):
            f(torch.ones(2, 4), torch.ones(3, 4))
    assert counts[0] == counts[1] > 0


def test_what_is_known_about_sizes_matters(inferred):
    n, m = tensor.vector("n"), tensor.vector("m")
    assert shapes.symbol(torch.cat([n, m]).fake.shape[0]).is_Add
    n + m
    count = len(inferred)
    torch.cat([n, m])
    assert len(inferred) == count + 1


def test_a_new_size_is_new_each_time(inferred):
    x = tensor.vector("x")
    sizes = {shapes.symbol(torch.nonzero(x + i).fake.shape[0]) for i in range(3)}
    assert len(sizes) == 3


def test_values_of_constants_are_not_forgotten(inferred):
    x = tensor.variable("x", (2,))
    for counts, size in [([1, 2], 3), ([4, 4], 8)]:
        longer = torch.repeat_interleave(x, torch.tensor(counts), output_size=size)
        assert longer.shape == (size,)
        assert longer.eval({x: [1.0, 2.0]}).shape == (size,)


def test_two_views_of_one_tensor_do_not_stand_for_views_of_two(inferred):
    values = shared(torch.zeros(3))
    torch.broadcast_tensors(values, values)
    _, view = torch.broadcast_tensors(values + 1, values)
    assert internals.storage_of(view.fake) == internals.storage_of(values.fake)
    step = function([], view, updates={values: values + 1})
    assert torch.equal(step(), torch.zeros(3))  # not the value after the update


def test_the_dtype_of_autocast_matters(inferred):
    x, ones = tensor.variable("x", (2, 2)), torch.ones(2, 2)
    for dtype in (torch.bfloat16, torch.float16):
        with torch.autocast("cpu", dtype=dtype):
            assert (x @ x).dtype == (ones @ ones).dtype == dtype


widths = [2]


def widened(value):
    return functional.pad(value, (0, widths[0]))


WIDENING = torch.nn.Sequential()
WIDENING.forward = widened
WIDE = torch.library.custom_op("test_recalling::widened", widened, mutates_args=(),
                               schema="(Tensor value) -> Tensor")  # fmt: skip
WIDE.register_fake(widened)
OF_USERS = {
    "function": widened,
    "wrapper": functools.wraps(torch.relu)(lambda value: widened(value)),
    "wrapper of a Python function": functools.wraps(functional.relu)(lambda value: widened(value)),
    "module": WIDENING,
    "custom operation": torch.ops.test_recalling.widened.default,
    "all forms of a custom operation": torch.ops.test_recalling.widened,
}


@pytest.mark.parametrize("name", OF_USERS)
def test_the_function_of_a_user_is_inferred_each_time(inferred, monkeypatch, name):
    x = tensor.variable("x", (3, 4))
    for width in (2, 3):
        monkeypatch.setattr(f"{__name__}.widths", [width])
        wanted = OF_USERS[name](torch.ones(3, 4)).shape
        assert apply(OF_USERS[name], (x,), {}).shape == tuple(wanted)


def test_a_fault_is_raised_each_time(inferred):
    x, y = tensor.variable("x", (None, 7)), tensor.variable("y", (None, 5))
    for _ in range(2):
        with pytest.raises(ShapeError, match="add"):
            x + y


def test_sizes_that_can_never_be_equal_are_refused_although_others_were_not(inferred):
    x, y = tensor.vector("x"), tensor.vector("y")
    x * y
    with pytest.raises(ShapeError, match="mul"):
        x[1:] * x
