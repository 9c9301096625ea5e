"""Checks of whole specifications: shapes, numbers, faults with their fixes, and what is tried."""

import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from tests.builder.test_faults import FAULTS, GOOD, broken
from tests.contracts.test_bricks import TABLE, symbols
from workbench import tensor
from workbench.bricks import MLP, Brick, Linear, Sequence, Tanh, TransformerBlock, application
from workbench.bricks.inference import Kind
from workbench.bricks.parallel import Merge
from workbench.bricks.recurrent import LSTM
from workbench.builder import (
    BLOCKS,
    BrickSpec,
    CallSpec,
    InputSpec,
    Spec,
    SpecError,
    check,
    from_spec,
    register,
    shape_text,
    to_spec,
    validate,
)
from workbench.builder.trial import trials
from workbench.graph import count_parameters

X = InputSpec("x", "float32", (None, 4))


def applied(brick, wire="x", output="y", **inputs):
    """Return the call of a brick on one wire."""
    return CallSpec(output, brick, "apply", inputs=inputs or {"input_": wire}, outputs=(output,))


def chain(count, width=5):
    """Return linear layers and activations in a row, each of its own width."""
    bricks, calls, wire = [], [], "x"
    dims = [4, *(width + i for i in range(count))]
    for i in range(count):
        settings = {"input_dim": dims[i], "output_dim": dims[i + 1]}
        bricks += [BrickSpec("Linear", f"linear_{i}", settings), BrickSpec("Tanh", f"tanh_{i}")]
        calls += [applied(f"linear_{i}", wire, f"h{i}"), applied(f"tanh_{i}", f"h{i}", f"o{i}")]
        wire = f"o{i}"
    return Spec(tuple(bricks), (X,), tuple(calls))


def with_brick(spec, number, **settings):
    """Return a specification with other settings of one brick."""
    bricks = list(spec.bricks)
    bricks[number] = replace(bricks[number], settings={**bricks[number].settings, **settings})
    return replace(spec, bricks=tuple(bricks))


# Shapes and numbers.


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.brick.__name__)
def test_every_brick_has_the_shapes_of_its_graph(row):
    brick, given = row.made(name="it"), symbols(row)
    outputs = getattr(brick, row.method)(
        *given[: len(row.inputs)],
        **dict(zip(row.by_name, given[len(row.inputs) :], strict=True)),
        as_list=True,
    )
    spec = to_spec(*outputs)
    checked, built = check(spec), from_spec(spec)
    assert checked.faults == ()
    for wire, variable in built.variables.items():
        kind = checked.wires[wire]
        assert kind.dtype is variable.dtype
        known = [n if isinstance(n, int) else None for n in kind.shape]
        assert known == [n if isinstance(n, int) else None for n in variable.shape]
    assert checked.parameters == sum(map(count_parameters, built.bricks.values()))


def test_unknown_sizes_get_labels():
    lstm = LSTM(2)
    states, _ = lstm.apply(tensor.tensor3("steps"), mask=tensor.matrix("mask"))
    checked = check(to_spec(states))
    assert {name: shape_text(kind) for name, kind in checked.wires.items()} == {
        "steps": "time × batch × 8",
        "mask": "time × batch",
        "lstm_apply_states": "time × batch × 2",
        "lstm_apply_cells": "time × batch × 2",
    }


def test_sizes_of_which_nothing_is_known_have_no_label():
    inputs = (InputSpec("a", "int64", (None, None)), InputSpec("b", "float32", (None, None, 3)))
    checked = check(Spec(inputs=(*inputs, InputSpec("c", "float32", (None, None)))))
    texts = [shape_text(kind) for kind in checked.wires.values()]
    assert texts == ["? × ?", "? × ? × 3", "batch × ?"]


def test_attention_tells_the_axes_of_its_input():
    spec = to_spec(TransformerBlock(8, 2).apply(tensor.tensor3("x")))
    assert shape_text(check(spec).wires["x"]) == "batch × time × 8"


def test_a_size_that_one_brick_teaches_is_known_to_the_others():
    spec = Spec(
        (BrickSpec("Linear", "first", {"input_dim": 4, "output_dim": 2}),
         BrickSpec("Linear", "second", {"input_dim": 5, "output_dim": 2})),
        (InputSpec("x", "float32", (None, None)),),
        (applied("first"), applied("second", output="z")),
    )  # fmt: skip
    checked = check(spec)
    assert checked.wires["x"].shape == ("batch", 4)
    assert [(fault.call, fault.fix.value) for fault in checked.faults] == [("z", 4)]


