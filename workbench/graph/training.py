"""Mapping from the inference graph to the graph that an algorithm trains.

Users refer to variables of the inference graph, such as the cost and the outputs of layers. An
algorithm trains a rewritten graph, which also contains the variables that are monitored in the same
step. `TrainingGraph` maps variables of the inference graph to variables of the training graph.
Common subgraphs are computed only once.
"""

from __future__ import annotations

import functools
import operator
import warnings
from collections.abc import Iterable
from typing import Any, Literal

import torch

from workbench.errors import AlgorithmError, nearest
from workbench.graph.modes import (
    attached_updates,
    estimates,
    evaluated,
    has_training_mode,
    is_chosen,
    replacements,
)
from workbench.tensor import SharedVariable, Variable, as_variable
from workbench.tensor.traversal import Rewriting, ancestors

GraphMode = Literal["training", "as given"]
MODES: tuple[GraphMode, ...] = ("training", "as given")

REWRITTEN_FOR_USE = (
    "the graph was rewritten by hand, so training uses it unchanged, with {bricks} in evaluation "
    "mode; rewrite the result of apply_training_mode(graph), or pass mode='as given' if this is "
    "intended"
)

COUNT = "averaged_elements"
"""Name of the tag that marks a variable as the number of averaged elements."""

MOMENTUM = 0.1
"""Weight of one batch in population statistics, equal to torch's default."""


class TrainingGraph:
    """Function that maps variables to their versions in training mode.

    Parameters
    ----------
    variables : iterable of Variable
        The cost, and all other variables that its gradients depend on.
    mode : {'training', 'as given'}
        With ``'training'``, bricks that behave differently during training are applied in training
        mode, unless the user has chosen the mode by applying bricks in `training_mode` or by
        rewriting the graph. With ``'as given'``, the graph is not changed.

    Attributes
    ----------
    is_rewritten : bool
        True if some variables have a different version in the training graph.
    normalizes_examples : bool
        True if some statistics of a batch have one element for each example.
    updates : list of pairs
        The updates that prepare the model for inference: moving averages of batch statistics, where
        each batch has a weight of 0.1, and the updates of wrapped modules. A mean over one element,
        such as the only example of a batch, does not enter the moving averages.

    Raises
    ------
    AlgorithmError
        If `mode` is neither ``'training'`` nor ``'as given'``.

    Warns
    -----
    UserWarning
        If bricks are trained in evaluation mode because the user rewrote the graph.

    Examples
    --------
    >>> from workbench import tensor
    >>> from workbench.bricks import Dropout
    >>> used = Dropout(0.5, random_seed=1).apply(tensor.vector("x"))
    >>> [trained] = TrainingGraph([used], "training")([used])
    >>> used.eval({"x": [1.0] * 5}), trained.eval({"x": [1.0] * 5})
    (tensor([1., 1., 1., 1., 1.]), tensor([2., 2., 0., 0., 2.]))
    """

    def __init__(self, variables: Iterable[Variable], mode: GraphMode = "training") -> None:
        if mode not in MODES:
            raise AlgorithmError(
                f"mode must be 'training' or 'as given', not {mode!r}{nearest(str(mode), MODES)}"
            )
        variables = list(variables)
        self.is_rewritten = self.normalizes_examples = False
        self._rewriting = Rewriting()
        self._seen: set[Variable] = set()
        self.updates: list[tuple[SharedVariable, Variable]] = []
        given = ancestors(variables)
        if mode == "training" and not is_chosen(given):
            self.is_rewritten = bool(evaluated(given))
            self.updates = self._updates(self(variables))
        elif mode == "training" and not has_training_mode(given) and (bricks := evaluated(given)):
            names = ", ".join(brick.path() for brick in bricks)
            warnings.warn(REWRITTEN_FOR_USE.format(bricks=names), stacklevel=3)

    def __call__(self, variables: Iterable[Variable]) -> list[Variable]:
        """Return the versions of `variables` in the training graph."""
        variables = list(variables)
        if not self.is_rewritten:
            return variables
        fresh = [v for v in ancestors(variables) if v not in self._seen]
        self._seen.update(fresh)
        self._rewriting.add(replacements(fresh, lambda brick: True))
        return self._rewriting(variables)

    def _updates(self, trained: list[Variable]) -> list[tuple[SharedVariable, Variable]]:
        news: dict[SharedVariable, list[Variable]] = {}
        for target, new in attached_updates(trained):
            news.setdefault(target, []).extend(self([new]))
        found = self(estimates(trained))
        self.normalizes_examples = any(len(averaged(one) or ()) == 1 for one in found)
        counts: dict[tuple[Any, ...], Variable] = {}
        for estimate in found:
            population: SharedVariable = estimate.tag.estimate_of
            moved = (1 - MOMENTUM) * population + MOMENTUM * estimate.squeeze(0)
            sizes = averaged(estimate)
            if sizes is not None and not any(isinstance(one, int) and one > 1 for one in sizes):
                key = (*sizes, population.device)
                if key not in counts:
                    counts[key] = _count(sizes, population.device)
                moved = moved.where(counts[key] > 1, population)
            news.setdefault(population, []).append(moved)
        return [(target, _merged(several)) for target, several in news.items()]


def averaged(estimate: Variable) -> list[int | Variable] | None:
    """Return the sizes whose product is the number of elements that an estimate averages.

    The result is None for an estimate in a loop.
    """
    call = reduced(estimate).owner
    if call is None or call.kwargs.get("keepdim") is not True:
        return None
    axes: Any = call.args[1]
    return [call.inputs[0].shape[axis] for axis in axes]


def reduced(estimate: Variable) -> Variable:
    """Return the batch mean or batch variance that an estimate is computed from.

    If there is neither, the result is an ancestor that has no owner.
    """
    source = estimate
    while source.owner is not None and source.owner.name not in ("var_mean", "mean"):
        source = source.owner.inputs[0]
    return source


def is_count(variable: Variable) -> bool:
    """Return True if a variable is the number of elements in a share of a batch."""
    return COUNT in vars(variable.tag)


def _count(sizes: list[int | Variable], device: torch.device) -> Variable:
    """Return the product of `sizes`, the number of averaged elements, as a variable.

    Updates use this number, because a deviation estimated from one element would be near 0.
    """
    number: Any = functools.reduce(operator.mul, sizes)
    if isinstance(number, Variable):
        number = torch.scalar_tensor(number, dtype=torch.float32, device=device)  # type: ignore[arg-type]
    count = as_variable(number).copy(name="averaged_elements")
    setattr(count.tag, COUNT, True)
    return count


def suggested_updates(variables: Iterable[Variable]) -> list[SharedVariable]:
    """Return the shared variables to update when `variables` are computed.

    See `Annotation.updates`.
    """
    targets = [target for target, _ in attached_updates(variables)]
    return list(dict.fromkeys([*targets, *(e.tag.estimate_of for e in estimates(variables))]))


def _merged(news: list[Variable]) -> Variable:
    """Return the mean of new values from several applications or, for integers, the last value."""
    if len(news) == 1 or not news[0].dtype.is_floating_point:
        return news[-1]
    merged: Variable = functools.reduce(operator.add, news) / len(news)
    return merged
