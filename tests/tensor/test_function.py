# ruff: noqa: E501
"""Functions: valid and refused inputs, and updates."""

import threading

import numpy
import pytest
import torch

from workbench import function, shared, tensor
from workbench.tensor.variable import identity


def test_inputs_by_position_and_by_name():
    x, y = tensor.scalar("x"), tensor.scalar("y")
    f = function([x, y], x - y)
    assert f(3.0, 1.0) == f(3.0, y=1.0) == f(y=1.0, x=3.0) == 2.0


def test_a_list_of_outputs_gives_a_list():
    x = tensor.scalar("x")
    assert function([x], [x, 2 * x])(1.0) == [1.0, 2.0]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda f: f(), "missing a value for x, k"),
        (lambda f: f([[1.0]]), "missing a value for k"),
        (lambda f: f([[1.0]], [1], [2]), "must be at most 2, not 3"),
        (lambda f: f([[1.0]], kk=[1]), "no input named 'kk'; did you mean 'k'"),
        (lambda f: f([[1.0]], [1], k=[1]), "input 'k' twice"),
        (lambda f: f(numpy.ones((1, 1)), [1]), r"x must be float32, not float64; convert .*astype\('float32'\)"),
        (lambda f: f([[1.0] * 3], [1.5]), "k must be int64, not float64"),
        (lambda f: f([1.0], [1]), r"x got shape \(1,\), but the graph needs 2 dimensions: \(\?, 3\)"),
        (lambda f: f(torch.ones(2, 4), [1, 1]), r"x got shape \(2, 4\).*size 3 in dimension 1"),
        (lambda f: f(torch.ones(2, 3), [1]), "dimension 0 of x has size 2, but dimension 0 of k has size 1"),
        (lambda f: f("abc", [1]), "x must be an array of numbers, not (the str 'abc'|.*<U3)"),
        (lambda f: f(numpy.array([["a"]]), [1]), "input x must be an array of numbers, but has dtype <U1"),
        (lambda f: f(tensor.matrix("m"), [1]), "x must be a value, not the variable m"),
    ],
)  # fmt: skip
def test_a_wrong_input_is_named(call, message):
    x, k = tensor.matrix("x"), tensor.lvector("k")
    f = function([x, k], (x @ torch.ones(3, 2)).sum(1) + k)
    with pytest.raises((ValueError, TypeError), match=message):
        call(f)


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int16", "float16"])
def test_values_are_widened_where_nothing_is_lost(dtype):
    x = tensor.vector("x")
    assert function([x], x)(numpy.array([1, 2], dtype)).dtype is torch.float32


def test_unsigned_bytes_become_class_numbers():
    k = tensor.lmatrix("targets")
    assert function([k], k.flatten())(numpy.array([[3]], "uint8")).tolist() == [3]


def test_read_only_arrays_are_taken():
    x, array = tensor.vector("x"), numpy.ones(2, "float32")
    array.flags.writeable = False
    assert function([x], x.sum())(array) == 2.0


@pytest.mark.parametrize("view", [lambda a: a[::-1], lambda a: a.astype(">f4")])
def test_arrays_in_an_order_that_torch_does_not_have_are_copied(view):
    x, array = tensor.vector("x"), view(numpy.array([1, 2, 3], "float32"))
    numpy.testing.assert_array_equal(function([x], 2 * x)(array), 2 * array)


def test_a_missing_input_is_found_when_the_function_is_made():
    x, y = tensor.matrix("x"), tensor.vector("y")
    with pytest.raises(ValueError, match=r"depends on the input y \(\?,\) float32.*\(x\)"):
        function([x], x.sum() + y.sum())


def test_an_unused_input_is_found_when_the_function_is_made():
    x, y = tensor.scalar("x"), tensor.scalar("y")
    with pytest.raises(ValueError, match="nothing depends on the input y"):
        function([x, y], x)
    with pytest.warns(UserWarning, match="nothing depends on the input y"):
        function([x, y], x, on_unused_input="warn")
    assert function([x, y], x, on_unused_input="ignore")(1.0, 2.0) == 1.0


def test_givens_put_a_value_or_a_graph_in_place_of_a_variable():
    x, y = tensor.scalar("x"), tensor.scalar("y")
    assert function([x], x + y, givens={y: x * 3})(1.0) == 4.0
    assert function([x], x + y, givens={y: 5.0})(1.0) == 6.0


def test_updates_use_the_old_values():
    a, b = shared(1.0, "a"), shared(2.0, "b")
    function([], updates=[(a, b), (b, a)])()
    assert (a.get_value(), b.get_value()) == (2.0, 1.0)


def test_updates_through_views_use_the_old_values():
    w = shared(numpy.arange(4, dtype="float32").reshape(2, 2), "w")
    function([], updates=[(w, w.T)])()
    assert w.get_value().tolist() == [[0, 2], [1, 3]]


