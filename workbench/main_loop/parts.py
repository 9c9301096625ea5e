"""Parts of a main loop that are replaced together when its model is replaced between two batches.

The earlier parts remain valid: if they are restored and their state is loaded, training continues
as if they had never been replaced.
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
"""Extensions, each with its attributes that contain variables of the model."""


@dataclass(frozen=True, eq=False)
class Parts:
    """A model, the algorithm that trains it, and the extension attributes that depend on it.

    Attributes
    ----------
    model : ComputationGraph or None
    algorithm : TrainingAlgorithm
    bindings : tuple of pairs
        Extensions, each with the attributes that its `TrainingExtension.bindings` returns.
    """

    model: ComputationGraph | None
    algorithm: TrainingAlgorithm
    bindings: Bindings = ()


def parts_of(main_loop: MainLoop) -> Parts:
    """Return the current parts of a main loop."""
    return Parts(main_loop.model, main_loop.algorithm, bindings_of(main_loop.extensions))


def bindings_of(extensions: Iterable[TrainingExtension]) -> Bindings:
    """Return each extension that has bindings, together with its bindings."""
    pairs = [(extension, extension.bindings()) for extension in extensions]
    return tuple((extension, found) for extension, found in pairs if found)


def put_in(main_loop: MainLoop, parts: Parts) -> None:
    """Replace the parts of a main loop; only the training thread may call this function.

    If the function of the new algorithm cannot be built, the main loop keeps its current parts.
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
