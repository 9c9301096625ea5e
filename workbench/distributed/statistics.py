"""Statistics of batch normalisation over all shares of a batch.

The graph of a process computes the mean and the variance of its own share. `over_batch` replaces
them with the mean and the variance of the whole batch. This requires one message in the forward
pass and one in the backward pass. The gradient assumes that the cost of a process is its
contribution to the cost of the whole batch.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Iterable
from typing import Any

import torch
from torch.autograd.function import once_differentiable

from workbench.graph.training import is_count, reduced
from workbench.monitoring.sizes import data_sizes
from workbench.roles import BATCH_NORM_MINIBATCH_ESTIMATE, has_roles
from workbench.tensor import Variable, shapes
from workbench.tensor import torch_internals as internals
from workbench.tensor.call import Operation, apply
from workbench.tensor.collectives import all_reduce
from workbench.tensor.printing import shown_arguments
from workbench.tensor.processes import ProcessGroup
from workbench.tensor.variable import Call


class _Statistics(torch.autograd.Function):
    """Variance and mean, over some axes, of the values in all processes.

    The processes add up the number of elements, their sum and the sum of their squares in double
    precision, so the variance is accurate enough even if it is much smaller than the mean.
    """

    @staticmethod
    def forward(ctx: Any, given: torch.Tensor, axes: tuple[int, ...], name: str) -> Any:
        value = given if given.dtype in (torch.float32, torch.float64) else given.float()
        number = functools.reduce(operator.mul, [value.shape[axis] for axis in axes])
        own = torch.scalar_tensor(number, dtype=torch.float64, device=value.device)
        # An empty share has a mean of zero; mean() would return NaN and warn.
        mean = value.sum(axes, keepdim=True) / own.clamp_min(1)
        spread = (value - mean).square().sum(axes, keepdim=True).double()
        center = mean.double()
        parts = (own.reshape(1), (own * center).reshape(-1))
        squares = (spread + own * center.square()).reshape(-1)
        total, sums, squares = _summed(torch.cat([*parts, squares]), name).split(
            [1, center.numel(), center.numel()]
        )
        center = sums.reshape(center.shape) / total
        variance = (squares.reshape(center.shape) / total - center.square()).clamp_min(0)
        mean = center.to(value.dtype)
        ctx.save_for_backward(given, mean, total)
        ctx.name = name
        return variance.to(given.dtype), mean.to(given.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, of_variance: torch.Tensor, of_mean: torch.Tensor) -> Any:
        given, mean, total = ctx.saved_tensors
        message = torch.cat([of_variance.reshape(-1), of_mean.reshape(-1)])
        slopes = (_summed(message, ctx.name).to(mean.dtype) / total.to(mean.dtype)).reshape(
            2, *mean.shape
        )
        return ((given - mean) * (2 * slopes[0]) + slopes[1]).to(given.dtype), None, None


def _summed(message: torch.Tensor, name: str) -> torch.Tensor:
    operations = internals.collectives
    found: torch.Tensor = operations.wait_tensor(operations.all_reduce(message, "sum", name))
    return found


class BatchStatistics(Operation):
    """Operation that computes the variance and the mean over the values in all processes.

    Attributes
    ----------
    exchanges : bool
        Always True: the operation needs all processes, so a single process cannot repeat it to
        find an error.
    """

    __name__ = "batch_statistics"
    exchanges = True

    def infer(self, value: Any, axes: tuple[int, ...], name: str) -> Any:
        """Return fake tensors with the shapes and dtypes of the statistics."""

        def both(value: torch.Tensor) -> Any:
            mean = value.mean(axes, keepdim=True)
            return torch.empty_like(mean), torch.empty_like(mean)

        return shapes.infer(both, (value,), {}, lambda: shown_arguments((value,), {}))

    def __call__(self, value: torch.Tensor, axes: tuple[int, ...], name: str) -> Any:
        """Compute the statistics."""
        compute: Any = _Statistics.apply
        return compute(value, axes, name)

    def __reduce__(self) -> str:
        return "batch_statistics"

    def __repr__(self) -> str:
        return self.__name__


batch_statistics = BatchStatistics()


def over_batch(order: Iterable[Variable], group: ProcessGroup) -> dict[Variable, Variable]:
    """Map the statistics of shares in a graph to the statistics of whole batches.

    Parameters
    ----------
    order : iterable of Variable
        The variables of the graph.
    group : ProcessGroup
        The processes that each batch is divided among.
    """
    order = list(order)
    found: dict[Variable, Variable] = {
        one: all_reduce(one, group=group) for one in order if is_count(one)
    }
    for call in dict.fromkeys(map(statistic_of, order)):
        if call is None:
            continue
        axes = _axes(call)
        results: Any = apply(batch_statistics, (call.inputs[0], axes, group.name), {})
        variance, mean = results
        news = [mean] if call.name == "mean" else [variance, mean]
        for old in call.outputs:
            new = news[old.index]
            new.name, new.tag = old.name, old.tag.copy()
            found[old] = new
    return found


def statistic_of(variable: Variable) -> Call | None:
    """Return the call that computes `variable` if it is a statistic of a share, otherwise None.

    The result is None for statistics inside a loop, which are always computed over the share.
    """
    if not has_roles(variable, [BATCH_NORM_MINIBATCH_ESTIMATE]):
        return None
    source = reduced(variable)
    call = source.owner
    if call is None or call.kwargs.get("keepdim") is not True or data_sizes(source):
        return None
    return call


def _axes(call: Call) -> tuple[int, ...]:
    axes: Any = call.args[1]
    return tuple(axes)
