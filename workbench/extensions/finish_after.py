"""Ending training after so many epochs or batches, and knowing beforehand when that will be.

`FinishAfter` counts what the whole log has, over all runs and resumptions. To ask for more
(``session.train(epochs=5)``) is to set a *goal*. It is an item of the status, so that it is saved
and resumed with the log, and goes before every `FinishAfter` that counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from workbench.extensions.events import CallbackName
from workbench.extensions.simple_extension import SimpleExtension
from workbench.extensions.triggers import Predicate
from workbench.log import TrainingLogBase

GOAL = "_goal"
"""The item of the status: ``{"epochs": 10}`` or ``{"batches": 900}`` for the whole log."""

DONE = {"epochs": "epochs_done", "batches": "iterations_done"}

REACHED = "{extension!r} ends it at this point ({unit} done: {done})"


def goal_reached(status: Mapping[str, Any]) -> bool:
    """Return whether no more was asked for than is done."""
    goal = status.get(GOAL)
    return goal is None or all(status[DONE[unit]] >= num for unit, num in goal.items())


class Limit(Predicate):
    """Holds once so many are done, unless a person has asked for more than that."""

    def __call__(self, log: TrainingLogBase) -> bool:
        return super().__call__(log) and goal_reached(log.status)


class FinishAfter(SimpleExtension):
    """Asks for the end of training, by the record ``training_finish_requested``.

    ``after_n_epochs`` and ``after_n_batches`` mean *at least* so many here, counted over the whole
    log. A run that is started or resumed at that point or beyond trains nothing and says so; see
    `workbench.session.Session.train` for how to go on. A later end given to a run that is resumed
    holds as if it had been given at first.

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
        """The number of epochs after which training ends, where that is known beforehand."""
        return self._least("at_least_n_epochs")

    @property
    def batches(self) -> int | None:
        """The number of batches after which training ends, where that is known beforehand."""
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
