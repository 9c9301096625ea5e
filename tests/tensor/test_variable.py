"""Names, tags, sizes and copies of variables."""

import numpy
import pytest
import torch

from workbench import shared, tensor
from workbench.tensor.variable import Variable


@pytest.mark.parametrize(
    ("make", "ndim", "dtype"),
    [
        (tensor.scalar, 0, torch.float32),
        (tensor.vector, 1, torch.float32),
        (tensor.matrix, 2, torch.float32),
        (tensor.tensor3, 3, torch.float32),
        (tensor.tensor4, 4, torch.float32),
        (tensor.lscalar, 0, torch.int64),
        (tensor.lvector, 1, torch.int64),
        (tensor.lmatrix, 2, torch.int64),
        (tensor.ltensor3, 3, torch.int64),
        (tensor.ltensor4, 4, torch.int64),
    ],
)
def test_inputs_have_rank_and_dtype(make, ndim, dtype):
    x = make("x")
    assert (x.name, x.ndim, x.dtype, x.owner) == ("x", ndim, dtype, None)


def test_variable_takes_shape_and_dtype():
    x = tensor.variable("x", shape=(None, 784), dtype=torch.float64)
    assert (x.shape[1], x.dtype) == (784, torch.float64)


def test_a_bad_shape_is_refused():
    with pytest.raises(ValueError, match=r"shape \(-1,\) of input 'x': sizes must be non-negative"):
        tensor.variable("x", shape=(-1,))


def test_an_unknown_size_is_learned_from_use():
    x = tensor.matrix("x")
    h = x @ torch.ones(784, 100)
    assert x.shape[1] == 784 and h.shape[1] == 100


def test_a_learned_size_serves_rules_that_take_only_known_ones():
    x = tensor.matrix("x")
    x + torch.ones(8, 3)
    assert torch.addcmul(torch.ones(1, 3), x, torch.ones(1, 3)).shape == (8, 3)


def test_an_unknown_size_is_a_variable_that_can_be_named():
    x = tensor.matrix("x")
    n = x.shape[0]
    n.name = "batch_size"
    assert isinstance(n, Variable) and x.shape[0] is n
    assert (n.dtype, n.ndim) == (torch.int64, 0)
    assert (3 * n + 1).eval({x: numpy.ones((4, 2), "float32")}) == 13


def test_a_size_serves_wherever_torch_takes_one():
    x = tensor.matrix("x")
    n = x.shape[0]
    y = torch.zeros((n, 10)).reshape(n * 2, -1).sum() + x.sum() / n + torch.sqrt(n)
    assert y.eval({x: numpy.ones((4, 3), "float32")}) == pytest.approx(5.0)


def test_sizes_that_cannot_fit_raise_where_they_are_written():
    with pytest.raises(ValueError, match=r"matmul\(relu \(\?, 100\) float32, tensor \(50, 10\)"):
        torch.relu(tensor.matrix("x") @ torch.ones(784, 100)) @ torch.ones(50, 10)


def test_dtypes_that_cannot_fit_raise_where_they_are_written():
    with pytest.raises(TypeError, match=r"matmul\(k \(\?, \?\) int64, tensor \(2, 2\) float32\)"):
        tensor.lmatrix("k") @ torch.ones(2, 2)


def test_copy_is_another_variable_of_the_same_value():
    x = tensor.vector("x")
    y = x.copy(name="y")
    assert y is not x and y.name == "y" and y.owner.inputs == (x,)
    assert y.eval({x: [1.0, 2.0]}).tolist() == [1.0, 2.0]


def test_len_and_iteration_need_a_known_size():
    a, b = tensor.variable("x", (2,))
    assert len(tensor.variable("x", (2,))) == 2 and (a + b).ndim == 0
    with pytest.raises(TypeError, match=r"the first size is unknown: use x.shape\[0\]"):
        len(tensor.vector("x"))


def test_repr_is_the_name_or_the_function():
    x = tensor.vector("x")
    assert [repr(v) for v in (x, x.mean(), x.shape[0], x.T)] == ["x", "mean", "x.shape[0]", "T"]


def test_tags_carry_roles_annotations_and_anything_else():
    x = tensor.vector("x")
    x.tag.roles.append("role")
    x.tag.anything = 3
    copied = x.tag.copy()
    copied.roles.append("other")
    assert (x.tag.roles, copied.anything) == (["role"], 3)


def test_hooks_see_the_value_whenever_it_is_computed():
    seen = []
    x = tensor.vector("x")
    y = tensor.put_hook(x * 2, lambda value: seen.append(value.tolist()))
    (y + 1).eval({x: [1.0]})
    assert seen == [[2.0]]


def test_constants_and_as_variable():
    x = tensor.vector("x")
    assert tensor.as_variable(x) is x
    assert tensor.constant(2.0).dtype is torch.float32
    assert tensor.as_variable(numpy.ones(2)).dtype is torch.float64
    assert (tensor.constant([1, 2], "two") * 2).eval().tolist() == [2, 4]


def test_a_constant_does_not_follow_the_array_it_came_from():
    array = numpy.ones(2, "float32")
    x = tensor.vector("x") + array
    array[:] = 7
    assert x.eval({"x": [0.0, 0.0]}).tolist() == [1.0, 1.0]


def test_eval_takes_variables_or_names():
    x, w = tensor.vector("x"), shared(numpy.array([2.0], "float32"), "w")
    assert (x * w).eval({"x": [3.0]}).tolist() == (x * w).eval({x: [3.0]}).tolist() == [6.0]


def test_eval_names_what_is_missing_and_what_is_unknown():
    x = tensor.vector("features")
    with pytest.raises(ValueError, match="eval of sum is missing a value for features"):
        x.sum().eval()
    with pytest.raises(
        ValueError, match="no.* depend on an input named 'feature'; did you mean 'features'"
    ):
        x.sum().eval({"feature": [1.0]})


def test_expressions_print_as_they_were_written():
    x = tensor.scalar("x")
    assert tensor.pprint(torch.relu((x + 2) * 3)) == "relu(((x + 2) * 3))"


def test_a_deep_graph_needs_no_recursion():
    x = tensor.scalar("x")
    y = x
    for _ in range(2000):
        y = y + 1
    assert y.eval({x: 0.0}) == 2000.0


def test_the_device_is_known_while_another_thread_infers(monkeypatch):
    x = tensor.vector("x")
    monkeypatch.setattr(x.fake.fake_mode, "in_kernel_invocation", True)
    assert x.device == torch.device("cpu")
