"""Fixes for inputs of another size, for every brick that has a dimension of its inputs."""

from dataclasses import replace

import pytest

from tests.contracts.test_bricks import TABLE, symbols
from workbench import bricks
from workbench.bricks import conv, recurrent
from workbench.builder import BrickSpec, CallSpec, InputSpec, Spec, check, to_spec

WITHOUT = {
    recurrent.GatedRecurrent: "its two inputs have sizes that follow from the same dimension",
}
"""Bricks for which no setting helps if one input has another size, with the reason."""

MOST = 3
"""Number of settings that may have to be fixed one after another."""


def cases():
    """Yield each row, with the name of an input and the axis whose size is doubled."""
    for row in TABLE:
        for symbol, value in zip(symbols(row), row.all_inputs, strict=True):
            if value.dtype.kind != "f":
                continue
            # Of sequences, only the last size belongs to the brick.
            first = 1 if value.ndim in (2, 4) else value.ndim - 1
            for axis in range(max(first, 1), value.ndim):
                name = f"{row.brick.__name__}-{symbol.name}-{axis}"
                yield pytest.param(row, symbol.name, value.shape, axis, id=name)


def with_shape(spec, name, shape):
    """Return a specification in which one input has another shape."""
    inputs = [replace(one, shape=shape) if one.name == name else one for one in spec.inputs]
    return replace(spec, inputs=tuple(inputs))


def fixed(spec):
    """Apply the offered fixes one after another; return their labels and the fault that is left."""
    labels = []
    for _ in range(MOST):
        faults = check(spec).faults
        if not faults or faults[0].fix is None:
            break
        labels.append(faults[0].fix.label)
        spec = faults[0].fix.apply(spec)
    return labels, check(spec).faults


@pytest.mark.parametrize(("row", "name", "shape", "axis"), list(cases()))
def test_an_input_of_another_size_is_fixed(row, name, shape, axis):
    given = symbols(row)
    outputs = getattr(row.made(name="it"), row.method)(
        *given[: len(row.inputs)],
        **dict(zip(row.by_name, given[len(row.inputs) :], strict=True)),
        as_list=True,
    )
    spec = to_spec(*outputs)
    if name not in [one.name for one in spec.inputs]:
        pytest.skip("the outputs do not depend on this input")
    known = [n if place >= axis or len(shape) in (2, 4) else None for place, n in enumerate(shape)]
    known[0] = None
    spec = with_shape(spec, name, tuple(known))
    if check(spec).faults:
        pytest.skip("the shapes of several inputs belong together")
    known[axis] *= 2
    labels, left = fixed(with_shape(spec, name, tuple(known)))
    assert bool(left) == (row.brick in WITHOUT), (labels, left)


def applied(type, settings, shape, name="input_"):
    """Return a specification of one brick that is applied to one input."""
    return Spec(
        (BrickSpec(type, "it", settings),),
        (InputSpec("x", "float32", shape),),
        (CallSpec("y", "it", "apply", inputs={name: "x"}, outputs=("y",)),),
    )


@pytest.mark.parametrize(
    ("module", "shape", "label"),
    [
        ({"type": "Linear", "settings": {"in_features": 3, "out_features": 2}}, (None, 4),
         "set in_features to 4"),
        ({"type": "Conv2d", "settings": {"in_channels": 3, "out_channels": 2, "kernel_size": 3}},
         (None, 4, 8, 8), "set in_channels to 4"),
        ({"type": "BatchNorm1d", "settings": {"num_features": 3}}, (None, 4),
         "set num_features to 4"),
        ({"type": "Sequential", "parts": {
            "0": {"type": "ReLU"},
            "1": {"type": "Linear", "settings": {"in_features": 3, "out_features": 2}}}},
         (None, 4), "set in_features of 1 to 4"),
    ],
    ids=["linear", "convolution", "normalisation", "container"],
)  # fmt: skip
def test_a_wrapped_module_is_fixed(module, shape, label):
    spec = applied("TorchModule", {"module": {"module": module}}, shape, "input")
    assert fixed(spec) == ([label], ())


def test_both_copies_of_a_bidirectional_brick_are_fixed_at_once():
    settings = {"dim": 3, "activation": {"brick": {"type": "Tanh"}}}
    inner = {"brick": {"type": "SimpleRecurrent", "settings": settings}}
    labels, left = fixed(applied("Bidirectional", {"prototype": inner}, (None, None, 2), "inputs"))
    assert (labels, left) == (["set dim to 2"], ())


def test_the_output_of_a_residual_brick_is_fixed_too():
    inner = {"type": "Linear", "settings": {"input_dim": 3, "output_dim": 3}}
    labels, left = fixed(applied("Residual", {"inner": {"brick": inner}}, (None, 4)))
    assert (labels, left) == (["set input_dim to 4", "set output_dim of it/linear to 4"], ())


def test_the_filters_of_a_residual_convolution_are_fixed():
    inner = conv.Convolutional((3, 3), 2, 2, border_mode="half")
    spec = to_spec(bricks.Residual(inner, name="it"))
    given = applied("Identity", {}, (None, 3, 8, 8))
    assert fixed(replace(given, bricks=spec.bricks))[1] == ()
