# ruff: noqa: E501
"""Torch's functions, operators and methods on variables, against torch itself."""

import itertools
import operator

import numpy
import pytest
import torch
import torch.nn.functional as F

from workbench import function, shared, tensor
from workbench.tensor.variable import Variable

generator = torch.Generator().manual_seed(0)


def normal(*shape):
    return torch.normal(torch.zeros(shape), 1.0, generator=generator)


VALUES = {
    "a": normal(3, 4),  # A x D
    "b": normal(3, 4),
    "p": torch.rand(3, 4, generator=generator) * 0.8 + 0.1,  # inside (0, 1)
    "v": normal(4),
    "u": normal(3),
    "m": normal(4, 5),
    "q": normal(4, 4) @ torch.diag(torch.tensor([3.0, 1.0, 2.0, 4.0])) + 5 * torch.eye(4),
    "s": normal(),
    "i": torch.randint(0, 4, (3, 4), generator=generator),
    "k": torch.randint(0, 3, (3,), generator=generator),
    "c": torch.tensor([[True, False, True, True]] * 3),
    "x": normal(2, 3, 8, 8),  # images
    "w": normal(6, 3, 3, 3),  # filters
    "t": normal(2, 3, 4),  # batch x time x features
    "z": torch.complex(normal(3, 4), normal(3, 4)),
}

UNARY = (
    "abs acos asin atan asinh atanh ceil cos cosh deg2rad digamma erf erfc erfinv exp exp2 expm1 "
    "floor frac lgamma log log10 log1p log2 logit neg positive rad2deg reciprocal relu round rsqrt "
    "sigmoid sign signbit sgn sin sinc sinh sqrt square tan tanh trunc isfinite isnan isinf i0 "
    "acosh nan_to_num"
).split()

