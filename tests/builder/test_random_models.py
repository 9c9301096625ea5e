"""Random hierarchies of bricks, from brick to specification to JSON and back."""

from itertools import pairwise

import numpy
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from workbench import tensor
from workbench.bricks import (
    GELU,
    MLP,
    BatchNormalizedMLP,
    Bias,
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
from workbench.builder import Spec, from_spec, to_spec
from workbench.initialization import Constant, IsotropicGaussian, Orthogonal, Uniform
from workbench.utils import find_bricks

sizes = st.integers(1, 5)
schemes = st.sampled_from(
    [None, Constant(0.5), IsotropicGaussian(0.2, 1), Uniform(width=0.25), Orthogonal(2.0)]
)
vectors = st.sampled_from([None, Constant(0.5), Uniform(std=0.1)])
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
    both = {"weights_init": draw(schemes), "biases_init": draw(vectors)}
    if kind == "linear":
        use_bias = draw(st.booleans())
        return Linear(input_dim, output_dim, use_bias=use_bias, **both, **own)
    if kind == "bias":
        return Bias(input_dim, biases_init=draw(vectors), **own)
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
def models(draw):
    input_dim = draw(sizes)
    return draw(layers(input_dim, draw(sizes), 2)), input_dim


def parameters(brick):
    parts = find_bricks([brick], lambda _: True)
    return [(part.path(), p.name, p) for part in parts for p in part.parameters if p is not None]


@settings(max_examples=200, deadline=None)
@given(models())
def test_a_random_model_survives(drawn):
    brick, input_dim = drawn
    spec = to_spec(brick)
    assert Spec.from_json(spec.to_json()) == spec
    twin = from_spec(spec).bricks[brick.name]
    assert to_spec(twin) == spec
    x = tensor.matrix("x")
    for one in (brick, twin):
        one.apply(x)
        for part in find_bricks([one], lambda _: True):
            vars(part)["_root_seed"] = 3
            for name in ("weights_init", "biases_init"):
                if name in vars(part) and vars(part)[name] is None:
                    setattr(part, name, Constant(0.3))
        one.initialize()
    for ours, other in zip(parameters(brick), parameters(twin), strict=True):
        assert ours[:2] == other[:2]
        assert_array_equal(ours[2].get_value(), other[2].get_value())
    data = numpy.linspace(-1, 1, 3 * input_dim, dtype="float32").reshape(3, input_dim)
    assert_array_equal(brick.apply(data).numpy(), twin.apply(data).numpy())
