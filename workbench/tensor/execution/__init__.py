"""Execution of functions: eager, compiled, or captured, with the same results in every tier.

A `Task` is what a call does. `Eager` runs it as it is written. `tracing` flattens it, gradients and
updates included, for `Compiled` to run as one program and `Captured` to replay. `Tier` is what they
have in common, and `Execution` decides between them.
"""

from workbench.names import explain_missing
from workbench.tensor.execution.policy import MODES, Execution, Mode
from workbench.tensor.execution.task import Guard, Task, Watch
from workbench.tensor.execution.threads import available_threads

__all__ = ["MODES", "Execution", "Guard", "Mode", "Task", "Watch", "available_threads"]

explain_missing(__name__)
