"""Tests that every brick must pass. A public brick without a row in the table fails."""

import copy
import importlib
import inspect
import pickle
import pkgutil
from dataclasses import dataclass, field
from typing import Any

import cloudpickle
import numpy
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

import workbench.bricks
from tests.support.gradients import check_gradients
from workbench import bricks, function, tensor
from workbench.bricks import (
    Brick,
    attention,
    conv,
    cost,
    lookup,
    module,
    normalization,
    parallel,
    positions,
    recurrent,
    sequence_generators,
)
from workbench.config import config
from workbench.initialization import Constant, IsotropicGaussian
from workbench.utils import find_bricks

RNG = numpy.random.default_rng(11)
ROWS = RNG.uniform(0.1, 0.9, size=(3, 4)).astype("float32")
IMAGES = RNG.normal(size=(2, 3, 8, 7)).astype("float32")
SHARES = ROWS / ROWS.sum(1, keepdims=True)
LABELS = numpy.array([0, 3, 1])
SCHEMES = {"weights_init": IsotropicGaussian(0.5), "biases_init": Constant(0.1)}
RECURRENT = {"weights_init": IsotropicGaussian(0.5)}
SEQUENCES = RNG.normal(size=(5, 3, 4)).astype("float32")
MASK = numpy.array([[1, 1, 1]] * 3 + [[1, 0, 1]] * 2, dtype="float32")
ATTENTION = attention.SequenceContentAttention(2, state_names=["states"], attended_dim=4)
LETTERS = numpy.array([[0, 2, 1], [1, 1, 0], [2, 0, 0], [0, 1, 1], [2, 2, 1]])
READOUT = sequence_generators.Readout(
    sequence_generators.SoftmaxEmitter(),
    sequence_generators.LookupFeedback(3, 2),
    source_names=["states", "feedback"],
    readout_dim=3,
)
UNTOLD = {"input_": None, "output": None}
COMPARED = {"y": None, "y_hat": None, "cost": None}


@dataclass
class Row:
    """Arguments for one class of bricks, and the expected behaviour."""

    brick: type[Brick]
    settings: dict[str, Any] = field(default_factory=dict)  # they can also be assigned later
    always: dict[str, Any] = field(default_factory=dict)  # arguments of the constructor only
    inputs: tuple[Any, ...] = (ROWS,)
    dims: dict[str, Any] = field(default_factory=lambda: UNTOLD)
    method: str = "apply"
    by_name: dict[str, Any] = field(default_factory=dict)  # further inputs, by keyword only

    @property
    def all_inputs(self) -> tuple[Any, ...]:
        return (*self.inputs, *self.by_name.values())

    def made(self, **kwargs: Any) -> Brick:
        return self.brick(**copy.deepcopy(self.always), **self.settings, **kwargs)


def dims(input_dim: int, output_dim: int) -> dict[str, Any]:
    return {"input_": input_dim, "output": output_dim}


