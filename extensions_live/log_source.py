"""Sources of what a view shows: a session, or an extension that knows its log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from workbench.interfaces import State

if TYPE_CHECKING:
    from workbench.log import TrainingLogBase


class LogSource(Protocol):
    """A run to show; every session is one."""

    @property
    def log(self) -> TrainingLogBase | None:
        """The records, or None before there are any."""

    @property
    def state(self) -> State:
        """What the run is doing; a view lets go of one that has ended."""
