"""Every brick becomes torch layers with equal results and gradients, or is refused by name."""

import copy
import functools

import numpy
import pytest
import torch
from numpy.testing import assert_allclose

from tests.contracts.test_bricks import BASES, TABLE, Row, public_bricks
from workbench import function, grad
from workbench.bricks import Dropout
from workbench.errors import BrickError
from workbench.graph import training_mode
from workbench.graph.modes import ModeDependent
from workbench.tensor import variable
from workbench.tensor.traversal import ancestors
from workbench.utils import find_bricks

PEEPHOLES = "torch.nn.LSTM has no connections from cells to gates"
STEPS = "no torch layer computes the step that it repeats over time"
CHECKS = "torch has no equivalent function for"

EXPECTED = {
    "Identity": "Identity",
    "Tanh": "Tanh",
    "Logistic": "Sigmoid",
    "Softplus": "Softplus",
    "Rectifier": "ReLU",
    "LeakyRectifier": "LeakyReLU",
    "GELU": "GELU",
    "SiLU": "SiLU",
    "Swish": "generated",
    "Softmax": "Softmax",
    "NDimensionalSoftmax": "Sequential",
    "Linear": "Linear",
    "Bias": "generated",
    "Maxout": "generated",
    "LinearMaxout": "Sequential",
    "Sequence": "Sequential",
    "FeedforwardSequence": "Sequential",
    "MLP": "Sequential",
    "Convolutional": "Conv2d",
    "ConvolutionalTranspose": "generated",
    "Pooling": "AvgPool2d",
    "MaxPooling": "MaxPool2d",
    "AveragePooling": "AvgPool2d",
    "ConvolutionalSequence": "Sequential",
    "Flattener": "Flatten",
    "LookupTable": "Embedding",
    "Parallel": "generated",
    "Fork": "generated",
    "Distribute": "generated",
    "Merge": "generated",
    "SimpleRecurrent": "generated",
    "BatchNormalization": "BatchNorm1d",
    "SpatialBatchNormalization": "BatchNorm2d",
    "BatchNormalizedMLP": "Sequential",
    "Dropout": "Dropout",
    "LayerNormalization": "LayerNorm",
    "RMSNormalization": "RMSNorm",
    "SinusoidalPositions": "generated",
    "RotaryPositions": "generated",
    "LearnedPositions": "generated",
    "Residual": "generated",
    "MultiHeadAttention": "generated",
    "TransformerBlock": "generated",
    "ShallowEnergyComputer": "Sequential",
    "SequenceContentAttention": "Sequential",
    "TrivialEmitter": "Identity",
    "SoftmaxEmitter": "Sequential",
    "TrivialFeedback": "Identity",
    "LookupFeedback": "Sequential",
    "Readout": "generated",
    "TorchModule": "Sequential",
    "SquaredError": "generated",
    "AbsoluteError": "generated",
}
"""For each brick of the table, the class of the module, or "generated" for a generated one."""

REFUSED = {
    "LSTM": PEEPHOLES,
    "GatedRecurrent": STEPS,
    "Bidirectional": PEEPHOLES,
    "RecurrentStack": PEEPHOLES,
    "AttentionRecurrent": STEPS,
    "FakeAttentionRecurrent": PEEPHOLES,
    "BaseSequenceGenerator": STEPS,
    "SequenceGenerator": STEPS,
    "BinaryCrossEntropy": CHECKS,
    "CategoricalCrossEntropy": CHECKS,
    "MisclassificationRate": CHECKS,
}
"""For each brick that torch has no layers for, the reason in the error."""

MODES = {
    "BatchNormalization", "SpatialBatchNormalization", "BatchNormalizedMLP", "Dropout",
    "TransformerBlock", "TorchModule",
}  # fmt: skip
ALWAYS_THE_SAME = [name for name in EXPECTED if name not in MODES]

ROWS = {row.brick.__name__: row for row in TABLE}


def bricks_in(brick):
    return find_bricks([brick], lambda one: True)


def made(row: Row):
    """Return an initialised brick whose statistics and states are not the default ones."""
    brick = row.made(name="the_brick")
    brick.allocate()
    brick.initialize()
    generator = numpy.random.default_rng(3)
    for part in bricks_in(brick):
        for name in ("population_mean", "population_stdev"):
            if name in getattr(part, "_own", {}):
                value = generator.uniform(0.5, 1.5, size=getattr(part, name).shape)
                getattr(part, name).set_value(value.astype("float32"))
        for parameter in part.parameters:
            if "initial" in parameter.name:
                parameter.set_value(generator.normal(size=parameter.shape).astype("float32"))
    return brick


def examples(row: Row, brick):
    names = list(getattr(brick, row.method).inputs)[: len(row.inputs)]
    given = dict(zip(names, map(torch.as_tensor, row.inputs), strict=True))
    return given | {name: torch.as_tensor(value) for name, value in row.by_name.items()}


