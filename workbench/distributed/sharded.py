"""Data parallelism that also divides the parameters among the processes.

Each process keeps some rows of each parameter, and the buffers of step rules for these rows, as in
SimpleFSDP (Zhang et al. 2024) and in stage 3 of ZeRO (Rajbhandari et al. 2019). Programs gather the
parameters of each brick just before they use them. One message sums the gradients of a brick and
gives each process the sums for its own rows. Operations in the graph do all of this, in every
execution tier.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Mapping
from typing import Any

import torch

from workbench import errors
from workbench.algorithms.rules import (
    StepRule,
    Steps,
    StepUpdates,
    everywhere,
    may_overflow,
)
from workbench.distributed.data_parallel import DataParallel
from workbench.distributed.whole import Statistics, Whole, weighted
from workbench.graph.hierarchy import get_brick
from workbench.tensor import SharedVariable, Variable, as_variable
from workbench.tensor.collectives import is_exchanged, is_scattered
from workbench.tensor.processes import ProcessGroup
from workbench.tensor.row_shards import Rows, Unit

NOT_ELEMENTWISE = (
    "{rule!r} cannot be used when parameters are divided among processes, since the step for some "
    "rows of a parameter may depend on the other rows; use DataParallel with ZeRO1, or set "
    "elementwise = True in the class of a rule that computes each element of a step from the same "
    "element of the parameter and its gradient"
)
OF_ROWS = (
    "{name!r} is computed from gradients or steps, but this process has only some of their rows; "
    "monitor algorithm.total_gradient_norm or algorithm.total_step_norm instead"
)
LARGEST = 0.4
"""Exponent of the limit on steps: the limit is the dtype's largest number raised to this power.

A larger step is an error in all processes. Below the limit, the checks of steps cannot raise a
false alarm, which would make one process repeat a program alone.
"""


class ShardedDataParallel(DataParallel):
    """Data parallelism that also divides the parameters among the processes.

    Each of N processes keeps about 1/N of the rows of each trained parameter and its step rule
    buffers. A program gathers the parameters of a brick before it uses them, and they stay in
    memory until the gradient of the brick is computed. The results are the same as with
    `DataParallel`.

    Step rules must be elementwise, as all rules of the package are except `VariableClipping` and
    `ZeRO1`. Functions of divided parameters, and the `get_value` of such a parameter, must be
    called in all processes together. The keys of an algorithm's `gradients` and `steps` are the
    rows of this process, ``parameter.divided``. Archives contain the whole values and can be loaded
    by any number of processes. They contain no pickle of the main loop; `Checkpoint` warns about
    this unless it has ``save_main_loop=False``.

    Parameters
    ----------
    group, axis, statistics : optional
        See `DataParallel`.

    Examples
    --------
    >>> from workbench import shared, tensor
    >>> from workbench.algorithms import Adam, GradientDescent
    >>> x, w = tensor.vector("x"), shared([1.0, 2.0], "w")
    >>> algorithm = GradientDescent(
    ...     cost=((w - x) ** 2).mean(), parameters=[w], step_rule=Adam(),
    ...     distributed=ShardedDataParallel())
    >>> algorithm.distributed
    ShardedDataParallel(<process 0 of 1>)
    """

    def __init__(
        self,
        group: ProcessGroup | None = None,
        *,
        axis: int | Mapping[str, int | None] = 0,
        statistics: Statistics = "batch",
    ) -> None:
        super().__init__(group, axis=axis, statistics=statistics)
        self.whole = _WholeRows(self.group, statistics)

    @property
    def described(self) -> str:
        return f"{super().described}; parameters are divided among the processes"

    def check_rule(self, rule: StepRule) -> None:
        """Raise `AlgorithmError` unless a rule is elementwise."""
        if not rule.elementwise:
            raise errors.AlgorithmError(NOT_ELEMENTWISE.format(rule=rule))

    def steps(self, rule: StepRule, steps: Steps, updates: StepUpdates) -> Steps:
        """Return steps that become NaN in all processes if a step is too large in any process.

        The same applies if a new value of a buffer is not finite.
        """
        if rule.handles_not_finite:
            return steps
        conditions: list[Variable] = []
        for step in steps.values():
            conditions.append((step.abs() < torch.finfo(step.dtype).max ** LARGEST).all())
        for buffer, new in updates:
            if isinstance(buffer, Rows) and may_overflow(buffer):
                conditions.append(as_variable(new).isfinite().all())
        fine = everywhere(functools.reduce(operator.and_, conditions), steps)
        return {
            rows: step.where(fine, torch.full((), float("nan"), dtype=step.dtype))
            for rows, step in steps.items()
        }

    def is_divided(self, variable: SharedVariable) -> bool:
        return self.is_active and (isinstance(variable, Rows) or variable.divided is not None)

    def value(self, variable: SharedVariable) -> torch.Tensor:
        rows = variable if variable.divided is None else variable.divided
        assert isinstance(rows, Rows)
        return rows.gathered().cpu()

    def __repr__(self) -> str:
        return f"ShardedDataParallel({self.group!r})"


class _WholeRows(Whole):
    """Function that maps variables to their values for a whole batch.

    Gradients are returned for the rows that this process keeps. Computing them divides the
    parameters.
    """

    def __call__(self, variable: Variable) -> Variable:
        if _has_rows(variable):
            raise errors.MonitoringError(OF_ROWS.format(name=str(variable)))
        return super().__call__(variable)

    def _summed(self, gradients: Steps, weight: tuple[Variable, Variable] | None) -> Steps:
        kinds: dict[Any, list[SharedVariable]] = {}
        for parameter in gradients:
            kinds.setdefault((get_brick(parameter), parameter.dtype), []).append(parameter)
        found: Steps = {}
        for several in kinds.values():
            unit = Unit(several, self.group)
            flat = unit.flat([gradients[parameter] for parameter in unit.parameters])
            if weight is not None:
                flat = weighted(flat, weight[0])
            found.update(unit.scattered(flat))
        if weight is not None:
            found = {rows: one / weight[1].to(one.dtype) for rows, one in found.items()}
        for kept, one in found.items():
            one.name = gradients[kept.original].name
        return {rows: found[rows] for p in gradients if (rows := p.divided) is not None}


def _has_rows(variable: Variable) -> bool:
    """Return True if a variable depends on rows that were not exchanged between processes."""
    seen: set[Variable] = set()
    stack = [variable]
    while stack:
        one = stack.pop()
        if one in seen:
            continue
        seen.add(one)
        if isinstance(one, Rows) or is_scattered(one):
            return True
        call = one.owner
        if call is not None and not is_exchanged(one):
            stack.extend(call.inputs)
    return False