def test_an_output_is_not_changed_by_the_next_update():
    w = shared(numpy.zeros(2, "float32"), "w")
    f = function([], w, updates=[(w, w + 1)])
    first = f()
    f()
    assert first.tolist() == [0.0, 0.0]


def test_an_output_does_not_share_memory_with_an_input():
    x, array = tensor.vector("x"), numpy.ones(2, "float32")
    result = function([x], x.reshape(2))(array)
    array[:] = 5
    assert result.tolist() == [1.0, 1.0]


def test_updates_that_do_not_fit_are_refused():
    w, k = shared(numpy.zeros(2, "float32"), "w"), shared(3, "k")
    with pytest.raises(ValueError, match=r"update of w must be \(2,\) float32, not \(3,\)"):
        function([], updates=[(w, torch.ones(3) + tensor.constant(0.0))])
    with pytest.raises(
        TypeError, match="update of k must have the dtype torch.int64, not torch.float32"
    ):
        function([], updates=[(k, k * 0.5)])
    with pytest.raises(ValueError, match="w has two updates"):
        function([], updates=[(w, w), (w, w * 2)])
    with pytest.raises(ValueError, match="cannot update x, since only shared variables"):
        function([], updates=[(tensor.scalar("x"), 1.0)])


def test_a_guard_that_raises_leaves_everything_as_it_was():
    w = shared(1.0, "w")

    class Refuse:
        def holds(self, outputs):
            return torch.tensor(False)

        def check(self, outputs):
            raise ArithmeticError("no")

    f = function([], w * 2, updates=[(w, w * 0)], guard=Refuse())
    with pytest.raises(ArithmeticError):
        f()
    assert w.get_value() == 1.0


def test_an_error_while_running_names_the_call():
    x, k = tensor.matrix("x"), tensor.lvector("k")
    with pytest.raises(RuntimeError) as caught:
        (x.reshape(3, -1) * 2).eval({x: [[1.0]]})
    assert any("while computing reshape(x" in note for note in caught.value.__notes__)
    with pytest.raises(IndexError, match=r"getitem\(x .*, k .*\): index 7 is out of bounds"):
        (x[k] * 2).eval({x: [[1.0]], k: [7]})


def test_identity_nodes_vanish():
    x = tensor.vector("x")
    f = function([x], (x.copy().copy() * 2).copy("out"))
    called = [node for node in f.program.module.graph.nodes if node.op.startswith("call")]
    assert len(called) == 1 and all(node.target is not identity for node in called)


def test_a_size_can_be_an_output():
    x = tensor.matrix("x")
    assert function([x], [x.shape[0], x.sum()])(numpy.ones((3, 2), "float32")) == [3, 6.0]


def test_assigning_while_a_function_runs_takes_effect_afterwards():
    w, entered, go = shared(1.0, "w"), threading.Event(), threading.Event()

    def wait(value):
        entered.set()
        assert go.wait(10)

    y = tensor.put_hook(w * 1, wait)
    f = function([], y, updates=[(w, y + 1)])
    runner = threading.Thread(target=f)
    runner.start()
    assert entered.wait(10)
    setter = threading.Thread(target=w.set_value, args=(10.0,))
    setter.start()
    go.set()
    runner.join(10), setter.join(10)
    assert w.get_value() == 10.0


@pytest.mark.parametrize("execution", ["eager", "compiled"])
def test_inputs_that_require_gradients_lose_their_history(execution):
    x, w = tensor.vector("x"), shared([1.0, 2.0], "w")
    f = function([x], x * w, updates=[(w, w + x)], execution=execution)
    given = torch.ones(2, requires_grad=True)
    assert not f(given).requires_grad
    assert f(given).tolist() == [2.0, 3.0] and torch.is_grad_enabled()


@pytest.mark.parametrize("execution", ["eager", "compiled"])
@pytest.mark.parametrize(
    "names",
    [
        ("W", "w"),
        ("inputDim", "input_dim"),
        ("list", "list_1"),
        ("w", "w", "w_1", "w__1"),
        ("self", "shared_self"),
        ("lambda", "a b", "a_b"),
    ],
)
def test_variables_with_similar_names_are_not_exchanged(names, execution):
    x = tensor.vector("x")
    variables = [shared(numpy.full(3, i, "float32"), name) for i, name in enumerate(names)]
    inputs = [tensor.vector(name) for name in names]
    outputs = [(x * v).sum() for v in variables] + [2 * v.sum() for v in inputs]
    f = function([x, *inputs], outputs, execution=execution)
    values = f(torch.ones(3), *[torch.full((3,), float(i)) for i in range(len(names))])
    expected = [3.0 * i for i in range(len(names))] + [6.0 * i for i in range(len(names))]
    assert [float(value) for value in values] == expected
