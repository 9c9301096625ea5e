"""Computation graphs: their parts, replacement, functions and snapshots."""

import numpy
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from workbench import function, shared, tensor
from workbench.bricks import MLP, Brick, Identity, Linear, Tanh, application
from workbench.errors import GraphError, InputError
from workbench.filter import VariableFilter
from workbench.graph import Annotation, ComputationGraph, add_annotation
from workbench.initialization import Constant
from workbench.roles import INPUT, OUTPUT, PARAMETER
from workbench.tensor.scan import scan
from workbench.tensor.traversal import inputs_of


@pytest.fixture
def mlp():
    mlp = MLP([Tanh(), Identity()], [3, 4, 2], weights_init=Constant(1), biases_init=Constant(2))
    mlp.initialize()
    return mlp


def test_parts_of_a_small_graph():
    x, y, w = tensor.matrix("x"), tensor.matrix("y"), shared(numpy.zeros((3, 3)), "w")
    z = x + y
    a = (z @ w.float()).sum()
    graph = ComputationGraph([a, z])
    assert (graph.inputs, graph.outputs, graph.shared_variables) == ([x, y], [a, z], [w])
    assert set(graph.intermediary_variables) == {*graph.variables} - {x, y, a, z}
    assert (graph.parameters, graph.auxiliary_variables, graph.scans) == ([], [], [])
    assert len(set(graph.variables)) == len(graph.variables)


def test_a_shared_variable_alone_is_a_graph():
    w = shared(1.0, "w")
    assert ComputationGraph(w).variables == [w]


def test_variables_are_in_topological_order(mlp):
    graph = ComputationGraph(mlp.apply(tensor.matrix("x")))
    place = {v: i for i, v in enumerate(graph.variables)}
    assert all(place[i] < place[v] for v in graph.variables for i in inputs_of(v))


def test_parameters_come_layer_by_layer(mlp):
    graph = ComputationGraph(mlp.apply(tensor.matrix("x")))
    first, second = mlp.linear_transformations
    assert graph.parameters == [first.W, first.b, second.W, second.b]
    assert repr(graph.auxiliary_variables) == "[W_norm, b_norm, W_norm, b_norm]"


def test_only_variables_make_a_graph():
    with pytest.raises(ValueError, match="the outputs of a graph must be variables, not 3"):
        ComputationGraph([3])


def test_auxiliary_variables_of_auxiliary_variables_are_found():
    x, outer, inner = tensor.vector("x"), Annotation(), Annotation()
    y = x * 2
    add_annotation(y, outer)
    mean = x.mean()
    outer.add_auxiliary_variable(mean)
    add_annotation(mean, inner)
    inner.add_auxiliary_variable(mean**2, name="square")
    assert repr(ComputationGraph(y).auxiliary_variables) == "[mean, square]"


def test_an_auxiliary_variable_that_needs_more_inputs_is_left_out():
    x, other, annotation = tensor.vector("x"), tensor.vector("other"), Annotation()
    y = x * 2
    add_annotation(y, annotation)
    annotation.add_auxiliary_variable((x + other).sum())
    assert ComputationGraph(y).inputs == [x]
    assert len(ComputationGraph([y, other]).auxiliary_variables) == 1


def test_updates_are_found_in_annotations_and_run():
    x, count, annotation = tensor.scalar("x"), shared(0.0, "count"), Annotation()
    y = x * 2
    add_annotation(y, annotation)
    annotation.updates[count] = count + x
    graph, other = ComputationGraph(y), shared(0.0, "other")
    graph.get_function(additional_updates={other: x})(3.0)
    assert (count.get_value(), other.get_value()) == (3, 3)


def test_inputs_by_name_and_dependence_on_inputs():
    x, w = tensor.vector("x"), shared([1.0], "w")
    norm, y = w.norm(2), x * w
    graph = ComputationGraph([y, norm])
    assert graph.dict_of_inputs() == {"x": x}
    assert [graph.has_inputs(v) for v in (x, w, norm, y, y + 1, norm + 1)] == [
        True, False, False, True, True, False,
    ]  # fmt: skip


