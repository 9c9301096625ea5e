"""The palette, and the published schema."""

import json

import jsonschema
import pytest
import torch

from tests.builder.test_faults import GOOD
from tests.contracts.test_bricks import TABLE
from workbench.bricks import MLP, Activation, Tanh, application
from workbench.bricks.parallel import Fork
from workbench.builder import catalogue, operations, ports, register, schema, to_spec
from workbench.builder.registry import library
from workbench.builder.schema import FILE, text

each = pytest.mark.parametrize("row", TABLE, ids=lambda row: row.brick.__name__)


def entries(kind):
    return {e.type: e for group in catalogue() for e in group.entries if e.kind == kind}


def field(entry, name):
    return next(field for field in entry.fields if field.name == name)


def test_everything_that_can_be_named_is_there_once():
    for kind in ("brick", "scheme", "module"):
        assert set(library(kind)) <= set(entries(kind))
    assert set(entries("operation")) == set(operations.BY_NAME)
    shown = [(e.kind, e.type) for group in catalogue() for e in group.entries]
    assert len(shown) == len(set(shown))


def test_every_brick_and_argument_has_a_description():
    for entry in [*entries("brick").values(), *entries("operation").values()]:
        assert len(entry.text) > 9, entry.type
        assert "``" not in entry.text
    ours = [entry for name, entry in entries("brick").items() if name in library("brick")]
    nameless = [(e.type, f.name) for e in ours for f in e.fields if not f.text]
    assert nameless == []


def test_a_field_knows_its_kind_range_and_default():
    probability = field(entries("brick")["Dropout"], "drop_prob")
    assert (probability.kind, probability.default, probability.least, probability.below) == (
        "number", 0.5, 0, 1,
    )  # fmt: skip
    filters = field(entries("brick")["Convolutional"], "num_filters")
    assert (filters.kind, filters.least, filters.lazy, filters.required) == (
        "whole",
        1,
        True,
        False,
    )
    border = field(entries("brick")["Convolutional"], "border_mode")
    assert (border.kind, border.choices) == ("choice", ("valid", "full", "half"))
    activations = field(entries("brick")["MLP"], "activations")
    assert (activations.kind, activations.many, activations.required) == ("brick", True, True)
    prototype = field(entries("brick")["Bidirectional"], "prototype")
    assert "LSTM" in prototype.accepts
    assert "Linear" not in prototype.accepts


def test_ports_are_those_of_the_class_or_of_the_brick():
    linear = entries("brick")["Linear"].methods[0]
    assert [p.name for p in (*linear.inputs, *linear.outputs)] == ["input_", "output"]
    lstm = entries("brick")["LSTM"].methods[0]
    assert [p.name for p in lstm.inputs if not p.optional] == ["inputs"]
    assert entries("brick")["Fork"].methods[0].outputs is None
    assert [p.name for p in ports(Fork(["a", "b"]))[0].outputs] == ["a", "b"]
    assert [p.name for p in ports(MLP([Tanh()]))[0].inputs] == ["input_"]


@each
def test_ports_of_every_brick_are_those_of_its_applications(row):
    brick = row.made()
    method = next(method for method in ports(brick) if method.name == row.method)
    assert [p.name for p in method.inputs] == getattr(brick, row.method).inputs


def test_classes_of_ones_own_are_shown_at_once():
    class Cubed(Activation):
        """The cube of each element."""

        @application(inputs=["input_"], outputs=["output"])
        def apply(self, input_):
            return input_**3

    class Halved(torch.nn.Module):
        """Half of the input."""

    for cls in (Cubed, Halved):
        register(cls)
    own = {entry.type: entry for entry in catalogue()[0].entries}
    assert catalogue()[0].title == "Your own"
    assert own["Cubed"].text == "The cube of each element."
    assert own["Halved"].kind == "module"


def test_the_palette_consists_of_plain_values():
    groups = [group.to_dict() for group in catalogue()]
    assert json.loads(json.dumps(groups)) == json.loads(json.dumps(groups))


def test_the_published_schema_is_up_to_date():
    """Write it with ``python -m tests.support.schema``."""
    assert FILE.read_text(encoding="utf-8") == text()


@each
def test_every_specification_obeys_the_schema(row):
    jsonschema.validate(json.loads(to_spec(row.made()).to_json()), schema())


def test_the_schema_refuses_what_is_no_specification():
    jsonschema.validate(GOOD, schema())
    for place, value in (("version", 2), ("bricks", {}), ("monitored", [3]), ("code", "")):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(GOOD | {place: value}, schema())
