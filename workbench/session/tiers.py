"""Tiers in which batches are repeated: those of the first time, as recorded in a log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from workbench.algorithms import TrainingAlgorithm
from workbench.algorithms.base import UpdatesAlgorithm
from workbench.log import TrainingLogBase
from workbench.main_loop import MainLoop
from workbench.tensor.execution import Course
from workbench.tensor.execution.course import changes_in, recorded_changes, tier_in


def programs_of(algorithm: TrainingAlgorithm) -> list[tuple[int, ...]]:
    """Return the input sizes for which programs of an algorithm exist."""
    return algorithm.programs() if isinstance(algorithm, UpdatesAlgorithm) else []


def repeat_tiers(
    main_loop: MainLoop, state: Mapping[str, Any], sizes: Sequence[tuple[int, ...]] = ()
) -> None:
    """Repeat batches in the tiers that the state of a log contains.

    Parameters
    ----------
    main_loop : MainLoop
    state : mapping
        The state of the log of the first time.
    sizes : sequence of tuple of int, optional
        The input sizes for which programs were compiled.
    """
    _follow(main_loop, recorded_changes(state), state["status"]["iterations_done"], sizes)


def repeat_tiers_of(main_loop: MainLoop, log: TrainingLogBase) -> None:
    """Process batches in the tiers that the log of another run contains."""
    pairs = log.entries("execution") if "execution" in log.channels else ((), ())
    _follow(main_loop, changes_in(*pairs), log.status["iterations_done"], ())


def _follow(
    main_loop: MainLoop,
    changes: Sequence[tuple[int, str]],
    end: int,
    sizes: Sequence[tuple[int, ...]],
) -> None:
    algorithm = main_loop.algorithm
    if isinstance(algorithm, UpdatesAlgorithm):

        def now() -> int:
            return int(main_loop.status["iterations_done"])

        algorithm.follow_tiers(Course(changes, end, now, sizes))


def different_tiers(
    expected: Mapping[str, Any], found: Mapping[str, Any], start: int, end: int
) -> tuple[str, str] | None:
    """Return the tiers of the first batch that two states of a log processed in different tiers.

    Parameters
    ----------
    expected, found : mapping
    start, end : int
        The iterations to compare, from ``start + 1`` to `end`.

    Returns
    -------
    tuple of str or None
        The tiers in `expected` and in `found`, or None if there is no difference.

    Examples
    --------
    >>> first = {"columns": {"execution": ([5], ["compiled: after 5 eager calls"])}}
    >>> again = {"columns": {}}
    >>> different_tiers(first, again, 0, 5), different_tiers(first, again, 0, 6)
    (None, ('compiled', 'eager'))
    """
    one, other = (Course(recorded_changes(state), end, lambda: end) for state in (expected, found))
    changes = {i for course in (one, other) for i, _ in course.changes if start < i < end}
    for iteration in sorted({start, *changes}):
        tiers = [tier_in((course.at(iteration) or (0, "eager: "))[1]) for course in (one, other)]
        if tiers[0] != tiers[1]:
            return str(tiers[0]), str(tiers[1])
    return None