@pytest.mark.parametrize("name", [None, "x"])
def test_inputs_without_a_name_of_their_own_are_refused(name):
    graph = ComputationGraph(tensor.vector("x") + tensor.vector(name))
    with pytest.raises(ValueError, match="give each input a different name"):
        graph.dict_of_inputs()


def test_replacement_of_an_output_that_uses_it():
    x = tensor.scalar("x")
    y = x + 1
    doubled = ComputationGraph(y).replace([(y, 2 * y)])
    assert doubled.outputs[0].eval({x: 2.0}) == 6


def test_an_input_used_twice_is_replaced_everywhere():
    x = tensor.scalar("x")
    graph = ComputationGraph([2 * x, x + 1]).replace({x: 0.5 * x})
    assert [v.eval({x: 1.0}) for v in graph.outputs] == [1.0, 1.5]


@given(st.permutations(range(3)))
def test_dependent_replacements_do_not_depend_on_their_order(order):
    x = tensor.scalar("x")
    y = x + 2
    z = y + 3
    a = z + 5
    pairs = [(y, x * 2), (z, y * 3), (a, a + z)]
    graph = ComputationGraph(a).replace([pairs[i] for i in order])
    assert graph.outputs[0].eval({x: 3.0}) == (18 + 5) + 18


def test_replacement_leaves_the_original_alone(mlp):
    x = tensor.matrix("x")
    graph = ComputationGraph(mlp.apply(x))
    before = list(graph.variables)
    hidden = VariableFilter(bricks=[Tanh], roles=[OUTPUT])(graph.variables)[0]
    new = graph.replace({hidden: hidden * 0})
    assert graph.variables == before
    assert_allclose(new.outputs[0].eval({x: numpy.ones((1, 3), "float32")}), [[2, 2]])


def test_replaced_copies_keep_tags():
    linear, x = Linear(2, 2), tensor.matrix("x")
    graph = ComputationGraph(linear.apply(x)).replace({x: x + 1})
    [output] = VariableFilter(roles=[OUTPUT], bricks=[linear])(graph.variables)
    assert (output.name, output.tag.name) == ("linear_apply_output", "output")
    assert VariableFilter(roles=[INPUT], bricks=[linear])(graph.variables)


def test_a_replacement_of_a_missing_variable_warns():
    x, other = tensor.scalar("x"), tensor.scalar("other")
    graph = ComputationGraph(x + 1)
    with pytest.warns(UserWarning, match=r"not part of the graph were not replaced: \[other\]"):
        graph.replace({other: other + 1})


class Noted(Brick):
    """Brick that attaches the largest input to its call."""

    @application(outputs=["output"])
    def apply(self, x, application_call):
        application_call.add_auxiliary_variable(x.max(), name="max")
        return x * 2


def test_auxiliary_variables_follow_replacements():
    x = tensor.vector("x")
    graph = ComputationGraph(Noted().apply(x))
    once = graph.replace({x: x + 10})
    twice = once.replace({x: x * 2})
    for rewritten, expected in ((graph, 3), (once, 13), (twice, 16)):
        [largest] = rewritten.auxiliary_variables
        assert largest.eval({x: [1.0, 3.0]}) == expected
        assert rewritten.inputs == [x]


def test_updates_follow_replacements():
    x, count, annotation = tensor.scalar("x"), shared(0.0, "count"), Annotation()
    y = x * 2
    add_annotation(y, annotation)
    annotation.updates[count] = count + y
    ComputationGraph(y).replace({x: x + 1}).get_function()(2.0)
    assert count.get_value() == 6


def test_get_function_takes_the_inputs_in_order(mlp):
    x, y = tensor.matrix("x"), tensor.matrix("y")
    graph = ComputationGraph([(mlp.apply(x) - y).sum(), x.sum()])
    run = graph.get_function(name="difference")
    assert run.inputs == graph.inputs == [x, y]
    difference, total = run(numpy.zeros((1, 3), "float32"), y=numpy.ones((1, 2), "float32"))
    assert_allclose([difference, total], [2 * (4 * numpy.tanh(2) + 2 - 1), 0], rtol=1e-6)