def test_a_model_far_larger_than_memory_is_checked():
    settings = {"input_dim": 10_000_000, "output_dim": 10_000_000}
    given = InputSpec("x", "float32", (None, None))
    checked = check(Spec((BrickSpec("Linear", "huge", settings),), (given,), (applied("huge"),)))
    assert checked.faults == () and checked.wires["y"].shape == ("batch", 10_000_000)
    assert checked.bricks["huge"].parameters == 10_000_000 * 10_000_001


def test_the_inside_of_a_brick_is_known():
    mlp = MLP([Tanh(), None], [4, 3, 2])
    checked = check(to_spec(mlp.apply(tensor.matrix("x"))))
    call, brick = checked.calls["mlp_apply_output"], checked.bricks["mlp"]
    assert [(part.brick, part.outputs["output"]) for part in call.parts] == [
        ("linear_0", Kind(("batch", 3))),
        ("tanh", Kind(("batch", 3))),
        ("linear_1", Kind(("batch", 2))),
    ]
    assert brick.parameters_of_parts == {"linear_0": 15, "tanh": 0, "linear_1": 8}
    assert brick.inferred["linear_1"]["input_dim"] == 3
    assert (call.flops, call.flops_of_parts) == (36, {"linear_0": 24, "linear_1": 12})


@pytest.mark.parametrize(
    "brick", [Linear(6, 4), MLP([Tanh(), None], [6, 5, 4]), Sequence([Linear(6, 4), Tanh()])]
)
def test_operations_are_counted_as_by_running_the_graph(brick, monkeypatch):
    spec = to_spec(brick.apply(tensor.matrix("x")))
    found = check(spec).calls[spec.calls[0].id]
    monkeypatch.setattr("workbench.builder.facts.PLAIN", frozenset())
    trials.forget()
    again = check(spec).calls[spec.calls[0].id]
    assert found.flops == again.flops > 0 and found.flops_of_parts == again.flops_of_parts


def test_operations_have_shapes_too():
    spec = Spec(
        inputs=(X, InputSpec("z", "int64", (None, 3))),
        calls=(
            CallSpec("m", operation="mean", inputs={"input": "x"}, settings={"dim": 1},
                     outputs=("m",)),
            CallSpec("c", operation="concatenate", inputs={"tensors": ["x", "z"]},
                     settings={"dim": 1}, outputs=("c",)),
        ),
    )  # fmt: skip
    checked = check(spec)
    assert checked.wires["m"] == Kind(("batch",))
    assert checked.wires["c"].shape == ("batch", 7)


# Faults.


READ = [
    case
    for case in FAULTS
    if case[2].startswith(("bricks/0/settings", "calls")) and "levels deep" not in case[3]
]
"""Faults of specifications that can be read; too deep a value is refused before."""


@pytest.mark.parametrize(("place", "value", "path", "text"), READ, ids=lambda one: str(one)[:40])
def test_a_fault_has_the_text_of_the_error(place, value, path, text):
    spec = Spec.from_dict(broken(place, value))
    with pytest.raises(SpecError) as caught:
        from_spec(spec)
    fault = validate(spec)[0]
    assert fault.text.split(";")[0] in str(caught.value)
    assert fault.path.startswith(path) or caught.value.path.startswith(fault.path)


def test_the_text_is_that_of_python():
    spec = Spec.from_dict(GOOD)
    spec = replace(spec, inputs=(replace(spec.inputs[0], shape=(None, 7)), spec.inputs[1]))
    with pytest.raises(ValueError, match="must be 4") as caught:
        MLP([Tanh(), None], [4, 3, 2]).apply(tensor.variable("x", (None, 7)))
    [fault] = validate(spec)
    assert fault.text == str(caught.value)
    assert (fault.call, fault.brick, fault.setting) == ("scores", "mlp/linear_0", "input_dim")
    assert check(spec).wires["cost"] is None


def test_the_fix_of_a_layer_inside_changes_the_brick_that_has_the_setting():
    spec = Spec.from_dict(GOOD)
    spec = replace(spec, inputs=(replace(spec.inputs[0], shape=(None, 7)), spec.inputs[1]))
    [fault] = validate(spec)
    fixed = fault.fix.apply(spec)
    assert fault.fix.label == "set input_dim of mlp to 7"
    assert fixed.bricks[0].settings["dims"] == [7, 3, 2]
    assert replace(fixed, bricks=()) == replace(spec, bricks=())
    assert fixed.bricks[0].changes == spec.bricks[0].changes
    assert validate(fixed) == ()


