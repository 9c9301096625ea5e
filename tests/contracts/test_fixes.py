"""Fixes of every brick: after the offered setting is assigned, the error is gone."""

import copy
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.contracts.test_bricks import MASK, TABLE, Row
from workbench import bricks, tensor
from workbench.bricks import (
    Brick,
    apply_fix,
    cost,
    module,
    recurrent,
    sequence_generators,
    symbolic_parameters,
)
from workbench.errors import BrickError, Fix, NotConfiguredError, ShapeError

ANY_SIZE = {
    bricks.Dropout, bricks.GELU, bricks.Identity, bricks.LeakyRectifier, bricks.Logistic,
    bricks.Maxout, bricks.NDimensionalSoftmax, bricks.Rectifier, bricks.SiLU, bricks.Softmax,
    bricks.Softplus, bricks.Swish, bricks.Tanh, bricks.conv.Flattener, cost.CategoricalCrossEntropy,
    cost.MisclassificationRate, sequence_generators.SoftmaxEmitter,
    sequence_generators.TrivialEmitter, sequence_generators.TrivialFeedback,
}  # fmt: skip
"""Bricks that accept any number of features, or classes."""

NO_FIX = {
    cost.SquaredError: "compares its inputs, so an input must change",
    cost.AbsoluteError: "compares its inputs, so an input must change",
    cost.BinaryCrossEntropy: "compares its inputs, so an input must change",
    module.TorchModule: "the sizes of a module are fixed",
    recurrent.GatedRecurrent: "no dim suits both inputs if only one of them changes",
}

SEVERAL = {
    recurrent.Bidirectional: "each direction has its own dim",
    bricks.Residual: "an input of another size also needs another output, which is not inferred",
}
"""Bricks that raise another error after the fix."""

INFERRED = {
    ("Linear", "input_dim"), ("Bias", "dim"), ("LinearMaxout", "input_dim"),
    ("Convolutional", "num_channels"), ("ConvolutionalTranspose", "num_channels"),
    ("ConvolutionalSequence", "num_channels"), ("Fork", "input_dim"),
    ("SimpleRecurrent", "dim"), ("LSTM", "dim"), ("GatedRecurrent", "dim"),
    ("LayerNormalization", "dim"), ("RMSNormalization", "dim"), ("SinusoidalPositions", "dim"),
    ("RotaryPositions", "dim"), ("LearnedPositions", "dim"), ("MultiHeadAttention", "dim"),
    ("TransformerBlock", "dim"), ("ShallowEnergyComputer", "input_dim"),
    ("SequenceContentAttention", "attended_dim"), ("Distribute", "source_dim"),
    ("TrivialEmitter", "readout_dim"), ("TrivialFeedback", "output_dim"),
    ("BatchNormalization", "input_dim"), ("SpatialBatchNormalization", "input_dim"),
}  # fmt: skip
"""Settings that follow from the input alone."""


def cases() -> list[Any]:
    """Return a case for each input of each brick that has features."""
    found = []
    for row in TABLE:
        for i, value in enumerate(row.all_inputs):
            if value.dtype.kind == "f" and value is not MASK and row.brick not in ANY_SIZE:
                found.append(pytest.param(row, i, id=f"{row.brick.__name__}-{i}"))
    return found


def applied(row: Row, brick: Brick, wrong: int | None = None, factor: int = 1) -> None:
    """Apply a brick to inputs of known sizes; one has `factor` times as many features."""
    made = []
    for i, value in enumerate(row.all_inputs):
        sizes: list[int | None] = [None, *value.shape[1:]]
        axis = 1 if len(sizes) == 4 else -1
        if i == wrong:
            sizes[axis] = value.shape[axis] * factor
        made.append(tensor.variable(f"x{i}", sizes, torch.from_numpy(value).dtype))
    named = dict(zip(row.by_name, made[len(row.inputs) :], strict=True))
    getattr(brick, row.method)(*made[: len(row.inputs)], **named)


@pytest.mark.parametrize("row, wrong", cases())
@given(factor=st.integers(2, 9))
@settings(max_examples=3, deadline=None)
def test_the_offered_fix_removes_the_error(row, wrong, factor):
    brick = row.made()
    with symbolic_parameters():
        with pytest.raises(ShapeError) as caught:
            applied(row, brick, wrong, factor)
        error = caught.value
        assert error.brick is not None and str(error).startswith(error.brick)
        if row.brick in NO_FIX:
            assert error.fix is None
            return
        apply_fix(brick, error.fix)
        try:
            applied(row, brick, wrong, factor)
        except ShapeError as another:
            assert row.brick in SEVERAL
            assert (another.brick, another.fix) != (error.brick, error.fix)


def inferred(row: Row) -> set[tuple[str, str]]:
    """Return the settings that are inferred if they are the only ones that are missing."""
    found = set()
    for name, value in row.settings.items():
        brick = row.brick(**copy.deepcopy(row.always))
        for other in row.settings.keys() - {name}:
            setattr(brick, other, row.settings[other])
        try:
            applied(row, brick)
        except NotConfiguredError as error:
            if error.fix is None:
                continue
            assert getattr(apply_fix(brick, error.fix), error.fix.attribute) == value
            applied(row, brick)
            found.add((row.brick.__name__, name))
    return found


def test_a_missing_setting_is_inferred_from_the_input():
    with symbolic_parameters():
        assert set().union(*map(inferred, TABLE)) == INFERRED


def test_every_exception_is_needed():
    used = {row.brick for row in TABLE}
    assert ANY_SIZE | set(NO_FIX) | set(SEVERAL) <= used
    for row in TABLE:
        if row.brick in ANY_SIZE:
            with symbolic_parameters():
                applied(row, row.made(), len(row.all_inputs) - 1, 2)


def test_a_fix_of_another_hierarchy_is_refused():
    with pytest.raises(BrickError, match="linear: the fix is for the brick 'mlp', but no"):
        apply_fix(bricks.Linear(3, 4), Fix("mlp", "input_dim", 3))
