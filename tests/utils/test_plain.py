"""Small functions of `workbench.utils` without tensors."""

from collections import OrderedDict
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import ArgumentError, SurplusArgumentError, UnknownArgumentError
from workbench.utils import (
    dict_subset,
    dict_union,
    extract_args,
    find_bricks,
    pack,
    repr_attrs,
    unpack,
)


def test_pack_returns_a_list_unchanged():
    items = [1, 2]
    assert pack(items) is items
    assert pack((1, 2)) == [1, 2]
    assert pack("ab") == ["ab"]


def test_unpack():
    assert unpack([1]) == unpack((1,)) == unpack(1) == 1
    assert unpack((1, 2)) == [1, 2]
    assert unpack([]) == []


@pytest.mark.parametrize("arg", [[], [1, 2], (), 3])
def test_unpack_of_other_lengths_is_an_error(arg):
    with pytest.raises(ArgumentError, match="exactly one element, not"):
        unpack(arg, singleton=True)


@given(st.lists(st.integers(), min_size=2) | st.integers())
def test_unpack_undoes_pack(arg):
    assert unpack(pack(arg)) == arg


def test_dict_subset_pops_in_the_order_of_the_keys():
    given = {"a": 1, "b": 2, "c": 3}
    assert list(dict_subset(given, ["c", "a"], pop=True).items()) == [("c", 3), ("a", 1)]
    assert given == {"b": 2}


def test_dict_subset_of_a_missing_key():
    given = {"weights": 1, "biases": 2}
    with pytest.raises(ValueError, match="no key 'wieghts'.*did you mean 'weights'"):
        dict_subset(given, ["biases", "wieghts"], pop=True)
    assert len(given) == 2
    assert dict_subset(given, ["biases", "wieghts"], must_have=False) == {"biases": 2}


def test_dict_union_is_ordered_as_its_first():
    union = dict_union(OrderedDict(b=1), {"a": 2}, c=3)
    assert isinstance(union, OrderedDict)
    assert list(union) == ["b", "a", "c"]
    assert dict_union() == {}


@pytest.mark.parametrize("dicts, kwargs", [(({"a": 1}, {"a": 2}), {}), (({"a": 1},), {"a": 2})])
def test_dict_union_refuses_a_repeated_key(dicts, kwargs):
    with pytest.raises(ValueError, match="'a' occurs twice, with the values 1 and 2"):
        dict_union(*dicts, **kwargs)


def test_extract_args_matches_arguments_as_python_does():
    assert extract_args(["x", "y", "z"], 1, z=3, y=2) == {"x": 1, "y": 2, "z": 3}
    assert list(extract_args(["x", "y"], y=2, x=1)) == ["x", "y"]


@pytest.mark.parametrize(
    "args, kwargs, error, text",
    [
        ((), {"x": 1, "mas": 2}, UnknownArgumentError, "'mas' is unknown.*did you mean 'mask'"),
        ((1,), {"x": 1}, SurplusArgumentError, "'x' was given twice"),
        ((1, 2, 3), {}, SurplusArgumentError, r"at most 2, not 3; the arguments are \(x, mask\)"),
        ((), {"x": 1}, ArgumentError, "missing arguments: mask"),
    ],
)
def test_extract_args_refuses(args, kwargs, error, text):
    with pytest.raises(error, match=text) as caught:
        extract_args(["x", "mask"], *args, **kwargs)
    builtin = {UnknownArgumentError: KeyError, SurplusArgumentError: TypeError}
    assert isinstance(caught.value, builtin.get(error, ValueError))
    assert not str(caught.value).startswith(("'", '"'))


def test_find_bricks_visits_shared_children_once():
    leaf = SimpleNamespace(name="leaf", children=[])
    left = SimpleNamespace(name="left", children=[leaf])
    top = SimpleNamespace(name="top", children=[left, leaf])
    leaf.children.append(left)  # a cycle is no problem
    found = find_bricks([top, left], lambda brick: brick.name != "top")
    assert [brick.name for brick in found] == ["left", "leaf"]


def test_repr_attrs():
    thing = SimpleNamespace(rate=0.1, name="a")
    plain = object.__repr__(thing)
    assert repr_attrs(thing) == plain
    assert repr_attrs(thing, "name", "rate") == f"{plain[:-1]}: name=a, rate=0.1>"