TABLE = [
    Row(bricks.Identity),
    Row(bricks.Tanh),
    Row(bricks.Logistic),
    Row(bricks.Softplus),
    Row(bricks.Rectifier),
    Row(bricks.LeakyRectifier, always={"leak": 0.3}),
    Row(bricks.Softmax),
    Row(bricks.NDimensionalSoftmax),
    Row(bricks.Linear, {"input_dim": 4, "output_dim": 2}, SCHEMES, dims=dims(4, 2)),
    Row(bricks.Bias, {"dim": 4}, SCHEMES, dims=dims(4, 4)),
    Row(bricks.Maxout, {"num_pieces": 2}),
    Row(
        bricks.LinearMaxout,
        {"input_dim": 4, "output_dim": 2, "num_pieces": 3},
        SCHEMES,
        dims=dims(4, 2),
    ),
    Row(
        bricks.Sequence,
        always={"application_methods": [bricks.Linear(4, 2, seed=3, **SCHEMES)]},
        dims=dims(4, 2),
    ),
    Row(
        bricks.FeedforwardSequence,
        {},
        {"application_methods": [bricks.Linear(*n, seed=3, **SCHEMES) for n in [(4, 3), (3, 2)]]},
        dims=dims(4, 2),
    ),
    Row(
        bricks.MLP,
        {"dims": [4, 3, 2]},
        {"activations": [bricks.Tanh(), None], **SCHEMES},
        dims=dims(4, 2),
    ),
    Row(
        conv.Convolutional,
        {"filter_size": (3, 2), "num_filters": 4, "num_channels": 3},
        {"image_size": (8, 7), "step": (1, 2), "border_mode": "half", **SCHEMES},
        (IMAGES,),
        dims((3, 8, 7), (4, 8, 4)),
    ),
    Row(
        conv.ConvolutionalTranspose,
        {"filter_size": (3, 2), "num_filters": 4, "num_channels": 3},
        {"image_size": (8, 7), "step": (1, 2), "tied_biases": False, **SCHEMES},
        (IMAGES,),
        dims((3, 8, 7), (4, 10, 14)),
    ),
    Row(
        conv.Pooling,
        {"mode": "sum", "pooling_size": (2, 3)},
        {"input_dim": (3, 8, 7)},
        (IMAGES,),
        dims((3, 8, 7), (3, 4, 2)),
    ),
    Row(
        conv.MaxPooling,
        {"pooling_size": (2, 3)},
        {"input_dim": (3, 8, 7), "ignore_border": False},
        (IMAGES,),
        dims((3, 8, 7), (3, 4, 3)),
    ),
    Row(
        conv.AveragePooling,
        {"pooling_size": (3, 3)},
        {"input_dim": (3, 8, 7), "padding": (1, 1), "include_padding": True},
        (IMAGES,),
        dims((3, 8, 7), (3, 3, 3)),
    ),
    Row(
        conv.ConvolutionalSequence,
        {"num_channels": 3},
        {
            "layers": [conv.Convolutional((3, 3), 4), bricks.Tanh(), conv.MaxPooling((2, 2))],
            "image_size": (8, 7),
            **SCHEMES,
        },
        (IMAGES,),
        dims((3, 8, 7), (4, 3, 2)),
    ),
    Row(conv.Flattener, inputs=(IMAGES,)),
    Row(
        lookup.LookupTable,
        {"length": 5, "dim": 3},
        {"weights_init": IsotropicGaussian(0.5)},
        (numpy.array([[0, 4], [3, 1]]),),
        {"indices": 0, "output": 3},
    ),
    Row(
        parallel.Parallel,
        {"input_names": ["x", "y"], "input_dims": [4, 4], "output_dims": [3, 2]},
        SCHEMES,
        (ROWS, ROWS[::-1].copy()),
        {"x": None, "y": None},
    ),
    Row(
        parallel.Fork,
        {"output_names": ["y", "z"], "input_dim": 4},
        {"output_dims": [3, 2], **SCHEMES},
        dims={"input_": 4, "y": 3, "z": 2},
    ),
    Row(
        parallel.Distribute,
        {"target_names": ["x", "y"], "source_name": "z", "target_dims": [4, 4], "source_dim": 4},
        SCHEMES,
        (ROWS, ROWS, ROWS),
        {"x": 4, "y": 4, "z": 4},
    ),
    Row(
        parallel.Merge,
        {"input_names": ["x", "y"], "input_dims": [4, 4], "output_dim": 2},
        SCHEMES,
        (ROWS, ROWS),
        {"x": 4, "y": 4, "output": 2},
    ),
    Row(
        recurrent.SimpleRecurrent,
        {"dim": 4},
        {"activation": bricks.Tanh(), **RECURRENT},
        (SEQUENCES,),
        {"inputs": 4, "states": 4, "mask": 0},
    ),
    Row(
        recurrent.LSTM,
        {"dim": 1},
        RECURRENT,
        (SEQUENCES,),
        {"inputs": 4, "states": 1, "cells": 1, "mask": 0},
    ),
    Row(
        recurrent.GatedRecurrent,
        {"dim": 2},
        RECURRENT,
        (SEQUENCES[..., :2].copy(), SEQUENCES),
        {"inputs": 2, "gate_inputs": 4, "states": 2, "mask": 0},
    ),
    Row(
        recurrent.Bidirectional,
        always={"prototype": recurrent.LSTM(1), **SCHEMES},
        inputs=(SEQUENCES,),
        dims={"inputs": 4, "states": 2, "cells": 2, "mask": 0},
    ),
    Row(
        recurrent.RecurrentStack,
        always={"transitions": [recurrent.LSTM(1), recurrent.GatedRecurrent(2)], **SCHEMES},
        inputs=(SEQUENCES,),
        dims={"inputs": 4, "mask": 0, "states": 1, "cells": 1, "states#1": 2},
    ),
    Row(bricks.BatchNormalization, {"input_dim": 4}, {"epsilon": 0.1}, dims=dims(4, 4)),
    Row(
        bricks.SpatialBatchNormalization,
        {"input_dim": (3, 8, 7)},
        {"learn_shift": False},
        (IMAGES,),
        dims((3, 8, 7), (3, 8, 7)),
    ),
    Row(
        bricks.BatchNormalizedMLP,
        {"dims": [4, 3, 2]},
        {"activations": [bricks.Tanh(), None], "weights_init": IsotropicGaussian(0.5)},
        dims=dims(4, 2),
    ),
    Row(bricks.Dropout, always={"drop_prob": 0.25}),
    Row(bricks.GELU, always={"approximate": True}),
    Row(bricks.SiLU),
    Row(bricks.Swish, always={"beta": 1.5}),
    Row(bricks.LayerNormalization, {"dim": 4}, {"epsilon": 0.1}, dims=dims(4, 4)),
    Row(bricks.RMSNormalization, {"dim": 4}, {"epsilon": 0.1}, dims=dims(4, 4)),
    Row(bricks.SinusoidalPositions, {"dim": 4}, dims=dims(4, 4)),
    Row(bricks.RotaryPositions, {"dim": 4}, dims=dims(4, 4)),
    Row(
        bricks.LearnedPositions,
        {"length": 5, "dim": 4},
        {"weights_init": IsotropicGaussian(0.5)},
        dims=dims(4, 4),
    ),
    Row(bricks.Residual, always={"inner": bricks.Linear(4, 4), **SCHEMES}, dims=dims(4, 4)),
    Row(
        bricks.MultiHeadAttention,
        {"dim": 4, "num_heads": 2},
        {"positions": bricks.RotaryPositions(), **SCHEMES},
        dims={"query": 4, "attended": 4, "attended_mask": 0, "output": 4},
    ),
    Row(
        bricks.TransformerBlock,
        {"dim": 4, "num_heads": 2},
        {"causal": True, "drop_prob": 0.1, **SCHEMES},
        dims=dims(4, 4) | {"mask": 0},
    ),
    Row(
        attention.ShallowEnergyComputer,
        {"input_dim": 4},
        {"weights_init": IsotropicGaussian(0.5)},
        dims=dims(4, 1),
    ),
    Row(
        attention.SequenceContentAttention,
        {"match_dim": 2, "state_names": ["states"], "state_dims": [5], "attended_dim": 4},
        SCHEMES,
        (SEQUENCES,),
        {"attended": 4, "preprocessed_attended": 2},
        "preprocess",
    ),
    Row(
        attention.AttentionRecurrent,
        {},
        {"transition": recurrent.LSTM(1), "attention": ATTENTION, **SCHEMES},
        (SEQUENCES, MASK, SEQUENCES, MASK),
        {
            "inputs": 4,
            "mask": 0,
            "attended": 4,
            "attended_mask": 0,
            "states": 1,
            "cells": 1,
            "weighted_averages": 4,
            "weights": 0,
        },
    ),
    Row(
        sequence_generators.TrivialEmitter,
        {"readout_dim": 4},
        dims={"readouts": 4, "outputs": 4},
        method="emit",
    ),
    Row(
        sequence_generators.SoftmaxEmitter,
        always={"initial_output": 1},
        dims={"readouts": None, "probabilities": None},
        method="probs",
    ),
    Row(
        sequence_generators.TrivialFeedback,
        {"output_dim": 4},
        dims={"outputs": 4, "feedback": 4},
        method="feedback",
    ),
    Row(
        sequence_generators.LookupFeedback,
        {"num_outputs": 3, "feedback_dim": 2},
        {"weights_init": IsotropicGaussian(0.5)},
        (LETTERS,),
        {"outputs": 0, "feedback": 2},
        "feedback",
    ),
    Row(
        sequence_generators.Readout,
        {"source_names": ["x", "y"], "readout_dim": 2, "source_dims": [4, 4]},
        {"merged_dim": 3, "post_merge": bricks.Linear(), **SCHEMES},
        (),
        {"x": 4, "y": 4, "output_0": 2},
        "readout",
        by_name={"x": ROWS, "y": ROWS[::-1].copy()},
    ),
    Row(
        sequence_generators.FakeAttentionRecurrent,
        always={"transition": recurrent.LSTM(1), **SCHEMES},
        inputs=(SEQUENCES,),
        dims={"inputs": 4, "states": 1, "cells": 1, "mask": 0},
    ),
    Row(
        sequence_generators.BaseSequenceGenerator,
        always={
            "readout": READOUT,
            "transition": sequence_generators.FakeAttentionRecurrent(recurrent.LSTM(1)),
            "fork": parallel.Fork(["inputs"]),
            **SCHEMES,
        },
        inputs=(LETTERS, MASK),
        dims={"outputs": 0, "mask": 0, "states": 1, "cells": 1, "costs": 0},
        method="cost_matrix",
    ),
    Row(
        sequence_generators.SequenceGenerator,
        always={
            "readout": READOUT,
            "transition": recurrent.GatedRecurrent(2),
            "attention": ATTENTION,
            **SCHEMES,
        },
        inputs=(LETTERS, MASK),
        dims={
            "outputs": 0,
            "mask": 0,
            "attended": 4,
            "attended_mask": 0,
            "states": 2,
            "weighted_averages": 4,
            "weights": 0,
            "costs": 0,
        },
        method="cost_matrix",
        by_name={"attended": SEQUENCES},
    ),
    Row(
        bricks.TorchModule,
        always={"module": torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.Tanh())},
        dims={"input": None, "output": None},
    ),
    Row(cost.SquaredError, inputs=(ROWS, ROWS[::-1].copy()), dims=COMPARED),
    Row(cost.AbsoluteError, inputs=(ROWS, ROWS[::-1].copy()), dims=COMPARED),
    Row(cost.BinaryCrossEntropy, inputs=(ROWS, ROWS[::-1].copy()), dims=COMPARED),
    Row(cost.CategoricalCrossEntropy, inputs=(LABELS, SHARES), dims=COMPARED),
    Row(
        cost.MisclassificationRate,
        always={"top_k": 2},
        inputs=(LABELS, ROWS),
        dims={"y": None, "y_hat": None, "error_rate": None},
    ),
]

