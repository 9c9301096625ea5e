"""The eager tier: the program runs at once, operation by operation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from workbench.tensor.execution.precision import arithmetic
from workbench.tensor.execution.step import Step


class Eager:
    """Runs a step as it is written.

    Parameters
    ----------
    step : Step
    """

    name = "eager"

    def __init__(self, step: Step) -> None:
        self.step = step
        self._forward = step.program.module.forward
        self._held = step.held
        self._away = step.device.type != "cpu"
        self._groups = _by_kind([variable.tensor for variable in step.updated])

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
            if step.guard is not None:
                if self._away:
                    news = self._kept(step.guard.holds(outputs), news)
                step.guard.check(outputs)
            for targets, places in self._groups:
                torch._foreach_copy_(targets, [news[i] for i in places])
        return outputs

    def _kept(self, holds: torch.Tensor | None, news: Sequence[torch.Tensor]) -> Sequence[Any]:
        """New values, or the old ones where the guard refuses: decided on the device."""
        if holds is None:
            return news
        pairs = zip(news, self.step.updated, strict=True)
        return [torch.where(holds, new, variable.tensor) for new, variable in pairs]


def _by_kind(targets: Sequence[torch.Tensor]) -> list[tuple[list[torch.Tensor], list[int]]]:
    """Targets of updates in groups that one multi-tensor copy can serve."""
    groups: dict[tuple[torch.device, torch.dtype], tuple[list[torch.Tensor], list[int]]] = {}
    for i, target in enumerate(targets):
        tensors, places = groups.setdefault((target.device, target.dtype), ([], []))
        tensors.append(target)
        places.append(i)
    return list(groups.values())
