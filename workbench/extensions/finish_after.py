"""`FinishAfter`, which ends training after a number of epochs or batches.

It counts the epochs or batches of the whole log, over all runs and resumptions. A request for more
training (``session.train(epochs=5)``) sets a *goal*. The goal is an item of the log's status, so it
is saved and restored with the log. A goal takes precedence over every limit that a `FinishAfter`
defines.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from workbench.extensions.events import CallbackName
from workbench.extensions.simple_extension import SimpleExtension
from workbench.extensions.triggers import Predicate
from workbench.log import TrainingLogBase

GOAL = "_goal"
"""Key for the goal in the status. A goal is a total, such as ``{"epochs": 10}``."""

DONE = {"epochs": "epochs_done", "batches": "iterations_done"}

REACHED = "{extension!r} ends training here ({unit} done: {done})"


def goal_reached(status: Mapping[str, Any]) -> bool:
    """Return True if the goal has been reached or if no goal is set."""
    goal = status.get(GOAL)
    return goal is None or all(status[DONE[unit]] >= num for unit, num in goal.items())


class Limit(Predicate):
    """Predicate that is True after at least `num` epochs or batches.

    While a goal is set and not yet reached, the predicate is False.
    """

    def __call__(self, log: TrainingLogBase) -> bool:
        return super().__call__(log) and goal_reached(log.status)


class FinishAfter(SimpleExtension):
    """Extension that requests the end of training through the record ``training_finish_requested``.

    For this extension, ``after_n_epochs`` and ``after_n_batches`` take effect after *at least* the
    given number of epochs or batches, counted over the whole log. A run that starts at or after
    this point does not train and reports the reason. To train more, use
    `workbench.session.Session.train`. If a run is resumed with a later end, the result is the same
    as if this end had been set from the start.

    Parameters
    ----------
    name : str, optional
        The name of the extension; by default the class name.
    **triggers
        See `SimpleExtension`.

    Examples
    --------
    >>> FinishAfter(after_n_epochs=5)
    FinishAfter(after_n_epochs=5)
    """

    def do(self, which_callback: CallbackName | None = None, *args: Any) -> None:
        """Record the request to finish."""
        self.main_loop.request_finish()

    def ended(self, log: TrainingLogBase) -> str | None:
        for limit in self._limits():
            if limit(log):
                unit = limit.condition.rsplit("_", 1)[1]
                return REACHED.format(unit=unit, done=log.status[DONE[unit]], extension=self)
        return None

    def records(self) -> dict[str, bool]:
        return {"training_finish_requested": False}

    @property
    def epochs(self) -> int | None:
        """The total number of epochs, or None if it is not set."""
        return self._least("at_least_n_epochs")

    @property
    def batches(self) -> int | None:
        """The total number of batches, or None if it is not set."""
        return self._least("at_least_n_batches")

    def _least(self, condition: str) -> int | None:
        limits = (limit.num for limit in self._limits() if limit.condition == condition)
        return min(limits, default=None)

    def _limits(self) -> Iterator[Limit]:
        for condition in self.conditions:
            if isinstance(condition.predicate, Limit):
                yield condition.predicate

    def _set_condition(self, trigger: str, value: Any) -> None:
        if trigger == "after_n_epochs":
            self.add_condition(["after_epoch"], Limit("at_least_n_epochs", value))
        elif trigger == "after_n_batches":
            self.add_condition(["after_batch"], Limit("at_least_n_batches", value))
        else:
            super()._set_condition(trigger, value)
