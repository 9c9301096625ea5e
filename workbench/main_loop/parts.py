"""Parts of a main loop that are replaced together when its model is replaced between two batches.

The earlier parts stay valid: when they are put back, and their state is loaded, training continues
as it would have done without the replacement.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from workbench.algorithms import TrainingAlgorithm
from workbench.extensions import TrainingExtension
from workbench.graph import ComputationGraph
from workbench.main_loop.loop import MainLoop

Bindings = tuple[tuple[TrainingExtension, Mapping[str, Any]], ...]
"""Extensions, each with those of its attributes that contain variables of the model."""


@dataclass(frozen=True, eq=False)
class Parts:
    """A model, the algorithm that trains it, and what extensions compute from it.

    Attributes
    ----------
    model : ComputationGraph or None
    algorithm : TrainingAlgorithm
    bindings : tuple of pairs
        Extensions with the attributes that `TrainingExtension.bindings` names.
    """

    model: ComputationGraph | None
    algorithm: TrainingAlgorithm
    bindings: Bindings = ()


def parts_of(main_loop: MainLoop) -> Parts:
    """Return the present parts of a main loop."""
    return Parts(main_loop.model, main_loop.algorithm, bindings_of(main_loop.extensions))


def bindings_of(extensions: Iterable[TrainingExtension]) -> Bindings:
    """Return the extensions that have bindings, with these."""
    pairs = [(extension, extension.bindings()) for extension in extensions]
    return tuple((extension, found) for extension, found in pairs if found)


def put_in(main_loop: MainLoop, parts: Parts) -> None:
    """Give a main loop other parts; only the training thread calls this, between two batches.

    If the function of the new algorithm cannot be built, the main loop keeps its present parts.
    """
    if main_loop.algorithm is parts.algorithm:
        return
    before = parts_of(main_loop)
    main_loop._run.dispatcher.receive(wait=True)
    if isinstance(before.algorithm, TrainingAlgorithm):
        before.algorithm.settle()
    try:
        _assign(main_loop, parts)
    except BaseException:
        _assign(main_loop, before)
        raise


def _assign(main_loop: MainLoop, parts: Parts) -> None:
    run = main_loop._run
    main_loop.model, main_loop.algorithm = parts.model, parts.algorithm
    for extension, found in parts.bindings:
        vars(extension).update(found)
    run.attach()
    main_loop.algorithm.initialize()
    main_loop.algorithm.watch_execution(run._record_execution, run.ending.batches_left)
    run.refresh()
