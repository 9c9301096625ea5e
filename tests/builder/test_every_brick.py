"""Every brick of the library, from brick to specification to JSON and back."""

import copy
import json

import numpy
import pytest
from numpy.testing import assert_array_equal

from tests.contracts.test_bricks import TABLE, applied, public_bricks, symbols, values
from workbench import bricks
from workbench.builder import Spec, from_spec, to_spec
from workbench.builder.registry import ABSTRACT, library
from workbench.graph import ComputationGraph
from workbench.utils import find_bricks

each = pytest.mark.parametrize("row", TABLE, ids=lambda row: row.brick.__name__)


def test_the_registry_has_every_brick_that_has_a_row():
    assert set(library("brick").values()) == {row.brick for row in TABLE}
    assert {c.__name__ for c in public_bricks()} - set(library("brick")) == ABSTRACT


def made(row):
    """Return the brick of a row with a seed, so that its values can be compared."""
    brick = row.made(name="it")
    for part in [brick]:
        if isinstance(part, bricks.RNGMixin):
            part.seed = 5
    return brick


def again(*described):
    """Return what a specification makes, after it was JSON."""
    spec = to_spec(*described)
    text = spec.to_json()
    assert Spec.from_json(text) == spec
    assert Spec.from_dict(json.loads(text)) == spec
    return from_spec(Spec.from_json(text))


def parameters(brick):
    """Return the names and shapes of all parameters, with the bricks that have them."""
    return [
        (part.path(), p.name, tuple(p.shape))
        for part in find_bricks([brick], lambda _: True)
        for p in part.parameters
        if p is not None
    ]


def copied(source, target):
    """Copy the values of parameters; a specification has none."""
    pairs = zip(*(find_bricks([one], lambda _: True) for one in (source, target)), strict=True)
    for a, b in pairs:
        for ours, other in zip(a.parameters, b.parameters, strict=True):
            if ours is not None:
                other.set_value(ours.get_value())


@each
def test_a_brick_survives(row):
    brick = made(row)
    twin = again(brick).bricks["it"]
    brick.initialize()
    twin.initialize()
    assert str(twin) == str(brick)
    assert parameters(twin) == parameters(brick)
    if row.brick is bricks.TorchModule:
        copied(brick, twin)
    for a, b in zip(values(twin), values(brick), strict=True):
        assert_array_equal(a, b)
    assert_array_equal(
        applied(row, twin, row.all_inputs).numpy(), applied(row, brick, row.all_inputs).numpy()
    )
    assert to_spec(twin) == to_spec(brick)


@each
def test_a_brick_survives_before_it_is_configured(row):
    brick = row.brick(**copy.deepcopy(row.always), name="it")
    twin = again(brick).bricks["it"]
    for name, value in row.settings.items():
        setattr(brick, name, value)
        setattr(twin, name, value)
    assert to_spec(twin) == to_spec(brick)
    twin.allocate()
    brick.allocate()
    assert str(twin) == str(brick)


@each
def test_a_graph_survives(row):
    brick = made(row)
    given = symbols(row)
    outputs = getattr(brick, row.method)(
        *given[: len(row.inputs)],
        **dict(zip(row.by_name, given[len(row.inputs) :], strict=True)),
        as_list=True,
    )
    built = again(*outputs)
    brick.initialize()
    built.bricks["it"].initialize()
    copied(brick, built.bricks["it"])
    assert set(built.inputs) <= {variable.name for variable in given}
    values_by_name = {v.name: x for v, x in zip(given, row.all_inputs, strict=True)}
    for output, twin in zip(outputs, [built.cost, *built.monitored][-len(outputs) :], strict=True):
        assert twin.name == output.name
        needed = {v.name: values_by_name[v.name] for v in ComputationGraph(output).inputs}
        numpy.testing.assert_array_equal(twin.eval(needed).numpy(), output.eval(needed).numpy())