LINEAR = {"type": "Linear", "name": "first", "settings": {"input_dim": 3, "output_dim": 2}}
WRONG = [
    ({"type": "Linear", "name": "it", "settings": {"input_dim": 3, "output_dim": 2}}, 4),
    ({"type": "Linear", "name": "it", "settings": {"output_dim": 2}}, 4),
    ({"type": "Linear", "name": "it", "settings": {"input_dim": 4.0, "output_dim": 2}}, 4),
    ({"type": "MLP", "name": "it",
      "settings": {"activations": [{"brick": {"type": "Tanh"}}], "dims": ["4", 2]}}, 4),
    ({"type": "MLP", "name": "it",
      "settings": {"activations": [{"brick": {"type": "Tanh"}}], "dims": [None, 2]}}, 4),
    ({"type": "Sequence", "name": "it",
      "settings": {"application_methods": [{"brick": {"type": "Tanh"}}, {"brick": LINEAR}]}}, 4),
    ({"type": "Sequence", "name": "it", "settings": {"application_methods": [
        {"brick": {"type": "MLP", "settings": {"activations": [None], "dims": [3, 2]}}}]}}, 4),
    ({"type": "Maxout", "name": "it", "settings": {"num_pieces": 3}}, 4),
    ({"type": "SinusoidalPositions", "name": "it", "settings": {"dim": 5}}, 6),
    ({"type": "LayerNormalization", "name": "it", "settings": {"dim": 5, "epsilon": 1e-3}}, 4),
    ({"type": "BatchNormalization", "name": "it", "settings": {"input_dim": 5}}, 4),
]  # fmt: skip


@pytest.mark.parametrize(("brick", "width"), WRONG, ids=lambda one: str(one)[:60])
def test_the_fix_removes_the_fault(brick, width):
    x = InputSpec("x", "float32", (None, 3, width) if "Posit" in brick["type"] else (None, width))
    spec = Spec((BrickSpec.from_dict(brick, ""),), (x,), (applied("it"),))
    for _ in range(3):
        faults = validate(spec)
        if not faults:
            break
        spec = faults[0].fix.apply(spec)
    assert validate(spec) == ()
    from_spec(spec)


def test_a_fix_that_does_not_help_is_not_offered():
    block = TransformerBlock(8, 2, name="block")
    spec = to_spec(block.apply(tensor.tensor3("x")))
    spec = replace(spec, inputs=(replace(spec.inputs[0], shape=(None, 5, 9)),))
    for fault in validate(spec):
        if fault.fix is not None:
            assert fault.text not in [one.text for one in validate(fault.fix.apply(spec))]


def test_a_fault_of_a_brick_and_its_call_is_one_fault():
    spec = BLOCKS["LeNet"].spec.to_dict()
    layers = spec["bricks"][0]["settings"]["layers"]
    layers[3]["brick"]["settings"]["filter_size"] = {"tuple": [15, 15]}
    [fault] = validate(Spec.from_dict(spec))
    assert (fault.call, fault.brick) == ("convolutions_apply_output", "convolutions/conv_1")
    assert "do not fit into images" in fault.text
    assert validate(BLOCKS["LeNet"].spec) == ()  # what was changed is a copy


def test_names_that_occur_twice_get_a_fix():
    spec = Spec((BrickSpec("Tanh", "it"), BrickSpec("Tanh", "it")))
    [fault] = validate(spec)
    assert (fault.path, fault.fix.label) == ("bricks/1/name", "change it to it_2")
    assert [brick.name for brick in fault.fix.apply(spec).bricks] == ["it", "it_2"]


def test_values_that_are_nested_without_end_are_a_fault():
    value = 1
    for _ in range(5000):
        value = [value]
    [fault] = validate(Spec((BrickSpec("Linear", "it", {"input_dim": value}),)))
    assert fault.text == "values are nested too deeply"


@pytest.mark.parametrize(("place", "value", "path", "text"), FAULTS, ids=lambda one: str(one)[:40])
def test_no_specification_makes_the_check_fail(place, value, path, text):
    try:
        spec = Spec.from_dict(broken(place, value))
    except SpecError as error:
        assert text in " ".join(str(error).split())
        return
    assert any(text in fault.text for fault in validate(spec))


# Drafts.


