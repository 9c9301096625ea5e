"""Tasks: the work of one call of a function, in a form that every tier can run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch

from workbench.tensor.program import Program
from workbench.tensor.shared import SharedVariable
from workbench.tensor.variable import Variable

Run = Callable[[Sequence[Any]], Sequence[Any]]
"""Function that runs a task: from its inputs, tensors that are known to fit, to its outputs."""


class Guard(Protocol):
    """Condition on the outputs of a call, on which updates of shared variables depend."""

    def holds(self, outputs: Sequence[Any]) -> torch.Tensor | None:
        """Return a boolean tensor without dimensions; updates are done only if it is true.

        It is computed on the device, as part of a compiled program. ``None`` means that updates are
        always done.
        """

    def check(self, outputs: Sequence[Any]) -> None:
        """Check the values, at once or later; raise if and only if `holds` was false."""


class Watch(Protocol):
    """Condition that some results of a call are finite; if it fails, nothing is updated."""

    @property
    def variables(self) -> Sequence[Variable]:
        """The watched outputs, and updated variables whose new values are watched."""

    def refuse(
        self, inputs: Sequence[Variable], values: Sequence[torch.Tensor], wrong: Sequence[Variable]
    ) -> None:
        """Raise an error: `wrong` are not finite for inputs of these `values`.

        Nothing has been updated, so the failed computation can be repeated to find the cause.
        """

    def look_later(self, finite: torch.Tensor) -> None:
        """Check `finite`, one boolean for each of `variables`, once the device has sent it."""


@dataclass(eq=False)
class Task:
    """A program, and the use of its results: outputs, updates, and conditions on them.

    Attributes
    ----------
    program : Program
        Returns `n_outputs` outputs, then a new value for each of `updated`.
    updated : list of SharedVariable
    n_outputs : int
    guard : Guard or None
        Checked before anything is updated.
    watch : Watch or None
        Checked after the guard, also before anything is updated.
    watched : list of int
        The positions of the watched values among the results of the program.
    free : list of pairs
        Input and axis of every size that the graph does not fix. Sizes that must be equal are
        listed once.
    places : list of lists of pairs
        For each of `free`, all inputs and axes with this size.
    precision : str
        See ``config.precision``.
    held : list of torch.Tensor
        The arguments of the program after its inputs.
    outputs : list of Variable
        The output variables. They keep their dtype if intermediate values have a lower precision.
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
        """The device on which the task runs."""
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
