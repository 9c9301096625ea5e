"""Fusion in the eager tier: fewer operations, updates in place, the same values."""

import numpy
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from torch.nn import functional as F

from workbench import errors, function, grad, shared, tensor
from workbench.algorithms import GradientDescent, Momentum, Scale
from workbench.bricks import Softmax
from workbench.bricks.cost import CategoricalCrossEntropy
from workbench.tensor.indexing import elements


def names(run):
    nodes = run.execution.tier.module.graph.nodes
    return [getattr(n.target, "__name__", n.target) for n in nodes if n.op.startswith("call")]


def eager(*args, **options):
    return function(*args, **options, execution="eager")


def numbers(*shape):
    return torch.from_numpy(numpy.random.default_rng(0).normal(size=shape).astype("float32"))


@pytest.mark.parametrize(
    "affine",
    [
        lambda x, w, b: x @ w + b,
        lambda x, w, b: b + torch.matmul(x, w),
        lambda x, w, b: x.mm(w).add(b),
        lambda x, w, b: torch.add(torch.mm(x, w), b),
    ],
)
def test_a_product_and_a_bias_are_one_operation(affine):
    x, w, b = tensor.matrix("x"), shared(numbers(3, 2), "w"), shared(numbers(2), "b")
    run = eager([x], affine(x, w, b))
    assert names(run) == ["addmm"]
    assert_allclose(run(numbers(4, 3)), affine(numbers(4, 3), numbers(3, 2), numbers(2)), rtol=1e-6)


def test_a_product_that_is_wanted_itself_stays():
    x, w, b = tensor.matrix("x"), shared(numbers(3, 2), "w"), shared(numbers(2), "b")
    product = x @ w
    run = eager([x], [product, product + b])
    assert names(run) == ["matmul", "add"]
    looked_at = []
    run = eager([x], tensor.put_hook(x @ w, looked_at.append) + b)
    run(numbers(4, 3))
    assert_allclose(looked_at[0], numbers(4, 3) @ numbers(3, 2), rtol=1e-6)


SIZES = st.sampled_from([1, 2])


@given(
    rows=SIZES, columns=SIZES, inner=SIZES, rest=st.lists(SIZES, max_size=3), known=st.booleans()
)
def test_sums_of_products_are_those_of_torch_whatever_the_shapes(rows, columns, inner, rest, known):
    left, right, third = numbers(rows, inner), numbers(inner, columns), numbers(*rest)
    try:
        expected = left @ right + third * third.sum()
    except RuntimeError:
        return  # shapes that do not fit together
    shape = (lambda value: value.shape) if known else (lambda value: (None,) * value.dim())
    a, b, c = (
        tensor.variable(name, shape=shape(value))
        for name, value in zip("abc", (left, right, third), strict=True)
    )
    try:
        run = eager([a, b, c], a @ b + c * c.sum())
        result = run(left, right, third)
    except errors.ShapeError:
        assert not known  # sizes that are assumed to be equal must be
        return
    assert_allclose(result, expected, rtol=1e-5, atol=1e-6)


def test_gradients_flow_through_larger_operations():
    w, b, v = (shared(numbers(*shape), "p") for shape in [(3, 2), (2,), (2,)])
    x = tensor.matrix("x")

    def cost(x, w, b, v):
        hidden = torch.tanh(x @ w + b)
        return (hidden + hidden * v).sum()

    run = eager([x], grad(cost(x, w, b, v), [w, b, v]))
    assert {"addmm", "addcmul"} <= set(names(run))
    leaves = [numbers(*shape).requires_grad_() for shape in [(3, 2), (2,), (2,)]]
    cost(numbers(4, 3), *leaves).backward()
    for found, leaf in zip(run(numbers(4, 3)), leaves, strict=True):
        assert_allclose(found, leaf.grad, rtol=1e-5)


