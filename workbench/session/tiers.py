"""Repetition of batches in the tiers that a log recorded for them.

Functions that monitor other data have their own recorded tiers, which are also reused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from workbench.algorithms import TrainingAlgorithm
from workbench.algorithms.base import UpdatesAlgorithm
from workbench.extensions.monitoring import MONITORING_EXECUTION, DataStreamMonitoring
from workbench.extensions.record_names import leaves
from workbench.log import TrainingLogBase
from workbench.main_loop import MainLoop
from workbench.tensor.execution import Course
from workbench.tensor.execution.course import changes_in, recorded_changes, tier_in


def programs_of(algorithm: TrainingAlgorithm) -> list[tuple[int, ...]]:
    """Return the input sizes that an algorithm has programs for."""
    return algorithm.programs() if isinstance(algorithm, UpdatesAlgorithm) else []


def repeat_tiers(
    main_loop: MainLoop, state: Mapping[str, Any], sizes: Sequence[tuple[int, ...]] = ()
) -> None:
    """Make later training use the tiers that are recorded in the state of a log.

    Parameters
    ----------
    main_loop : MainLoop
    state : mapping
        The state of the log that first recorded the batches.
    sizes : sequence of tuple of int, optional
        The input sizes that programs were compiled for.
    """
    end = state["status"]["iterations_done"]
    _follow(main_loop, lambda record: recorded_changes(state, record), end, sizes)


def repeat_tiers_of(main_loop: MainLoop, log: TrainingLogBase) -> None:
    """Make later training use the tiers that are recorded in the log of another run."""

    def changes(record: str) -> list[tuple[int, str]]:
        return changes_in(*log.entries(record)) if record in log.channels else []

    _follow(main_loop, changes, log.status["iterations_done"], ())


def _follow(
    main_loop: MainLoop,
    changes: Callable[[str], Sequence[tuple[int, str]]],
    end: int,
    sizes: Sequence[tuple[int, ...]],
) -> None:
    def now() -> int:
        return int(main_loop.status["iterations_done"])

    algorithm = main_loop.algorithm
    if isinstance(algorithm, UpdatesAlgorithm):
        algorithm.follow_tiers(Course(changes("execution"), end, now, sizes))
    for extension in leaves(main_loop.extensions):
        if isinstance(extension, DataStreamMonitoring):
            # The evaluation after the last iteration is repeated as well.
            evaluator, own = extension.evaluator, changes(extension.execution_record)
            evaluator.follow_tiers(Course(own, end + 1, now, evaluator.programs()))


def different_tiers(
    expected: Mapping[str, Any], found: Mapping[str, Any], start: int, end: int
) -> tuple[str, str] | None:
    """Return the two tiers of the first batch whose tier differs between two states of a log.

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
    found_tiers = [
        (iteration, (one, other))
        for record in _records({**expected["columns"], **found["columns"]})
        for iteration, one, other in _tiers(expected, found, record, start, end)
        if one != other
    ]
    return min(found_tiers)[1] if found_tiers else None


def _records(names: Iterable[str]) -> list[str]:
    monitors = [name for name in names if MONITORING_EXECUTION in name]
    return ["execution", *monitors]


def _tiers(
    expected: Mapping[str, Any], found: Mapping[str, Any], record: str, start: int, end: int
) -> Iterator[tuple[int, str, str]]:
    """Yield `start` and the iterations of later changes, each with the two tiers from then on."""
    one, other = (
        Course(recorded_changes(state, record), end, lambda: end) for state in (expected, found)
    )
    changes = {i for course in (one, other) for i, _ in course.changes}
    evaluated = record != "execution"  # an evaluation may follow the last iteration
    for iteration in sorted({start, *changes}):
        if start <= iteration < end + evaluated:
            then, now = (course.at(iteration) or (0, "eager: ") for course in (one, other))
            yield iteration, str(tier_in(then[1])), str(tier_in(now[1]))
