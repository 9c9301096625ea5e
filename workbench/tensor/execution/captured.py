"""The captured tier: on CUDA, a compiled program is replayed as a CUDA graph.

A replay launches all kernels in one call. It needs its inputs at the same addresses every time. So
there is one graph for each shape of batch that recurs, and every batch is copied into the memory
that its graph reads.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from workbench.tensor import torch_internals as internals
from workbench.tensor.execution.compiled import Compiled
from workbench.tensor.execution.task import Run, Task

RECURS = 3
"""Number of uncaptured calls with a shape, after which it is captured."""
WARM_UP = 3
"""Number of runs before a capture, in which libraries allocate their workspaces."""


class Replay:
    """Runner of a compiled program for inputs of one shape, captured once the shape recurs.

    Parameters
    ----------
    run : callable
        The program: a function of inputs that updates shared variables, without the checks of
        the guard.
    task : Task

    Attributes
    ----------
    graph : torch.cuda.CUDAGraph or None
        The captured graph, once there is one.
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
        """Run on tensors of the shape; return outputs that later calls do not overwrite."""
        if self.graph is None:
            self._uses += 1
            if self._uses <= RECURS or self.failure is not None:
                return self._run(values)
            self._capture(values)
            if self.graph is None:
                return self._run(values)
        # The graph reads from these addresses only.
        internals.foreach_copy_(self._inputs, list(values), non_blocking=True)
        self.graph.replay()
        return [o.clone() if isinstance(o, torch.Tensor) else o for o in self._outputs]

    def _capture(self, values: Sequence[torch.Tensor]) -> None:
        device = self._task.device
        self._inputs = [value.clone() for value in values]
        updated = [variable.tensor for variable in self._task.updated]
        before = [tensor.clone() for tensor in updated]  # the warm-up runs update variables
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
        except RuntimeError as error:  # not every operation can be captured: run uncaptured
            self.failure = str(error).splitlines()[0]
        finally:
            # Undo the updates of the warm-up runs.
            if updated:
                internals.foreach_copy_(updated, before)


class Captured(Compiled):
    """Runner of a task by compiled programs that are replayed for shapes that recur."""

    name = "captured"

    def prepared(self, run: Run) -> Run:
        """Return a `Replay` of the program."""
        return Replay(run, self.task)