EXPRESSIONS = [
    *[f"torch.{name}({'p + 1' if name == 'acosh' else 'p'})" for name in UNARY],
    *[f"a {sign} b" for sign in ("+", "-", "*", "/", "//", "%", "<", "<=", ">", ">=", "==", "!=")],
    "a @ m", "m.T @ v", "-a", "+a", "abs(a)", "p ** 2", "2 ** p", "p ** p", "1 / p", "1 - p", "3 // p", "2 + a", "3 * a",
    "i & 1", "i | 1", "i ^ 1", "i << 1", "i >> 1", "~c", "c & c", "1 + i",
    "a + v", "a * s",
    "torch.add(a, b, alpha=2)", "torch.maximum(a, b)", "torch.minimum(a, b)", "torch.atan2(a, b)", "torch.hypot(a, b)",
    "torch.logaddexp(a, b)", "torch.fmod(a, b)", "torch.remainder(a, b)", "torch.lerp(a, b, 0.3)", "torch.xlogy(p, p)",
    "torch.addmm(torch.zeros(3, 5), a, m)", "torch.mm(a, m)", "torch.mv(q, v)", "torch.dot(v, v)", "torch.outer(u, v)",
    "torch.bmm(t, t.transpose(1, 2))", "torch.matmul(t, m)", "torch.einsum('ij,jk->ik', a, m)", "torch.einsum('btd,d->bt', t, v)",
    "torch.tensordot(a, m, dims=1)", "torch.kron(a, b)", "torch.linalg.norm(a)", "torch.linalg.inv(q)", "torch.linalg.det(q)",
    "torch.linalg.solve(q, v)", "torch.linalg.matrix_norm(a)", "torch.linalg.vector_norm(a, dim=1)", "torch.trace(q)", "torch.inverse(q)",
    "torch.linalg.multi_dot([a, m, m.T])", "torch.cross(u, u * 2, dim=0)", "torch.cdist(a, b)",
    "a.sum()", "a.sum(0)", "a.sum(1, keepdim=True)", "a.sum((0, 1))", "a.mean()", "a.mean(1)", "a.prod(0)", "a.std(0)", "a.var(1)",
    "a.max()", "a.max(1)", "a.min(0)", "a.argmax(1)", "a.argmin()", "a.amax(0)", "a.amin((0, 1))", "a.median()", "a.norm(2)", "a.norm(1, 1)",
    "a.cumsum(0)", "a.cumprod(1)", "a.logsumexp(1)", "torch.logcumsumexp(a, 1)", "c.all()", "c.any(0)", "torch.count_nonzero(c)",
    "torch.quantile(a, 0.5, dim=1)", "torch.nanmean(a)", "torch.std_mean(a)", "torch.var_mean(a, 0)", "torch.aminmax(a)", "torch.diff(v)",
    "torch.cummax(a, 1)", "torch.mode(i, 1)", "torch.kthvalue(a, 2, 1)", "torch.dist(a, b)", "torch.renorm(a, 2, 0, 1.0)",
    "a.reshape(12)", "a.reshape(2, 6)", "a.reshape(-1, 2)", "a.view(4, 3)", "a.flatten()", "x.flatten(1)", "a.T", "t.mT", "a.t()", "t.transpose(0, 2)",
    "t.permute(2, 0, 1)", "a.unsqueeze(0)", "a.unsqueeze(0).squeeze(0)", "v.expand(3, 4)", "v.repeat(2, 3)", "a.repeat_interleave(2, 0)", "a.flip(0)", "a.roll(1, 1)",
    "a.tril()", "a.triu(1)", "torch.diag(v)", "torch.diagonal(q)", "torch.diag_embed(v)", "torch.rot90(a)", "torch.movedim(t, 0, 2)", "t.unflatten(2, (2, 2))",
    "torch.cat([a, b])", "torch.cat([a, b], 1)", "torch.stack([a, b])", "torch.hstack([a, b])", "torch.vstack([a, b])", "torch.dstack([a, b])",
    "torch.chunk(a, 2, 1)", "torch.split(a, [1, 3], dim=1)", "torch.broadcast_tensors(a, v)", "torch.tile(v, (2, 2))", "torch.meshgrid(u, v, indexing='ij')",
    "a[0]", "a[-1]", "a[:, 1]", "a[1:]", "a[:, :2]", "a[..., None]", "a[:, ::2]", "a[k]", "a[torch.arange(3), k]", "a[c]", "a[None]", "x[:, 1, 2:5, ::2]", "a[:-1]",
    "torch.where(c, a, b)", "torch.where(a > 0, a, 0.0)", "a.masked_fill(c, 0.0)", "torch.gather(a, 1, i)", "a.index_select(0, k)", "torch.take_along_dim(a, i, 1)",
    "torch.scatter(a, 1, i, 0.5)", "a.scatter_add(1, i, b)", "a.index_add(0, k, b)", "torch.masked_select(a, c)", "torch.nonzero(c)", "a.index_put((k,), v)",
    "torch.topk(a, 2)", "torch.sort(a)", "a.argsort(1)", "torch.unique(i)", "torch.bincount(k)", "torch.searchsorted(v.sort().values, u)", "torch.bucketize(a, torch.tensor([-1.0, 1.0]))", "torch.histc(a, 4)",
    "a.clamp(-1, 1)", "a.clamp(min=0)", "a.float()", "a.double()", "i.float()", "a.to(torch.float64)", "a.long()", "a.bool()", "a.type_as(i)", "a.clone()", "a.detach()", "a.contiguous()",
    "torch.zeros_like(a)", "torch.ones_like(a)", "torch.full_like(a, 3.0)", "a.new_zeros(2, 3)", "a.fill_diagonal(0.0) if False else a", "torch.isclose(a, a)", "torch.eq(a, b)", "torch.equal(a, a) if False else a",
    "z.real", "z.imag", "torch.conj(z)", "z.abs()", "z.angle()", "torch.view_as_real(z)", "torch.fft.fft(a)", "torch.fft.rfft(a)", "torch.fft.irfft(torch.fft.rfft(a))",
    "F.relu(a)", "F.leaky_relu(a, 0.1)", "F.elu(a)", "F.selu(a)", "F.celu(a)", "F.gelu(a)", "F.silu(a)", "F.mish(a)", "F.softplus(a)", "F.softsign(a)", "F.hardtanh(a)", "F.hardswish(a)", "F.hardsigmoid(a)",
    "F.logsigmoid(a)", "F.tanhshrink(a)", "F.softshrink(a)", "F.relu6(a)", "F.glu(a)", "F.prelu(a, torch.tensor([0.2]))", "F.threshold(a, 0.1, 0.0)",
    "F.softmax(a, 1)", "F.log_softmax(a, 1)", "F.softmin(a, 1)", "F.normalize(a)", "F.layer_norm(t, (4,))", "F.group_norm(x, 3)", "F.instance_norm(x)", "F.batch_norm(a, None, None, training=True)",
    "F.batch_norm(x, torch.zeros(3), torch.ones(3))", "F.local_response_norm(x, 2)", "F.rms_norm(t, (4,))", "F.dropout(a, training=False)",
    "F.linear(a, m.T)", "F.linear(a, m.T, torch.ones(5))", "F.bilinear(a, b, torch.ones(2, 4, 4))", "F.embedding(k, m)", "F.one_hot(k, 5)", "F.embedding_bag(i, m)",
    "F.conv2d(x, w)", "F.conv2d(x, w, stride=2, padding=1)", "F.conv1d(t, torch.ones(2, 3, 2))", "F.conv_transpose2d(x, w.transpose(0, 1))", "F.conv2d(x, w, padding='same')", "F.unfold(x, 3)",
    "F.max_pool2d(x, 2)", "F.avg_pool2d(x, 3, stride=2)", "F.adaptive_avg_pool2d(x, (1, 1))", "F.adaptive_max_pool2d(x, 2)", "F.lp_pool2d(x, 2, 2)", "F.max_pool1d(t, 2)",
    "F.pad(a, (1, 2))", "F.pad(x, (1, 1, 1, 1), mode='reflect')", "F.interpolate(x, scale_factor=2)", "F.interpolate(x, size=(4, 4), mode='bilinear')", "F.pixel_shuffle(torch.cat([x, x, x, x], 1), 2)", "F.pixel_unshuffle(x, 2)",
    "F.cross_entropy(a, k)", "F.cross_entropy(a, p / p.sum(1, keepdim=True))", "F.nll_loss(F.log_softmax(a, 1), k)", "F.mse_loss(a, b)", "F.l1_loss(a, b)", "F.smooth_l1_loss(a, b)", "F.huber_loss(a, b)", "F.binary_cross_entropy(p, p)",
    "F.binary_cross_entropy_with_logits(a, p)", "F.kl_div(F.log_softmax(a, 1), p, reduction='sum')", "F.cosine_similarity(a, b)", "F.pairwise_distance(a, b)", "F.hinge_embedding_loss(a, torch.ones(3, 4))", "F.cosine_embedding_loss(a, b, torch.ones(3))",
    "F.margin_ranking_loss(a, b, torch.ones(3, 4))", "F.soft_margin_loss(a, torch.ones(3, 4))", "F.gaussian_nll_loss(a, b, p)", "F.poisson_nll_loss(a, p)", "F.multi_margin_loss(a, k)", "F.triplet_margin_loss(a, b, p)",
    "F.scaled_dot_product_attention(t, t, t)", "torch.special.expit(a)", "torch.special.entr(p)", "torch.special.log_ndtr(a)", "torch.heaviside(a, b)", "torch.copysign(a, b)", "torch.nextafter(a, b)", "torch.float_power(p, 2)",
    "torch.polygamma(1, p)", "torch.cov(a)", "torch.corrcoef(a)", "torch.vander(v)", "torch.block_diag(a, b)", "torch.cartesian_prod(u, v)", "torch.combinations(v)", "torch.logdet(q @ q.T)",
    "torch.zeros((a.shape[0], 2))", "a.reshape(a.shape[0] * 2, -1)", "a.sum() / a.shape[0]", "torch.full((v.shape[0],), 2.0)", "torch.arange(a.shape[0])", "a.numel() * 1.0", "torch.eye(v.shape[0])", "a.expand(2, a.shape[0], a.shape[1])",
]  # fmt: skip


