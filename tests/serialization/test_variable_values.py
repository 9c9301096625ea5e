"""Values of shared variables by name: copies, comparison, assignment."""

import numpy as np
import pytest
import torch

from tests.support.runs import digits_mlp
from workbench import shared
from workbench.serialization.variable_values import by_path, misfits, path_of, value_of


def test_paths_are_those_of_bricks():
    mlp = digits_mlp()
    assert path_of(mlp.linear_transformations[0].parameters[0]) == "/mlp/linear_0.W"
    assert path_of(shared(1.0, "w")) == "w"


def test_names_that_recur_are_counted():
    variables = [shared(float(i), name) for i, name in enumerate("wwvw")]
    assert list(by_path([*variables, variables[0]])) == ["w", "w_2", "v", "w_3"]
    assert list(by_path(variables).values()) == variables


def test_a_value_is_a_copy_of_the_same_dtype():
    variable = shared(torch.tensor([1.5], dtype=torch.bfloat16), "w")
    value = value_of(variable)
    variable.set_value(torch.zeros(1))
    assert value.dtype is torch.bfloat16 and value.item() == 1.5


@pytest.mark.parametrize(
    "given, problem",
    [
        ({}, "'weight' is missing"),
        ({"weihgt": np.ones(2)}, "'weihgt' is unknown (did you mean 'weight'?)"),
        ({"weight": np.ones(3)}, "'weight' must have shape (2,), not (3,)"),
        ({"weight": np.full(2, 0.1)}, "'weight' must have dtype float32, not float64"),
        ({"weight": np.ones(2, "complex64")}, "'weight' must have dtype float32, not complex64"),
        ({"weight": [1.0, 2.0]}, "'weight' must be an array of numbers, not list [1.0, 2.0]"),
        (
            {"weight": np.array(["a", "b"])},
            "'weight' must be an array of numbers, not ndarray array(['a', 'b'], dtype='<U1')",
        ),
    ],
)
def test_every_kind_of_misfit_is_reported(given, problem):
    assert problem in misfits(given, {"weight": shared([1.0, 2.0], "weight")})


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int64"])
def test_another_dtype_fits_if_nothing_is_lost(dtype):
    values = np.array([1, 2], dtype)
    assert misfits({"w": values}, {"w": shared([1.0, 2.0], "w")}) == []


@pytest.mark.parametrize(
    "dtype, value",
    [
        (torch.float32, 2**24 + 1),
        (torch.float32, 2**63 - 1),
        (torch.float16, 70001),
        (torch.float16, -(2**63)),
        (torch.bfloat16, 257),
    ],
)
def test_integers_that_would_be_rounded_do_not_fit(dtype, value):
    w = shared(torch.zeros(1, dtype=dtype), "w")
    [problem] = misfits({"w": torch.tensor([value])}, {"w": w})
    assert problem == f"'w' must have dtype {str(dtype).removeprefix('torch.')}, not int64"
    assert misfits({"w": torch.tensor([256])}, {"w": w}) == []


def test_values_that_are_not_numbers_fit_too():
    assert misfits({"w": np.array([np.nan, 1.0])}, {"w": shared([1.0, 2.0], "w")}) == []
