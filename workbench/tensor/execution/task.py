"""Steps: all that one call of a function does, in a form that every tier can run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch

from workbench.tensor.program import Program
from workbench.tensor.shared import SharedVariable
from workbench.tensor.variable import Variable

Run = Callable[[Sequence[Any]], Sequence[Any]]
"""Function that runs a step: from its inputs, tensors that are known to fit, to its outputs."""


class Guard(Protocol):
    """Decides, from what a call gives, whether shared variables are updated."""

    def holds(self, outputs: Sequence[Any]) -> torch.Tensor | None:
        """A boolean tensor without dimensions; updates are done only if it is true.

        Computed on the device, within a compiled program. ``None`` if updates are always done.
        """

    def check(self, outputs: Sequence[Any]) -> None:
        """Look at the values, at once or later; raises if and only if `holds` was false."""


class Watch(Protocol):
    """Wants some of what a call computes to be finite, or nothing is updated."""

    @property
    def variables(self) -> Sequence[Variable]:
        """Updated variables, of which the new values are meant, and outputs."""

    def refuse(
        self, inputs: Sequence[Variable], values: Sequence[torch.Tensor], wrong: Sequence[Variable]
    ) -> None:
        """Raise, because `wrong` are not finite where the inputs have `values`.

        Nothing has been updated, so that whatever went wrong can be computed again.
        """

    def look_later(self, finite: torch.Tensor) -> None:
        """Look, once it has come from the device, whether each of them is told to be finite."""


@dataclass(eq=False)
class Task:
    """A program, and what becomes of its results.

    Attributes
    ----------
    program : Program
        Gives `n_outputs` outputs, then a new value for each of `updated`.
    updated : list of SharedVariable
    n_outputs : int
    guard : Guard or None
        Has its say before anything is updated.
    watch : Watch or None
        Has its say after it.
    watched : list of int
        Where among the results of the program those are that have to be finite.
    free : list of pairs
        Input and axis of every size that is not fixed by the graph; sizes that must be equal are
        there once.
    places : list of lists of pairs
        For each of `free` all inputs and axes that have this size.
    precision : str
        See ``config.precision``.
    held : list of torch.Tensor
        What the program takes besides its inputs.
    outputs : list of Variable
        What the outputs are, whatever the precision on the way to them.
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
        """The device on which it computes."""
        variables = [*self.shared, *self.program.inputs]
        return variables[0].device if variables else torch.device("cpu")

    def divided(self, results: Sequence[Any]) -> tuple[Sequence[Any], Sequence[Any]]:
        """Divide what the program gives into outputs and new values."""
        outputs, news = results[: self.n_outputs], results[self.n_outputs :]
        if self.precision == "bf16":
            outputs = [
                o.to(variable.dtype) if isinstance(o, torch.Tensor) else o
                for o, variable in zip(outputs, self.outputs, strict=True)
            ]
        return outputs, news

    def sizes(self, values: Sequence[torch.Tensor]) -> tuple[int, ...]:
        """The sizes that are not fixed, of the inputs `values`."""
        return tuple([values[i].shape[axis] for i, axis in self.free])