def test_an_input_that_is_not_connected_is_a_fault_of_its_call():
    spec = Spec.from_dict(GOOD)
    calls = (spec.calls[0], replace(spec.calls[1], inputs={"y": "y"}))
    checked = check(replace(spec, calls=calls))
    [fault] = checked.faults
    assert (fault.call, fault.input, fault.path) == ("cost", "y_hat", "calls/1/inputs/y_hat")
    assert fault.text == (
        "squarederror.apply: missing a required argument: 'y_hat'; its inputs are (y, y_hat)"
    ).replace("squarederror", "error")
    assert checked.wires["cost"] is None
    assert checked.calls["cost"].fault is fault
    assert checked.wires["scores"].shape == ("batch", 2)


def test_each_open_input_is_found_also_behind_another():
    spec = Spec(
        (BrickSpec("Linear", "a", {"input_dim": 4, "output_dim": 3}), BrickSpec("SquaredError")),
        (),
        (CallSpec("h", "a", "apply", outputs=("h",)),
         CallSpec("c", "squarederror", "apply", inputs={"y_hat": "h"}, outputs=("c",)),
         CallSpec("s", operation="add", inputs={"input": "c"}, outputs=("s",))),
    )  # fmt: skip
    assert [(f.call, f.input) for f in validate(spec)] == [
        ("h", "input_"),
        ("c", "y"),
        ("s", "other"),
    ]


def test_optional_inputs_need_no_connection():
    spec = to_spec(*LSTM(1).apply(tensor.tensor3("x")))
    assert list(spec.calls[0].inputs) == ["inputs"]
    assert validate(spec) == ()


def test_the_inputs_of_a_merge_are_those_of_its_settings():
    merge = Merge(["a", "b"], input_dims=[4, 4], output_dim=2)
    spec = to_spec(merge.apply(a=tensor.matrix("a"), b=tensor.matrix("b")))
    spec = replace(spec, calls=(replace(spec.calls[0], inputs={"a": "a"}),))
    [fault] = validate(spec)
    assert fault.input == "b"


def test_a_brick_that_is_not_applied_is_checked():
    wrong = BrickSpec("MLP", "mlp", {"activations": [None], "dims": [4, -1]})
    checked = check(Spec((BrickSpec("Linear", "linear"), wrong)))
    assert checked.bricks["linear"].fault is None
    assert checked.bricks["linear"].parameters is None
    [fault] = checked.faults
    assert (fault.brick, fault.setting, fault.call) == ("mlp", "dims", None)
    assert fault.path == "bricks/1/settings/dims/1"
    assert checked.bricks["mlp"].fault is fault


def test_the_order_of_calls_does_not_matter():
    spec = Spec.from_dict(GOOD)
    turned = replace(spec, calls=spec.calls[::-1])
    assert check(turned).wires == check(spec).wires
    assert list(check(turned).calls) == ["cost", "scores"]
    assert from_spec(turned).cost.name == "cost"


def test_calls_that_need_each_other_are_a_fault():
    calls = tuple(
        CallSpec(a, operation="exp", inputs={"input": b}, outputs=(a,)) for a, b in ("pq", "qp")
    )
    faults = validate(Spec(inputs=(X,), calls=calls))
    assert faults[0].text.endswith("calls need each other's outputs")
    with pytest.raises(SpecError, match="there is no wire"):
        from_spec(Spec(calls=calls))


def test_bricks_that_share_a_part_are_checked_together():
    linear = Linear(4, 4, name="shared")
    x = tensor.matrix("x")
    first, second = MLP([Tanh()], [4, 4]), linear
    spec = to_spec(second.apply(first.apply(x)), second.apply(x))
    assert validate(spec) == ()
    assert [call.brick for call in spec.calls] == ["mlp", "shared", "shared"]


# What is tried.


def test_after_an_edit_only_what_changed_is_tried():
    spec = chain(150)
    trials.forget()
    assert check(spec).faults == ()
    before = trials.made
    check(spec)
    assert trials.made == before
    # The layer, the activation of its new width, and the next layer, whose input is wrong now.
    [fault] = validate(with_brick(spec, 20, output_dim=1000))
    assert trials.made - before <= 5
    assert (fault.call, fault.fix.value) == ("h11", 1000)
    validate(spec)
    assert trials.made - before <= 5


def test_names_do_not_matter_for_what_is_tried():
    spec = chain(1)
    check(spec)
    before = trials.made
    renamed = Spec(
        (replace(spec.bricks[0], name="other"), spec.bricks[1]),
        (replace(X, name="z"),),
        (applied("other", "z", "h0"), spec.calls[1]),
    )
    assert check(renamed).wires["h0"] == check(spec).wires["h0"]
    assert trials.made == before


