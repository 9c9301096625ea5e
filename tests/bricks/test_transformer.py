"""Attention of several heads and transformer blocks against torch, in values and gradients."""

import pytest
import torch
from numpy.testing import assert_allclose

from tests.support.gradients import check_gradients
from workbench import function, grad, tensor
from workbench.bricks import (
    LayerNormalization,
    MultiHeadAttention,
    Rectifier,
    RMSNormalization,
    RotaryPositions,
    TransformerBlock,
)
from workbench.filter import VariableFilter
from workbench.graph import ComputationGraph, training_mode
from workbench.initialization import IsotropicGaussian
from workbench.roles import DROPOUT

SCHEMES = {"weights_init": IsotropicGaussian(0.5), "biases_init": IsotropicGaussian(0.5), "seed": 4}
SHAPES = {"query": (2, 5, 8), "attended": (2, 6, 3)}


def values(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(len(shape)))


def made(kind, *args, **kwargs):
    brick = kind(*args, **SCHEMES | kwargs)
    brick.initialize()
    return brick


def set_linear(weight, bias, linear):
    with torch.no_grad():
        weight.copy_(linear.W.tensor.T)
        bias.copy_(linear.b.tensor)


def set_attention(other, brick):
    """Give torch's attention the parameters of the brick."""
    size = brick.dim
    parts = [other.q_proj_weight, other.k_proj_weight, other.v_proj_weight]
    if other.in_proj_weight is not None:
        parts = list(other.in_proj_weight.split(size))
    for weight, bias, linear in zip(
        parts, other.in_proj_bias.split(size), brick._transformers()[:3], strict=True
    ):
        set_linear(weight, bias, linear)
    set_linear(other.out_proj.weight, other.out_proj.bias, brick.output_transformer)


def compare(brick, given, expected_of, **more):
    """Return outputs, and gradients with respect to inputs and some parameters."""
    given = [v.clone().requires_grad_() for v in given]
    xs = [tensor.variable(f"x{i}", shape=[None] * v.ndim) for i, v in enumerate(given)]
    y = brick.apply(*xs, **more)
    run = function(xs, [y, *grad((y**2).sum(), xs)])
    results = run(*[v.detach() for v in given])
    expected = expected_of(*given)
    wanted = torch.autograd.grad((expected**2).sum(), given)
    for value, other in zip(results, [expected.detach(), *wanted], strict=True):
        assert_allclose(value, other, rtol=1e-3, atol=1e-3)


MASK = torch.tensor([[1, 1, 1, 0, 0, 1], [1, 0, 1, 1, 1, 1]])


@pytest.mark.parametrize("heads", [1, 2, 8])
@pytest.mark.parametrize("masked", [False, True])
def test_attention_to_something_else_agrees_with_torch(heads, masked):
    brick = made(MultiHeadAttention, 8, heads, 3)
    other = torch.nn.MultiheadAttention(8, heads, kdim=3, vdim=3, batch_first=True)
    set_attention(other, brick)
    ignored = MASK == 0 if masked else None
    compare(
        brick,
        [values(*SHAPES["query"]), values(*SHAPES["attended"])],
        lambda q, a: other(q, a, a, key_padding_mask=ignored)[0],
        **{"attended_mask": MASK.float()} if masked else {},
    )


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("masked", [False, True])
def test_attention_to_itself_agrees_with_torch(causal, masked):
    brick = made(MultiHeadAttention, 8, 2, causal=causal)
    other = torch.nn.MultiheadAttention(8, 2, batch_first=True)
    set_attention(other, brick)
    mask = MASK[:, :5].bool()
    later = torch.ones(5, 5, dtype=torch.bool).triu(1)
    compare(
        brick,
        [values(2, 5, 8)],
        lambda q: other(
            q, q, q,
            key_padding_mask=~mask if masked else None,
            attn_mask=later if causal else None,
        )[0],
        **{"attended_mask": mask} if masked else {},
    )  # fmt: skip


def test_a_mask_may_differ_between_time_steps():
    brick = made(MultiHeadAttention, 8, 2)
    other = torch.nn.MultiheadAttention(8, 2, batch_first=True)
    set_attention(other, brick)
    near = torch.ones(5, 5, dtype=torch.bool).tril(1).triu(-1)
    compare(
        brick,
        [values(2, 5, 8)],
        lambda q: other(q, q, q, attn_mask=~near)[0],
        attended_mask=near.expand(2, 5, 5),
    )


@pytest.mark.parametrize("shape", [(5, 8), (3, 2, 5, 8)], ids=str)
def test_any_dimensions_may_stand_in_front(shape):
    brick, x = made(MultiHeadAttention, 8, 2), values(*shape)
    expected = brick.apply(x.reshape(-1, 5, 8)).reshape(shape)
    assert_allclose(brick.apply(x), expected, rtol=1e-4, atol=1e-5)


def test_nothing_to_attend_to_gives_the_biases_of_the_output():
    brick = made(MultiHeadAttention, 8, 2)
    mask = torch.tensor([[0] * 5, [1] * 5])
    output = brick.apply(values(2, 5, 8), attended_mask=mask)
    assert_allclose(output[0], brick.output_transformer.b.tensor.expand(5, 8), rtol=1e-5)


@pytest.mark.parametrize("masked", [False, True])
def test_gradients_agree_with_differences(masked):
    def apply(query, attended, *mask):
        return made(MultiHeadAttention, 8, 2, 3).apply(query, attended, *mask)

    arrays = [values(*SHAPES["query"]).numpy(), values(*SHAPES["attended"]).numpy()]
    check_gradients(apply, *arrays, *([MASK.numpy()] if masked else []))


