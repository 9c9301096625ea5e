"""The graph that an algorithm trains: in training mode, whatever is asked of it and whenever.

A person holds the graph that a model is used with: the cost, an error rate, the outputs of layers.
What is trained is another one, made of it, and so is all that is monitored in the same step. This
is the way from one to the other, for variables that come one after the other; what they have in
common is computed once.
"""

from __future__ import annotations

import functools
import operator
import warnings
from collections.abc import Iterable
from typing import Literal

from workbench.errors import AlgorithmError, nearest
from workbench.graph.modes import (
    attached_updates,
    estimates,
    evaluated,
    has_training_mode,
    is_chosen,
    replacements,
)
from workbench.tensor import SharedVariable, Variable
from workbench.tensor.traversal import Rewriting, ancestors

GraphMode = Literal["training", "as given"]
MODES: tuple[GraphMode, ...] = ("training", "as given")

REWRITTEN_FOR_USE = (
    "the graph was rewritten by hand and is trained as it is, in which {bricks} is in evaluation "
    "mode; rewrite what apply_training_mode(graph) returns, or say mode='as given' if this is right"
)

MOMENTUM = 0.1
"""The weight of one batch in the statistics of the population; that of torch."""


class TrainingGraph:
    """What variables become when they are trained.

    Parameters
    ----------
    variables : iterable of Variable
        What is trained: the cost, and whatever else its gradients depend on.
    mode : {'training', 'as given'}
        With ``'training'``, bricks that compute otherwise while a model is trained are applied in
        training mode, unless a person has chosen the mode: by `training_mode` around applications,
        or by a rewrite of the graph. With ``'as given'``, nothing changes.

    Attributes
    ----------
    is_rewritten : bool
        True if variables become others.
    updates : list of pairs
        What training keeps for the time when the model is used: moving averages of the statistics
        of batches, in which a batch has the weight 0.1, and the updates of wrapped modules.

    Raises
    ------
    AlgorithmError
        If `mode` is another.

    Warns
    -----
    UserWarning
        If a graph that was rewritten, and therefore stays as it is, is in evaluation mode.

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
                f"mode must be 'training' or 'as given', got {mode!r}{nearest(str(mode), MODES)}"
            )
        variables = list(variables)
        self.is_rewritten = False
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
        """Return what `variables` are in the graph that is trained."""
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
        for estimate in self(estimates(trained)):
            population: SharedVariable = estimate.tag.estimate_of
            moved = (1 - MOMENTUM) * population + MOMENTUM * estimate.squeeze(0)
            news.setdefault(population, []).append(moved)
        return [(target, _merged(several)) for target, several in news.items()]


def suggested_updates(variables: Iterable[Variable]) -> list[SharedVariable]:
    """What should be updated by whoever computes `variables`: see `Annotation.updates`."""
    targets = [target for target, _ in attached_updates(variables)]
    return list(dict.fromkeys([*targets, *(e.tag.estimate_of for e in estimates(variables))]))


def _merged(news: list[Variable]) -> Variable:
    """One new value of several, which the applications of a brick suggest."""
    if len(news) == 1 or not news[0].dtype.is_floating_point:
        return news[-1]
    merged: Variable = functools.reduce(operator.add, news) / len(news)
    return merged