def test_a_name_that_is_wrong_is_always_found():
    spec = chain(1)
    check(spec)
    bad = Spec((replace(spec.bricks[0], name="a.b"),))
    assert "must be a non-empty string" in validate(bad)[0].text


def test_a_class_that_is_defined_again_is_tried_again():
    def width_of(factor):
        class Widened(Brick):
            @application(inputs=["x"], outputs=["y"])
            def apply(self, x):
                return torch.cat([x] * factor, 1)

        Widened.__module__ = "cell"
        register(Widened)
        call = CallSpec("y", "widened", "apply", inputs={"x": "x"}, outputs=("y",))
        return check(Spec((BrickSpec("Widened"),), (X,), (call,))).wires["y"].shape[1]

    assert (width_of(2), width_of(3)) == (8, 12)


@pytest.fixture
def halves():
    """Return a function that checks a user's brick, which divides integers by two."""

    class Halves(Brick):
        @application(inputs=["x"], outputs=["y"])
        def apply(self, x):
            return halved(x)

    def halved(x):
        return x / 2

    def redefine(new):
        nonlocal halved
        halved = new

    Halves.__module__ = "cell"
    register(Halves)
    call = CallSpec("y", "halves", "apply", inputs={"x": "n"}, outputs=("y",))
    spec = Spec((BrickSpec("Halves"),), (InputSpec("n", "int64", (4,)),), (call,))
    return lambda: check(spec).wires["y"], redefine


def test_a_function_that_a_cell_defines_again_is_tried_again(halves, monkeypatch):
    checked, redefine = halves
    shell = SimpleNamespace(execution_count=1)
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    assert checked() == Kind((4,))
    before = trials.made
    checked()
    assert trials.made == before
    redefine(lambda x: torch.cat([x, x]))
    shell.execution_count += 1
    assert checked() == Kind((8,), torch.int64)


def test_the_default_dtype_of_torch_matters(halves):
    checked, _ = halves
    for dtype in (torch.float32, torch.float64):
        torch.set_default_dtype(dtype)
        try:
            assert checked().dtype == (torch.ones(4, dtype=torch.int64) / 2).dtype == dtype
        finally:
            torch.set_default_dtype(torch.float32)


# Settings that follow from the inputs.


def without(spec, number, *names):
    """Return a specification without some settings of one brick."""
    bricks = list(spec.bricks)
    left = {name: one for name, one in bricks[number].settings.items() if name not in names}
    bricks[number] = replace(bricks[number], settings=left)
    return replace(spec, bricks=tuple(bricks))


def test_a_size_that_the_input_determines_is_inferred_if_wanted():
    spec = without(without(chain(2), 0, "input_dim"), 2, "input_dim")
    assert "input_dim" in validate(spec)[0].text
    checked = check(spec, infer=True)
    assert checked.faults == () and checked.wires["o1"].shape == ("batch", 6)
    assert [checked.bricks[f"linear_{i}"].inferred[""] for i in (0, 1)] == [
        {"input_dim": 4},
        {"input_dim": 5},
    ]
    assert checked.spec == chain(2)
    assert from_spec(checked.spec).variables["o1"].shape[-1] == 6


def test_what_is_inferred_follows_the_input():
    spec = replace(without(chain(1), 0, "input_dim"), inputs=(InputSpec("x", shape=(None, 9)),))
    assert check(spec, infer=True).bricks["linear_0"].inferred[""] == {"input_dim": 9}


def test_a_setting_that_is_given_is_never_replaced():
    checked = check(with_brick(chain(1), 0, input_dim=7), infer=True)
    assert checked.faults[0].fix.label == "set input_dim to 4"
    assert checked.spec.bricks[0].settings["input_dim"] == 7


def test_what_no_input_determines_is_a_fault_after_the_rest_is_inferred():
    (fault,) = check(without(chain(1), 0, "input_dim", "output_dim"), infer=True).faults
    assert "output_dim" in fault.text and fault.fix is None


def test_several_settings_of_one_brick_are_inferred():
    settings = {"filter_size": {"tuple": [3, 3]}, "num_filters": 2}
    spec = Spec(
        (BrickSpec("Convolutional", "conv", settings),),
        (InputSpec("x", "float32", (None, 3, 8, 8)),),
        (applied("conv"),),
    )
    checked = check(spec, infer=True)
    assert checked.faults == () and checked.wires["y"].shape == ("batch", 2, 6, 6)
    assert checked.bricks["conv"].inferred[""]["num_channels"] == 3
