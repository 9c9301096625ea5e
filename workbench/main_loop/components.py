"""The components of a main loop: checks of its arguments, and extensions by name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from workbench.errors import (
    AlgorithmError,
    ExtensionError,
    ExtensionLookupError,
    GraphError,
    nearest,
)
from workbench.extensions import record_names
from workbench.extensions.base import TrainingExtension
from workbench.extensions.third_party import Dispatching, as_extension
from workbench.graph import ComputationGraph
from workbench.interfaces import Trainable

NOT_AN_ALGORITHM = (
    "algorithm must have the methods initialize() and process_batch(batch), as "
    "GradientDescent(cost=..., parameters=..., step_rule=...) has; {given:.80} lacks them"
)
NOT_A_MODEL = (
    "model must be a computation graph, not {given:.80}; give Model(cost), which finds the bricks "
    "and their parameters by itself"
)

FORMER_HOOKS = {
    name: f"write a TrainingExtension with {events}"
    for name, events in {
        "_run_epoch": "before_epoch and after_epoch",
        "_run_iteration": "before_batch and after_batch",
        "_run_extensions": "dispatch, which every event calls",
        "_check_finish_training": "a record training_finish_requested, as FinishAfter makes it",
    }.items()
}


def check_algorithm(given: Any) -> None:
    """Raise `AlgorithmError` unless `given` is an algorithm or None."""
    if given is not None and (not isinstance(given, Trainable) or isinstance(given, type)):
        raise AlgorithmError(NOT_AN_ALGORITHM.format(given=repr(given)))


def check_model(given: Any) -> None:
    """Raise `GraphError` unless `given` is a computation graph or None."""
    if given is not None and not isinstance(given, ComputationGraph):
        raise GraphError(NOT_A_MODEL.format(given=repr(given)))


def as_extensions(
    given: Iterable[TrainingExtension | Dispatching] | None,
) -> list[TrainingExtension]:
    """Return a list of extensions; wrap those of other classes.

    Raises
    ------
    ExtensionError
        If an element is not an extension, or two of them make the same records.
    """
    if isinstance(given, TrainingExtension):
        raise ExtensionError(f"extensions must be a list, not {given!r}; write [{given!r}]")
    found = [as_extension(one, f"extensions[{index}]") for index, one in enumerate(given or ())]
    record_names.check_distinct(found)
    return found


def find_extension(extensions: Iterable[TrainingExtension], name: str) -> TrainingExtension:
    """Return the extension called `name`.

    Raises
    ------
    ExtensionLookupError
        If no extension or several extensions have that name.
    """
    extensions = list(extensions)
    found = [extension for extension in extensions if extension.name == name]
    if len(found) == 1:
        return found[0]
    if found:
        raise ExtensionLookupError(
            f"{len(found)} extensions are called {name!r}: {', '.join(map(repr, found))}; "
            "give each another name by its argument name="
        )
    names = [extension.name for extension in extensions]
    there_are = f"there are {', '.join(names)}" if names else "the main loop has no extensions"
    raise ExtensionLookupError(
        f"no extension is called {name!r}{nearest(name, names)}; {there_are}"
    )