def test_with_rotary_positions_only_distances_count():
    brick = made(MultiHeadAttention, 8, 2, positions=RotaryPositions(), causal=True)
    assert brick.positions.dim == 4
    x, silence = values(1, 5, 8), torch.zeros(1, 3, 8)
    later = brick.apply(torch.cat([silence, x], 1), attended_mask=torch.tensor([[0] * 3 + [1] * 5]))
    assert_allclose(brick.apply(x), later[:, 3:], rtol=1e-4, atol=1e-5)
    assert not torch.allclose(brick.apply(x), made(MultiHeadAttention, 8, 2, causal=True).apply(x))


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="it: dim is 8 and num_heads is 3, .*a divisor of dim"):
        MultiHeadAttention(8, 3, name="it").allocate()
    brick = MultiHeadAttention(8, 2, 3, name="it")
    with pytest.raises(ValueError, match=r"it\.apply: query has shape \(\?, \?, 7\), but dim is 8"):
        brick.apply(tensor.variable("x", shape=(None, None, 7)))
    with pytest.raises(ValueError, match=r"it/key_transformer\.apply: input_ has shape .*dim is 3"):
        brick.apply(tensor.variable("x", shape=(None, None, 8)))
    with pytest.raises(ValueError, match=r"attended_mask has shape \(\?,\), but query has shape"):
        brick.apply(tensor.tensor3("q"), tensor.tensor3("a"), tensor.vector("mask"))


@pytest.mark.parametrize("norm_first", [True, False])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("activation", ["gelu", "relu"])
def test_a_block_agrees_with_torch(norm_first, masked, activation):
    kind = {"gelu": None, "relu": Rectifier()}[activation]
    block = made(TransformerBlock, 8, 2, 12, activation=kind, norm_first=norm_first)
    other = torch.nn.TransformerEncoderLayer(
        8, 2, 12, dropout=0.0, activation=activation, batch_first=True, norm_first=norm_first
    )
    set_attention(other.self_attn, block.attention)
    for layer, linear in zip(
        (other.linear1, other.linear2), block.mlp.linear_transformations, strict=True
    ):
        set_linear(layer.weight, layer.bias, linear)
    mask = MASK[:, :5].bool()
    compare(
        block,
        [values(2, 5, 8)],
        lambda x: other(x, src_key_padding_mask=~mask if masked else None),
        **{"mask": mask} if masked else {},
    )


def test_a_block_of_other_parts():
    block = made(
        TransformerBlock, 8, 2, normalization=RMSNormalization(epsilon=0.1), use_bias=False,
        causal=True, positions=RotaryPositions(), biases_init=None,
    )  # fmt: skip
    assert [b.epsilon for b in (block.attention_normalization, block.mlp_normalization)] == [
        0.1
    ] * 2
    assert block.mlp.dims == [8, 32, 8]
    x = values(2, 5, 8)
    changed = torch.cat([x[:, :3], torch.zeros(2, 2, 8)], 1)
    assert_allclose(block.apply(x)[:, :3], block.apply(changed)[:, :3], rtol=1e-4, atol=1e-5)
    parameters = ComputationGraph(block.apply(tensor.tensor3("x"))).parameters
    assert {p.name for p in parameters} == {"W", "scale"} and len(parameters) == 4 + 2 + 2


def test_a_block_drops_in_training_only():
    block = made(TransformerBlock, 8, 2, drop_prob=0.5)
    x = tensor.tensor3("x")
    assert VariableFilter(roles=[DROPOUT])(ComputationGraph(block.apply(x)).variables) == []
    with training_mode(block):
        graph = ComputationGraph(block.apply(x))
    assert len(VariableFilter(roles=[DROPOUT])(graph.variables)) == 2
    run = graph.get_function()
    assert not torch.equal(run(values(2, 5, 8))[0], run(values(2, 5, 8))[0])


def test_gradients_of_a_block_agree_with_differences():
    check_gradients(
        lambda x: made(TransformerBlock, 8, 2, causal=True).apply(x), values(2, 3, 8).numpy()
    )


def test_a_prototype_is_copied():
    prototype = LayerNormalization(epsilon=0.5)
    block = TransformerBlock(8, 2, normalization=prototype)
    block.allocate()
    assert not prototype.allocated
    assert block.attention_normalization is not block.mlp_normalization


def test_padding_of_the_attended_sequence_may_contain_anything():
    brick = MultiHeadAttention(8, 2, weights_init=IsotropicGaussian(), seed=1)
    brick.initialize()
    attended, mask = torch.ones(2, 3, 8), torch.tensor([[1, 1, 1], [1, 0, 0]])
    expected = brick.apply(torch.ones(2, 4, 8), attended, mask)
    attended[mask == 0] = torch.nan
    assert torch.equal(brick.apply(torch.ones(2, 4, 8), attended, mask), expected)


def test_padding_that_no_query_attends_to_can_contain_anything():
    attention = MultiHeadAttention(8, 2, attended_dim=3, **SCHEMES)
    attention.initialize()
    query, attended = values(2, 5, 8), values(2, 6, 3)
    mask = torch.ones(2, 5, 6)
    mask[:, 0, 1] = mask[0, :, 4:] = 0
    expected = attention.apply(query, attended, mask)
    attended[0, 4:] = torch.nan
    assert_allclose(attention.apply(query, attended, mask), expected)
