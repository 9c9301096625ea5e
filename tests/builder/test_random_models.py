"""Random models, to specifications, JSON and code, and back.

Each kind of model is a test of its own, so that several workers can share the work.
"""

from dataclasses import replace
from itertools import pairwise

import numpy
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from workbench import tensor
from workbench.bricks import (
    GELU,
    MLP,
    BatchNormalizedMLP,
    Bias,
    Brick,
    Dropout,
    FeedforwardSequence,
    LayerNormalization,
    LeakyRectifier,
    Linear,
    LinearMaxout,
    Logistic,
    Residual,
    Softmax,
    Tanh,
)
from workbench.bricks.conv import (
    AveragePooling,
    Convolutional,
    ConvolutionalSequence,
    Flattener,
    MaxPooling,
)
from workbench.bricks.cost import SquaredError
from workbench.bricks.lookup import LookupTable
from workbench.bricks.recurrent import LSTM, Bidirectional, GatedRecurrent, SimpleRecurrent
from workbench.bricks.sequence_generators import (
    LookupFeedback,
    Readout,
    SequenceGenerator,
    SoftmaxEmitter,
)
from workbench.builder import Spec, from_code, from_spec, to_code, to_spec
from workbench.initialization import Constant, IsotropicGaussian, Orthogonal, Uniform
from workbench.model import Model
from workbench.tensor import Variable
from workbench.tensor.traversal import ancestors
from workbench.utils import find_bricks

sizes = st.integers(1, 5)
schemes = st.sampled_from(
    [None, Constant(0.5), IsotropicGaussian(0.2, 1), Uniform(width=0.25), Orthogonal(2.0)]
)
biases = st.sampled_from([None, Constant(0.5), Uniform(std=0.1)])
seeds = st.one_of(st.none(), st.integers(0, 100))
names = st.one_of(st.none(), st.sampled_from(["first", "second", "tanh", "eins @2", "linear_1"]))


@st.composite
def activations(draw):
    name = draw(names)
    kind = draw(st.sampled_from([Tanh, Logistic, GELU, LeakyRectifier, Softmax, Dropout]))
    return kind(name=name)


@st.composite
def layers(draw, input_dim, output_dim, depth):
    """Return a brick from vectors of one size to vectors of another."""
    kinds = ["linear", "mlp", "maxout", "bn"] + (
        ["bias", "norm"] if input_dim == output_dim else []
    )
    if depth:
        kinds += ["sequence"] * 3 + (["residual"] * 2 if input_dim == output_dim else [])
    kind = draw(st.sampled_from(kinds))
    own = {"name": draw(names), "seed": draw(seeds)}
    both = {"weights_init": draw(schemes), "biases_init": draw(biases)}
    if kind == "linear":
        use_bias = draw(st.booleans())
        return Linear(input_dim, output_dim, use_bias=use_bias, **both, **own)
    if kind == "bias":
        return Bias(input_dim, biases_init=draw(biases), **own)
    if kind == "norm":
        return LayerNormalization(input_dim, draw(st.floats(0, 1)), **own)
    if kind == "maxout":
        return LinearMaxout(input_dim, output_dim, draw(sizes), **both, **own)
    if kind in ("mlp", "bn"):
        inner = draw(st.lists(sizes, max_size=2))
        chosen = [draw(st.one_of(st.none(), activations())) for _ in range(len(inner) + 1)]
        cls = MLP if kind == "mlp" else BatchNormalizedMLP
        mlp = cls(chosen, [input_dim, *inner, output_dim], **both, **own)
        return draw(changed(mlp))
    if kind == "residual":
        return Residual(draw(layers(input_dim, output_dim, depth - 1)), **both, **own)
    dims = [input_dim, *draw(st.lists(sizes, min_size=1, max_size=2)), output_dim]
    parts = [draw(layers(a, b, depth - 1)) for a, b in pairwise(dims)]
    if draw(st.booleans()):
        parts.append(draw(st.one_of(activations(), st.just(parts[-1]))))
        if parts[-1] is parts[-2] and dims[-2] != dims[-1]:
            parts.pop()
    return FeedforwardSequence(parts, name=own["name"])


@st.composite
def changed(draw, mlp):
    """Return an MLP, perhaps with one layer that was changed after it was configured."""
    which = draw(st.sampled_from(["nothing", "bias", "scheme", "name", "seed"]))
    layer = draw(st.sampled_from(mlp.linear_transformations))
    if which in ("bias", "scheme"):
        mlp.push_allocation_config()
        mlp.push_initialization_config()
    if which == "bias":
        layer.use_bias = not layer.use_bias
    elif which == "scheme":
        layer.weights_init = draw(schemes)
    elif which == "name":
        layer.name = "other"
    elif which == "seed":
        layer.seed = 7
    return mlp