def leaves(result):
    if isinstance(result, (tuple, list)):
        return [leaf for part in result for leaf in leaves(part)]
    return [result]


# Inputs from which an operand is computed, so that its sizes are sums, products and quotients.
COMPUTED = {
    "sliced": (lambda v: torch.cat([v[:1], v]), lambda x: x[1:]),
    "flattened": (lambda v: v[None], lambda x: x.flatten(0, 1)),
    "pooled": (lambda v: v.repeat_interleave(2, -1), lambda x: x[..., ::2]),
}


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_agrees_with_torch(expression):
    _compare(expression, {})


@pytest.mark.filterwarnings("ignore:.*non-contiguous")
@pytest.mark.parametrize(
    ("expression", "form"), list(zip(EXPRESSIONS, itertools.cycle(COMPUTED), strict=False))
)
def test_agrees_with_torch_where_the_sizes_of_an_operand_are_computed(expression, form):
    first = [n for n in compile(expression, "", "eval").co_names if n in VALUES][:1]
    _compare(expression, dict.fromkeys(first, COMPUTED[form]))


LOSSES = [e for e in EXPRESSIONS if "loss" in e or "entropy" in e or "similarity" in e]


@pytest.mark.parametrize("form", COMPUTED)
@pytest.mark.parametrize("expression", LOSSES)
def test_costs_of_operands_whose_sizes_are_all_computed(expression, form):
    _compare(expression, dict.fromkeys(VALUES, COMPUTED[form]))


