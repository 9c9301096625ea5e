"""The captured tier: on CUDA, a compiled program replayed as a graph of kernels.

Replaying takes one call for all kernels, whatever their number. It needs inputs in the same memory
every time, so there is one graph for each shape of batch that recurs, and batches are copied to
where it looks for them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from workbench.tensor import torch_internals as internals
from workbench.tensor.execution.compiled import Compiled
from workbench.tensor.execution.task import Run, Task

RECURS = 3
"""Number of times that a shape must have come before it is captured."""
WARM_UP = 3
"""Runs before capturing, in which libraries allocate what they keep."""


class Replay:
    """Runs a compiled program for inputs of one shape; captures it once that recurs.

    Parameters
    ----------
    run : callable
        The program, a function of inputs that updates shared variables; without the guard's look.
    task : Task

    Attributes
    ----------
    graph : torch.cuda.CUDAGraph or None
        What is replayed, once it is captured.
    """

    def __init__(self, run: Callable[[Sequence[Any]], Sequence[Any]], task: Task) -> None:
        self._run = run
        self._task = task
        self._uses = 0
        self._inputs: list[torch.Tensor] = []
        self._outputs: Sequence[Any] = ()
        self.graph: torch.cuda.CUDAGraph | None = None
        self.failure: str | None = None

    def __call__(self, values: Sequence[torch.Tensor]) -> Sequence[Any]:
        """Run on tensors of the shape; give outputs that the next call leaves alone."""
        if self.graph is None:
            self._uses += 1
            if self._uses <= RECURS or self.failure is not None:
                return self._run(values)
            self._capture(values)
            if self.graph is None:
                return self._run(values)
        internals.foreach_copy_(self._inputs, list(values), non_blocking=True)
        self.graph.replay()
        return [o.clone() if isinstance(o, torch.Tensor) else o for o in self._outputs]

    def _capture(self, values: Sequence[torch.Tensor]) -> None:
        device = self._task.device
        self._inputs = [value.clone() for value in values]
        updated = [variable.tensor for variable in self._task.updated]
        before = [tensor.clone() for tensor in updated]
        current, aside = torch.cuda.current_stream(device), torch.cuda.Stream(device)
        aside.wait_stream(current)
        try:
            with torch.cuda.stream(aside):
                for _ in range(WARM_UP):
                    self._run(self._inputs)
            current.wait_stream(aside)
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph):
                self._outputs = self._run(self._inputs)
            self.graph = graph
        except RuntimeError as error:
            self.failure = str(error).splitlines()[0]
        finally:
            # What the runs before capturing did to shared variables has not happened.
            if updated:
                internals.foreach_copy_(updated, before)


class Captured(Compiled):
    """Runs a step by compiled programs that are replayed for shapes that recur."""

    name = "captured"

    def prepared(self, run: Run) -> Run:
        """Return a `Replay` of the program."""
        return Replay(run, self.task)