@st.composite
def vectors(draw, depth=2):
    """Return the output of nested layers."""
    input_dim = draw(sizes)
    brick = draw(layers(input_dim, draw(sizes), depth))
    return [brick.apply(tensor.variable("x", (None, input_dim)))]


@st.composite
def images(draw):
    """Return the output of convolutions, pooling and a layer."""
    channels, size = draw(st.integers(1, 2)), draw(st.integers(6, 9))
    parts = []
    for _ in range(draw(st.integers(1, 2))):
        border = draw(st.sampled_from(["valid", "half"]))
        step = draw(st.sampled_from([(1, 1), (2, 1)]))
        filters, use_bias = draw(sizes), draw(st.booleans())
        parts.append(
            Convolutional((2, 3), filters, step=step, border_mode=border, use_bias=use_bias,
                          weights_init=draw(schemes), name=draw(names))
        )  # fmt: skip
        parts.append(draw(st.sampled_from([Tanh, GELU, LeakyRectifier]))(name=draw(names)))
    if draw(st.booleans()):
        pooling = draw(st.sampled_from([MaxPooling, AveragePooling]))
        parts.append(pooling((2, 2), step=draw(st.sampled_from([None, (1, 1)]))))
    given = {"biases_init": draw(biases), "seed": draw(seeds), "tied_biases": draw(st.booleans())}
    net = ConvolutionalSequence(parts, channels, (size, size), name="net", **given)
    x = tensor.variable("images", (None, channels, size, size))
    maps = net.apply(x)
    if draw(st.booleans()):
        return [maps]
    flat = Flattener().apply(maps)
    return [Linear(int(flat.shape[1]), draw(sizes), name="decision").apply(flat)]


@st.composite
def recurrent(draw):
    """Return the outputs of a recurrent network over vectors or words, perhaps with a mask."""
    dim, kind = draw(sizes), draw(st.sampled_from([SimpleRecurrent, LSTM, GatedRecurrent]))
    given = {"weights_init": draw(schemes), "seed": draw(seeds)}
    if kind is SimpleRecurrent:
        given["activation"] = draw(activations())
    network = kind(dim, name="rnn", **given)
    width = {SimpleRecurrent: 1, GatedRecurrent: 1, LSTM: 4}[kind] * dim
    if draw(st.booleans()):
        words = tensor.lmatrix("words")
        inputs = LookupTable(draw(sizes), width, name="lookup").apply(words)
    else:
        size = draw(sizes)
        x = tensor.variable("x", (None, None, size))
        inputs = Linear(size, width, name="inputs").apply(x)
    settings = {"mask": tensor.matrix("mask")} if draw(st.booleans()) else {}
    if kind is GatedRecurrent:
        settings["gate_inputs"] = Linear(width, 2 * dim, name="gates").apply(inputs)
    elif kind is SimpleRecurrent and draw(st.booleans()):
        network = Bidirectional(network, name="both")
    outputs = network.apply(inputs, **settings, as_list=True)
    last = draw(st.booleans())
    return [outputs[0][-1], *outputs[1:]] if last else outputs


@st.composite
def generators(draw):
    """Return the cost of a generator of sequences."""
    symbols, dim = draw(st.integers(2, 4)), draw(sizes)
    kind = draw(st.sampled_from([SimpleRecurrent, GatedRecurrent, LSTM]))
    transition = kind(dim, Tanh()) if kind is SimpleRecurrent else kind(dim)
    readout = Readout(
        source_names=["states"],
        readout_dim=symbols,
        emitter=SoftmaxEmitter(),
        feedback_brick=LookupFeedback(symbols, draw(sizes)),
    )
    given = {"weights_init": draw(schemes), "biases_init": draw(biases)}
    generator = SequenceGenerator(readout, transition, name="generator", **given)
    mask = tensor.matrix("mask") if draw(st.booleans()) else None
    return [generator.cost(tensor.lmatrix("written"), mask)]


