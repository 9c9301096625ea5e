"""The end of a run: requests to finish, the planned end, and training beyond the planned end.

A request is the record ``training_finish_requested``, which stays in the log. A run that starts at
a row with a request from an earlier run must ignore this request.
"""

from __future__ import annotations

from typing import Protocol

from workbench.extensions.base import TrainingExtension
from workbench.extensions.finish_after import goal_reached
from workbench.extensions.planned_end import (
    ask_for_more,
    check_more,
    end_at,
    forget_goal,
    planned_batches,
)
from workbench.interfaces import Loop
from workbench.log.row import Row

FINISH_REQUEST = "training_finish_requested"

NOTHING_TO_DO = (
    "Nothing was trained: {reason}. To train more, call session.train(epochs=1) or "
    "main_loop.run(epochs=1)"
)


class Owner(Loop, Protocol):
    """Interface that `Ending` requires of a main loop."""

    @property
    def extensions(self) -> list[TrainingExtension]:
        """The extensions, in the order they are called."""


class Ending:
    """Object that decides when a run of a main loop ends.

    Parameters
    ----------
    main_loop : Loop

    Attributes
    ----------
    requested : bool
        True if the run ends after the current batch.
    with_epoch : bool
        True if the run ends after the current epoch.
    training : bool
        True while the run is training on batches.
    """

    __slots__ = ("_main_loop", "_old", "requested", "training", "with_epoch")

    def __init__(self, main_loop: Owner) -> None:
        self._main_loop = main_loop
        self._old = -1
        self.begin()

    def begin(self) -> None:
        """Reset the state at the start of a run."""
        self.requested = self.with_epoch = self.training = False

    def request(self) -> None:
        """Record a request to finish the current run."""
        self._main_loop.log.current_row[FINISH_REQUEST] = True
        self._old = -1

    def notice(self, row: Row) -> None:
        """Accept the request in `row`, unless it was recorded by an earlier run."""
        if row.iteration != self._old:
            self.requested = True

    def forget_earlier(self) -> None:
        """Ignore a request in the current row, because an earlier run recorded it."""
        self._old = -1
        self._forget()

    def _forget(self) -> None:
        row = self._main_loop.log.current_row
        if row.get(FINISH_REQUEST, False):
            self._old = row.iteration

    def reached(self) -> str | None:
        """Return a message if training has already reached its end, or None if it has not."""
        main_loop = self._main_loop
        forget_goal(main_loop)
        if not goal_reached(main_loop.status):
            return None
        reasons = (extension.ended(main_loop.log) for extension in main_loop.extensions)
        reason = next(filter(None, reasons), None)
        return None if reason is None else NOTHING_TO_DO.format(reason=reason)

    def go_on(self, epochs: int | None, batches: int | None) -> None:
        """Extend training by a number of epochs or batches; see `MainLoop.go_on`."""
        check_more(epochs, batches)
        self._forget()
        main_loop = self._main_loop
        beyond = not goal_reached(main_loop.status) or (self.training and not self.requested)
        ask_for_more(main_loop, epochs, batches, than_planned=beyond)
        self.requested = False
        for extension in main_loop.extensions:
            extension.go_on()
        main_loop.refresh()

    def end_at(self, epochs: int | None, batches: int | None) -> None:
        """Schedule training to end after a total number of epochs or batches."""
        check_more(epochs, batches)
        main_loop = self._main_loop
        end_at(main_loop, epochs, batches)
        if self.requested:  # training was paused at the earlier end
            self._forget()
            self.requested = False
            for extension in main_loop.extensions:
                extension.go_on()
        main_loop.refresh()

    def batches_left(self) -> int | None:
        """Return the number of batches until the planned end, or None if it is unknown."""
        planned = planned_batches(self._main_loop)
        return None if planned is None else planned - int(self._main_loop.status["iterations_done"])