def _compare(expression, computed_from):
    """Compare with torch on operands that are computed by `computed_from`."""
    scope = {"torch": torch, "F": F}
    inputs, given, operands, used = [], [], {}, {}
    for name in compile(expression, "", "eval").co_names:
        if name not in VALUES:
            continue
        value, made = VALUES[name], lambda x: x
        if name in computed_from and value.ndim:
            before, made = computed_from[name]
            value = before(value)
        inputs.append(tensor.variable(name, (None,) * value.ndim, value.dtype))
        given.append(value)
        operands[name], used[name] = made(inputs[-1]), made(value)
    expected = leaves(eval(expression, scope | used))
    symbolic = leaves(eval(expression, scope | operands))
    computed = function(inputs, symbolic, on_unused_input="ignore", execution="eager")(*given)
    for variable, got, want in zip(symbolic, computed, expected, strict=True):
        if isinstance(want, torch.Tensor):
            assert (variable.ndim, variable.dtype) == (want.ndim, want.dtype)
            known = [
                s for s in zip(variable.shape, want.shape, strict=True) if isinstance(s[0], int)
            ]
            assert all(inferred == actual for inferred, actual in known)
        torch.testing.assert_close(torch.as_tensor(got), torch.as_tensor(want), equal_nan=True)


def test_the_table_covers_torch_widely():
    assert len(set(EXPRESSIONS)) >= 300


def operands():
    return {
        "m": tensor.matrix("m"),
        "y": tensor.vector("y"),
        "n": tensor.matrix("n"),
        "known": tensor.variable("known", (4, 5)),
        "six": tensor.variable("six", (6,)),
        "seven": tensor.variable("seven", (7,)),
    }


@pytest.mark.parametrize(
    "expression",
    [
        "m[1:] + m",
        "torch.lerp(m[::2], m, 0.3)",
        "torch.cat([m, m[1:]], 1)",
        "torch.stack([m, m[1:]])",
        "m[:, 1:] @ m.T",
        "F.mse_loss(m[1:], m)",
        "F.cross_entropy(m[1:], m)",
        "F.binary_cross_entropy(m[:, 1:], m)",
        "F.cosine_similarity(m[1:], m)",
        "torch.addcmul(m[1:], m, n)",
        "torch.addcdiv(m.flatten(), six, seven)",
        "torch.lerp(y, six, seven)",
        "torch.where(six > 0, y, seven)",
        "torch.clamp(y, six, seven)",
        "F.mse_loss(known[1:], known)",
        "F.mse_loss(m[:, :3], known)",
        "F.huber_loss(known[1:], m[:, :3])",
        "F.l1_loss(known[:, 1:].flatten(), six)",
    ],
)
def test_sizes_that_can_never_be_equal_are_refused_where_they_meet(expression):
    with pytest.raises(ValueError, match="size|match|shape"):
        eval(expression, {"torch": torch, "F": F} | operands())


@pytest.mark.parametrize(
    ("expression", "unlike"),
    [
        ("F.mse_loss(m.flatten(), y)", {"m": (2, 3), "y": (5,)}),
        ("F.mse_loss(m[1:], n)", {"m": (4, 3), "n": (4, 3)}),
        ("F.cosine_similarity(m[1:], n)", {"m": (4, 3), "n": (2, 3)}),
    ],
)
def test_computed_sizes_that_differ_are_an_error_when_they_are_known(expression, unlike):
    scope = operands()
    cost = eval(expression, {"torch": torch, "F": F} | scope)
    values = {scope[n]: torch.zeros(shape) for n, shape in unlike.items()}
    # torch itself only warns, but the tests turn warnings into errors.
    with pytest.raises((ValueError, RuntimeError, UserWarning), match="size|shape"):
        cost.eval(values)