@st.composite
def graphs(draw):
    """Return a cost and other outputs of several inputs, shared bricks and operations."""
    dims = draw(st.lists(sizes, min_size=1, max_size=3))
    width = draw(sizes)
    inputs = [tensor.variable(f"x_{i}", (None, dim)) for i, dim in enumerate(dims)]
    branches = [draw(layers(dim, width, 0)) for dim in dims]
    for i, branch in enumerate(branches):
        branch.name = f"branch_{i}"
    values = [one.apply(x) for one, x in zip(branches, inputs, strict=True)]
    shared = Linear(width, width, name="shared", weights_init=draw(schemes))
    for _ in range(draw(st.integers(1, 3))):
        one, other = draw(st.sampled_from(values)), draw(st.sampled_from(values))
        values.append(draw(st.sampled_from([
            lambda a, b: a + b, lambda a, b: a * 2 - b, lambda a, b: -a / (b.exp() + 1.5),
            lambda a, b: shared.apply(a) * b, lambda a, b: shared.apply(shared.apply(b)),
            lambda a, b: torch.cat([a, b], 1)[:, :width], lambda a, b: (a ** 2) + b,
        ]))(one, other))  # fmt: skip
    if draw(st.booleans()):
        values[-1].name = draw(st.sampled_from(["total", "class", "x_0", "eins 2", "branch_0"]))
    if draw(st.booleans()):
        return values[-2:]
    target = tensor.variable("y", (None, width))
    cost = SquaredError().apply(target, values[-1])
    if draw(st.booleans()):
        cost = cost + 0.01 * (shared.apply(values[0]).mean() + (shared.W**2).sum())
    if draw(st.booleans()):
        cost.name = "cost"
    return [cost, *draw(st.lists(st.sampled_from(values), max_size=2, unique_by=id))]


def parameters(brick):
    parts = find_bricks([brick], lambda _: True)
    return [(part.path(), p.name, p) for part in parts for p in part.parameters if p is not None]


def tops(outputs):
    return {brick.name: brick for brick in Model(outputs).get_top_bricks()}


def check(outputs):
    """Check that a model survives as a specification, as JSON and as code."""
    spec = to_spec(*outputs)
    assert Spec.from_json(spec.to_json()) == spec
    code = to_code(spec)
    assert from_code(code) == spec
    assert ordered(specification_of(executed(code))) == ordered(spec)
    built = from_spec(spec)
    again = built.monitored if built.cost is None else [built.cost, *built.monitored]
    assert to_spec(*again) == spec
    ours, theirs = tops(outputs), tops(again)
    assert ours.keys() == theirs.keys()
    for name, brick in ours.items():
        for one in (brick, theirs[name]):
            for part in find_bricks([one], lambda _: True):
                vars(part)["_root_seed"] = 3
                for scheme in ("weights_init", "biases_init", "initial_state_init"):
                    if scheme in vars(part) and vars(part)[scheme] is None:
                        setattr(part, scheme, Constant(0.3))
            one.initialize()
        for mine, other in zip(parameters(brick), parameters(theirs[name]), strict=True):
            assert mine[:2] == other[:2]
            assert_array_equal(mine[2].get_value(), other[2].get_value())
    return built


def executed(code):
    """Return the variables of code after it ran in a namespace of its own."""
    namespace = {"__name__": "generated"}
    exec(compile(code, "<generated>", "exec"), namespace)
    return namespace


def specification_of(names):
    """Describe the model of a namespace: its cost, and the variables that nothing else needs."""
    values = [v for v in names.values() if isinstance(v, Variable)]
    inner = {one for v in values for one in ancestors([v]) if one is not v}
    cost = names.get("cost")
    shown = names.get("monitored", [v for v in values if v not in inner and v is not cost])
    bricks = [v for v in names.values() if isinstance(v, Brick) and not v.parents]
    return to_spec(*bricks, *([] if cost is None else [cost]), monitored=shown)


def ordered(spec):
    """Return a specification with its bricks in the order of their names."""
    return replace(spec, bricks=tuple(sorted(spec.bricks, key=lambda brick: brick.name)))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("models", "number"),
    [(vectors(), 35), (vectors(depth=1), 60), (images(), 30), (recurrent(), 30),
     (generators(), 5), (graphs(), 40)],
    ids=["nested", "vectors", "images", "recurrent", "generators", "graphs"],
)  # fmt: skip
def test_random_models_survive(models, number):
    @settings(max_examples=number, deadline=None)
    @given(models)
    def survives(outputs):
        check(outputs)

    survives()


@settings(max_examples=10, deadline=None)
@given(sizes.flatmap(lambda size: st.tuples(st.just(size), layers(size, 2, 1))))
def test_the_twin_of_a_random_model_computes_the_same(drawn):
    input_dim, brick = drawn
    built = check([brick.apply(tensor.variable("x", (None, input_dim)))])
    data = numpy.linspace(-1, 1, 3 * input_dim, dtype="float32").reshape(3, input_dim)
    twin = built.bricks[brick.name]
    assert_array_equal(brick.apply(data).numpy(), twin.apply(data).numpy())


@settings(max_examples=20, deadline=None)
@given(sizes.flatmap(lambda size: layers(size, 2, 2)))
def test_the_hierarchy_of_a_random_model_survives_without_being_applied(brick):
    spec = to_spec(brick)
    assert Spec.from_json(spec.to_json()) == spec
    code = to_code(spec)
    assert from_code(code) == spec
    assert ordered(specification_of(executed(code))) == ordered(spec)
    assert to_spec(from_spec(spec).bricks[brick.name]) == spec
