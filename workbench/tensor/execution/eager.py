"""The eager tier: the program runs at once, operation by operation, as few as torch allows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import fx

from workbench.tensor import torch_internals as internals
from workbench.tensor.exact import careful
from workbench.tensor.execution.precision import arithmetic
from workbench.tensor.execution.screen import Screen, all_of, finite
from workbench.tensor.execution.task import Run, Task
from workbench.tensor.execution.threads import REMEMBERED, Threads
from workbench.tensor.fusion import Change, fused, in_place


class Eager:
    """Runs a step as it is written.

    Parameters
    ----------
    task : Task
    threads : Threads
        Chooses how many threads a call uses.
    examples, on_demand
        As in `workbench.tensor.execution.tier.Maker`; sizes make no difference here.

    Attributes
    ----------
    module : torch.fx.GraphModule
        What runs: the program of the step in fewer operations. Instead of some new values it gives
        what these differ by from the old ones.
    """

    name = "eager"
    seconds = 0.0

    def __init__(
        self,
        task: Task,
        threads: Threads,
        examples: Sequence[tuple[int, ...]] = (),
        *,
        on_demand: bool = True,
    ) -> None:
        self.task = task
        self.threads = threads
        self._by_sizes: dict[tuple[int, ...], Run] = {}
        self._held = task.held
        self._away = task.device.type != "cpu"
        self._limited = task.program.limited and not self._away
        self.module, changes = self._prepared()
        self._forward = self.module.forward
        self._changes = changes
        self._groups = _by_kind(changes, [variable.tensor for variable in task.updated])
        self._screen: Screen | None = None
        if task.watched and not self._away:
            changing = {
                place
                for place, change in enumerate(changes, start=task.n_outputs)
                if change.function is not internals.foreach_copy_
            }
            likes = [self._like(place) for place in task.watched]
            self._screen = Screen(task.watched, likes, changing)

    def find(self, sizes: tuple[int, ...]) -> Run:
        """Return what runs inputs of `sizes`: this, on as many threads as suit them."""
        return self._by_sizes.get(sizes) or self._choose(sizes)

    def state(self) -> list[tuple[int, ...]]:
        """Return nothing: no programs are made for certain sizes."""
        return []

    def describe(self) -> Iterable[str]:
        """Yield nothing: the program is shown anyway."""
        return ()

    def _choose(self, sizes: tuple[int, ...]) -> Run:
        if len(self._by_sizes) >= REMEMBERED:
            self._by_sizes.clear()
        run = self._by_sizes[sizes] = self.threads.limit(self, self.threads.number(sizes))
        return run

    def __call__(self, values: Sequence[Any]) -> Sequence[Any]:
        """Run on tensors that are known to fit; give the outputs."""
        task = self.task
        with torch.no_grad():
            try:
                if task.precision == "float32":
                    results = self._forward(*values, *self._held)
                else:
                    with arithmetic(task):
                        results = self._forward(*values, *self._held)
            except Exception as error:
                task.program.explain([*values, *self._held], error)
                raise
            outputs, news = task.divided(results)
            again = self._again
            if self._limited and undefined(outputs):
                again = self._with_limits
                results = again(values)
                outputs, news = task.divided(results)
            if self._away and (task.guard is not None or task.watch is not None):
                news = self._looked_at_later(outputs, news)
            elif task.guard is not None:
                task.guard.check(outputs)
            # Factors may be among what is updated.
            factors = [factor.item() for factor in news[len(task.updated) :]]
            screen = self._screen
            if screen is not None:
                # What is finite is so after a factor of at most one, too.
                for factor in factors:
                    if not -1 <= factor <= 1:
                        screen = None
                if screen is None or not screen.passes(results):
                    if screen is not None:
                        results = again(values)
                        outputs, news = task.divided(results)
                    self._look_closely(values, results, factors)
            for function, targets, places, factor in self._groups:
                by = [news[i] for i in places]
                if factor is None:
                    function(targets, by)
                else:
                    function(targets, by, alpha=factors[factor])
        return outputs

    def _again(self, values: Sequence[Any]) -> Sequence[Any]:
        """The results once more, computed in the same way."""
        with arithmetic(self.task):
            results: Sequence[Any] = self._forward(*values, *self._held)
        return results

    def _with_limits(self, values: Sequence[Any]) -> Sequence[Any]:
        """The same again, computing limits where the quick way gave NaN."""
        token = careful.set(True)
        try:
            return self._again(values)
        finally:
            careful.reset(token)

    def _prepared(self) -> tuple[fx.GraphModule, list[Change]]:
        """Return what runs, and what is to be done with its new values."""
        program, updated = self.task.program, self.task.updated
        changes: list[Change] = [Change()] * len(updated)
        if self.task.precision == "bf16":  # which decides for each operation how it is computed
            return program.module, changes
        graph = fused(program)
        if not self._away:  # elsewhere the decision about updates is not waited for
            held = graph.find_nodes(op="placeholder")[len(program.inputs) :]
            node_of = dict(zip(program.shared, held, strict=False))
            changes = in_place(graph, [node_of.get(variable) for variable in updated])
        return fx.GraphModule(program.constants, graph), changes

    def _like(self, place: int) -> Any:
        """A tensor of the size and dtype of a result that is watched."""
        task, update = self.task, place - self.task.n_outputs
        return task.updated[update].tensor if update >= 0 else task.outputs[place].fake

    def _look_closely(
        self, values: Sequence[Any], results: Sequence[Any], factors: Sequence[float]
    ) -> None:
        """Have updates refused if something that is watched is really not finite."""
        task = self.task
        wrong = []
        known = list(dict.fromkeys(c.factor for c in self._changes if c.factor is not None))
        for place in task.watched:
            update, value = place - task.n_outputs, results[place]
            if update >= 0:
                change, target = self._changes[update], task.updated[update].tensor.clone()
                scale = (
                    {} if change.factor is None else {"alpha": factors[known.index(change.factor)]}
                )
                change.function([target], [value], **scale)
                value = target
            if not value.isfinite().all():
                wrong.append(task.updated[update] if update >= 0 else task.outputs[place])
        if wrong:
            assert task.watch is not None
            task.watch.refuse(task.program.inputs, values, wrong)

    def _looked_at_later(
        self, outputs: Sequence[Any], news: Sequence[torch.Tensor]
    ) -> Sequence[torch.Tensor]:
        """New values, or the old ones where they are refused, which is found out on the device."""
        task = self.task
        holds = None if task.guard is None else task.guard.holds(outputs)
        if task.watch is not None:
            finite_flags = [finite([*outputs, *news][place]) for place in task.watched]
            holds = all_of(finite_flags if holds is None else [holds, *finite_flags])
        kept = self._kept(holds, news)
        if task.guard is not None:
            task.guard.check(outputs)
        if task.watch is not None:
            task.watch.look_later(torch.stack(finite_flags))
        return kept

    def _kept(self, holds: torch.Tensor | None, news: Sequence[torch.Tensor]) -> Sequence[Any]:
        """New values, or the old ones where the guard refuses: decided on the device."""
        if holds is None:
            return news
        pairs = zip(news, self.task.updated, strict=True)
        return [torch.where(holds, new, variable.tensor) for new, variable in pairs]


def undefined(outputs: Sequence[Any]) -> bool:
    """Return True if one of the outputs is NaN, or has an element that is."""
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
