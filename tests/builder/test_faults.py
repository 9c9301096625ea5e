"""Hostile and broken specifications: each is an error that names the place of the fault."""

import copy
import json

import pytest

from workbench.builder import Spec, SpecError, from_spec

TANH = {"brick": {"type": "Tanh"}}
GOOD = {
    "version": 1,
    "bricks": [
        {
            "type": "MLP",
            "name": "mlp",
            "settings": {"activations": [TANH, None], "dims": [4, 3, 2]},
            "changes": {"linear_0": {"use_bias": False}},
        },
        {"type": "SquaredError", "name": "error"},
    ],
    "inputs": [
        {"name": "x", "dtype": "float32", "shape": [None, 4]},
        {"name": "y", "dtype": "float32", "shape": [None, 2]},
    ],
    "calls": [
        {"id": "scores", "brick": "mlp", "method": "apply", "inputs": {"input_": "x"},
         "outputs": ["scores"]},
        {"id": "cost", "brick": "error", "inputs": {"y": "y", "y_hat": "scores"},
         "outputs": ["cost"]},
    ],
    "cost": "cost",
    "monitored": ["cost"],
    "positions": {"mlp": [0, 1.5]},
}  # fmt: skip


def deep(levels):
    """Return bricks in bricks."""
    inner = TANH
    for _ in range(levels):
        settings = {"application_methods": [inner]}
        inner = {"brick": {"type": "Sequence", "settings": settings}}
    return inner


FAULTS = [
    (["version"], 2, "version", "only version 1 can be read"),
    (["version"], None, "version", "the version is None"),
    (["code"], "import os", "code", "there is no key 'code'"),
    (["bricks"], {}, "bricks", "must be a list, not {}"),
    (["bricks", 1, "name"], "mlp", "bricks/1/name", "two bricks have the name 'mlp'"),
    (["bricks", 0, "name"], 3, "bricks/0/name", "must be a non-empty string"),
    (["bricks", 0, "name"], "a/b", "bricks/0", "must be a non-empty string without '/' or '.'"),
    (["bricks", 0, "type"], "MPL", "bricks/0/type", "no brick 'MPL';"),
    (["bricks", 0, "type"], "os.system", "bricks/0/type", "there is no brick 'os.system'"),
    (["bricks", 0, "type"], "__import__('os')", "bricks/0/type", "there is no brick"),
    (["bricks", 0, "type"], "Brick", "bricks/0/type", "Brick is a base class"),
    (["bricks", 0, "settings", "dim"], 3, "bricks/0/settings/dim", "no setting 'dim';"),
    (["bricks", 0, "settings", "__class__"], 3, "bricks/0/settings/__class__", "no setting"),
    (["bricks", 0, "settings", "activations"], None, "bricks/0/settings", "must"),
    (["bricks", 0, "settings", "activations"], TANH, "bricks/0/settings/activations",
     "activations must be a list"),
    (["bricks", 0, "settings", "activations"], ["relu"], "bricks/0/settings/activations/0",
     "activations must be a brick, not 'relu'"),
    (["bricks", 0, "settings", "activations"], [{"brick": {"type": "Tanhh"}}],
     "bricks/0/settings/activations/0/brick/type", "did you mean 'Tanh'?"),
    (["bricks", 0, "settings", "activations"], [{"use": "mlp/tanh"}],
     "bricks/0/settings/activations/0/use", "there is no brick 'mlp/tanh' before this brick"),
    (["bricks", 0, "settings", "activations", 0], deep(31), "bricks/0/settings/activations/0",
     "nested more than 60 levels deep"),
    (["bricks", 0, "settings", "activations", 0], deep(40), "bricks/0/settings/activations/0",
     "nested more than 150 levels deep"),
    (["bricks", 0, "settings", "activations", 0], {"brick": {"type": "Tanh"}, "method": "__init__"},
     "bricks/0/settings/activations/0/method", "no application method '__init__'"),
    (["bricks", 0, "settings", "dims"], [4, "3", 2], "bricks/0/settings/dims/1",
     "dims is '3', but dimensions must be whole numbers"),
    (["bricks", 0, "settings", "dims"], [4, -3, 2], "bricks/0/settings/dims/1", "dims is -3"),
    (["bricks", 0, "settings", "dims"], {"array": {"dtype": "object", "values": []}},
     "bricks/0/settings/dims/array", "must be an object with 'dtype'"),
    (["bricks", 0, "settings", "dims"], {"eval": "1"}, "bricks/0/settings/dims",
     "must have exactly one of the keys"),
    (["bricks", 0, "settings", "use_bias"], "no", "bricks/0/settings/use_bias",
     "use_bias must be true or false, not 'no'"),
    (["bricks", 0, "settings", "weights_init"], 0.1, "bricks/0/settings/weights_init",
     "must be an initialisation scheme, not 0.1"),
    (["bricks", 0, "settings", "weights_init"],
     {"scheme": {"type": "Uniform", "settings": {"mean": 1}}},
     "bricks/0/settings/weights_init/scheme", "exactly one of width and std"),
    (["bricks", 0, "settings", "weights_init"], {"float": "huge"},
     "bricks/0/settings/weights_init/float", "must be 'inf', '-inf' or 'nan'"),
    (["bricks", 0, "changes", "linear_9"], {}, "bricks/0/changes/linear_9",
     "there is no brick 'linear_9' below 'mlp'; did you mean"),
    (["bricks", 0, "changes", "linear_0", "forward"], 1, "bricks/0/changes/linear_0/forward",
     "no setting 'forward'"),
    (["inputs", 0, "dtype"], "float31", "inputs/0/dtype", "no dtype 'float31'; use float32"),
    (["inputs", 0, "shape"], [None, -4], "inputs/0/shape/1", "a size must be a whole number"),
    (["inputs", 1, "name"], "x", "inputs/1/name", "two wires have the name 'x'"),
    (["calls", 0, "brick"], "mpl", "calls/0/brick", "no brick 'mpl'; did you mean 'mlp'?"),
    (["calls", 0, "method"], "__reduce__", "calls/0/method", "no application method"),
    (["calls", 0, "inputs", "input_"], "scores", "calls/0/inputs/input_",
     "there is no wire 'scores' before this call"),
    (["calls", 0, "inputs", "input_"], "y", "calls/0", "so its last dimension must be 4"),
    (["calls", 0, "outputs"], ["a", "b"], "calls/0/outputs", "has 1 output (mlp_apply_output)"),
    (["calls", 1, "inputs"], {"y": "y"}, "calls/1", "missing a required argument: 'y_hat'"),
    (["calls", 0], {"id": "e", "operation": "exec", "inputs": {}, "outputs": ["scores"]},
     "calls/0/operation", "there is no operation 'exec'"),
    (["cost"], "costs", "cost", "there is no wire 'costs'; did you mean 'cost'?"),
    (["monitored"], ["loss"], "monitored/0", "there is no wire 'loss'"),
    (["positions"], {"mlp": "here"}, "positions/mlp", "must be two numbers"),
]  # fmt: skip


