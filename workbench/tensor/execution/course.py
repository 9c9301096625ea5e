"""`Course`, which records the tier of each batch, so that the batches can be repeated exactly.

The tiers round differently, and ``auto`` changes the tier at a time that depends on
measurements. Therefore batches that are processed again must use the same tiers as the first time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

NAMES = ("eager", "compiled", "captured")
"""The names of all tiers. Every recorded change begins with one of them."""


@dataclass(frozen=True, eq=False)
class Course:
    """The tiers that processed the batches up to an iteration.

    Parameters
    ----------
    changes : sequence of (int, str)
        The tier changes, in order: the number of iterations completed before each change, and
        the recorded text.
    end : int
        From this number of completed iterations onwards, any tier may be used.
    now : callable
        A function that returns the number of completed iterations.
    sizes : sequence of tuple of int
        The sizes that programs were compiled for.

    Examples
    --------
    >>> course = Course([(5, "compiled: after 5 eager calls")], 9, lambda: 7)
    >>> course.at(4), course.at(5)
    (None, (5, 'compiled: after 5 eager calls'))
    """

    changes: Sequence[tuple[int, str]]
    end: int
    now: Callable[[], int]
    sizes: Sequence[tuple[int, ...]] = ()

    def at(self, iteration: int) -> tuple[int, str] | None:
        """Return the last change at or before `iteration`, or None if there is none."""
        found = [change for change in self.changes if change[0] <= iteration]
        return found[-1] if found else None

    def joined(self, earlier: Course | None) -> Course:
        """Return this course, followed by the later changes of an `earlier` course."""
        if earlier is None or earlier.end <= self.end:
            return self
        later = [change for change in earlier.changes if change[0] >= self.end]
        sizes = self.sizes or earlier.sizes
        return Course([*self.changes, *later], earlier.end, self.now, sizes)


def changes_in(iterations: Iterable[int], texts: Iterable[Any]) -> list[tuple[int, str]]:
    """Return the tier changes among the ``execution`` records of a log.

    Examples
    --------
    >>> changes_in([3, 8], ["compiled: after 3 eager calls", "another number of threads"])
    [(3, 'compiled: after 3 eager calls')]
    """
    pairs = zip(iterations, texts, strict=True)
    return [(int(i), text) for i, text in pairs if tier_in(text) is not None]


def tier_in(text: object) -> str | None:
    """Return the tier name that a recorded text begins with, or None.

    Examples
    --------
    >>> tier_in("eager: requested"), tier_in("another number of threads")
    ('eager', None)
    """
    name = text.partition(": ")[0] if isinstance(text, str) else None
    return name if name in NAMES else None


def recorded_changes(state: Mapping[str, Any], record: str = "execution") -> list[tuple[int, str]]:
    """Return the tier changes stored under the name `record` in the state of a log."""
    return changes_in(*state["columns"].get(record, ((), ())))
