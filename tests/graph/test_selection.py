"""Selections: reading, setting, replacing and showing what was selected."""

import copy

import numpy
import pytest
from numpy.testing import assert_array_equal

from workbench import shared, tensor
from workbench.bricks import Linear
from workbench.errors import ParameterError, SelectionError
from workbench.filter import Selection, VariableFilter
from workbench.graph import ComputationGraph
from workbench.initialization import Constant
from workbench.roles import OUTPUT, PARAMETER, WEIGHT


@pytest.fixture
def linear():
    linear = Linear(3, 2, weights_init=Constant(1), biases_init=Constant(0))
    linear.initialize()
    return linear


@pytest.fixture
def graph(linear):
    return ComputationGraph(linear.apply(tensor.matrix("x")))


def test_a_selection_is_a_list(linear, graph):
    selection = VariableFilter(roles=[PARAMETER])(graph)
    assert selection == [linear.W, linear.b]
    assert (repr(selection), len(selection), selection[1]) == ("[W, b]", 2, linear.b)
    assert selection.paths == ["/linear.W", "/linear.b"]


def test_values_are_copies_by_path(linear, graph):
    values = graph.select(PARAMETER).get_values()
    assert list(values) == ["/linear.W", "/linear.b"]
    values["linear.W"][:] = 7
    assert_array_equal(linear.W.get_value(), numpy.ones((3, 2)))


def test_values_are_set_by_path_by_variable_or_to_one_number(linear, graph):
    selection = graph.select(PARAMETER)
    selection.set_values({"linear.b": [1, 2], linear.W: numpy.full((3, 2), 3)})
    assert_array_equal(linear.W.get_value(), numpy.full((3, 2), 3))
    assert_array_equal(linear.b.get_value(), [1, 2])
    selection.set_values(0.5)
    assert_array_equal(linear.b.get_value(), [0.5, 0.5])


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"linear.W": numpy.ones((3, 2))}, "'/linear.b' has no value"),
        (
            {"linear.W": [[1, 2]], "linear.b": [3, 4]},
            r"no variable was set: '/linear.W' must have shape \(3, 2\), not \(1, 2\)",
        ),
        (
            {"linear.w": 1},
            "'linear.w' is not a variable of the selection .did you mean '/linear.W'",
        ),
        (
            {"linear.W": "abc", "linear.b": [3, 4]},
            "'/linear.W' must have numeric values, not values of dtype <U3",
        ),
        (
            [1.0, 2.0],
            r"must be a number or a dictionary with paths as keys, not an array of shape \(2,\)",
        ),
    ],
)
def test_if_one_value_does_not_fit_none_is_set(linear, graph, values, text):
    with pytest.raises(ParameterError, match=text):
        graph.select(PARAMETER).set_values(values)
    assert_array_equal(linear.b.get_value(), [0, 0])


def test_only_shared_variables_have_values(graph):
    with pytest.raises(SelectionError, match="has no value, because it is not a shared variable"):
        graph.select(OUTPUT).get_values()


def test_two_variables_of_one_path_are_refused():
    with pytest.raises(SelectionError, match="two variables have the path 'w'"):
        Selection([shared(1.0, "w"), shared(2.0, "w")]).get_values()


@pytest.mark.parametrize("use", [
    lambda found, graph: found.get_values(),
    lambda found, graph: found.set_values(0),
    lambda found, graph: found.replace(graph, lambda v: v),
])  # fmt: skip
def test_an_empty_selection_reports_the_variables_there_are(graph, use):
    with pytest.raises(
        SelectionError, match=r"'w' selects nothing; available variables: .*did you mean 'W'"
    ):
        use(graph.select("w"), graph)
    with pytest.raises(SelectionError, match="nothing was selected; available variables: none"):
        use(Selection(), graph)


def test_selected_variables_are_replaced(graph):
    halved = graph.select(WEIGHT).replace(graph, lambda W: W / 2)
    [before], [after] = (g.get_function()(numpy.ones((1, 3), "float32")) for g in (graph, halved))
    assert_array_equal(after, before / 2)


def test_a_selection_is_printed_and_shown_as_a_table(graph):
    selection = graph.select(PARAMETER) + graph.select("x")
    shown = Selection(selection)
    assert str(shown).splitlines() == [
        "path       role    shape   dtype    values",
        "/linear.W  WEIGHT  (3, 2)  float32  6",
        "/linear.b  BIAS    (2,)    float32  2",
        "x                  (?, 3)  float32  ?",
        "total                               8",
    ]
    page = shown._repr_html_()
    assert "<td>/linear.W</td><td>WEIGHT</td><td>(3, 2)</td>" in page
    assert page.endswith("<th>8</th></tr></tfoot></table>")


def test_a_copy_keeps_the_criterion(graph):
    copied = copy.copy(graph.select(PARAMETER))
    assert copied == graph.select(PARAMETER)
    assert copied.criterion is PARAMETER
