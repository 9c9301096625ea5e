"""Every rule of the checks finds a fault that breaks it."""

import operator

import pytest
import torch

import workbench
from workbench import errors, function, grad, shared, tensor
from workbench.bricks import Linear
from workbench.initialization import Constant
from workbench.tensor import checks
from workbench.tensor import torch_internals as internals
from workbench.tensor.call import apply
from workbench.tensor.checks import (
    GRAPH,
    PROGRAM,
    TRACE,
    check_all,
    check_graph,
    check_program,
    check_rewritten,
    check_trace,
)
from workbench.tensor.execution.tracing import trace
from workbench.tensor.lowering import lower
from workbench.tensor.shapes import fake_tensor


@pytest.fixture
def every_rewrite_is_checked():
    """Replace the fixture of the folder: these tests call the checks themselves."""


def the_fault(faults, rules, word):
    """Return the only fault; its rule must be the only one of `rules` that contains `word`."""
    [rule] = [rule for rule in rules if word in rule]
    [fault] = faults
    assert fault.rule == rule
    return fault


# Graphs


def made():
    """Return an input and two variables that are computed from it."""
    x = tensor.matrix("x")
    y = torch.tanh(x)
    return x, y, y * 2


def test_a_sound_graph_has_no_faults():
    _, _, z = made()
    w = shared([[1.0]], "w")
    assert check_graph([z, grad(z.sum() * w.sum(), [w])[0]], {w: w * 2}) == []
    checks.refuse([])


def test_a_cycle_is_found():
    _, y, z = made()
    y.owner.inputs = (z,)
    fault = the_fault(check_graph([z]), GRAPH, "before the call")
    assert fault.node in ("tanh", "mul")


def test_an_output_of_another_call_is_found():
    _, y, z = made()
    y.owner.outputs[0] = z
    assert the_fault(check_graph([z]), GRAPH, "output of its owner").node == "tanh"


def test_an_input_that_is_no_argument_is_found():
    x, _, z = made()
    z.owner.inputs = (x,)
    assert the_fault(check_graph([z]), GRAPH, "among its arguments").node == "mul"


def test_a_call_in_place_is_found():
    _, _, z = made()
    z.owner.function = torch.Tensor.mul_
    assert "changes its argument" in the_fault(check_graph([z]), GRAPH, "in place").detail


def test_a_shape_that_is_not_inferred_is_found_with_its_brick():
    linear = Linear(3, 2, name="layer", weights_init=Constant(1.0), biases_init=Constant(0.0))
    output = linear.apply(tensor.matrix("x"))
    output.fake = fake_tensor((None, 7), torch.float32, torch.device("cpu"))
    fault = the_fault(check_graph([output]), GRAPH, "inferred")
    assert fault.place == "layer.apply"
    assert "it is (?, 7) float32 instead of (?, 2) float32" in str(fault)


def test_inputs_that_do_not_fit_are_found():
    x, w = tensor.variable("x", (2, 3)), tensor.variable("w", (3, 4))
    y = x @ w
    w.fake = fake_tensor((5, 4), torch.float32, torch.device("cpu"))
    assert "incompatible" in the_fault(check_graph([y]), GRAPH, "inferred").detail


def test_a_shared_variable_that_holds_something_else_is_found():
    w = shared([1.0, 2.0], "w")
    w.tensor = torch.zeros(3)
    assert the_fault(check_graph([w * 2]), GRAPH, "of its tensor").node == "w"


@pytest.mark.parametrize("new", [torch.zeros(3), torch.zeros(2, dtype=torch.int64)])
def test_an_update_that_does_not_fit_is_found(new):
    w = shared([1.0, 2.0], "w")
    the_fault(check_graph([], {w: tensor.constant(new, "new")}), GRAPH, "an update must have")


def test_faults_are_refused_by_name():
    _, y, z = made()
    y.index = 3
    with pytest.raises(errors.GraphError, match="tanh: output 3 of tanh is a different variable"):
        checks.refuse(check_graph([z]))


# Programs


def program():
    """Return a lowered program: two operations on an input and a shared variable."""
    x, w = tensor.variable("x", (2, 3)), shared([[1.0], [2.0], [3.0]], "w")
    return lower([x], [torch.tanh(x @ w)], [w * 2]), w


def node(program, name):
    """Return the node of a program with a given name."""
    return next(node for node in program.graph.nodes if node.name == name)


def test_a_sound_program_has_no_faults():
    lowered, w = program()
    assert check_program(lowered, [w]) == [] == check_rewritten(lowered, lowered.graph)


def test_a_node_before_its_inputs_is_found():
    lowered, _ = program()
    node(lowered, "x").prepend(node(lowered, "tanh"))
    assert the_fault(check_program(lowered), PROGRAM, "before the node").node == "tanh"


def test_a_placeholder_too_few_is_found():
    lowered, _ = program()
    lowered.inputs.append(tensor.vector("more"))
    the_fault(check_program(lowered), PROGRAM, "placeholders")


def test_placeholders_in_another_order_are_found():
    lowered, _ = program()
    node(lowered, "x").prepend(node(lowered, "w"))
    faults = check_program(lowered)
    assert [fault.node for fault in faults] == ["w", "x"]
    assert all("placeholders" in fault.rule for fault in faults)


def test_a_missing_constant_is_found():
    lowered = lower([], [tensor.constant([1.0, 2.0]) * 2])
    lowered.constants.clear()
    the_fault(check_program(lowered), PROGRAM, "constant")


