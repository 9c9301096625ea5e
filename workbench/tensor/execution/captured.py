"""The captured tier, which replays a compiled program as a CUDA graph.

A replay launches all kernels in one call, but the shapes and addresses of its inputs are fixed.
Therefore every batch is copied to the memory that the graph reads, and each batch shape that recurs
has a separate graph.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from workbench.tensor import torch_internals as internals
from workbench.tensor.execution.compiled import Compiled
from workbench.tensor.execution.task import Run, Task

RECURS = 3
"""Number of calls with the same input shapes before the program is captured for these shapes."""
WARM_UP = 3
"""Number of runs before a capture; libraries allocate their workspaces during these runs."""
ERRORS = "thread_local"
"""Capture mode that fails only because of unsafe calls in the capturing thread.

In torch's default mode, a capture also fails if another thread waits for the device, for example
because a view reads a learning rate or another run reads its cost. Such a wait is harmless, since
the other threads use different streams.
"""


class Replay:
    """Runner for inputs of one shape; the compiled program is captured if the shape recurs.

    Parameters
    ----------
    run : callable
        The program: a function of the inputs that updates shared variables and does not check the
        guard.
    task : Task

    Attributes
    ----------
    graph : torch.cuda.CUDAGraph or None
        The captured graph, or None before the capture.
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
        """Run the program, and return outputs that later calls do not overwrite."""
        if self.graph is None:
            self._uses += 1
            if self._uses <= RECURS or self.failure is not None:
                return self._run(values)
            self._capture(values)
            if self.graph is None:
                return self._run(values)
        # The graph reads only from the addresses of these inputs.
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
            with torch.cuda.graph(graph, capture_error_mode=ERRORS):
                self._outputs = self._run(self._inputs)
            self.graph = graph
        except RuntimeError as error:  # some operations cannot be captured
            self.failure = str(error).splitlines()[0]
        finally:
            # Undo the updates of the warm-up runs.
            if updated:
                internals.foreach_copy_(updated, before)


class Captured(Compiled):
    """Runner that executes a task with compiled programs and captures them for recurring shapes."""

    name = "captured"

    def prepared(self, run: Run) -> Run:
        """Return a `Replay` of the program.

        A program that exchanges values with other processes is not captured: shapes recur at
        different batches in different processes, and a program runs several times before it is
        captured.
        """
        if self.task.program.exchanges:
            return run
        return Replay(run, self.task)
