"""The eager tier, which runs a program operation by operation, with some operations fused.

If a watched value is not finite, no update may be applied. Therefore no shared variable is written
before all results have been checked. On a CPU, a cheap check runs first (`screen`). It may raise
false alarms, so an alarm is followed by an exact check. On an accelerator, Python would have to
wait for the result of the check. Therefore ``torch.where`` chooses between new and old values on
the device, and the error is raised some batches later.
"""

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
from workbench.tensor.execution.threads import MOST_SIZES, Threads
from workbench.tensor.fusion import Change, fused, in_place


class Eager:
    """Runner that executes the program of a task, operation by operation.

    Parameters
    ----------
    task : Task
    threads : Threads
        The object that chooses the number of threads for a call.
    examples, on_demand
        See `workbench.tensor.execution.tier.Maker`; these arguments have no effect here.

    Attributes
    ----------
    module : torch.fx.GraphModule
        The program with fused operations. For some updates, it returns the operand of an in-place
        operation instead of the new value.
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
        # One multi-tensor call for each kind of update replaces one call for each parameter.
        self._groups = _by_kind(changes, [variable.tensor for variable in task.updated])
        self._screen: Screen | None = None
        if task.watched and not self._away:  # on an accelerator, `_checked_later` checks instead
            changing = {
                place
                for place, change in enumerate(changes, start=task.n_outputs)
                if change.function is not internals.foreach_copy_
            }
            likes = [self._like(place) for place in task.watched]
            self._screen = Screen(task.watched, likes, changing)

    def find(self, sizes: tuple[int, ...]) -> Run:
        """Return this runner, limited to the number of threads that suits `sizes`."""
        return self._by_sizes.get(sizes) or self._choose(sizes)

    def state(self) -> list[tuple[int, ...]]:
        """Return an empty list, since one program is used for all sizes."""
        return []

    def describe(self) -> Iterable[str]:
        """Return no lines, since this tier has no compiled programs to describe."""
        return ()

    def _choose(self, sizes: tuple[int, ...]) -> Run:
        if len(self._by_sizes) >= MOST_SIZES:
            self._by_sizes.clear()
        run = self._by_sizes[sizes] = self.threads.limit(self, self.threads.number(sizes))
        return run

    def __call__(self, values: Sequence[Any]) -> Sequence[Any]:
        """Run the program on valid tensors, apply the updates, and return the outputs."""
        task = self.task
        with torch.no_grad():
            try:
                if task.precision == "float32":
                    results = self._forward(*values, *self._held)
                else:
                    with arithmetic(task):
                        results = self._forward(*values, *self._held)
            except Exception as error:
                # torch's error names no brick. A second run, node by node, finds the failing call.
                task.program.explain([*values, *self._held], error)
                raise
            outputs, news = task.divided(results)
            again = self._again
            # A NaN that comes from 0 * infinity may have a limit, so compute the limit.
            if self._limited and undefined(outputs):
                again = self._with_limits
                results = again(values)
                outputs, news = task.divided(results)
            if self._away and (task.guard is not None or task.watch is not None):
                news = self._checked_later(outputs, news)
            elif task.guard is not None:
                task.guard.check(outputs)
            # Read the factors (such as a learning rate) before updates, which may change them.
            factors = [factor.item() for factor in news[len(task.updated) :]]
            screen = self._screen
            if screen is not None:
                # A finite change remains finite if the absolute value of its factor is at most one.
                # With any other factor, it could overflow after the screen, so check it exactly.
                for factor in factors:
                    if not -1 <= factor <= 1:
                        screen = None
                if screen is None or not screen.passes(results):
                    if screen is not None:
                        # A failed screen may leave scaled results, so compute them again.
                        results = again(values)
                        outputs, news = task.divided(results)
                    self._check_exactly(values, results, factors)
            for function, targets, places, factor in self._groups:
                by = [news[i] for i in places]
                if factor is None:
                    function(targets, by)
                else:
                    function(targets, by, alpha=factors[factor])
        return outputs

    def _again(self, values: Sequence[Any]) -> Sequence[Any]:
        """Run the program again, and return its results."""
        with arithmetic(self.task):
            results: Sequence[Any] = self._forward(*values, *self._held)
        return results

    def _with_limits(self, values: Sequence[Any]) -> Sequence[Any]:
        """Compute the results again, replacing NaN with a limit where a limit exists."""
        token = careful.set(True)
        try:
            return self._again(values)
        finally:
            careful.reset(token)

    def _prepared(self) -> tuple[fx.GraphModule, list[Change]]:
        """Return the module to run, and the operation that applies each update."""
        program, updated = self.task.program, self.task.updated
        changes: list[Change] = [Change()] * len(updated)
        if self.task.precision == "bf16":  # do not fuse: autocast needs each operation
            return program.module, changes
        graph = fused(program)
        if not self._away:  # on an accelerator, `where` needs the new values
            held = graph.find_nodes(op="placeholder")[len(program.inputs) :]
            node_of = dict(zip(program.shared, held, strict=False))
            changes = in_place(graph, [node_of.get(variable) for variable in updated])
        return fx.GraphModule(program.constants, graph), changes

    def _like(self, place: int) -> Any:
        """Return a tensor with the size and dtype of a watched result."""
        task, update = self.task, place - self.task.n_outputs
        return task.updated[update].tensor if update >= 0 else task.outputs[place].fake

    def _check_exactly(
        self, values: Sequence[Any], results: Sequence[Any], factors: Sequence[float]
    ) -> None:
        """Check watched results exactly; raise the error of the watch if a result is not finite.

        An in-place operation is applied to a copy of the old value.
        """
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

    def _checked_later(
        self, outputs: Sequence[Any], news: Sequence[torch.Tensor]
    ) -> Sequence[torch.Tensor]:
        """Choose new or old values without waiting for the device; errors are raised later."""
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
        """Choose, on the device, the new values if `holds` is true and the old values otherwise."""
        if holds is None:
            return news
        pairs = zip(news, self.task.updated, strict=True)
        return [torch.where(holds, new, variable.tensor) for new, variable in pairs]


def undefined(outputs: Sequence[Any]) -> bool:
    """Return True if the sum of the elements of any output is NaN."""
    for output in outputs:
        if isinstance(output, torch.Tensor) and output.is_floating_point():
            # A sum is one fast pass. Infinite elements of both signs also give NaN; this costs
            # only a second run.
            value = (output if output.dim() == 0 else output.sum()).item()
            if value != value:
                return True
    return False


Group = tuple[Callable[..., object], list[torch.Tensor], list[int], int | None]
"""A multi-tensor function, its targets, and the positions of its operands and its factor."""


def _by_kind(changes: Sequence[Change], targets: Sequence[torch.Tensor]) -> list[Group]:
    """Group updates that one multi-tensor operation can apply."""
    factors = list(dict.fromkeys(c.factor for c in changes if c.factor is not None))
    groups: dict[Any, Group] = {}
    for i, (change, target) in enumerate(zip(changes, targets, strict=True)):
        factor = None if change.factor is None else factors.index(change.factor)
        kind = change, target.device, target.dtype
        _, tensors, places, _ = groups.setdefault(kind, (change.function, [], [], factor))
        tensors.append(target)
        places.append(i)
    return list(groups.values())