def test_a_change_in_place_is_found():
    lowered, _ = program()
    node(lowered, "tanh").target = torch.Tensor.tanh_
    the_fault(check_program(lowered), PROGRAM, "in place")


def test_a_node_that_nothing_uses_is_found():
    lowered, _ = program()
    with lowered.graph.inserting_before(node(lowered, "tanh")):
        lowered.graph.call_function(torch.neg, (node(lowered, "x"),))
    assert the_fault(check_program(lowered), PROGRAM, "must be used").node == "neg"


def test_autograd_that_stays_on_is_found():
    x = tensor.vector("x")
    lowered = lower([x], [grad((x**2).sum(), x)])
    [last] = [
        n
        for n in lowered.graph.nodes
        if n.target is internals.set_grad_enabled and n.args == (False,)
    ][-1:]
    lowered.graph.erase_node(last)
    the_fault(check_program(lowered), PROGRAM, "autograd")


def test_a_node_of_another_dtype_is_found():
    lowered, _ = program()
    other = node(lowered, "tanh")
    other.meta["fake"] = fake_tensor((2, 1), torch.float64, torch.device("cpu"))
    assert (
        "instead of (2, 1) float32" in the_fault(check_program(lowered), PROGRAM, "inferred").detail
    )


def test_an_operation_whose_arguments_do_not_fit_is_found():
    lowered, _ = program()
    product = node(lowered, "tanh").args[0]
    product.args = (product.args[1], product.args[1])
    assert "incompatible" in check_program(lowered)[0].detail


def test_a_new_value_of_another_variable_is_found():
    lowered, _ = program()
    fault = the_fault(check_program(lowered, [shared([1.0], "v")]), PROGRAM, "a new value")
    assert "as the new value of v, it is (3, 1) float32 instead of (1,) float32" in fault.detail


def test_a_result_that_is_a_view_of_an_input_is_found():
    x = tensor.matrix("x")
    lowered = lower([x], [x.T])
    output = lowered.graph.output_node()
    [clone] = output.args[0]
    output.args = ((clone.args[0],),)
    lowered.graph.erase_node(clone)
    fault = the_fault(check_program(lowered), PROGRAM, "share memory")
    assert fault.detail == "it shares memory with x"


def test_a_fault_in_a_program_has_the_path_of_its_brick():
    linear = Linear(3, 2, name="layer", weights_init=Constant(1.0), biases_init=Constant(0.0))
    linear.initialize()
    x = tensor.matrix("x")
    lowered = lower([x], [linear.apply(x)])
    wrong = next(n for n in lowered.graph.nodes if n in lowered.origin)
    wrong.target = torch.Tensor.add_
    assert "layer" in check_program(lowered)[0].place


# Traces


def traced():
    """Return the trace of a task that adds to a shared variable."""
    x, w = tensor.vector("x"), shared([1.0, 2.0], "w")
    f = function([x], (x * w).sum(), updates=[(w, w + x)], execution="eager")
    return trace(f.execution.task, (), lambda *_: None)


def call(found, name):
    """Return the first node of a trace whose name starts with a prefix."""
    return next(n for n in found.graph.graph.nodes if n.name.startswith(name))


def test_a_sound_trace_has_no_faults():
    assert check_trace(traced()) == []


def test_an_operation_before_its_inputs_is_found():
    found = traced()
    call(found, "mul").prepend(call(found, "sum"))
    assert the_fault(check_trace(found), TRACE, "before the node").node.startswith("sum")


def test_an_argument_too_few_is_found():
    found = traced()
    found.arguments.pop()
    the_fault(check_trace(found), TRACE, "placeholders")


def test_a_read_after_a_change_in_place_is_found():
    found = traced()
    call(found, "mul").prepend(call(found, "add"))
    call(found, "mul").prepend(call(found, "copy_"))
    fault = the_fault(check_trace(found), TRACE, "read after")
    assert "after copy_ has changed it" in fault.detail


def test_a_result_that_is_changed_before_others_read_it_is_found():
    found = traced()
    copied = call(found, "copy_")
    copied.args = (call(found, "mul"), copied.args[1])
    call(found, "mul").append(call(found, "add"))
    call(found, "add").append(copied)
    assert the_fault(check_trace(found), TRACE, "read after").node.startswith("sum")


# Where the checks run


def test_explain_reports_valid_rules_or_faults(capsys):
    x = tensor.vector("x")
    f = function([x], torch.tanh(x) * 2, name="f", execution="eager")
    workbench.explain(f)
    assert f"checks    {len(GRAPH) + len(PROGRAM)} rules hold" in capsys.readouterr().out
    f.execution.task.outputs[0].index = 1
    workbench.explain(f)
    assert "checks    mul: output 1 of mul is a different variable, but" in capsys.readouterr().out


def test_draws_loops_and_their_gradients_obey_the_rules():
    x = tensor.matrix("x")
    noise = tensor.RandomStream(1).normal((x.shape[1],))
    [states] = tensor.scan(
        lambda row, state: state * row + noise, sequences=[x], states=[noise * 0]
    )
    cost = states[-1].sum()
    f = function([x], [cost, grad(cost, x)])
    task = f.execution.task
    assert check_all(task.program, task.outputs, task.updated) == []


def test_shapes_that_depend_on_values_are_not_checked():
    x = tensor.vector("x")
    chosen = apply(operator.getitem, (x, x > 0), {})
    lowered = lower([x], [chosen * 2])
    assert check_program(lowered) == [] == check_graph([chosen])
