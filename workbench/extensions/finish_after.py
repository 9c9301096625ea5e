"""`FinishAfter`: ends training after a number of epochs or batches.

It counts the whole log, over all runs and resumptions. A request for more training
(``session.train(epochs=5)``) sets a *goal*: an item of the status, so it is saved and resumed with
the log. A goal has precedence over every `FinishAfter` that counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from workbench.extensions.events import CallbackName
from workbench.extensions.simple_extension import SimpleExtension
from workbench.extensions.triggers import Predicate
from workbench.log import TrainingLogBase

GOAL = "_goal"
"""The item of the status with the goal: ``{"epochs": 10}`` or ``{"batches": 900}`` in all."""

DONE = {"epochs": "epochs_done", "batches": "iterations_done"}

REACHED = "{extension!r} ends training at this point ({unit} done: {done})"


def goal_reached(status: Mapping[str, Any]) -> bool:
    """Return True if the goal is reached or not set."""
    goal = status.get(GOAL)
    return goal is None or all(status[DONE[unit]] >= num for unit, num in goal.items())


class Limit(Predicate):
    """Holds once `num` epochs or batches are done, unless a goal lies beyond them."""

    def __call__(self, log: TrainingLogBase) -> bool:
        return super().__call__(log) and goal_reached(log.status)


class FinishAfter(SimpleExtension):
    """Requests the end of training, by the record ``training_finish_requested``.

    ``after_n_epochs`` and ``after_n_batches`` here mean *at least* that many, counted over the
    whole log. A run that is started or resumed at that point or later trains nothing and says so;
    `workbench.session.Session.train` trains more. A resumed run may have a later end than the
    first one; the result is the same as with the later end from the start.

    Parameters
    ----------
    name : str, optional
        Its name; the name of the class if not given.
    **triggers
        See `SimpleExtension`.

    Examples
    --------
    >>> FinishAfter(after_n_epochs=5)
    FinishAfter(after_n_epochs=5)
    """

    def do(self, which_callback: CallbackName | None = None, *args: Any) -> None:
        """Record the request."""
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
        """The number of epochs after which training ends, or None if it is unknown."""
        return self._least("at_least_n_epochs")

    @property
    def batches(self) -> int | None:
        """The number of batches after which training ends, or None if it is unknown."""
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
