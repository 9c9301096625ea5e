"""Ending training after so many epochs or batches, and knowing beforehand when that will be.

`FinishAfter` counts what the whole log has, over all runs and resumptions. To ask for more
(``session.train(epochs=5)``) is to set a *goal*. It is an item of the status, so that it is saved
and resumed with the log, and goes before every `FinishAfter` that counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from workbench.errors import ArgumentError
from workbench.extensions.composite import CompositeExtension
from workbench.extensions.events import CallbackName
from workbench.extensions.simple import Predicate, SimpleExtension
from workbench.interfaces import Holder, Loop
from workbench.log import TrainingLogBase
from workbench.utils.numbers import is_count

GOAL = "_goal"
"""The item of the status: ``{"epochs": 10}`` or ``{"batches": 900}`` for the whole log."""

DONE = {"epochs": "epochs_done", "batches": "iterations_done"}

REACHED = "{extension!r} ends it at this point ({unit} done: {done})"
NOT_MORE = (
    "to go on is to train on so many more epochs or on so many more batches: give one of the two, "
    "as 1 or more, not epochs={epochs!r} and batches={batches!r}"
)


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


# What a person has asked for beyond that


def check_more(epochs: object, batches: object) -> None:
    """Raise `ArgumentError` unless exactly one of the two is given, as a number of 1 or more."""
    given = [number for number in (epochs, batches) if number is not None]
    if len(given) != 1 or not is_count(given[0]):
        raise ArgumentError(NOT_MORE.format(epochs=epochs, batches=batches))


def ask_for_more(
    main_loop: Loop, epochs: int | None, batches: int | None, *, than_planned: bool
) -> None:
    """Set the goal to so many more than are done or, if `than_planned`, than are planned."""
    status = main_loop.status
    if epochs is not None:
        planned = planned_epochs(main_loop) if than_planned else None
        done = status["epochs_done"] + _at_the_end_of_an_epoch(main_loop)
        status[GOAL] = {"epochs": max(planned or 0, done) + epochs}
    elif batches is not None:
        planned = planned_batches(main_loop) if than_planned else None
        status[GOAL] = {"batches": max(planned or 0, status["iterations_done"]) + batches}


def _at_the_end_of_an_epoch(main_loop: Loop) -> bool:
    """Return whether an epoch has begun and not ended, but has no batches left."""
    ends, length = main_loop.status["_epoch_ends"], batches_per_epoch(main_loop)
    into_it = main_loop.status["iterations_done"] - (ends[-1] if ends else 0)
    return length is not None and into_it >= length


def forget_goal(main_loop: Loop) -> None:
    """Drop a goal that was reached, or lies before where the extensions end training anyway."""
    status = main_loop.status
    if GOAL not in status:
        return
    reached, goal = goal_reached(status), _planned(main_loop)
    kept = status.pop(GOAL)
    pairs = zip(goal, _planned(main_loop), strict=True)
    earlier = [wanted < end for wanted, end in pairs if wanted is not None and end is not None]
    if not reached and not any(earlier):
        status[GOAL] = kept


def _planned(main_loop: Loop) -> tuple[int | None, int | None]:
    return planned_epochs(main_loop), planned_batches(main_loop)


def goal_reached(status: Mapping[str, Any]) -> bool:
    """Return whether no more was asked for than is done."""
    goal = status.get(GOAL)
    return goal is None or all(status[DONE[unit]] >= num for unit, num in goal.items())


def finish_at_goal(status: Mapping[str, Any]) -> list[FinishAfter]:
    """Return what ends training at the goal, if there is one."""
    goal = status.get(GOAL) or {}
    return [FinishAfter("goal", **{f"after_n_{unit}": num}) for unit, num in goal.items()]


# When that will be


def batches_per_epoch(main_loop: Loop) -> int | None:
    """Return the length of an epoch: the data stream's, or else that of the last one, if any."""
    stream, ends = main_loop.data_stream, [0, *main_loop.status["_epoch_ends"]]
    if stream is not None and stream.num_batches is not None:
        return stream.num_batches
    return ends[-1] - ends[-2] if len(ends) > 1 else None


def planned_epochs(main_loop: Loop) -> int | None:
    """Return the number of epochs after which training ends, if that is known."""
    goal = main_loop.status.get(GOAL)
    if goal is not None:
        wanted: int | None = goal.get("epochs")
        return wanted
    epochs = (extension.epochs for extension in _ends(main_loop.extensions))
    return min((number for number in epochs if number is not None), default=None)


def planned_batches(main_loop: Loop) -> int | None:
    """Return the number of batches after which training ends, if that is known.

    Never fewer than are done: epochs that turn out longer than they were thought make it unknown.
    """
    goal = main_loop.status.get(GOAL)
    if goal is not None:
        limits = [goal.get("batches")]
    else:
        limits = [extension.batches for extension in _ends(main_loop.extensions)]
    epochs, length = planned_epochs(main_loop), batches_per_epoch(main_loop)
    if epochs is not None and length is not None:
        ends = main_loop.status["_epoch_ends"]
        limits.append((ends[-1] if ends else 0) + max(0, epochs - len(ends)) * length)
    planned = min((number for number in limits if number is not None), default=None)
    done = main_loop.status["iterations_done"]
    return None if planned is None or planned < done else planned


def _ends(extensions: Iterable[Holder]) -> Iterator[FinishAfter]:
    for extension in extensions:
        if isinstance(extension, FinishAfter):
            yield extension
        elif isinstance(extension, CompositeExtension):
            yield from _ends(extension.sub_extensions)
