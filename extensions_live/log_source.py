"""Protocol of objects whose log a plot can show, such as sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from workbench.interfaces import State

if TYPE_CHECKING:
    from workbench.log import TrainingLogBase


class LogSource(Protocol):
    """Protocol of runs whose log a view shows; sessions satisfy it."""

    @property
    def log(self) -> TrainingLogBase | None:
        """The log, or None if it does not exist yet."""

    @property
    def state(self) -> State:
        """The state of the run. A view removes its reference to a run that has ended."""
