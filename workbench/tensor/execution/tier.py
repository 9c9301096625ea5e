"""The interface of tiers, and the tiers that there are.

A tier runs the step of one function. All of them give the same results; they differ in what they
cost. Another one is a class that offers what `Tier` lists, and an entry in `TIERS`: its name is
then a value of ``execution=``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from workbench.tensor.execution.captured import Captured
from workbench.tensor.execution.compiled import Compiled
from workbench.tensor.execution.eager import Eager
from workbench.tensor.execution.task import Run, Task
from workbench.tensor.execution.threads import Threads

Sizes = tuple[int, ...]
"""The sizes of inputs that the graph does not fix."""


class Tier(Protocol):
    """One way to run a step.

    Attributes
    ----------
    name : str
        As messages and `workbench.explain` show it.
    seconds : float
        How long it took to make.
    """

    @property
    def name(self) -> str: ...

    @property
    def seconds(self) -> float: ...

    def find(self, sizes: Sizes) -> Run:
        """Return what runs inputs of `sizes`; called for every batch."""

    def state(self) -> list[Sizes]:
        """Return the sizes that programs were made for; made for the same, they are the same."""

    def describe(self) -> Iterable[str]:
        """Yield the lines that `workbench.explain` prints of it."""


class Maker(Protocol):
    """Makes a tier for a step; most often its class."""

    def __call__(
        self,
        task: Task,
        threads: Threads,
        examples: Sequence[Sizes] = (),
        *,
        on_demand: bool = True,
    ) -> Tier:
        """Return the tier.

        Parameters
        ----------
        task : Task
        threads : Threads
            Chooses how many threads a call uses.
        examples : sequence of tuple of int
            Sizes to be ready for at once.
        on_demand : bool
            Whether a call may wait until the tier is ready for its sizes.

        Raises
        ------
        CompilationError
            If it cannot run such a step.
        """


def compiled(
    task: Task, threads: Threads, examples: Sequence[Sizes] = (), *, on_demand: bool = True
) -> Tier:
    """Return the tier of compiled programs, captured where the device can replay them."""
    kind = Captured if task.device.type == "cuda" else Compiled
    return kind(task, threads, examples, on_demand=on_demand)


TIERS: dict[str, Maker] = {"eager": Eager, "compiled": compiled}
"""Makers of tiers, by the value of ``execution=`` that asks for them."""