# Abstract bricks.
BASES = {
    bricks.Brick,
    bricks.Activation,
    bricks.Feedforward,
    bricks.ImageLayer,
    bricks.Initializable,
    bricks.LinearLike,
    bricks.RNGMixin,
    bricks.Random,
    recurrent.BaseRecurrent,
    attention.AbstractAttention,
    attention.AbstractAttentionRecurrent,
    attention.GenericSequenceAttention,
    cost.Cost,
    cost.CostMatrix,
    sequence_generators.AbstractEmitter,
    sequence_generators.AbstractFeedback,
    sequence_generators.AbstractReadout,
    module.ModulePart,
    normalization.FeatureNormalization,
    positions.PositionalEncoding,
}


def public_bricks() -> set[type[Brick]]:
    found = set()
    for found_module in pkgutil.walk_packages(workbench.bricks.__path__, "workbench.bricks."):
        for name, value in vars(importlib.import_module(found_module.name)).items():
            own = inspect.isclass(value) and value.__module__.startswith("workbench.bricks")
            if own and issubclass(value, Brick) and not name.startswith("_"):
                found.add(value)
    return found


def applied(row: Row, brick: Brick, inputs: Any) -> Any:
    """Return the output of a brick for `row.inputs` and `row.by_name`, several joined to one."""
    named = dict(zip(row.by_name, inputs[len(row.inputs) :], strict=True))
    outputs = getattr(brick, row.method)(*inputs[: len(row.inputs)], **named, as_list=True)
    return outputs[0] if len(outputs) == 1 else torch.cat(outputs, -1)


