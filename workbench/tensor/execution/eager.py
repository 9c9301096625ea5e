"""The eager tier: the program runs at once, operation by operation."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

import torch

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
        self._held = [
            *[variable.tensor for variable in step.program.shared],
            *[variable.leaf for variable in step.program.leaves],
        ]
        self._groups = _by_kind([variable.tensor for variable in step.updated])

    def find(self, values: Sequence[Any]) -> Eager:
        """What runs `values`: always this."""
        return self

    def __call__(self, values: Sequence[Any]) -> Sequence[Any]:
        """Run on tensors that are known to fit; give the outputs."""
        step = self.step
        n = step.n_outputs
        with torch.no_grad():
            try:
                with reduced(step) if step.precision == "bf16" else contextlib.nullcontext():
                    results = self._forward(*values, *self._held)
            except Exception as error:
                step.program.explain([*values, *self._held], error)
                raise
            outputs = results[:n]
            if step.guard is not None:
                step.guard.check(outputs)
            for targets, places in self._groups:
                torch._foreach_copy_(targets, [results[n + i] for i in places])
        return outputs  # type: ignore[no-any-return]


def reduced(step: Step) -> torch.autocast:
    """Matrix products in bfloat16, of float32 parameters."""
    held = step.program.shared or step.updated
    kind = held[0].device.type if held else "cpu"
    return torch.autocast(kind, torch.bfloat16)


def _by_kind(targets: Sequence[torch.Tensor]) -> list[tuple[list[torch.Tensor], list[int]]]:
    """Targets of updates in groups that one multi-tensor copy can serve."""
    groups: dict[tuple[torch.device, torch.dtype], tuple[list[torch.Tensor], list[int]]] = {}
    for i, target in enumerate(targets):
        tensors, places = groups.setdefault((target.device, target.dtype), ([], []))
        tensors.append(target)
        places.append(i)
    return list(groups.values())
