"""Batch normalisation against torch, in values, gradients and running statistics."""

import itertools

import numpy
import pytest
import torch
from numpy.testing import assert_allclose
from torch.nn import functional as F

from tests.support.gradients import check_gradients
from workbench import function, grad, tensor
from workbench.bricks import (
    MLP,
    BatchNormalization,
    BatchNormalizedMLP,
    Initializable,
    Linear,
    Rectifier,
    Sequence,
    SpatialBatchNormalization,
    Tanh,
)
from workbench.bricks.conv import Convolutional, ConvolutionalSequence, MaxPooling
from workbench.config import config
from workbench.filter import VariableFilter
from workbench.graph import ComputationGraph
from workbench.initialization import Constant, IsotropicGaussian, Uniform
from workbench.roles import (
    BATCH_NORM_DIVISOR,
    BATCH_NORM_MINIBATCH_ESTIMATE,
    BATCH_NORM_OFFSET,
    BATCH_NORM_POPULATION_STATISTICS,
    BATCH_NORM_SCALE_PARAMETER,
    BATCH_NORM_SHIFT_PARAMETER,
    PARAMETER,
    has_roles,
)

SCHEMES = {"scale_init": Uniform(1, 1), "shift_init": IsotropicGaussian(), "seed": 3}
SHAPES = {(7, 4): BatchNormalization, (5, 4, 3, 2): SpatialBatchNormalization}
kinds = pytest.mark.parametrize(("shape", "kind"), SHAPES.items(), ids=["rows", "images"])


def batch(shape):
    return numpy.random.default_rng(2).normal(3, 2, size=shape).astype("float32")


def made(kind, shape, **kwargs):
    brick = kind(shape[1:], **SCHEMES | kwargs)
    brick.initialize()
    return brick


def flat(brick):
    return [torch.tensor(p.get_value().ravel(), requires_grad=True) for p in brick.parameters]


@kinds
@pytest.mark.parametrize("conserve_memory", [True, False])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_training_agrees_with_torch(shape, kind, conserve_memory, dtype):
    given = torch.tensor(batch(shape).astype(dtype), requires_grad=True)
    with config.override(floatx=dtype):
        brick = made(kind, shape, conserve_memory=conserve_memory)
        x = tensor.variable("x", shape=[None] * len(shape))
        with brick:
            y = brick.apply(x)
    results = function([x], [y, *grad((y**3).sum(), [x, *brick.parameters])])(given.detach())
    scale, shift = flat(brick)
    expected = F.batch_norm(given, None, None, scale, shift, training=True, eps=1e-4)
    wanted = torch.autograd.grad((expected**3).sum(), [given, scale, shift])
    for value, other in zip(results, [expected.detach(), *wanted], strict=True):
        assert value.dtype is other.dtype
        assert_allclose(value.ravel(), other.ravel(), rtol=2e-3, atol=2e-3)


