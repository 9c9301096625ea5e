"""The eager tier: the program runs at once, operation by operation, as few as torch allows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import fx

from workbench.tensor.exact import careful
from workbench.tensor.execution.precision import arithmetic
from workbench.tensor.execution.step import Step
from workbench.tensor.fusion import Change, fused, in_place


class Eager:
    """Runs a step as it is written.

    Parameters
    ----------
    step : Step

    Attributes
    ----------
    module : torch.fx.GraphModule
        What runs: the program of the step in fewer operations. Instead of some new values it gives
        what these differ by from the old ones.
    """

    name = "eager"

    def __init__(self, step: Step) -> None:
        self.step = step
        self._held = step.held
        self._away = step.device.type != "cpu"
        self._limited = step.program.limited and not self._away
        self.module, changes = self._prepared()
        self._forward = self.module.forward
        self._groups = _by_kind(changes, [variable.tensor for variable in step.updated])

    def find(self, values: Sequence[Any]) -> Eager:
        """What runs `values`: always this."""
        return self

    def __call__(self, values: Sequence[Any]) -> Sequence[Any]:
        """Run on tensors that are known to fit; give the outputs."""
        step = self.step
        with torch.no_grad():
            try:
                if step.precision == "float32":
                    results = self._forward(*values, *self._held)
                else:
                    with arithmetic(step):
                        results = self._forward(*values, *self._held)
            except Exception as error:
                step.program.explain([*values, *self._held], error)
                raise
            outputs, news = step.divided(results)
            if self._limited and undefined(outputs):
                outputs, news = step.divided(self._with_limits(values))
            if step.guard is not None:
                if self._away:
                    news = self._kept(step.guard.holds(outputs), news)
                step.guard.check(outputs)
            # Factors may be among what is updated.
            factors = [factor.item() for factor in news[len(step.updated) :]]
            for function, targets, places, factor in self._groups:
                by = [news[i] for i in places]
                if factor is None:
                    function(targets, by)
                else:
                    function(targets, by, alpha=factors[factor])
        return outputs

    def _with_limits(self, values: Sequence[Any]) -> Sequence[Any]:
        """The same again, computing limits where the quick way gave NaN."""
        token = careful.set(True)
        try:
            with arithmetic(self.step):
                results: Sequence[Any] = self._forward(*values, *self._held)
        finally:
            careful.reset(token)
        return results

    def _prepared(self) -> tuple[fx.GraphModule, list[Change]]:
        """What runs, and what is to be done with its new values."""
        program, updated = self.step.program, self.step.updated
        changes: list[Change] = [Change()] * len(updated)
        if self.step.precision == "bf16":  # which decides for each operation how it is computed
            return program.module, changes
        graph = fused(program)
        if not self._away:  # elsewhere nobody waits to see whether there will be updates
            held = graph.find_nodes(op="placeholder")[len(program.inputs) :]
            node_of = dict(zip(program.shared, held, strict=False))
            changes = in_place(graph, [node_of.get(variable) for variable in updated])
        return fx.GraphModule(program.constants, graph), changes

    def _kept(self, holds: torch.Tensor | None, news: Sequence[torch.Tensor]) -> Sequence[Any]:
        """New values, or the old ones where the guard refuses: decided on the device."""
        if holds is None:
            return news
        pairs = zip(news, self.step.updated, strict=True)
        return [torch.where(holds, new, variable.tensor) for new, variable in pairs]


def undefined(outputs: Sequence[Any]) -> bool:
    """Whether one of the outputs is NaN, or has an element that is."""
    for output in outputs:
        if isinstance(output, torch.Tensor) and output.is_floating_point():
            value = (output if output.dim() == 0 else output.sum()).item()
            if value != value:
                return True
    return False


Group = tuple[Callable[..., object], list[torch.Tensor], list[int], int | None]
"""A multi-tensor function, what it changes, the places of by what, and that of a factor."""


def _by_kind(changes: Sequence[Change], targets: Sequence[torch.Tensor]) -> list[Group]:
    """Updates in groups that one multi-tensor operation can serve."""
    factors = list(dict.fromkeys(c.factor for c in changes if c.factor is not None))
    groups: dict[Any, Group] = {}
    for i, (change, target) in enumerate(zip(changes, targets, strict=True)):
        factor = None if change.factor is None else factors.index(change.factor)
        kind = change, target.device, target.dtype
        _, tensors, places, _ = groups.setdefault(kind, (change.function, [], [], factor))
        tensors.append(target)
        places.append(i)
    return list(groups.values())
