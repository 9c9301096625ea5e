"""Symbolic gradients against finite differences."""

import numpy
import torch

from workbench import function, grad, tensor
from workbench.config import config
from workbench.graph import ComputationGraph


def check_gradients(make, *values, step=1e-6):
    """Compare symbolic gradients with central differences, all in float64.

    Parameters
    ----------
    make : callable
        Takes a variable for each of `values`; returns an output of initialised bricks.
    *values : array
        Gradients are computed for floats and for the parameters of the graph, not for integers.
    step : float
        Half the distance of the two points of a difference.
    """
    rng = numpy.random.default_rng(4)
    values = [numpy.asarray(v, dtype="float64" if v.dtype.kind == "f" else None) for v in values]
    with config.override(floatx="float64"):
        inputs = [
            tensor.variable(f"x{i}", shape=[None] * v.ndim, dtype=torch.from_numpy(v).dtype)
            for i, v in enumerate(values)
        ]
        output = make(*inputs)
        weights = rng.normal(size=function(inputs, output)(*values).shape)
        cost = (output * torch.from_numpy(weights)).sum()
        parameters = ComputationGraph(cost).parameters
        moved = [x for x in inputs if x.dtype.is_floating_point] + parameters
        gradients = function(inputs, grad(cost, moved), on_unused_input="ignore")(*values)
        run = function(inputs, cost)
    assert all(gradient.dtype is torch.float64 for gradient in gradients)
    for variable, gradient in zip(moved, gradients, strict=True):
        direction = rng.normal(size=gradient.shape)

        def at(distance, variable=variable, direction=direction):
            if not isinstance(variable, tensor.SharedVariable):
                shifted = [
                    value + distance * direction if x is variable else value
                    for x, value in zip(inputs, values, strict=True)
                ]
                return float(run(*shifted))
            before = variable.get_value()
            variable.set_value(before + distance * direction)
            try:
                return float(run(*values))
            finally:
                variable.set_value(before)

        numeric = (at(step) - at(-step)) / (2 * step)
        numpy.testing.assert_allclose(
            float((gradient.numpy() * direction).sum()), numeric, rtol=1e-5, atol=1e-6,
            err_msg=f"with respect to {variable!r}",
        )  # fmt: skip