def test_biases_of_channels_belong_to_the_convolution():
    x, w, b = tensor.tensor4("x"), shared(numbers(5, 2, 3, 3), "w"), shared(numbers(5), "b")
    run = eager([x], F.conv2d(x, w, stride=2) + b.reshape(-1, 1, 1))
    assert names(run) == ["conv2d"]
    expected = F.conv2d(numbers(2, 2, 8, 8), numbers(5, 2, 3, 3), numbers(5), stride=2)
    assert_allclose(run(numbers(2, 2, 8, 8)), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("mean", [True, False])
def test_cross_entropy_is_that_of_torch(mean):
    x, y = tensor.matrix("x"), tensor.lvector("y")
    costs = Softmax().categorical_cross_entropy(y, x)
    run = eager([x, y], costs.mean() if mean else costs)
    assert names(run)[-1] == "nll_loss"
    targets = torch.tensor([0, 2, 1, 2])
    expected = F.cross_entropy(numbers(4, 3), targets, reduction="mean" if mean else "none")
    assert_allclose(run(numbers(4, 3), targets), expected, rtol=1e-6)


@pytest.mark.parametrize("wrong", [-100, -1, 3, -(2**63)])
def test_classes_out_of_range_are_refused_with_their_place(wrong):
    x, y = tensor.matrix("x"), tensor.lvector("y")
    run = eager([y, x], CategoricalCrossEntropy().apply(y, x))
    message = rf"categoricalcrossentropy.apply: classes y: {wrong} at position \(1,\)"
    with pytest.raises(errors.OutOfRangeError, match=message):
        run(torch.tensor([0, wrong]), torch.full((2, 3), 1 / 3))


def test_whole_numbers_are_chosen_as_before():
    x, y = tensor.lmatrix("x"), tensor.lvector("y")
    run = eager([x, y], -elements(x, y, "y"))
    assert run([[1, 2], [3, 4]], [1, 0]).tolist() == [-2, -3]


def test_parameters_are_updated_where_they_are():
    w, v, x = shared(numbers(3), "w"), shared(numbers(2), "v"), tensor.vector("x")
    descent = GradientDescent(
        cost=(w * x).sum() + (v**2).sum(), parameters=[w, v], step_rule=Scale(0.5),
        function_kwargs={"execution": "eager"},
    )  # fmt: skip
    descent.process_batch({"x": numpy.ones(3, "float32")})
    assert not [name for name in names(descent) if "_foreach" in name]
    assert_allclose(w.get_value(), numbers(3) - 0.5)
    assert_allclose(v.get_value(), numpy.zeros(2), atol=1e-6)


def test_every_update_is_computed_from_old_values():
    rate, w, v = shared(0.5, "rate"), shared([1.0, 2.0], "w"), shared([3.0, 4.0], "v")
    run = eager([], w.sum(), updates=[(rate, rate * 0), (v, v - w * rate), (w, w - v * rate)])
    assert run() == 3
    assert w.get_value().tolist() == [-0.5, 0.0]
    assert v.get_value().tolist() == [2.5, 3.0]
    assert rate.get_value() == 0


def test_a_known_gradient_that_is_a_variable_is_no_view_of_it():
    w, v, rate = shared([1.0, 2.0], "w"), shared([3.0, 4.0], "v"), shared(1.0, "rate")
    step = grad(None, w, known_grads={w.reshape(2): v})
    eager([], [], updates=[(v, v - w * rate), (w, w - step * rate)])()
    assert w.get_value().tolist() == [-2.0, -2.0]
    assert v.get_value().tolist() == [2.0, 2.0]


def test_watched_new_values_are_computed():
    w, x = shared([1.0, 2.0], "w"), tensor.vector("x")
    new = w - x * 0.5
    run = eager([x], new, updates=[(w, new)])
    assert run([2.0, 2.0]).tolist() == [0.0, 1.0]
    assert w.get_value().tolist() == [0.0, 1.0]


def test_velocities_are_copied_and_parameters_changed_in_place():
    w, x = shared([1.0, 2.0], "w"), tensor.vector("x")
    descent = GradientDescent(cost=(w * x).sum(), parameters=[w], step_rule=Momentum(0.5, 0.5))
    optimizer = torch.optim.SGD([leaf := torch.tensor([1.0, 2.0]).requires_grad_()], 0.5, 0.5)
    for _ in range(3):
        descent.process_batch({"x": numpy.ones(2, "float32")})
        leaf.grad = torch.ones(2)
        optimizer.step()
    assert_allclose(w.get_value(), leaf.detach())


def test_nothing_changes_where_the_cost_is_refused():
    w, x = shared([1.0, 2.0], "w"), tensor.vector("x")
    descent = GradientDescent(cost=(w * x).sum(), parameters=[w], step_rule=Momentum(0.5, 0.5))
    with pytest.raises(errors.NotFiniteError):
        descent.process_batch({"x": numpy.array([1, numpy.inf], "float32")})
    assert w.get_value().tolist() == [1.0, 2.0]


def test_an_error_in_a_larger_operation_names_what_was_written():
    x, w, b = tensor.matrix("x"), shared(numbers(2, 3), "w"), shared(numbers(3), "b")
    run = eager([x], x[:, x[0] > 0] @ w + b)
    assert "addmm" in names(run)
    with pytest.raises(RuntimeError) as caught:
        run(torch.ones(2, 3))
    assert "while computing matmul(" in caught.value.__notes__[0]


def test_steps_of_loops_take_fewer_operations_too():
    w, x = shared(numbers(2, 2), "w"), tensor.tensor3("x")
    [states] = tensor.scan(
        lambda x_t, s: torch.tanh(x_t + s @ w), sequences=[x], states=[torch.zeros_like(x[0])]
    )
    loop = states.owner.function
    run = eager([x], grad((states**2).sum(), w))
    leaf, state, total = numbers(2, 2).requires_grad_(), torch.zeros(3, 2), 0
    for values in numbers(5, 3, 2):
        state = torch.tanh(values + state @ leaf)
        total = total + (state**2).sum()
    total.backward()
    assert_allclose(run(numbers(5, 3, 2)), leaf.grad, rtol=1e-5)
    assert any(node.target is torch.addmm for node in loop._eager.graph.nodes)


def test_a_product_with_a_tensor_that_is_part_of_the_program():
    x, y = tensor.matrix("x"), tensor.matrix("y")
    f = function([x, y], x @ torch.full((3, 2), 2.0) + y, execution="eager")
    assert f(torch.ones(1, 3), torch.ones(1, 2)).tolist() == [[7.0, 7.0]]