def values(brick: Brick) -> list[numpy.ndarray]:
    parts = find_bricks([brick], lambda _: True)
    return [p.get_value() for part in parts for p in part.parameters if p is not None]


def in_double(value: numpy.ndarray) -> numpy.ndarray:
    return value.astype("float64") if value.dtype.kind == "f" else value


def symbols(row: Row) -> list[tensor.Variable]:
    return [
        tensor.variable(f"x{i}", shape=[None] * value.ndim, dtype=torch.from_numpy(value).dtype)
        for i, value in enumerate(row.all_inputs)
    ]


each = pytest.mark.parametrize("row", TABLE, ids=lambda row: row.brick.__name__)
lazily = pytest.mark.parametrize(
    "row", [row for row in TABLE if row.settings], ids=lambda row: row.brick.__name__
)

# The parameters of a torch module keep the dtype of the module.
of_floatx = pytest.mark.parametrize(
    "row",
    [row for row in TABLE if row.brick is not bricks.TorchModule],
    ids=lambda row: row.brick.__name__,
)


def test_the_table_has_every_brick():
    assert {row.brick for row in TABLE} | BASES == public_bricks()


@pytest.mark.parametrize("brick", sorted(public_bricks(), key=lambda b: b.__name__))
def test_documented_with_an_example(brick):
    text = inspect.getdoc(brick) or ""
    assert vars(brick).get("__doc__"), "a docstring of its own"
    assert len(text.splitlines()[0]) > 10
    if brick in {row.brick for row in TABLE}:
        assert ">>> " in text, "show how it is used"