def converted(row: Row, brick):
    return brick.to_torch(examples(row, brick), method=row.method)


@functools.cache
def case(name):
    """Return a brick, its module and examples of the inputs; conversions take most of the time."""
    brick = made(ROWS[name])
    return brick, converted(ROWS[name], brick), examples(ROWS[name], brick)


def listed(outputs):
    return list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]


def test_every_public_brick_is_in_one_of_the_tables():
    names = {brick.__name__ for brick in public_bricks() - BASES}
    assert names == set(EXPECTED) | set(REFUSED)
    assert not set(EXPECTED) & set(REFUSED)


@pytest.mark.parametrize("name", EXPECTED)
def test_a_brick_becomes_the_module_in_the_table(name):
    torch.manual_seed(5)
    before = torch.get_rng_state()
    brick, module, _ = case(name)
    generated = isinstance(module, torch.fx.GraphModule)
    assert ("generated" if generated else type(module).__name__) == EXPECTED[name]
    assert torch.equal(torch.get_rng_state(), before)
    addresses = {p.tensor.data_ptr() for b in bricks_in(brick) for p in b.parameters}
    assert not addresses & {p.data_ptr() for p in module.parameters()}


@pytest.mark.parametrize("name", EXPECTED)
def test_outputs_are_equal_in_evaluation_mode(name):
    row, (brick, module, given) = ROWS[name], case(name)
    with torch.no_grad():
        found = listed(copy.deepcopy(module).eval()(*given.values()))
    wanted = listed(getattr(brick, row.method)(*row.inputs, **row.by_name))
    for one, other in zip(found, wanted, strict=True):
        assert one.dtype is other.dtype
        assert_allclose(one, other, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", [name for name in EXPECTED if name not in ALWAYS_THE_SAME])
def test_outputs_are_equal_in_training_mode(name):
    row, (brick, module, given) = ROWS[name], case(name)
    with torch.no_grad():
        found = listed(copy.deepcopy(module).train()(*given.values()))
    with training_mode(brick):
        wanted = listed(getattr(brick, row.method)(*row.inputs, **row.by_name))
    if any(isinstance(one, Dropout) for one in bricks_in(brick)):
        assert not torch.equal(found[0], copy.deepcopy(module).eval()(*given.values()))
        return
    for one, other in zip(found, wanted, strict=True):
        assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def test_no_other_brick_depends_on_the_mode():
    for name in ALWAYS_THE_SAME:
        assert not [one for one in bricks_in(case(name)[0]) if isinstance(one, ModeDependent)]


def assert_close(found, expected):
    """Compare gradients relative to the largest, up to 1,300 after the normalisation of layers."""
    scale = max(1.0, float(expected.abs().max()))
    assert_allclose(found, expected, rtol=1e-4, atol=1e-5 * scale)


@pytest.mark.parametrize("name", EXPECTED)
def test_gradients_are_equal(name):
    row, (brick, module, given) = ROWS[name], case(name)
    symbols = {n: variable(n, [None] * v.ndim, v.dtype) for n, v in given.items()}
    positional = [symbols[n] for n in symbols if n not in row.by_name]
    bound = getattr(brick, row.method)
    outputs = listed(bound(*positional, **{n: symbols[n] for n in row.by_name}))
    floats = [n for n, v in given.items() if v.is_floating_point()]
    cost = sum((v**3).sum() for v in outputs)
    used = set(ancestors([cost]))
    parameters = [p for b in bricks_in(brick) for p in b.parameters if p in used]
    gradients = grad(cost, [*(symbols[n] for n in floats), *parameters])
    wanted = function(list(symbols.values()), gradients)(*given.values())
    inputs = {n: v.clone().requires_grad_(n in floats) for n, v in given.items()}
    module = copy.deepcopy(module).eval()
    sum((v**3).sum() for v in listed(module(*inputs.values()))).backward()
    for n, gradient in zip(floats, wanted, strict=False):
        assert_close(inputs[n].grad, gradient)
    # Layouts differ only by permutations, and sorted numbers do not depend on them.
    trained = [p.grad.flatten() for p in module.parameters() if p.requires_grad]
    own = [gradient.flatten() for gradient in wanted[len(floats) :]]
    assert sum(map(len, trained)) == sum(map(len, own))
    if own:
        assert_close(torch.cat(trained).sort().values, torch.cat(own).sort().values)


@pytest.mark.parametrize("name", REFUSED)
def test_an_error_names_the_brick_without_layers(name):
    brick = made(ROWS[name])
    with pytest.raises(BrickError, match="cannot be converted to torch layers") as caught:
        converted(ROWS[name], brick)
    assert str(caught.value).startswith("the_brick")
    assert REFUSED[name] in str(caught.value)
