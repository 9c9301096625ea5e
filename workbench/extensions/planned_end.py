"""The planned end of training in epochs or batches, and goals that replace it.

A request for more training (``session.train(epochs=5)``) sets a *goal*, which takes precedence over
every limit that a `FinishAfter` defines.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from workbench.data import EpochIterator
from workbench.data.editing import edits_of
from workbench.errors import ArgumentError
from workbench.extensions.composite import CompositeExtension
from workbench.extensions.finish_after import DONE, GOAL, FinishAfter, goal_reached
from workbench.interfaces import Holder, Loop
from workbench.utils.numbers import is_count

NOT_MORE = (
    "exactly one of epochs and batches must be given, as a positive integer, not "
    "epochs={epochs!r} and batches={batches!r}"
)

NOT_BEFORE = (
    "the total number of {unit} must be greater than the number already completed ({done}), not "
    "{number}; give a larger total, or call stop() to end training now"
)

INSTEAD_OF = "_goal_instead_of"
"""Status key for the planned end that `end_at` has replaced."""


def check_more(epochs: object, batches: object) -> None:
    """Raise an `ArgumentError` unless exactly one argument is given, as a positive integer."""
    given = [number for number in (epochs, batches) if number is not None]
    if len(given) != 1 or not is_count(given[0]):
        raise ArgumentError(NOT_MORE.format(epochs=epochs, batches=batches))


def ask_for_more(
    main_loop: Loop, epochs: int | None, batches: int | None, *, than_planned: bool
) -> None:
    """Set a goal for more training.

    The goal is relative to the planned end if `than_planned` is True, and to the current position
    otherwise.
    """
    status = main_loop.status
    if not than_planned:
        status.pop(INSTEAD_OF, None)
    if epochs is not None:
        planned = planned_epochs(main_loop) if than_planned else None
        done = status["epochs_done"] + _at_the_end_of_an_epoch(main_loop)
        status[GOAL] = {"epochs": max(planned or 0, done) + epochs}
    elif batches is not None:
        planned = planned_batches(main_loop) if than_planned else None
        status[GOAL] = {"batches": max(planned or 0, status["iterations_done"]) + batches}


def _at_the_end_of_an_epoch(main_loop: Loop) -> bool:
    """Return True if the current epoch has no batches left but has not ended yet."""
    ends, length = main_loop.status["_epoch_ends"], batches_per_epoch(main_loop)
    into_it = main_loop.status["iterations_done"] - (ends[-1] if ends else 0)
    return length is not None and into_it >= length


def end_at(main_loop: Loop, epochs: int | None, batches: int | None) -> None:
    """Set a total as the goal, even if it is smaller than the total that the extensions define.

    Raises
    ------
    ArgumentError
        If this number of epochs or batches has already been reached.
    """
    unit, number = ("epochs", epochs) if epochs is not None else ("batches", batches)
    status = main_loop.status
    done = status[DONE[unit]]
    if number is None or number <= done:
        raise ArgumentError(NOT_BEFORE.format(number=number, unit=unit, done=done))
    status[INSTEAD_OF] = _of_the_extensions(main_loop)
    status[GOAL] = {unit: number}


def forget_goal(main_loop: Loop) -> None:
    """Remove the goal if it has been reached or is earlier than the end set by the extensions.

    A goal that `end_at` has set is kept until it is reached or the extensions define a new end.
    """
    status = main_loop.status
    if GOAL not in status:
        return
    reached, goal, own = goal_reached(status), _planned(main_loop), _of_the_extensions(main_loop)
    kept = status.pop(GOAL)
    pairs = zip(goal, _planned(main_loop), strict=True)
    earlier = [wanted < end for wanted, end in pairs if wanted is not None and end is not None]
    if not reached and (not any(earlier) or status.get(INSTEAD_OF) == own):
        status[GOAL] = kept
    else:
        status.pop(INSTEAD_OF, None)


def _of_the_extensions(main_loop: Loop) -> list[int | None]:
    """Return the total numbers of epochs and batches that the extensions define."""
    ends = list(_ends(main_loop.extensions))
    both = ([end.epochs for end in ends], [end.batches for end in ends])
    return [min((one for one in unit if one is not None), default=None) for unit in both]


def _planned(main_loop: Loop) -> tuple[int | None, int | None]:
    return planned_epochs(main_loop), planned_batches(main_loop)


def finish_at_goal(status: Mapping[str, Any]) -> list[FinishAfter]:
    """Return a list with an extension that ends training at the goal, or [] if no goal is set."""
    goal = status.get(GOAL) or {}
    return [FinishAfter("goal", **{f"after_n_{unit}": num}) for unit, num in goal.items()]


def batches_per_epoch(main_loop: Loop, *, later: bool = False) -> int | None:
    """Return the number of batches in the current epoch, or None if it is unknown.

    The number is known from the data stream or from the last epoch. If `later` is True, return the
    number for later epochs, which may be smaller if training examples have been dropped.
    """
    stream, ends = main_loop.data_stream, [0, *main_loop.status["_epoch_ends"]]
    if stream is not None and stream.num_batches is not None:
        if not edits_of(stream):
            return stream.num_batches
        current = main_loop.epoch_iterator
        epoch = current.epoch if isinstance(current, EpochIterator) and not later else None
        return stream._lengths(epoch)[1]  # fewer if some examples were dropped
    return ends[-1] - ends[-2] if len(ends) > 1 else None


def planned_epochs(main_loop: Loop) -> int | None:
    """Return the planned total number of epochs, or None if it is unknown."""
    goal = main_loop.status.get(GOAL)
    if goal is not None:
        wanted: int | None = goal.get("epochs")
        return wanted
    epochs = (extension.epochs for extension in _ends(main_loop.extensions))
    return min((number for number in epochs if number is not None), default=None)


def planned_batches(main_loop: Loop) -> int | None:
    """Return the planned total number of batches, or None if it is unknown.

    The number is also unknown if epochs are longer than expected and more batches than planned have
    been processed.
    """
    goal = main_loop.status.get(GOAL)
    if goal is not None:
        limits = [goal.get("batches")]
    else:
        limits = [extension.batches for extension in _ends(main_loop.extensions)]
    epochs, length = planned_epochs(main_loop), batches_per_epoch(main_loop)
    later = batches_per_epoch(main_loop, later=True)
    if epochs is not None and length is not None and later is not None:
        ends = main_loop.status["_epoch_ends"]
        left = epochs - len(ends)
        rest = length + (left - 1) * later if left > 0 else 0
        limits.append((ends[-1] if ends else 0) + rest)
    planned = min((number for number in limits if number is not None), default=None)
    done = main_loop.status["iterations_done"]
    return None if planned is None or planned < done else planned


def _ends(extensions: Iterable[Holder]) -> Iterator[FinishAfter]:
    for extension in extensions:
        if isinstance(extension, FinishAfter):
            yield extension
        elif isinstance(extension, CompositeExtension):
            yield from _ends(extension.sub_extensions)
