"""Loading steps that can be undone, so that a state is loaded completely or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from workbench.errors import StateError


class LoadStep(NamedTuple):
    """Step that loads one part of a state and can be undone.

    Attributes
    ----------
    what : str
        The name of the part in error messages.
    load : callable
        A function that loads the part.
    undo : callable
        A function that restores the earlier state.
    """

    what: str
    load: Callable[[], object]
    undo: Callable[[], object]


def load_step(what: str, holder: Any, before: Any, after: Any) -> LoadStep:
    """Create a step that changes the state of `holder` from `before` to `after`."""
    return LoadStep(
        what,
        lambda: holder.load_state_dict(after),
        lambda: holder.load_state_dict(before),
    )


def all_or_nothing(steps: Iterable[LoadStep]) -> None:
    """Execute all steps; if a step fails, undo every step that was started.

    Raises
    ------
    StateError
        If a step fails. The error of the step is the cause of this error.

    Examples
    --------
    >>> done = []
    >>> first = LoadStep("the first", lambda: done.append(1), done.clear)
    >>> second = LoadStep("the second", lambda: {}["missing"], lambda: None)
    >>> all_or_nothing([first, second])
    Traceback (most recent call last):
    ...
    workbench.errors.StateError: nothing was loaded: the second: 'missing'
    >>> done
    []
    """
    undo: list[Callable[[], object]] = []
    for step in steps:
        undo.append(step.undo)
        try:
            step.load()
        except Exception as error:
            for go_back in reversed(undo):
                go_back()
            raise StateError(f"nothing was loaded: {step.what}: {error}") from error