@pytest.mark.parametrize(
    "expression",
    [
        "F.mse_loss(m[1:], known)",
        "F.l1_loss(known[1:], n[:, 1:])",
        "F.mse_loss(y[1:], six)",
        "F.cosine_similarity(m[1:], known)",
        "F.cross_entropy(m[1:], known)",
        "torch.addcmul(m[1:], known, n)",
        "torch.lerp(known, m[:, 1:], n)",
    ],
)
def test_computed_sizes_become_known_ones(expression):
    scope = operands()
    eval(expression, {"torch": torch, "F": F} | scope)


def test_sizes_that_a_function_requires_are_learned():
    x, y = tensor.matrix("x"), tensor.matrix("y")
    similarity = F.cosine_similarity(x[1:], y)
    assert similarity.ndim == 1 and not isinstance(similarity.shape[0], int)
    w = tensor.variable("w", (None, 7))
    F.mse_loss(x[1:], w)
    assert x.shape[1] == 7
    with pytest.raises(ValueError, match="y.*(size 7 in dimension 1|has size 6)|dimension 1 of y"):
        function([x, y], F.cosine_similarity(x[1:], y))(torch.ones(4, 7), torch.ones(3, 6))


def test_sizes_that_a_function_does_not_require_stay_unknown():
    m, v = tensor.matrix("m"), tensor.vector("v")
    result = torch.addcmul(m, v, v)
    values = {m: torch.ones(2, 3), v: torch.ones(3)}
    torch.testing.assert_close(result.eval(values), torch.full((2, 3), 2.0))
    assert result[0].shape[0] is not result[:, 0].shape[0]


@pytest.mark.parametrize(
    "change",
    [
        lambda x: x.add_(1),
        lambda x: operator.setitem(x, 0, 1.0),
        lambda x: torch.ones(2).add_(x),
        lambda x: operator.iadd(shared([1.0, 2.0], "w"), x),
        lambda x: F.relu(x, inplace=True),
        lambda x: torch.add(x, 1, out=torch.empty(2)),
        lambda x: torch.relu_(x),
        lambda x: torch.ones(2).copy_(x),
    ],
)
def test_in_place_operations_are_refused_by_name(change):
    with pytest.raises(TypeError, match=r"would change .* in place.*updates="):
        change(tensor.matrix("x"))


@pytest.mark.parametrize("sign", "+= -= *= /= //= %= **= @=".split())
def test_an_assignment_with_an_operator_makes_another_variable(sign):
    x, y = tensor.matrix("x"), tensor.matrix("y")
    ours, theirs = {"x": x, "y": y}, {"x": VALUES["q"].clone(), "y": VALUES["q"] + 1}
    start = {x: theirs["x"].clone(), y: theirs["y"]}
    exec(f"x {sign} y", ours)
    exec(f"x = x {sign[:-1]} y", theirs)
    assert ours["x"] is not x
    torch.testing.assert_close(ours["x"].eval(start), theirs["x"], equal_nan=True)


BACKWARDS = [
    "[::-1]", "[::-2]", "[3::-1]", "[3:0:-1]", "[:1:-1]", "[-1::-1]", "[-2:-4:-1]", "[:-1:-1]",
    "[:, ::-1]", "[..., ::-1]", "[::-1, ..., ::-2]", "[None, ::-1]", "[0, ::-1]", "[::-1, 0]",
    "[1:3, ::-1]", "[..., 0, ::-1]", "[::-1, None, ::-1]",
]  # fmt: skip


@pytest.mark.parametrize("index", BACKWARDS)
def test_slices_with_a_negative_step_are_those_of_numpy(index):
    value, x = VALUES["x"][:, 0], tensor.tensor3("x")
    got, want = eval(f"x{index}"), eval(f"value.numpy(){index}")
    numpy.testing.assert_array_equal(got.eval({x: value}).numpy(), want)


def test_a_negative_step_beside_a_list_names_flip():
    with pytest.raises(TypeError, match=r"x cannot be indexed by .*torch.flip"):
        tensor.matrix("x")[[0, 1], ::-1]


@pytest.mark.parametrize(
    "question",
    [
        bool,
        float,
        int,
        list,
        lambda x: x.item(),
        lambda x: x.tolist(),
        numpy.asarray,
        lambda x: 1 in x,
    ],
)
def test_needing_a_value_suggests_eval(question):
    with pytest.raises(TypeError, match=r"needs the value of x.*eval"):
        question(tensor.vector("x"))


