"""Tasks: the work of one function call, in a form that every tier can run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch

from workbench.tensor.program import Program
from workbench.tensor.shared import SharedVariable
from workbench.tensor.variable import Variable

Run = Callable[[Sequence[Any]], Sequence[Any]]
"""Function that runs a task: it computes the outputs from tensors that match the inputs."""


class Guard(Protocol):
    """Condition that the outputs of a call must meet before shared variables are updated."""

    def holds(self, outputs: Sequence[Any]) -> torch.Tensor | None:
        """Return a scalar boolean tensor; updates are applied only if it is true.

        The tensor is computed on the device, within a compiled program. ``None`` means that updates
        are always applied.
        """

    def check(self, outputs: Sequence[Any]) -> None:
        """Check the outputs now or later, and raise an error if and only if `holds` was false."""


class Watch(Protocol):
    """Condition for updates of shared variables: the watched values must be finite."""

    @property
    def variables(self) -> Sequence[Variable]:
        """The watched outputs and the updated variables whose new values are watched."""

    def refuse(
        self, inputs: Sequence[Variable], values: Sequence[torch.Tensor], wrong: Sequence[Variable]
    ) -> None:
        """Raise an error because the variables `wrong` are not finite for the inputs `values`.

        No variable has been updated, so the computation can be repeated to find the cause.
        """

    def look_later(self, finite: torch.Tensor) -> None:
        """Check `finite`, a tensor of booleans for `variables`, after it has reached the CPU."""


@dataclass(eq=False)
class Task:
    """A program, with its updates and the conditions for applying them.

    Attributes
    ----------
    program : Program
        The program, which returns `n_outputs` outputs and a new value for each variable in
        `updated`.
    updated : list of SharedVariable
    n_outputs : int
    guard : Guard or None
        Condition that is checked before updates are applied.
    watch : Watch or None
        Condition that is checked after the guard and before updates are applied.
    watched : list of int
        The positions of the watched values among the results of the program.
    free : list of pairs
        The input and the axis of every size that the graph does not fix. Sizes that must be equal
        occur only once.
    places : list of lists of pairs
        For each element of `free`, all inputs and axes with the same size.
    precision : str
        See ``config.precision``.
    held : list of torch.Tensor
        The arguments of the program that follow its inputs.
    outputs : list of Variable
        The output variables. They determine the dtypes of the outputs in mixed precision.

    Examples
    --------
    >>> from workbench import function, shared, tensor
    >>> x, total = tensor.vector("x"), shared(0.0, "total")
    >>> add = function([x], x.sum(), updates=[(total, total + x.sum())])
    >>> task = add.execution.task
    >>> isinstance(task, Task), task.updated, task.n_outputs
    (True, [total], 1)
    >>> watch: Watch | None = task.watch
    >>> watch is None  # nothing must be finite before the update
    True
    """

    program: Program
    updated: list[SharedVariable]
    n_outputs: int
    guard: Guard | None = None
    watch: Watch | None = None
    watched: list[int] = field(default_factory=list)
    places: list[list[tuple[int, int]]] = field(default_factory=list)
    precision: str = "float32"
    outputs: list[Variable] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.free = [places[0] for places in self.places]
        self.shared = list(dict.fromkeys([*self.program.shared, *self.updated]))
        self.held = [
            *[variable.tensor for variable in self.program.shared],
            *[variable.leaf for variable in self.program.leaves],
        ]

    @property
    def device(self) -> torch.device:
        """The device that the task runs on."""
        variables = [*self.shared, *self.program.inputs]
        return variables[0].device if variables else torch.device("cpu")

    def divided(self, results: Sequence[Any]) -> tuple[Sequence[Any], Sequence[Any]]:
        """Split the results of the program into outputs and new values."""
        outputs, news = results[: self.n_outputs], results[self.n_outputs :]
        if self.precision == "bf16":  # autocast returns bfloat16, but callers expect floatx
            outputs = [
                o.to(variable.dtype) if isinstance(o, torch.Tensor) else o
                for o, variable in zip(outputs, self.outputs, strict=True)
            ]
        return outputs, news

    def sizes(self, values: Sequence[torch.Tensor]) -> tuple[int, ...]:
        """Return the free sizes of the inputs `values`."""
        return tuple([values[i].shape[axis] for i, axis in self.free])