@lazily
def test_settings_can_be_assigned_later(row):
    seed = {"seed": 3} if "weights_init" in row.always else {}
    eager, lazy = row.made(**seed), row.brick(**copy.deepcopy(row.always), **seed)
    for name, value in row.settings.items():
        assert not getattr(lazy, name)
        setattr(lazy, name, value)
    for brick in (eager, lazy):
        brick.initialize()
    assert repr(lazy) == repr(eager)
    for a, b in zip(values(lazy), values(eager), strict=True):
        assert_array_equal(a, b)


@lazily
def test_missing_settings_are_named_with_the_path(row):
    brick = row.brick(**copy.deepcopy(row.always), name="inner")
    outer = Brick(name="outer", children=[brick])
    with pytest.raises(
        ValueError, match=f"outer/inner: allocation requires {next(iter(row.settings))}"
    ):
        outer.allocate()
    repr(brick), str(outer), outer._repr_html_()


@each
def test_initialising_twice_gives_the_same_numbers(row):
    brick = row.made()
    brick.initialize()
    first = values(brick)
    assert not any(numpy.isnan(value).any() for value in first)
    brick.initialize()
    for a, b in zip(values(brick), first, strict=True):
        assert_array_equal(a, b)


@each
def test_allocating_twice_gives_new_parameters_of_the_same_kind(row):
    brick = row.made()
    brick.allocate()
    first = [p for part in find_bricks([brick], lambda _: True) for p in part.parameters]
    notes = [len(part.auxiliary_variables) for part in find_bricks([brick], lambda _: True)]
    brick.allocate()
    second = [p for part in find_bricks([brick], lambda _: True) for p in part.parameters]
    assert not set(first) & set(second)
    assert [(p.name, p.shape, p.tag.roles) for p in first] == [
        (p.name, p.shape, p.tag.roles) for p in second
    ]
    assert notes == [len(part.auxiliary_variables) for part in find_bricks([brick], lambda _: True)]


