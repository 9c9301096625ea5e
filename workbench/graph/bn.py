"""Batch normalisation in graphs: batch statistics, and updates of population statistics.

In training mode, a `workbench.bricks.BatchNormalization` brick normalises with the statistics of
the batch. Otherwise it uses population statistics, which are shared variables of the brick. See
`workbench.graph.modes`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from workbench.errors import GraphError
from workbench.graph.computation import ComputationGraph
from workbench.graph.hierarchy import Component
from workbench.graph.modes import ModeDependent, entered, evaluated, rewritten
from workbench.hints import hinted
from workbench.roles import BATCH_NORM_MINIBATCH_ESTIMATE, has_roles
from workbench.tensor import SharedVariable, Variable

NOT_TRAINING = (
    "this graph computes no batch statistics, since it applies {bricks} in evaluation mode; pass "
    "the graph that apply_batch_normalization(graph) or apply_training_mode(graph) returns"
)


def _normalizes(brick: ModeDependent) -> bool:
    return brick.uses_batch_statistics


@hinted
@contextmanager
def batch_normalization(*bricks: Component) -> Iterator[None]:
    """Apply batch normalisation with batch statistics inside a ``with`` block.

    Parameters
    ----------
    *bricks : Brick
        Bricks whose batch normalisations, at any depth, are in training mode inside the block.

    Examples
    --------
    >>> import torch
    >>> from workbench.bricks import BatchNormalization
    >>> normalization = BatchNormalization(1)
    >>> normalization.initialize()
    >>> batch = torch.tensor([[1.0], [3.0]])
    >>> normalization.apply(batch).flatten()
    tensor([1., 3.])
    >>> with batch_normalization(normalization):
    ...     normalization.apply(batch).flatten()
    tensor([-1.0000,  1.0000])
    """
    with entered(bricks, _normalizes):
        yield


@hinted
def apply_batch_normalization(computation_graph: ComputationGraph) -> ComputationGraph:
    """Create a training graph that applies batch normalisation with batch statistics.

    Parameters
    ----------
    computation_graph : ComputationGraph
        A graph for inference. Applications that are already in training mode are not changed.

    Returns
    -------
    ComputationGraph
        A new graph. The ``tag.replacement_of`` attribute of a replacement is the original variable.

    Examples
    --------
    >>> from workbench import tensor
    >>> from workbench.bricks import BatchNormalization
    >>> normalization = BatchNormalization(1)
    >>> normalization.initialize()
    >>> used = ComputationGraph(normalization.apply(tensor.matrix("x")))
    >>> trained = apply_batch_normalization(used)
    >>> trained.outputs[0].eval({"x": [[1.0], [3.0]]}).flatten()
    tensor([-1.0000,  1.0000])
    >>> trained.outputs[0].tag.replacement_of is used.outputs[0]
    True
    """
    return rewritten(computation_graph, _normalizes)


@hinted
def get_batch_normalization_updates(
    training_graph: ComputationGraph, allow_duplicates: bool = False
) -> list[tuple[SharedVariable, Variable]]:
    """Return updates of the population statistics for batch normalisations in training mode.

    Parameters
    ----------
    training_graph : ComputationGraph
    allow_duplicates : bool, optional
        If True, the graph may apply a batch normalisation several times, and the result contains
        separate pairs for each application.

    Returns
    -------
    list of pairs
        Each pair contains a population statistic (a mean or a standard deviation) and its estimate
        from the batch.

    Raises
    ------
    GraphError
        If no batch normalisation of the graph is in training mode, or if a batch normalisation is
        applied several times and `allow_duplicates` is False.

    Notes
    -----
    `workbench.algorithms.GradientDescent` creates a training graph automatically and computes
    moving averages. This function is for other algorithms. If these pairs were used directly as
    updates, the statistics would depend only on the last batch. Instead, compute moving averages,
    as in the example, or averages over an epoch.

    Examples
    --------
    >>> import workbench
    >>> from workbench import tensor
    >>> from workbench.bricks import BatchNormalization
    >>> normalization = BatchNormalization(1)
    >>> normalization.initialize()
    >>> x = tensor.matrix("x")
    >>> with normalization:
    ...     graph = ComputationGraph(normalization.apply(x))
    >>> pairs = get_batch_normalization_updates(graph)
    >>> pairs
    [(population_mean, batch_mean), (population_stdev, batch_stdev)]
    >>> updates = [(kept, 0.9 * kept + 0.1 * batch) for kept, batch in pairs]
    >>> train = workbench.function([x], graph.outputs, updates=updates)
    >>> _ = train([[1.0], [3.0]])
    >>> normalization.population_mean.get_value()
    array([0.2], dtype=float32)
    """
    estimates = [
        v for v in training_graph.variables if has_roles(v, [BATCH_NORM_MINIBATCH_ESTIMATE])
    ]
    used = [brick.path() for brick in evaluated(training_graph.variables) if _normalizes(brick)]
    if used and not estimates:
        raise GraphError(NOT_TRAINING.format(bricks=", ".join(used)))
    pairs: list[tuple[SharedVariable, Variable]] = []
    seen: set[SharedVariable] = set()
    for estimate in estimates:
        population: SharedVariable = estimate.tag.estimate_of
        if population in seen and not allow_duplicates:
            raise GraphError(
                f"{_owner(estimate)} is applied several times in training mode, so there are "
                "several estimates of its statistics; pass allow_duplicates=True and merge the "
                "estimates"
            )
        seen.add(population)
        batch = estimate.squeeze(0)
        batch.name = estimate.name
        pairs.append((population, batch))
    return pairs


def _owner(variable: Variable) -> str:
    bricks = (a.path() for a in variable.tag.annotations if isinstance(a, Component))
    return next(bricks, repr(variable))
