"""Keywords, predicates and conditions that define when a simple extension acts.

A keyword such as ``every_n_batches=10`` becomes a condition, which consists of an event, a
predicate on the log and, optionally, arguments from the user.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

from workbench.errors import EventError, nearest
from workbench.extensions.events import CallbackName
from workbench.hints import Hinted, hinted
from workbench.log import TrainingLogBase
from workbench.utils.numbers import is_count

LogPredicate = Callable[[TrainingLogBase], bool]

PLAIN = (str, int, float, bool)

NOT_A_COUNT = "the trigger {name} must be a positive whole number or None, not {value!r}"


class Triggers(TypedDict, total=False):
    """Keyword arguments that define when a `SimpleExtension` acts.

    Examples
    --------
    >>> from workbench.extensions import Timestamp
    >>> often: Triggers = {"every_n_batches": 100, "after_training": True}
    >>> Timestamp(**often)
    Timestamp(every_n_batches=100, after_training=True...)
    """

    before_training: bool
    before_first_epoch: bool
    before_epoch: bool
    before_batch: bool
    on_resumption: bool
    on_interrupt: bool
    on_error: bool
    after_batch: bool
    after_epoch: bool
    after_training: bool
    after_n_epochs: int | None
    every_n_epochs: int | None
    after_n_batches: int | None
    every_n_batches: int | None


@hinted
def always_true(log: TrainingLogBase) -> bool:
    """Return True for every log."""
    return True


@hinted
def has_done_epochs(log: TrainingLogBase) -> bool:
    """Return True if at least one epoch has been completed.

    Examples
    --------
    >>> from workbench.log import TrainingLog
    >>> log = TrainingLog()
    >>> has_done_epochs(log), always_true(log)
    (False, True)
    >>> log.status["epochs_done"] = 1
    >>> has_done_epochs(log)
    True
    """
    return bool(log.status["epochs_done"] > 0)


def no_epoch_done(log: TrainingLogBase) -> bool:
    """Return True if no epoch has been completed."""
    return not has_done_epochs(log)


class Predicate(Hinted):
    """Predicate that compares the number of completed epochs or batches with `num`.

    Parameters
    ----------
    condition : str
        ``after_n_epochs`` or ``after_n_batches`` (exactly `num` are completed), ``every_n_epochs``
        or ``every_n_batches`` (a multiple of `num`), or ``at_least_n_epochs`` or
        ``at_least_n_batches`` (at least `num`).
    num : int
        The number of epochs or batches, at least 1.

    Raises
    ------
    EventError
        If the condition does not exist, or if `num` is not a positive integer.

    Examples
    --------
    >>> from workbench.log import TrainingLog
    >>> log = TrainingLog()
    >>> log.status["iterations_done"] = 20
    >>> Predicate("every_n_batches", 10)(log), Predicate("after_n_batches", 10)(log)
    (True, False)
    """

    def __init__(self, condition: str, num: int) -> None:
        if condition not in _COUNTED:
            raise EventError(
                f"no condition is called {condition!r}; the conditions are "
                f"{', '.join(_COUNTED)}{nearest(condition, _COUNTED)}"
            )
        self.condition = condition
        self.num = checked_count(condition, num)
        self._key, self._holds = _COUNTED[condition]

    def __call__(self, log: TrainingLogBase) -> bool:
        return self._holds(log.status[self._key], self.num)

    def __repr__(self) -> str:
        return f"Predicate({self.condition!r}, {self.num})"


def _divides(done: int, num: int) -> bool:
    return done % num == 0


_COUNTED: dict[str, tuple[str, Callable[[int, int], bool]]] = {
    "after_n_epochs": ("epochs_done", operator.eq),
    "every_n_epochs": ("epochs_done", _divides),
    "at_least_n_epochs": ("epochs_done", operator.ge),
    "after_n_batches": ("iterations_done", operator.eq),
    "every_n_batches": ("iterations_done", _divides),
    "at_least_n_batches": ("iterations_done", operator.ge),
}


def checked_count(name: str, value: Any) -> int:
    """Return `value` after checking that the trigger `name` is a positive integer."""
    if not is_count(value):
        raise EventError(NOT_A_COUNT.format(name=name, value=value))
    return int(value)


@dataclass(frozen=True)
class Condition:
    """Event that triggers an extension if `predicate` is true, and the arguments of its action."""

    event: CallbackName
    predicate: LogPredicate
    arguments: tuple[Any, ...] = ()


def grouped(conditions: Iterable[Condition]) -> list[list[Condition]]:
    """Group the conditions on an event by their arguments.

    ``every_n_epochs=2`` and ``after_epoch=True`` both apply after the second epoch, but the
    extension must act only once.
    """
    groups: list[list[Condition]] = []
    for condition in conditions:
        for group in groups:
            if _same(group[0].arguments, condition.arguments):
                group.append(condition)
                break
        else:
            groups.append([condition])
    return groups


def any_of(conditions: Sequence[Condition]) -> LogPredicate:
    """Return a predicate that is true if the predicate of any condition is true."""
    predicates = [condition.predicate for condition in conditions]
    if always_true in predicates:
        return always_true
    if len(predicates) == 1:
        return predicates[0]
    return lambda log: any(holds(log) for holds in predicates)


def _same(one: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    return len(one) == len(other) and all(
        a is b or (isinstance(a, PLAIN) and isinstance(b, PLAIN) and a == b)
        for a, b in zip(one, other, strict=True)
    )
