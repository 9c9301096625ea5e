"""The end of a run: what requests it, what says that it was reached, and going on beyond it.

A request is the record ``training_finish_requested``, which stays in the log. A run that begins at
a row that has it from an earlier run, and is to go on, must not end by it again.
"""

from __future__ import annotations

from typing import Protocol

from workbench.extensions.base import TrainingExtension
from workbench.extensions.finish_after import goal_reached
from workbench.extensions.planned_end import (
    ask_for_more,
    check_more,
    forget_goal,
    planned_batches,
)
from workbench.interfaces import Loop
from workbench.log.row import Row

FINISH_REQUEST = "training_finish_requested"

NOTHING_TO_DO = (
    "Nothing was trained: {reason}. session.train(epochs=1) or main_loop.run(epochs=1) goes on"
)


class Owner(Loop, Protocol):
    """The main loop, as its run needs it."""

    @property
    def extensions(self) -> list[TrainingExtension]:
        """The extensions, in the order in which they are called."""


class Ending:
    """When a run of a main loop ends.

    Parameters
    ----------
    main_loop : Loop

    Attributes
    ----------
    requested : bool
        True if the run ends after the current batch.
    with_epoch : bool
        True if it ends with the epoch.
    going : bool
        True while it trains on batches.
    """

    __slots__ = ("_main_loop", "_old", "going", "requested", "with_epoch")

    def __init__(self, main_loop: Owner) -> None:
        self._main_loop = main_loop
        self._old = -1
        self.begin()

    def begin(self) -> None:
        """Begin a run, of which nothing is requested yet."""
        self.requested = self.with_epoch = self.going = False

    def request(self) -> None:
        """Record a request of this run."""
        self._main_loop.log.current_row[FINISH_REQUEST] = True
        self._old = -1

    def notice(self, row: Row) -> None:
        """Take note of a request in `row`, unless it is of an earlier run."""
        if row.iteration != self._old:
            self.requested = True

    def forget_earlier(self) -> None:
        """Take a request in the current row, and no other, for one of an earlier run."""
        self._old = -1
        self._forget()

    def _forget(self) -> None:
        row = self._main_loop.log.current_row
        if row.get(FINISH_REQUEST, False):
            self._old = row.iteration

    def reached(self) -> str | None:
        """Return why training has ended already, as far as the extensions can see, or None."""
        main_loop = self._main_loop
        forget_goal(main_loop)
        if not goal_reached(main_loop.status):
            return None
        reasons = (extension.ended(main_loop.log) for extension in main_loop.extensions)
        reason = next(filter(None, reasons), None)
        return None if reason is None else NOTHING_TO_DO.format(reason=reason)

    def go_on(self, epochs: int | None, batches: int | None) -> None:
        """Move the end so many epochs or batches further; see `MainLoop.go_on`."""
        check_more(epochs, batches)
        self._forget()
        main_loop = self._main_loop
        beyond = not goal_reached(main_loop.status) or (self.going and not self.requested)
        ask_for_more(main_loop, epochs, batches, than_planned=beyond)
        self.requested = False
        for extension in main_loop.extensions:
            extension.go_on()
        main_loop.refresh()

    def batches_left(self) -> int | None:
        """Return how many batches are still planned, or None if that is unknown."""
        planned = planned_batches(self._main_loop)
        return None if planned is None else planned - int(self._main_loop.status["iterations_done"])
