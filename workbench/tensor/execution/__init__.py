"""Execution of functions: eager, compiled or captured, with the same results in every tier.

A `Task` describes the work of one call. `Eager` runs it operation by operation. `tracing` flattens
it, gradients and updates included, into one graph, which `Compiled` compiles and `Captured`
replays. `Tier` is their common interface, and `Execution` chooses between them.
"""

from workbench.names import explain_missing
from workbench.tensor.execution.policy import MODES, Execution, Mode
from workbench.tensor.execution.task import Guard, Task, Watch
from workbench.tensor.execution.threads import available_threads

__all__ = ["MODES", "Execution", "Guard", "Mode", "Task", "Watch", "available_threads"]

explain_missing(__name__)