@each
def test_variables_and_values_give_the_same(row):
    brick, given = row.made(), symbols(row)
    brick.initialize()
    expected = function(given, applied(row, brick, given))(*row.all_inputs)
    assert_allclose(applied(row, brick, row.all_inputs), expected)
    assert expected.isfinite().all()


@of_floatx
def test_double_precision_gives_the_same_more_exactly(row):
    seed = {"seed": 3} if "weights_init" in row.always | row.settings else {}
    single = row.made(**seed)
    single.initialize()
    expected = applied(row, single, row.all_inputs)
    with config.override(floatx="float64"):
        double = row.made(**seed)
        double.initialize()
        output = applied(row, double, [in_double(value) for value in row.all_inputs])
    assert output.dtype is (torch.float64 if expected.is_floating_point() else expected.dtype)
    assert_allclose(output, expected, rtol=1e-4, atol=1e-5)


@of_floatx
def test_gradients_agree_with_differences(row):
    with config.override(floatx="float64"):
        brick = row.made()
        brick.initialize()
    check_gradients(lambda *given: applied(row, brick, given), *row.all_inputs)


@each
def test_the_shape_is_known_before_computing(row):
    brick, given = row.made(), symbols(row)
    brick.initialize()
    output = applied(row, brick, given)
    computed = output.eval(dict(zip(given, row.all_inputs, strict=True)))
    assert output.ndim == computed.ndim
    for size, actual in zip(output.shape, computed.shape, strict=True):
        assert not isinstance(size, int) or size == actual


@each
def test_every_input_and_output_has_a_dimension_or_says_that_it_has_none(row):
    brick = row.made()
    bound = getattr(brick, row.method)
    assert set(row.dims) == {*bound.inputs, *bound.outputs}
    for name, dim in row.dims.items():
        if dim is None:
            with pytest.raises(ValueError, match=f"does not define the dimension of '{name}'"):
                brick.get_dim(name)
        else:
            assert brick.get_dim(name) == dim


@each
def test_shown_briefly_and_as_a_tree(row):
    brick = row.made(name="it")
    assert repr(brick).startswith(f"<{row.brick.__name__} it")
    brick.allocate()
    assert str(brick).startswith(f"{row.brick.__name__} it")
    assert "<b>it</b>" in brick._repr_html_()


CARRIED = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "pickle": lambda brick: pickle.loads(pickle.dumps(brick)),
    "cloudpickle": lambda brick: cloudpickle.loads(cloudpickle.dumps(brick)),
}


@each
def test_copies_and_pickles_compute_the_same(row):
    brick = row.made(name="it")
    brick.initialize()
    expected = applied(row, brick, row.all_inputs)
    for way, carried in CARRIED.items():
        twin = carried(brick)
        assert twin is not brick, way
        assert (repr(twin), str(twin)) == (repr(brick), str(brick)), way
        assert_array_equal(applied(row, twin, row.all_inputs), expected, err_msg=way)
        assert twin.allocated and twin.initialized, way
        for a, b in zip(values(twin), values(brick), strict=True):
            assert_array_equal(a, b, err_msg=way)


@each
def test_an_unallocated_brick_can_be_carried_too(row):
    twin = pickle.loads(pickle.dumps(row.made()))
    assert not twin.allocated
    twin.initialize()
    assert applied(row, twin, row.all_inputs).isfinite().all()
