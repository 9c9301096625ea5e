"""Functions on variables: checks, shared floats, hooks."""

import builtins
import sys

import numpy
import pytest
import torch
from numpy.testing import assert_array_equal

from workbench import shared, tensor
from workbench.config import config
from workbench.utils import (
    check_variable,
    ipdb_breakpoint,
    is_graph_input,
    is_shared_variable,
    print_shape,
    print_sum,
    put_hook,
    shared_floatx,
    shared_floatx_nans,
    shared_floatx_zeros,
    shared_floatx_zeros_matching,
    shared_like,
)


def test_matching_variables_pass_the_check():
    check_variable(tensor.lmatrix("x"), 2, "int")
    check_variable(tensor.matrix("x"), None, None)
    check_variable(None, 3, "int")
    check_variable(numpy.zeros((2, 2)), 2, "float")


@pytest.mark.parametrize(
    ("n_dim", "prefix", "error", "message"),
    [
        (1, None, ValueError, "x has 2 dimensions, but must have 1"),
        (2, "int", TypeError, r"x has dtype float32, but must have dtype int\.\.\."),
    ],
)
def test_other_variables_are_an_error(n_dim, prefix, error, message):
    with pytest.raises(error, match=message):
        check_variable(tensor.matrix("x"), n_dim, prefix)


def test_kinds_of_variables_are_distinguished():
    x, w, c = tensor.scalar("x"), shared(1.0), tensor.constant(1.0)
    assert [is_graph_input(v) for v in (x, w, c, x + w)] == [True, False, False, False]
    assert [is_shared_variable(v) for v in (x, w, c, 3)] == [False, True, False, False]


@pytest.mark.parametrize("floatx", ["float32", "float64"])
def test_shared_floats_follow_the_configuration(floatx):
    with config.override(floatx=floatx):
        made = [
            shared_floatx([[1, 2]], "w"),
            shared_floatx_zeros((1, 2)),
            shared_floatx_nans((1, 2)),
        ]
    assert [v.get_value().dtype for v in made] == [floatx] * 3
    assert_array_equal(made[1].get_value(), [[0, 0]])
    assert numpy.isnan(made[2].get_value()).all()
    assert made[0].name == "w"


def test_a_dtype_can_be_given_by_name():
    assert shared_floatx(1, dtype="float64").dtype is torch.float64
    assert shared_floatx(1, dtype=torch.float16).dtype is torch.float16
    with pytest.raises(TypeError, match="dtype must be a torch.dtype or a name, .* not 'flaot32'"):
        shared_floatx(1, dtype="flaot32")


def test_shared_variables_like_others():
    w = shared_floatx([[1, 2]], "w")
    velocity = shared_floatx_zeros_matching(w, "velocity")
    assert (velocity.name, velocity.shape) == ("velocity", (1, 2))
    x = tensor.variable("x", (None, 3), torch.int64)
    like = shared_like(x)
    assert (like.name, like.dtype, like.shape) == ("x_shared", torch.int64, (0, 3))
    assert shared_like(w, "other").name == "other"


def test_hooks_see_values_and_their_own_arguments(capsys):
    x = tensor.matrix("x")
    y = put_hook(x * 2, print_shape, "shape")
    assert put_hook(y, print_sum) is y
    y.eval({x: [[1.0, 2.0]]})
    assert capsys.readouterr().out == "shape (1, 2)\n6.0\n"


@pytest.mark.parametrize("installed", [True, False])
def test_the_breakpoint_uses_ipdb_if_it_is_installed(monkeypatch, installed):
    stopped = []
    ipdb = type(sys)("ipdb")
    ipdb.set_trace = lambda: stopped.append("ipdb")
    monkeypatch.setitem(sys.modules, "ipdb", ipdb if installed else None)
    monkeypatch.setattr(builtins, "breakpoint", lambda: stopped.append("python"))
    ipdb_breakpoint(torch.ones(1))
    assert stopped == ["ipdb" if installed else "python"]
