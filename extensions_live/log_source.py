"""Protocol of what a plot can show: a session, or an extension that knows its log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from workbench.interfaces import State

if TYPE_CHECKING:
    from workbench.log import TrainingLogBase


class LogSource(Protocol):
    """Run whose log a view shows; every session is one."""

    @property
    def log(self) -> TrainingLogBase | None:
        """The log, or None if it does not exist yet."""

    @property
    def state(self) -> State:
        """The state of the run; a view drops its reference to a run that has ended."""