def test_a_snapshot_holds_all_computed_variables_with_roles(mlp):
    x = tensor.matrix("x")
    graph = ComputationGraph(mlp.apply(x))
    snapshot = graph.get_snapshot({"x": numpy.zeros((1, 3), "float32"), "unused": 0})
    assert len(snapshot) == 14  # inputs and outputs of five bricks, and four norms
    assert_allclose(snapshot[graph.outputs[0]], [[4 * numpy.tanh(2) + 2] * 2], rtol=1e-6)


def test_a_snapshot_without_data_names_the_missing_inputs(mlp):
    graph = ComputationGraph(mlp.apply(tensor.matrix("features")))
    with pytest.raises(
        ValueError, match=r"must contain values for features, .*did you mean 'feature'\?"
    ):
        graph.get_snapshot({"feature": numpy.zeros((1, 3), "float32")})


def test_loops_and_the_variables_inside_them_are_found():
    x, linear = tensor.tensor3("x"), Linear(2, 2, name="inside")
    [hidden] = scan(lambda x_t: linear.apply(x_t), sequences=[x])
    graph = ComputationGraph(hidden.sum())
    assert len(graph.scans) == 1
    assert VariableFilter(bricks=[linear], roles=[OUTPUT])(graph.scan_variables)


def test_deep_graphs_are_no_problem():
    x = y = tensor.scalar("x")
    for _ in range(3000):
        y = y.copy()
    graph = ComputationGraph(y + 1)
    assert len(graph.replace({x: x + 1}).variables) == len(graph.variables) + 1
    assert graph.has_inputs(y)


def test_a_graph_shows_its_outputs():
    assert (
        repr(ComputationGraph(tensor.scalar("x") + 1)) == "<ComputationGraph of [add]: 2 variables>"
    )


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 99), st.integers(0, 99)), max_size=12))
def test_a_graph_computes_its_expressions(steps):
    x = tensor.scalar("x", dtype=torch.float64)
    variables, values = [x, x * 2], [0.3, 0.6]
    operations = [lambda a, b: a + b, lambda a, b: a * b, lambda a, b: a - b]
    for kind, i, j in steps:
        i, j = i % len(variables), j % len(variables)
        variables.append(operations[kind](variables[i], variables[j]))
        values.append(operations[kind](values[i], values[j]))
    graph = ComputationGraph(variables)
    assert_allclose(graph.get_function()(0.3), values)
    same = graph.replace({x: x + 0})
    assert_allclose(function(same.inputs, same.outputs)(0.3), values)


@pytest.mark.parametrize(
    ("replacements", "text"),
    [
        (lambda h: {h: torch.zeros(2)}, r"the replacement of h is tensor\(\[0., 0.\]\).*"),
        (lambda h: {h: 1.0}, r"the replacement of h is 1.0 \(<class 'float'>\); convert a value"),
        (lambda h: {"h": h}, "but 'h' is not a variable; find the variable, .* VariableFilter"),
        (lambda h: [h], r"that map variables of the graph to their replacements, not \[h\]"),
        (lambda h: None, "that map variables of the graph to their replacements, not None"),
    ],
)
def test_replacements_are_variables(replacements, text):
    h = (tensor.vector("x") * 2).copy(name="h")
    with pytest.raises(GraphError, match=text):
        ComputationGraph(h + 1).replace(replacements(h))


def test_a_snapshot_takes_values_by_variable_too():
    x = tensor.vector("x")
    output = Tanh().apply(x)
    values = ComputationGraph(output).get_snapshot({x: [0.0]})
    assert values[output] == 0


def test_a_snapshot_needs_a_mapping():
    graph = ComputationGraph(Tanh().apply(tensor.vector("x")))
    with pytest.raises(InputError, match=r"by name, as in {'x': array}, not \[0.0\]"):
        graph.get_snapshot([0.0])


def test_a_graph_is_iterated_over_by_its_variables(mlp):
    graph = ComputationGraph(mlp.apply(tensor.matrix("x")))
    assert list(graph) == graph.variables
    assert VariableFilter(roles=[PARAMETER])(graph) == graph.parameters


def test_a_graph_is_not_made_of_a_graph(mlp):
    graph = ComputationGraph(mlp.apply(tensor.matrix("x")))
    with pytest.raises(
        GraphError, match=r"pass the outputs of a graph, as in ComputationGraph\(gr"
    ):
        ComputationGraph(graph)
