"""Walks through graphs, and rewrites of them."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench import function, tensor
from workbench.tensor import RandomStream, shapes
from workbench.tensor.traversal import ancestors, replace


def test_topological_order_in_order_of_first_use():
    x, y = tensor.scalar("x"), tensor.scalar("y")
    a = x + y
    b = a * x
    assert [v is w for v, w in zip(ancestors([b]), [x, y, a, b], strict=True)] == [True] * 4


def test_dependent_replacements():
    x = tensor.scalar("x")
    y = x + 2
    z = y + 3
    a = z + 5
    new = replace([a], {y: x * 2, z: y * 3})[a]
    assert new.eval({x: 3.0}) == 23.0 and a.eval({x: 3.0}) == 13.0


def test_a_replacement_can_use_the_variable_it_replaces():
    x = tensor.scalar("x")
    h = torch.tanh(x)
    g = h * 2
    new = replace([g], {h: h + 1, x: x * 3})[g]
    assert new.eval({x: 0.5}) == pytest.approx((torch.tanh(torch.tensor(1.5)).item() + 1) * 2)


def test_unchanged_variables_stay_the_same_objects():
    x, y = tensor.scalar("x"), tensor.scalar("y")
    a, b = x * 2, y * 2
    new = replace([a + b], {y: y + 1})
    assert new[a] is a and new[b] is not b


def test_names_and_tags_are_kept():
    x = tensor.scalar("x")
    h = x * 2
    h.name = "h"
    h.tag.roles.append("role")
    new = replace([h + 1], {x: x + 1})[h]
    assert (new.name, new.tag.roles) == ("h", ["role"]) and new.tag is not h.tag


def test_outputs_of_one_call_stay_together():
    x = tensor.matrix("x")
    values, indices = torch.max(x, 1)
    new = replace([values, indices], {x: x * 2})
    assert new[values].owner is new[indices].owner


def test_a_cycle_is_refused():
    x = tensor.scalar("x")
    y, z = x + 1, x + 2
    with pytest.raises(ValueError, match="cycle"):
        replace([y + z], {y: z * 1, z: y * 1})


def test_a_replacement_that_does_not_fit_is_refused():
    x = tensor.matrix("x")
    h = x @ torch.ones(4, 3)
    with pytest.raises(ValueError, match="matmul"):
        replace([h @ torch.ones(3, 2)], {h: x @ torch.ones(4, 5)})


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(0, 3), min_size=2, max_size=8), st.data())
def test_replacing_a_variable_by_its_double_doubles_it(choices, data):
    x = tensor.scalar("x")
    chain = [x]
    for choice in choices:
        operation = [lambda v: v + 1, lambda v: v * 3, torch.neg, lambda v: v - 2][choice]
        chain.append(operation(chain[-1]))
    at = data.draw(st.integers(0, len(chain) - 1))
    new = replace([chain[-1]], {chain[at]: chain[at] * 2})[chain[-1]]
    rest = function([chain[at]], chain[-1], givens=None or {}) if at == 0 else None
    value = chain[at].eval({x: 1.5}) * 2
    for choice in choices[at:]:
        value = [value + 1, value * 3, -value, value - 2][choice]
    assert new.eval({x: 1.5}) == value and (rest is None or rest(1.5 * 2) == value)


REBUILT = {
    "elementwise": lambda x: torch.tanh(x) * 2 + 1,
    "view": lambda x: x.T[1:].reshape(-1),
    "several": lambda x: torch.var_mean(x, 0)[1],
    "size": lambda x: x / x.shape[0],
    "loss": lambda x: torch.nn.functional.mse_loss(x, x * 2),
    "own size": lambda x: x[x > 0],
    "draw": lambda x: RandomStream(1).uniform(x.shape) * x,
    "windows": lambda x: torch.nn.functional.max_pool1d(x, 2),
}


@pytest.mark.parametrize("make", REBUILT.values(), ids=REBUILT)
@pytest.mark.parametrize("stand_in", [lambda x: x + 1, lambda x: x[1:, :2], lambda x: x.double()])
def test_a_rebuilt_graph_is_like_a_built_one(make, stand_in):
    x, value = tensor.matrix("x"), torch.arange(-4.0, 8.0).reshape(4, 3)
    made, new = make(x), stand_in(x)
    rebuilt = replace([made], {x: new})[made]
    directly = make(new)
    assert shapes.describe(rebuilt.fake) == shapes.describe(directly.fake)
    assert torch.equal(rebuilt.eval({x: value}), directly.eval({x: value}))


def test_rebuilding_on_inputs_of_the_same_shape_infers_nothing(monkeypatch):
    x = tensor.matrix("x").T
    made, new = torch.tanh(x) * 2 + 1, x + 1
    with monkeypatch.context() as context:
        context.delattr(shapes, "infer")
        rebuilt = replace([made], {x: new})[made]
    assert shapes.alike(rebuilt.fake, made.fake)
    assert rebuilt.eval({"x": [[0.0]]}).item() == pytest.approx(2 * math.tanh(1) + 1)


def test_sizes_of_their_own_stay_apart_when_rebuilt():
    x = tensor.vector("x")
    positive = x[x > 0]
    negated = replace([positive], {x: -x})[positive]
    assert shapes.symbol(positive.fake.shape[0]) != shapes.symbol(negated.fake.shape[0])
    both = torch.cat([positive, negated])
    assert both.eval({x: torch.tensor([1.0, 2.0, -3.0])}).tolist() == [1, 2, 3]


def test_a_rebuilt_view_shares_storage_with_what_it_views():
    x, y = tensor.matrix("x"), tensor.matrix("y")
    view, value = x.T, x * 2
    found = replace([view, value], {x: y.exp()})
    new = found[x]
    assert shapes.repeated([view.fake], [x.fake]) is None
    storages = [f.fake.untyped_storage()._cdata for f in (new, found[view], found[value])]
    assert storages[0] == storages[1] != storages[2]