def broken(place, value, good=GOOD):
    """Return a good specification with one value replaced."""
    found = copy.deepcopy(good)
    where = found
    for key in place[:-1]:
        where = where[key]
    where[place[-1]] = value
    return found


def test_the_good_one_is_good():
    built = from_spec(Spec.from_dict(GOOD))
    assert built.cost.name == "cost"
    assert [p.name for p in built.bricks["mlp"].children[0].parameters] == ["W"]


@pytest.mark.parametrize(
    ("place", "value", "path", "text"), FAULTS, ids=lambda one: str(one)[:40] if one else "-"
)
def test_a_fault_is_named_with_its_place(place, value, path, text):
    with pytest.raises(SpecError) as caught:
        from_spec(Spec.from_json(json.dumps(broken(place, value))))
    assert caught.value.path.startswith(path)
    assert text in " ".join(str(caught.value).split())


def test_an_error_has_the_brick_the_setting_and_a_fix():
    settings = {"application_methods": [{"brick": {"type": "Linear", "name": "first",
                                                   "settings": {"input_dim": 3.0}}}]}  # fmt: skip
    spec = {"version": 1, "bricks": [{"type": "Sequence", "name": "net", "settings": settings}]}
    with pytest.raises(SpecError) as caught:
        from_spec(Spec.from_dict(spec))
    error = caught.value
    assert (error.brick, error.setting, error.fix) == ("net/first", "input_dim", 3)
    assert error.path == "bricks/0/settings/application_methods/0/brick/settings/input_dim"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "the text is not valid JSON"),
        ("[" * 100_000, "nested too deeply"),
        ('{"version": NaN}', 'write {"float": "nan"}'),
        ("3", "must be an object"),
    ],
)
def test_a_text_that_is_no_specification(text, message):
    with pytest.raises(SpecError, match=message):
        Spec.from_json(text)


def test_a_huge_module_is_refused():
    module = {"module": {"type": "Linear", "settings": {"in_features": 10**6,
                                                        "out_features": 10**6}}}  # fmt: skip
    brick = {"type": "TorchModule", "settings": {"module": module}}
    with pytest.raises(SpecError, match=r"would have 1,000,001,000,000 parameters; at most"):
        from_spec(Spec.from_dict({"version": 1, "bricks": [brick]}))
