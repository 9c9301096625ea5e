"""Tests of every brick without values: the same shapes, dtypes, names and paths as with values."""

import copy

import pytest
from numpy.testing import assert_array_equal

from tests.contracts.test_bricks import TABLE, Row, symbols, values
from workbench import bricks, tensor
from workbench.bricks import Brick, symbolic_parameters
from workbench.bricks.inference import Kind, infer
from workbench.errors import ParameterError
from workbench.filter import VariableFilter
from workbench.graph import ComputationGraph
from workbench.graph.hierarchy import path_of
from workbench.roles import PARAMETER
from workbench.tensor.checks.graph import check_graph
from workbench.utils import find_bricks

each = pytest.mark.parametrize("row", TABLE, ids=lambda row: row.brick.__name__)

# A wrapped module keeps its own tensors, which already exist.
WITH_VALUES = {bricks.TorchModule}


def seeded(row: Row) -> Brick:
    """Return a brick that draws the same values as another one made in the same way."""
    brick = row.made()
    vars(brick)["_root_seed"] = 5
    return brick


def outputs_of(row: Row, brick: Brick) -> list[tensor.Variable]:
    given = symbols(row)
    named = dict(zip(row.by_name, given[len(row.inputs) :], strict=True))
    applied = getattr(brick, row.method)(*given[: len(row.inputs)], **named, as_list=True)
    assert all(isinstance(output, tensor.Variable) for output in applied)
    return applied


def kind(variable: tensor.Variable) -> tuple:
    sizes = tuple(size if isinstance(size, int) else "?" for size in variable.shape)
    return repr(variable), sizes, variable.dtype, variable.device, [*map(repr, variable.tag.roles)]


def described(outputs: list[tensor.Variable]) -> dict:
    graph = ComputationGraph(outputs)
    return {
        "variables": [kind(v) for v in graph.variables if "random_counter" not in repr(v)],
        "outputs": [kind(v) for v in outputs],
        "parameters": sorted(map(path_of, graph.parameters)),
        "filtered": [*map(kind, VariableFilter(roles=[PARAMETER])(graph))],
        "auxiliary": sorted(map(repr, graph.auxiliary_variables)),
    }


def parameters(brick: Brick) -> list[tensor.SharedVariable]:
    parts = find_bricks([brick], lambda _: True)
    return [p for part in parts for p in part.parameters if p is not None]


@each
def test_shapes_dtypes_names_roles_and_paths_are_those_of_a_real_brick(row):
    real, fake = seeded(row), seeded(row)
    with symbolic_parameters():
        found = outputs_of(row, fake)
    expected = outputs_of(row, real)
    assert described(found) == described(expected)
    assert (str(fake), repr(fake), fake._repr_html_()) == (
        str(real),
        repr(real),
        real._repr_html_(),
    )
    check_graph(found)
    for name, dim in row.dims.items():
        assert dim is None or fake.get_dim(name) == dim


@each
def test_no_parameter_has_a_value(row):
    brick = seeded(row)
    with symbolic_parameters():
        brick.allocate()
    if row.brick in WITH_VALUES or not parameters(brick):
        return
    assert all(parameter.symbolic for parameter in parameters(brick))
    with pytest.raises(ParameterError, match="has no value, because it was allocated inside"):
        brick.initialize()


@each
def test_allocating_again_gives_the_values_of_a_brick_that_was_never_symbolic(row):
    real, brick = seeded(row), seeded(row)
    with symbolic_parameters():
        outputs_of(row, brick)
    brick.allocate()
    for one in (real, brick):
        one.initialize()
    for a, b in zip(values(brick), values(real), strict=True):
        assert_array_equal(a, b)


@each
def test_a_copy_of_a_symbolic_brick_is_symbolic(row):
    brick = seeded(row)
    with symbolic_parameters():
        brick.allocate()
    twin = copy.deepcopy(brick)
    assert [*map(kind, parameters(twin))] == [*map(kind, parameters(brick))]
    assert [p.symbolic for p in parameters(twin)] == [p.symbolic for p in parameters(brick)]


@each
def test_the_kinds_of_outputs_are_those_of_the_graph(row):
    named = [*getattr(row.made(), row.method).inputs[: len(row.inputs)], *row.by_name]
    kinds = {name: Kind.of(v) for name, v in zip(named, symbols(row), strict=True)}
    expected = [Kind.of(output) for output in outputs_of(row, row.made())]
    for _ in range(2):  # the second time with inputs that were kept
        found = infer(getattr(row.made(), row.method), kinds)
        assert list(found.values()) == expected