@kinds
@pytest.mark.parametrize("conserve_memory", [True, False])
def test_use_agrees_with_torch(shape, kind, conserve_memory):
    brick = made(kind, shape, conserve_memory=conserve_memory)
    mean, variance = torch.tensor([1.0, -2, 3, 0]), torch.tensor([4.0, 0.25, 1, 9])
    place = tuple(brick.population_mean.shape)
    brick.population_mean.set_value(mean.reshape(place))
    brick.population_stdev.set_value((variance + 1e-4).sqrt().reshape(place))
    expected = F.batch_norm(torch.tensor(batch(shape)), mean, variance, *flat(brick), eps=1e-4)
    assert_allclose(brick.apply(batch(shape)), expected.detach(), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"mean_only": True},
        {"learn_scale": False},
        {"learn_shift": False},
        {"mean_only": True, "learn_shift": False},
        {"learn_scale": False, "learn_shift": False},
    ],
    ids=str,
)
@pytest.mark.parametrize("conserve_memory", [True, False])
@pytest.mark.parametrize("training", [True, False])
def test_parts_may_be_left_out(settings, conserve_memory, training):
    brick = made(BatchNormalization, (7, 4), conserve_memory=conserve_memory, **settings)
    x = torch.tensor(batch((7, 4)))
    expected = x - x.mean(0) if training else x
    if not settings.get("mean_only"):
        expected = expected / (x.var(0, correction=0) + 1e-4).sqrt() if training else expected
        expected = expected * (1 if "learn_scale" in settings else brick.scale.tensor)
    expected = expected + (0 if "learn_shift" in settings else brick.shift.tensor)
    with brick if training else torch.no_grad():
        assert_allclose(brick.apply(x), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("mean_only", [True, False])
@pytest.mark.parametrize("conserve_memory", [True, False])
def test_gradients_agree_with_differences(mean_only, conserve_memory):
    def apply(x):
        brick = made(
            SpatialBatchNormalization, (5, 4, 3, 2), mean_only=mean_only,
            conserve_memory=conserve_memory,
        )  # fmt: skip
        with brick:
            return brick.apply(x)

    check_gradients(apply, batch((5, 4, 3, 2)))


@pytest.mark.parametrize("broadcastable", list(itertools.product([True, False], repeat=3)), ids=str)
def test_axes_may_be_chosen(broadcastable):
    brick = made(BatchNormalization, (5, 4, 3, 2), broadcastable=broadcastable)
    axes = (0, *(i + 1 for i, b in enumerate(broadcastable) if b))
    assert brick.normalization_axes == axes
    x = torch.tensor(batch((5, 4, 3, 2)))
    with brick:
        normalized = (brick.apply(x) - brick.shift.tensor) / brick.scale.tensor
    assert_allclose(normalized.mean(axes), torch.zeros_like(x.mean(axes)), atol=1e-5)
    shape = tuple(1 if b else n for n, b in zip((4, 3, 2), broadcastable, strict=True))
    assert brick.scale.shape == shape


def test_variables_have_roles():
    brick = BatchNormalization(3)
    x = tensor.matrix("x")
    used = ComputationGraph(brick.apply(x)).variables
    with brick:
        trained = ComputationGraph(brick.apply(x)).variables

    def found(variables, *roles):
        return VariableFilter(roles=roles, bricks=[brick])(variables)

    assert brick.parameters == [brick.scale, brick.shift]
    assert has_roles(brick.scale, [BATCH_NORM_SCALE_PARAMETER])
    assert has_roles(brick.shift, [BATCH_NORM_SHIFT_PARAMETER])
    statistics = found(used, BATCH_NORM_POPULATION_STATISTICS)
    assert statistics == [brick.population_mean, brick.population_stdev]
    assert not any(has_roles(statistic, [PARAMETER]) for statistic in statistics)
    assert found(trained, BATCH_NORM_POPULATION_STATISTICS) == []
    for variables in (used, trained):
        assert len(found(variables, BATCH_NORM_OFFSET)) == 1
        assert len(found(variables, BATCH_NORM_DIVISOR)) == 1
    estimates = found(trained, BATCH_NORM_MINIBATCH_ESTIMATE)
    assert [v.name for v in estimates] == ["batch_mean", "batch_stdev"]
    assert found(used, BATCH_NORM_MINIBATCH_ESTIMATE) == []


def test_real_values_follow_the_mode():
    brick = BatchNormalization(1)
    sequence = Sequence([brick, Tanh()])
    sequence.initialize()
    x = torch.tensor([[1.0], [2.0], [3.0], [6.0]])
    used = sequence.apply(x)
    with brick:
        trained = sequence.apply(x)
    assert not torch.allclose(used, trained)
    torch.testing.assert_close(sequence.apply(x), used)
    with brick, brick:  # nested
        pass
    assert not brick.in_training_mode


def test_initialising_forgets_the_population():
    brick = made(BatchNormalization, (4, 2))
    brick.population_mean.set_value([3, 4])
    brick.initialize()
    assert brick.population_mean.get_value().tolist() == [0, 0]
    assert brick.population_stdev.get_value().tolist() == [1, 1]


def test_schemes_from_above_do_not_reach_it():
    normalization = BatchNormalization(2)
    assert not isinstance(normalization, Initializable)
    mlp = MLP([Sequence([normalization])], [2, 2], weights_init=Constant(9))
    mlp.push_initialization_config()
    normalization.initialize()
    assert normalization.scale.get_value().tolist() == [1, 1]


def test_what_it_has_not_got_is_said():
    brick = BatchNormalization(2, mean_only=True, name="it")
    with pytest.raises(AttributeError, match="it has no shift: it is not allocated"):
        brick.shift
    brick.allocate()
    with pytest.raises(AttributeError, match="it has no population_stdev: mean_only=True"):
        brick.population_stdev
    assert repr(brick) == "<BatchNormalization it: 2, mean only>"


@pytest.mark.parametrize(
    ("brick", "message"),
    [
        (BatchNormalization((2, 3), broadcastable=[True], name="it"),
         r"it: broadcastable is \[True\], of length 1, .* input_dim=\(2, 3\)"),
        (BatchNormalization((2, None), name="it"),
         r"it: input_dim is \(2, None\).*SpatialBatchNormalization"),
        (SpatialBatchNormalization(3, name="it"), r"it: input_dim is 3, but must have at least"),
        (SpatialBatchNormalization((3, 2), broadcastable=(True, False), name="it"),
         r"it: broadcastable is \(True, False\), but must not be set"),
    ],
)  # fmt: skip
def test_settings_that_make_no_sense_are_refused(brick, message):
    with pytest.raises(ValueError, match=message):
        brick.allocate()


@pytest.mark.parametrize(
    ("variable", "message"),
    [
        (
            tensor.vector("x"),
            r"it\.apply: input_ has shape \(\?,\), but input_dim is 3, so the shape must",
        ),
        (tensor.variable("x", shape=(None, 4)), r"must be \(\?, 3\); set input_dim"),
        (tensor.lmatrix("x"), r"it\.apply: input_ has dtype int64, but must"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(variable, message):
    with pytest.raises((ValueError, TypeError), match=message):
        BatchNormalization(3, name="it").apply(variable)


def test_a_perceptron_with_normalisations():
    mlp = BatchNormalizedMLP(
        [Tanh(), Rectifier().apply, None], [4, 5, 6, 2], weights_init=IsotropicGaussian()
    )
    assert [len(c.children) for c in mlp.children] == [0, 2, 0, 2, 0, 1]
    assert mlp.conserve_memory is True
    mlp.initialize()
    x = torch.tensor(batch((7, 4)))
    h = x
    for i, activation in enumerate([torch.tanh, torch.relu, lambda v: v]):
        h = h @ mlp.linear_transformations[i].W.tensor
        h = activation(F.batch_norm(h, None, None, training=True, eps=1e-4))
    with mlp.normalizations[0], mlp.normalizations[1], mlp.normalizations[2]:
        assert_allclose(mlp.apply(x), h, rtol=1e-4, atol=1e-4)
    assert len(ComputationGraph(mlp.apply(tensor.matrix("x"))).parameters) == 3 + 2 * 3


def test_settings_of_a_perceptron_reach_its_normalisations():
    mlp = BatchNormalizedMLP(
        [Tanh()], [4, 3], use_bias=True, mean_only=True, learn_shift=False, conserve_memory=False
    )
    mlp.allocate()
    [normalization] = mlp.normalizations
    assert normalization.parameters == [] and normalization.mean_only
    assert isinstance(mlp.children[0], Linear) and len(mlp.children[0].parameters) == 2
    assert mlp.conserve_memory is normalization.conserve_memory is False
    mlp.conserve_memory = True
    assert normalization.conserve_memory is True


@pytest.mark.parametrize("kind", [BatchNormalization, SpatialBatchNormalization])
def test_in_a_sequence_of_layers_on_images(kind):
    layers = [Convolutional((3, 3), 4), kind(), Rectifier(), MaxPooling((2, 2)), kind(name="last")]
    sequence = ConvolutionalSequence(layers, 2, (8, 6), use_bias=False)
    assert sequence.get_dim("output") == (4, 3, 2)
    sequence.allocate()
    assert layers[1].input_dim == (4, 6, 4)
    assert layers[1].shift.shape == ((4, 6, 4) if kind is BatchNormalization else (4, 1, 1))
    assert (layers[4].num_channels, layers[4].image_size) == (4, (3, 2))


def test_images_of_unknown_size_can_be_normalised():
    sequence = ConvolutionalSequence([SpatialBatchNormalization()], num_channels=2)
    sequence.initialize()
    assert sequence.apply(torch.ones(1, 2, 3, 4)).shape == (1, 2, 3, 4)


def test_the_size_of_images_may_come_before_the_number_of_channels():
    brick = BatchNormalization()
    for size in ((5, 4), (4, 5)):
        brick.image_size = size
        assert brick.input_dim == (None, *size)
    brick.num_channels = 3
    brick.allocate()
    assert brick.input_dim == (3, 4, 5) == brick.population_mean.shape
