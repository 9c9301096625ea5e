"""Checks of main loop arguments, and lookup of extensions by name."""

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
    "algorithm must have the methods initialize() and process_batch(batch), but at least one of "
    "them is missing from {given:.80}; pass, for example, GradientDescent(cost=..., "
    "parameters=..., step_rule=...)"
)
NOT_A_MODEL = (
    "model must be a computation graph, not {given:.80}; pass Model(cost), which finds the bricks "
    "and their parameters"
)

FORMER_HOOKS = {
    name: f"write a TrainingExtension that {does}"
    for name, does in {
        "_run_epoch": "defines before_epoch and after_epoch",
        "_run_iteration": "defines before_batch and after_batch",
        "_run_extensions": "defines dispatch, which is called for every event",
        "_check_finish_training": "records training_finish_requested, as FinishAfter does",
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
    """Return a list of extensions, with wrappers around objects that have a ``dispatch`` method.

    Raises
    ------
    ExtensionError
        If an item is not an extension, or if two extensions would overwrite each other's records.
    """
    if isinstance(given, TrainingExtension):
        raise ExtensionError(f"extensions must be a list, not {given!r}; write [{given!r}]")
    found = [as_extension(one, f"extensions[{index}]") for index, one in enumerate(given or ())]
    record_names.check_distinct(found)
    return found


def find_extension(extensions: Iterable[TrainingExtension], name: str) -> TrainingExtension:
    """Return the extension named `name`.

    Raises
    ------
    ExtensionLookupError
        If no extension, or more than one, has that name.
    """
    extensions = list(extensions)
    found = [extension for extension in extensions if extension.name == name]
    if len(found) == 1:
        return found[0]
    if found:
        raise ExtensionLookupError(
            f"{len(found)} extensions are named {name!r}: {', '.join(map(repr, found))}; "
            "pass name=... to each to distinguish them"
        )
    names = [extension.name for extension in extensions]
    present = f"the names are {', '.join(names)}" if names else "the main loop has no extensions"
    raise ExtensionLookupError(f"no extension is named {name!r}; {present}{nearest(name, names)}")
