"""Hostile values in every place of a specification: each is read, or is an error with its place."""

import re
import tracemalloc

import pytest

from tests.builder.test_faults import broken
from workbench.builder import Spec, SpecError, check, from_spec
from workbench.builder.fields import check_plain

TANH = {"brick": {"type": "Tanh"}}
MODULE = {"type": "Linear", "settings": {"in_features": 4, "out_features": 2}}
GOOD = {
    "version": 1,
    "bricks": [
        {
            "type": "MLP", "name": "mlp",
            "settings": {
                "activations": [TANH, None], "dims": [4, 3, 2], "use_bias": True, "seed": 3,
                "weights_init": {"scheme": {"type": "Uniform", "settings": {"width": 0.1}}},
                "biases_init": {"scheme": {"type": "Constant", "settings": {"constant": {
                    "array": {"dtype": "float32", "values": [0.0]}}}}},
            },
            "changes": {"linear_0": {"use_bias": False}},
        },
        {"type": "Sequence", "settings": {"application_methods": [
            {"use": "mlp/linear_1.apply"},
            {"brick": {"type": "Softmax"}, "method": "log_probabilities"}]}},
        {"type": "TorchModule", "name": "net", "settings": {
            "module": {"module": {"type": "Sequential", "parts": {"0": MODULE}}}}},
        {"type": "Convolutional", "name": "conv", "settings": {
            "filter_size": {"tuple": [3, 3]}, "num_filters": 2, "border_mode": "valid"}},
        {"type": "LSTM", "name": "lstm", "settings": {"dim": 2}},
    ],
    "inputs": [
        {"name": "x", "dtype": "float32", "shape": [None, 4]},
        {"name": "images", "dtype": "float32", "shape": [None, 1, 8, 8]},
        {"name": "steps", "dtype": "float32", "shape": [None, None, 8]},
    ],
    "calls": [
        {"id": "a", "brick": "mlp", "method": "apply", "inputs": {"input_": "x"},
         "outputs": ["scores"]},
        {"id": "b", "brick": "net", "inputs": {"input": "x"}, "outputs": ["other"]},
        {"id": "c", "brick": "lstm", "inputs": {"inputs": "steps"}, "settings": {"reverse": True},
         "outputs": ["states", "cells"]},
        {"id": "d", "operation": "power",
         "inputs": {"input": {"parameter": "mlp/linear_1.W"}, "other": {"value": 2}},
         "outputs": ["squares"]},
        {"id": "e", "operation": "concatenate", "inputs": {"tensors": ["scores", "other"]},
         "settings": {"dim": 1}, "outputs": ["both"]},
        {"id": "f", "operation": "index", "inputs": {"input": "x"},
         "settings": {"key": {"tuple": [{"slice": [None, 2, None]}, 0]}}, "outputs": ["some"]},
        {"id": "g", "operation": "sum", "inputs": {"input": "squares"}, "outputs": ["cost"]},
    ],
    "cost": "cost",
    "monitored": ["both"],
    "positions": {"mlp": [0, 1.5]},
}  # fmt: skip


def nested(levels):
    """Return lists in lists."""
    found = []
    for _ in range(levels):
        found = [found]
    return found


HOSTILE = {
    "null": None, "true": True, "zero": 0, "negative": -1, "fraction": 2.5,
    "large": 10**12, "huge": 10**18, "beyond 64 bits": 10**30, "several": [10**12] * 3,
    "nan": float("nan"), "inf": float("inf"), "nothing": "", "text": "mlp",
    "long": "a" * 100_000, "surrogate": "\ud800", "list": [], "object": {}, "lists": [None],
    "deep": nested(3000), "keys": {1: 2}, "mapping": {"mapping": {"a": 1}}, "brick": TANH,
    "used": {"use": "mlp"}, "array": {"array": {"dtype": "int64", "values": [[1, 2]]}},
    "slice": {"slice": [1]}, "dtype": "quint8",
}  # fmt: skip