DRAWS = {
    "randn": (lambda x, n: torch.randn((n, 3)), r"\.normal\("),
    "rand": (lambda x, n: torch.rand([n, 3]), r"\.uniform\("),
    "rand_like": (lambda x, n: torch.rand_like(x), r"\.uniform\("),
    "randint": (lambda x, n: torch.randint(5, (n, 3)), r"\.integers\("),
    "randperm": (lambda x, n: torch.randperm(n), r"argsort"),
    "bernoulli": (lambda x, n: torch.bernoulli(x), r"\.bernoulli\("),
    "method": (lambda x, n: x.bernoulli(), r"\.bernoulli\("),
    "multinomial": (lambda x, n: x.multinomial(1), r"\.categorical\("),
    "binomial": (lambda x, n: torch.binomial(x, x), "uniform"),
    "gamma": (lambda x, n: torch._standard_gamma(x), "uniform"),
    "normal": (lambda x, n: torch.normal(0.0, 1.0, (n, 3)), r"\.normal\("),
    "dropout": (lambda x, n: F.dropout(x), "Dropout brick"),
    "dropout by keyword": (lambda x, n: F.dropout(input=x, p=0.5), "Dropout brick"),
    "torch.dropout": (lambda x, n: torch.dropout(x, 0.5, True), "Dropout brick"),
    "native_dropout": (lambda x, n: torch.native_dropout(x, 0.5, True), "Dropout brick"),
    "alpha_dropout": (lambda x, n: F.alpha_dropout(x, training=True), "Dropout brick"),
    "rrelu": (lambda x, n: F.rrelu(x, training=True), "slope"),
    "attention": (
        lambda x, n: F.scaled_dot_product_attention(x, x, x, dropout_p=0.1),
        "dropout_p=0",
    ),
    "svd_lowrank": (lambda x, n: torch.svd_lowrank(x), "linalg"),
}


@pytest.mark.parametrize("name", DRAWS)
def test_draws_from_generators_of_torch_are_refused(name):
    draw, word = DRAWS[name]
    x, before = tensor.matrix("x"), torch.get_rng_state()
    with pytest.raises(
        TypeError, match="neither repeated nor resumed; draw from a tensor.RandomStream.*" + word
    ):
        draw(x, x.shape[0])
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    "call",
    [
        lambda x: F.dropout(x, 0.5, False),
        lambda x: F.dropout(x, training=False),
        lambda x: F.dropout(x, 0.0),
        lambda x: torch.dropout(x, 0.5, False),
        lambda x: torch.dropout(x, p=0.5, train=False),
        lambda x: F.alpha_dropout(x),
        lambda x: F.rrelu(x, 0.2, 0.2),
        lambda x: F.scaled_dot_product_attention(x, x, x),
        lambda x: F.scaled_dot_product_attention(x, x, x, None, 0.0),
    ],
)
def test_functions_that_draw_only_sometimes_are_computed(call):
    x, value = tensor.matrix("x"), torch.tensor([[1.0, -2.0], [0.5, 3.0]])
    torch.testing.assert_close(call(x).eval({x: value}), call(value))


@pytest.mark.parametrize("constructor", [torch.tensor, torch.as_tensor, torch.asarray])
def test_constructors_from_values_refuse_variables(constructor):
    x = tensor.matrix("x")
    for given in (x, x.shape[0], [x.shape[0], 3], x.sum()):
        with pytest.raises((TypeError, ValueError), match="torch.tensor, .* need known values"):
            constructor(given)


def test_unknown_arguments_keep_torchs_explanation():
    with pytest.raises(TypeError, match=r"sum\(x .*dimm=3\): .*invalid combination"):
        tensor.matrix("x").sum(dimm=3)


def test_a_module_of_torch_takes_variables():
    layer, x = torch.nn.Linear(4, 2), tensor.matrix("x")
    torch.testing.assert_close(layer(x).eval({x: VALUES["a"]}), layer(VALUES["a"]).detach())


def test_numpy_arrays_mix_with_variables():
    x, array = tensor.vector("x"), numpy.arange(3, dtype="float32")
    torch.testing.assert_close((array * x - array).eval({x: [2.0, 2.0, 2.0]}), torch.arange(3.0))


def test_a_number_of_results_that_depends_on_an_unknown_size_is_refused():
    with pytest.raises(ValueError, match="number of results depends on an unknown size"):
        torch.split(tensor.matrix("x"), 3)


def test_results_keep_torchs_named_tuples():
    largest = torch.max(tensor.matrix("x"), 1)
    assert isinstance(largest.values, Variable) and largest.indices.dtype is torch.int64
