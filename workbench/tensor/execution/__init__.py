"""Execution of functions in the eager, compiled or captured tier; all give the same results.

A `Task` describes the work of one call. `Eager` runs a task operation by operation. `tracing`
flattens a task, including its gradients and updates, into one graph. `Compiled` compiles this
graph, and `Captured` also replays it as a CUDA graph. `Tier` is the common interface of the three
classes, and `Execution` chooses between them.
"""

from workbench.names import explain_missing
from workbench.tensor.execution.course import Course
from workbench.tensor.execution.policy import MODES, Execution, Mode
from workbench.tensor.execution.task import Guard, Task, Watch
from workbench.tensor.execution.threads import available_threads

__all__ = ["MODES", "Course", "Execution", "Guard", "Mode", "Task", "Watch", "available_threads"]

explain_missing(__name__)
