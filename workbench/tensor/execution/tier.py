"""The interface of tiers, and the table of all tiers.

A tier runs the task of one function. All tiers compute the same results at different costs. To add
a tier, write a class with the members of `Tier`, and add it to `TIERS`. Its key in `TIERS` is then
a valid value of ``execution=``.
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
"""The input sizes that the graph does not fix."""


class Tier(Protocol):
    """Interface of a tier, which runs a task.

    Attributes
    ----------
    name : str
        The name in messages and in `workbench.explain`.
    seconds : float
        The time spent preparing the tier, in seconds.
    """

    @property
    def name(self) -> str: ...

    @property
    def seconds(self) -> float: ...

    def find(self, sizes: Sizes) -> Run:
        """Return the function to call for the given `sizes`; this method runs for every batch."""

    def state(self) -> list[Sizes]:
        """Return the sizes that programs were compiled for; the sizes determine the programs."""

    def describe(self) -> Iterable[str]:
        """Yield the lines that `workbench.explain` prints about the tier."""


class Maker(Protocol):
    """Factory of a tier for a task, usually the class of the tier."""

    def __call__(
        self,
        task: Task,
        threads: Threads,
        examples: Sequence[Sizes] = (),
        *,
        on_demand: bool = True,
    ) -> Tier:
        """Create the tier for a task.

        Parameters
        ----------
        task : Task
        threads : Threads
            The policy that chooses the number of threads for each call.
        examples : sequence of tuple of int
            Sizes that the tier is prepared for immediately.
        on_demand : bool
            If True, a call may wait until the tier is ready for its sizes.

        Raises
        ------
        CompilationError
            If the tier cannot run the task.
        """


def compiled(
    task: Task, threads: Threads, examples: Sequence[Sizes] = (), *, on_demand: bool = True
) -> Tier:
    """Create the tier of compiled programs or, on CUDA, the tier of captured programs."""
    kind = Captured if task.device.type == "cuda" else Compiled
    return kind(task, threads, examples, on_demand=on_demand)


TIERS: dict[str, Maker] = {"eager": Eager, "compiled": compiled}
"""Factories of tiers, keyed by the value of ``execution=``."""
