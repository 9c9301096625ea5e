"""`ZeRO1`, which divides the state of step rules among processes.

For each parameter, one process keeps the buffers of step rules and computes the step. The other
processes allocate no memory for these buffers. The steps are then exchanged, so that every process
updates all parameters. This is stage 1 of ZeRO (Rajbhandari et al. 2019).
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Mapping
from typing import Any

import torch

from workbench import errors
from workbench.algorithms.rules import (
    CompositeRule,
    Keeper,
    StepRule,
    Steps,
    StepUpdates,
    about,
    keeper_of,
    kept_by,
)
from workbench.algorithms.wrapping import WrappingRule
from workbench.tensor import SharedVariable, Variable, as_variable
from workbench.tensor.collectives import all_gather
from workbench.tensor.processes import ProcessGroup, known_group, process_group

OF_ANOTHER = (
    "the pickled step rule ZeRO1 contains the buffers of process {rank} of {size}, so no other "
    "process can use it; build the algorithm again, and load its state from an archive, for "
    "instance with the Load extension"
)


class ZeRO1(WrappingRule):
    """Step rule whose buffers are divided among the processes of a group.

    `ZeRO1` gives the same results as `step_rule` alone. With N processes, each process keeps about
    1/N of the buffers, such as the averages of `Adam`. All buffers of one parameter are in the same
    process. Checkpoints contain the whole state and can be loaded by any number of processes.

    Parameters
    ----------
    step_rule : StepRule
        Any rule or chain of rules. In one process, `ZeRO1` is equivalent to this rule.
    group : ProcessGroup, optional
        The processes that share the buffers; by default the group that was set up by a launcher
        such as ``torchrun`` (see `process_group`).

    Examples
    --------
    >>> from workbench.algorithms import Adam
    >>> ZeRO1(Adam(0.001))
    ZeRO1(Adam(learning_rate=0.001, beta1=0.9, beta2=0.999, epsilon=1e-08, decay_factor=1))
    """

    elementwise = False  # if a parameter is divided, its rows are in all processes

    def __init__(self, step_rule: StepRule, group: ProcessGroup | None = None) -> None:
        super().__init__(step_rule)
        self.group = process_group() if group is None else group
        self._before: StepUpdates = []
        self._keepers: dict[SharedVariable, Keeper] = {}
        self._originals: dict[Variable, Variable] = {}
        self._last: Variable | None = None

    def compute_steps(
        self, previous_steps: Mapping[SharedVariable, Variable]
    ) -> tuple[Steps, StepUpdates]:
        if self.group.size == 1:
            self.step_rule.see_updates(self._before)
            return self.step_rule.compute_steps(previous_steps)
        self._keepers = self._assigned(list(previous_steps))
        self._last = None
        with kept_by(self._keepers):
            return self._steps(self.step_rule, previous_steps, self._before)

    def see_updates(self, updates: StepUpdates) -> None:
        self._before = updates

    @property
    def originals(self) -> Mapping[Variable, Variable]:
        return self._originals

    def __setstate__(self, state: dict[str, Any]) -> None:
        group = state["group"]
        if group.size > 1 and group is not known_group():
            raise errors.ProcessError(OF_ANOTHER.format(rank=group.rank, size=group.size))
        vars(self).update(state)

    def _assigned(self, parameters: list[SharedVariable]) -> dict[SharedVariable, Keeper]:
        """Assign each parameter, largest first, to the process with the fewest elements so far."""
        loads = [0] * self.group.size
        found: dict[SharedVariable, Keeper] = {}
        for parameter in sorted(parameters, key=lambda one: -one.tensor.numel()):
            rank = loads.index(min(loads))
            loads[rank] += parameter.tensor.numel()
            found[parameter] = Keeper(rank, rank == self.group.rank)
        return found

    def _steps(
        self, rule: StepRule, previous: Mapping[SharedVariable, Variable], before: StepUpdates
    ) -> tuple[Steps, StepUpdates]:
        """Return the steps that a rule computes; rules of a chain are applied one after another."""
        updates: StepUpdates = []
        if isinstance(rule, CompositeRule):
            steps = dict(previous)
            for component in rule.components:
                steps, more = self._steps(component, steps, [*before, *updates])
                updates = component.revise_updates(updates) + more
            return steps, updates
        rule.see_updates(before)
        steps, updates = rule.compute_steps(previous)
        news: dict[SharedVariable, list[Variable]] = {}
        for buffer, new in updates:
            if keeper_of(buffer) is not None:
                news.setdefault(about(buffer), []).append(as_variable(new))
        return {**steps, **self._exchanged(previous, steps, news)}, updates

    def _exchanged(
        self,
        previous: Mapping[SharedVariable, Variable],
        steps: Steps,
        news: Mapping[SharedVariable, list[Variable]],
    ) -> Steps:
        """Return the step of each parameter in `news`, as computed by the process that keeps it.

        Only the keeper can check its buffers; if a new value of a buffer is not finite, the step is
        NaN.
        """
        found: Steps = {}
        for dtype in dict.fromkeys(steps[parameter].dtype for parameter in news):
            of_rank: list[list[SharedVariable]] = [[] for _ in range(self.group.size)]
            for parameter in news:
                if steps[parameter].dtype == dtype:
                    of_rank[self._keepers[parameter].rank].append(parameter)
            lengths = [sum(p.tensor.numel() for p in several) for several in of_rank]
            width, rank = max(lengths) + 1, self.group.rank
            own = [_checked(steps[p], news[p]).reshape(-1) for p in of_rank[rank]]
            padding = self._padding(previous).to(dtype).expand(width - lengths[rank])
            flat: Any = torch.cat([padding, *own])
            whole = self._last = all_gather(flat, group=self.group)
            for one, several in enumerate(of_rank):
                at = (one + 1) * width - lengths[one]
                for parameter in several:
                    end = at + parameter.tensor.numel()
                    found[parameter] = whole[at:end].reshape(tuple(parameter.tensor.shape))
                    at = end
                    self._originals[found[parameter]] = steps[parameter]
        return found

    def _padding(self, previous: Mapping[SharedVariable, Variable]) -> Variable:
        """Return an unused number that makes the next exchange depend on all earlier exchanges.

        Without it, processes could run the exchanges in different orders: each process computes the
        steps of different parameters, and these steps may depend on different exchanges or on none.
        """
        before = list({step.dtype: step for step in reversed(list(previous.values()))}.values())
        before += [] if self._last is None else [self._last]
        numbers: list[Any] = [one.reshape(-1)[0] for one in before]
        padding: Variable = functools.reduce(operator.add, numbers)
        return padding


def _checked(step: Variable, news: list[Variable]) -> Variable:
    """Return a step, or NaN if a new value of a buffer is not finite."""
    flags: list[Variable] = [new.isfinite().all() for new in news if new.dtype.is_floating_point]
    if not flags:
        return step
    finite: Any = functools.reduce(operator.and_, flags)
    nan = torch.full((), float("nan"), dtype=step.dtype)
    checked: Variable = step.where(finite, nan)
    return checked