FOREIGN = re.compile(
    r"object (?:is|has|of)|not supported between|unpack|position \d|RuntimeError|\baten\b|__init__|"
    r"unhashable|iterable|storage|Trying to create"
)
"""Messages of Python and torch that do not say what is wrong with a specification."""


def places(value, place=()):
    """Yield the keys of all values inside a value."""
    yield place
    if isinstance(value, list):
        value = dict(enumerate(value))
    for key, one in value.items() if isinstance(value, dict) else ():
        yield from places(one, (*place, key))


def test_the_good_one_is_good():
    spec = Spec.from_dict(GOOD)
    assert from_spec(spec).cost.name == "cost"
    assert [fault.path for fault in check(spec, infer=True).faults] == []


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Initializing zero-element tensors")
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_value_is_read_or_is_an_error_with_its_place(name):
    first = list(HOSTILE).index(name) % 3  # a third of the places for each value
    for place in list(places(GOOD))[1 + first :: 3]:
        try:
            from_spec(Spec.from_dict(broken(place, HOSTILE[name], GOOD)))
        except SpecError as error:
            assert error.path, (place, error)
            assert not FOREIGN.search(str(error)), (place, error)
            assert len(str(error)) < 5000, place


def spec(settings, type="MLP", shape=(None, 4)):
    """Return a specification of one brick that is applied to one input."""
    return {
        "version": 1,
        "bricks": [{"type": type, "name": "it", "settings": settings}],
        "inputs": [{"name": "x", "dtype": "float32", "shape": list(shape)}],
        "calls": [{"id": "y", "brick": "it", "inputs": {"input_": "x"}, "outputs": ["y"]}],
    }


ENOUGH = {"input_dim": 10**6, "output_dim": 10**6}


@pytest.mark.parametrize(
    ("given", "path", "text"),
    [
        (spec({}) | {"version": True}, "version", "the version is True"),
        (spec({"input_dim": 4, "output_dim": 10**30}, "Linear"), "bricks/0/settings/output_dim",
         "less than 2**63 in absolute value; this number has 100 bits"),
        (spec({"input_dim": 4, "output_dim": 10**18}, "Linear"), "bricks/0/settings/output_dim",
         "dimensions must be at most 2,147,483,647"),
        (spec({}, "Tanh", [10**12] * 3), "inputs/0/shape/1", "has more than 2**40 elements"),
        (spec({}, "Tanh", [1] * 100), "inputs/0/shape", "at most 32 sizes, not 100"),
        (spec(ENOUGH, "Linear", (None, 10**6)), "calls/0", "parameters or more; at most"),
    ],
)  # fmt: skip
def test_a_number_out_of_range_is_named(given, path, text):
    with pytest.raises(SpecError) as caught:
        from_spec(Spec.from_dict(given))
    assert caught.value.path == path
    assert text in str(caught.value)


def test_contradicting_changes_are_an_error_with_a_path():
    given = spec({"activations": [TANH], "dims": []})
    given["bricks"][0]["changes"] = {"linear_0": {"use_bias": False}}
    with pytest.raises(SpecError, match=r"it: dims is \[\], but must have 2 numbers") as caught:
        from_spec(Spec.from_dict(given))
    assert caught.value.path == "bricks/0"


def test_a_module_of_millions_of_layers_is_refused():
    module = {"type": "LSTM", "settings": {"input_size": 1, "hidden_size": 1, "num_layers": 10**7}}
    given = spec({"module": {"module": module}}, "TorchModule")
    with pytest.raises(SpecError, match="num_layers is 10,000,000, but must be at most 1,000"):
        from_spec(Spec.from_dict(given))


def test_the_check_of_many_nested_values_needs_little_memory():
    given = [1] * 10_000
    for _ in range(100):
        given = [given]
    tracemalloc.start()
    try:
        check_plain(given)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 5e6  # the places of all values would need 9 MB
