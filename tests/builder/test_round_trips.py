"""Models that other editors lose or change when they are saved, exported or read again."""

import json
from dataclasses import replace

import pytest

from tests.builder.test_faults import GOOD, broken
from workbench import tensor
from workbench.bricks import Linear, Tanh
from workbench.builder import (
    BrickSpec,
    CallSpec,
    InputSpec,
    Spec,
    check,
    from_code,
    from_spec,
    revise_code,
    to_code,
    to_spec,
    validate,
)
from workbench.model import Model


def in_turns():
    """Return a graph in which two bricks are applied to each other's outputs."""
    a, b = Linear(2, 2, name="a"), Linear(2, 2, name="b")
    z = tensor.matrix("z")
    return a.apply(b.apply(a.apply(b.apply(z))))


def test_two_bricks_that_are_applied_in_turns():
    spec = to_spec(in_turns())
    assert [call.brick for call in spec.calls] == ["b", "a", "b", "a"]
    assert validate(spec) == ()
    assert check(spec).parameters == 12
    built = from_spec(Spec.from_json(spec.to_json()))
    assert len(Model(built.monitored[0]).get_parameter_dict()) == 4
    code = to_code(spec)
    assert from_code(code) == spec
    assert code.count("Linear(2, 2") == 2


def test_a_brick_that_is_applied_to_itself_can_be_edited_in_code():
    code = to_code(to_spec(in_turns())).replace("a = Linear", "# twice\na = Linear")
    spec = from_code(code)
    bricks = [replace(b, settings={**b.settings, "use_bias": False}) for b in spec.bricks]
    new = revise_code(code, replace(spec, bricks=tuple(bricks)))
    assert "# twice\n" in new
    assert [brick.settings["use_bias"] for brick in from_code(new).bricks] == [False, False]


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (["bricks", 0, "settings", "dims"], [4, -3, 2]),
        (["bricks", 0, "settings", "use_bias"], "no"),
        (["bricks", 0, "settings", "weights_init"], {"scheme": {"type": "Gone"}}),
        (["bricks", 1, "type"], "MadeElsewhere"),
        (["calls", 1, "inputs", "y"], "gone"),
    ],
)
def test_a_value_that_is_wrong_is_marked_and_kept(place, value):
    text = json.dumps(broken(place, value))
    spec = Spec.from_json(text)
    assert len(validate(spec)) == 1
    found = json.loads(spec.to_json())
    for key in place:
        found = found[key]
    assert found == value


def test_the_order_of_settings_has_no_meaning():
    spec = Spec.from_dict(GOOD)
    settings = dict(reversed(spec.bricks[0].settings.items()))
    turned = replace(spec, bricks=(replace(spec.bricks[0], settings=settings), spec.bricks[1]))
    assert turned == spec
    assert to_code(turned) == to_code(spec)


def test_a_class_that_is_not_known_spoils_only_its_own_node():
    spec = Spec(
        (BrickSpec("FromAnotherNotebook", "own"), BrickSpec("Tanh", "tanh")),
        (InputSpec("x", "float32", (None, 3)),),
        (CallSpec("o", "own", "apply", inputs={"input_": "x"}, outputs=("o",)),
         CallSpec("t", "tanh", "apply", inputs={"input_": "x"}, outputs=("t",))),
    )  # fmt: skip
    checked = check(spec)
    [fault] = checked.faults
    assert fault.call == "o"
    assert "your own class must first be registered" in fault.text
    assert checked.wires["t"].shape == ("batch", 3)


def test_a_scalar_is_not_an_unknown_shape():
    spec = to_spec(Tanh().apply(tensor.scalar("s")))
    assert check(spec).wires["s"].shape == ()
    open_call = CallSpec("t", "tanh", "apply", outputs=("t",))
    assert check(Spec((BrickSpec("Tanh"),), (), (open_call,))).wires["t"] is None
