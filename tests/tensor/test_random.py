"""Random draws as nodes."""

import pickle

import pytest
import torch
from scipy import stats

from workbench import function, tensor
from workbench.errors import ShapeError
from workbench.tensor import as_variable, random
from workbench.tensor.random import RandomStream, in_share


@pytest.mark.parametrize(
    ("draw", "distribution"),
    [
        (lambda s: s.uniform((20000,)), stats.uniform()),
        (lambda s: s.uniform((20000,), 2.0, 5.0), stats.uniform(2, 3)),
        (lambda s: s.normal((20000,)), stats.norm()),
        (lambda s: s.normal((20000,), 1.0, 3.0), stats.norm(1, 3)),
        (lambda s: s.normal((20000,), dtype=torch.float64), stats.norm()),
    ],
)
def test_draws_follow_their_distribution(draw, distribution):
    assert stats.kstest(draw(RandomStream(7)).eval().numpy(), distribution.cdf).pvalue > 0.01


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_uniform_draws_are_below_one_in_every_dtype(dtype):
    values = RandomStream(1).uniform((100_000,), dtype=dtype).eval()
    assert values.dtype is dtype and values.min() >= 0 and values.max() < 1
    assert abs(values.to(torch.float64).mean() - 0.5) < 0.01


def test_discrete_draws_have_their_frequencies():
    stream = RandomStream(3)
    rows = torch.tensor([[0.1, 0.2, 0.7]]).repeat(20000, 1)
    classes = torch.bincount(stream.categorical(rows).eval()) / 20000
    assert torch.allclose(classes, rows[0], atol=0.02)
    assert abs(stream.bernoulli((20000,), 0.3).eval().mean() - 0.3) < 0.02
    assert sorted(set(stream.integers((200,), 2, 5).eval().tolist())) == [2, 3, 4]


def test_the_same_seed_repeats_and_another_does_not():
    def run(seed):
        draw = function([], RandomStream(seed).uniform((4,)))
        return [draw().tolist() for _ in range(3)]

    assert run(0) == run(0) != run(1)
    assert len({tuple(row) for row in run(0)}) == 3


def test_draws_of_one_stream_differ_from_each_other():
    stream = RandomStream(1)
    a, b = function([], [stream.uniform((50,)), stream.uniform((50,))])()
    assert abs(torch.corrcoef(torch.stack([a, b]))[0, 1]) < 0.5 and not torch.equal(a, b)


def test_the_counter_is_the_only_state():
    stream = RandomStream(1)
    draw = function([], stream.normal((3,)))
    draw()
    state = stream.counter.get_value()
    expected = [draw() for _ in range(3)]
    stream.counter.set_value(state)
    assert all(torch.equal(draw(), e) for e in expected)


def test_sizes_can_be_symbolic():
    x = tensor.matrix("x")
    noisy = x + RandomStream(1).normal(x.shape)
    assert noisy.eval({x: torch.zeros(3, 2)}).shape == (3, 2)


def test_every_step_of_a_long_loop_draws_other_numbers():
    from workbench import scan

    stream = tensor.RandomStream(seed=4)
    [drawn] = scan(lambda: stream.uniform((3,)), n_steps=2000)
    values = drawn.eval()
    assert values.shape == (2000, 3) and len(values.unique()) > 5990


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64, torch.int64])
@pytest.mark.parametrize("size", [(), (0,), (3,), (2, 3, 4)])
@pytest.mark.parametrize("kind", [random._uniform, random._normal])
def test_a_draw_has_its_inferred_shape_and_dtype(kind, size, dtype):
    stream = RandomStream(1)
    draw = stream._draw(kind, size, dtype)
    value = draw.eval()
    assert (draw.shape, draw.dtype) == (tuple(value.shape), value.dtype) == (size, dtype)
    assert draw.fake.stride() == value.stride()


def test_a_draw_is_put_into_a_graph_without_its_arithmetic(monkeypatch):
    x = tensor.matrix("x")
    with monkeypatch.context() as context:
        context.delattr(random, "_hashed")
        draw = RandomStream(1).bernoulli(x.shape, dtype=torch.float64)
    assert draw.eval({x: torch.zeros(2, 3)}).shape == (2, 3)


@pytest.mark.parametrize("kind", [random._uniform, random._normal])
def test_draws_are_pickled_by_name(kind):
    assert pickle.loads(pickle.dumps(kind)) is kind


def test_an_invalid_size_is_refused():
    with pytest.raises(ShapeError, match=r"size=\('-2',\).*negative dimension -2"):
        RandomStream(1).uniform((-2,))


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("kind", ["uniform", "normal"])
def test_shares_of_a_draw_are_the_draw(axis, kind):
    shape = [2, 3, 4]
    stream = RandomStream(seed=3)
    whole = function([], getattr(stream, kind)(shape))()
    parts = []
    for first, last in ((0, 0), (0, 1), (1, shape[axis])):
        again = RandomStream(seed=3)
        size = [*shape[:axis], last - first, *shape[axis + 1 :]]
        place = as_variable(first), as_variable(shape[axis])
        part = in_share(getattr(again, kind)(size), axis, *place)
        parts.append(function([], part)())
    assert torch.equal(torch.cat(parts, axis), whole)
