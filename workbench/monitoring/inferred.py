"""Inference of aggregation schemes for variables without a tag.

If `workbench.monitoring.weights` can infer a scheme whose result does not depend on how the dataset
is divided into batches, this scheme is chosen. Otherwise values are averaged over batches, with a
warning if there are several batches.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from workbench import errors
from workbench.errors import MonitoringError
from workbench.monitoring.fold import AggregationScheme, Aggregator, Fold, State
from workbench.monitoring.kinds import Part, Unknown, Weight, product
from workbench.monitoring.schemes import Maximum, Mean, Minimum, Perplexity, Sum, TakeLast
from workbench.monitoring.weights import conclude
from workbench.tensor import Function, SharedVariable, Variable, as_variable, function, inputs
from workbench.tensor.traversal import ancestors, replace

OTHER_SHAPE = (
    "{variable!r} is computed from {part!r}, but the aggregated value of {part!r} has "
    "ndim={ndim} instead of {part.ndim}, so the same function cannot be applied; set "
    "tag.aggregation_scheme of {variable!r}"
)
DOUBTFUL = (
    "it applies a nonlinear function to a sum over a dimension, and the expression does not show "
    "whether this dimension or the remaining dimension contains the examples"
)


class WeightedMean(Mean):
    """Scheme that computes a weighted mean over batches.

    Parameters
    ----------
    variable : Variable
        A mean over the examples of the batch.
    weight : Variable or Weight
        The weight of a batch, such as the number of examples. Batches with a weight of zero are
        ignored, even if their value is not finite.
    doubtful : bool, optional
        True if the weight may be wrong. A weight that varies between batches is considered correct.
    """

    def __init__(
        self, variable: Variable, weight: Variable | Weight, doubtful: bool = False
    ) -> None:
        self.weight = weight if isinstance(weight, Weight) else Weight((weight,), product)
        super().__init__(variable, self.weight.of[0])
        self.requires = [variable, *self.weight.of]
        self.doubtful = doubtful
        self.keeps_single = variable.dtype.is_floating_point

    def counted(self) -> WeightedMean:
        """Return the same scheme with a weight that is one number for each batch."""
        return WeightedMean(self.variable, self.weight.counted(), self.doubtful)

    def admit(self, value: Any) -> Any:
        return Fold.admit(self, value)

    def take(self, state: State, *values: Any) -> State:
        value, *counted = values
        weight: Any = self.weight.count(*counted)
        part: Any
        if isinstance(value, (torch.Tensor, Variable)):
            value = value.double()
        if isinstance(weight, (torch.Tensor, Variable)):
            empty: Any = weight == 0
            part = torch.where(empty, 0.0, value * weight)
        else:
            part = value * weight if weight else 0.0
        return state[0] + part, state[1] + weight

    def __repr__(self) -> str:
        counted = ", ".join(map(repr, self.weight.of))
        return f"WeightedMean({self.numerator!r}, {counted})"


class Derived(Fold):
    """Scheme that aggregates subexpressions separately and applies a function to the results.

    Parameters
    ----------
    variable : Variable
        The value of the function for one batch.
    parts : dict of Variable to Fold
        The aggregated subexpressions and their schemes.
    """

    def __init__(self, variable: Variable, parts: Mapping[Variable, Fold]) -> None:
        super().__init__(variable)
        self.parts = dict(parts)
        self.requires = [variable, *[v for part in self.parts.values() for v in part.requires]]
        self.grows = any(part.grows for part in self.parts.values())
        self.keeps_single = variable.dtype.is_floating_point
        if any(isinstance(part, WeightedMean) and part.doubtful for part in self.parts.values()):
            self.doubt = DOUBTFUL
        self._function: Function | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_function": None}

    def counted(self) -> Derived:
        """Return the same scheme with weights that are one number for each batch."""
        return Derived(self.variable, {one: counted(part) for one, part in self.parts.items()})

    def start(self) -> State:
        return tuple(number for part in self.parts.values() for number in part.start())

    def take(self, state: State, *values: Any) -> State:
        taken: list[Any] = []
        place = 1  # skip the value of the variable itself
        for part, own in self._divided(state):
            number = len(part.requires)
            taken += part.take(own, *map(part.admit, values[place : place + number]))
            place += number
        return tuple(taken)

    def admit(self, value: Any) -> Any:
        return value  # the fold of the subexpression converts it

    def result(self, state: State) -> Any:
        values = [part.result(own) for part, own in self._divided(state)]
        for part, value in zip(self.parts, values, strict=True):
            ndim = np.ndim(value)  # of a number, an array, a tensor or a variable
            if ndim != part.ndim:
                raise MonitoringError(
                    OTHER_SHAPE.format(variable=self.variable, part=part, ndim=ndim)
                )
        if any(isinstance(value, Variable) for value in values):
            return self._of([as_variable(value) for value in values])
        if self._function is None:
            places = [_input_like(one) for one in self.parts]
            self._function = function(places, self._of(places), execution="eager")
        dtypes = [one.dtype for one in self.parts]
        pairs = zip(values, dtypes, strict=True)
        return self._function(*[torch.as_tensor(value).to(dtype) for value, dtype in pairs])

    def _of(self, values: Sequence[Variable]) -> Variable:
        """Return the expression with `values` in place of its aggregated subexpressions."""
        pairs = zip(self.parts, values, strict=True)
        cast = {one: value.to(one.dtype) for one, value in pairs}
        return replace([self.variable], cast)[self.variable]

    def _divided(self, state: State) -> list[tuple[Fold, State]]:
        """Return the fold of each subexpression with its slice of the state."""
        shares, place = [], 0
        for part in self.parts.values():
            length = len(part.start())
            shares.append((part, state[place : place + length]))
            place += length
        return shares

    def __repr__(self) -> str:
        return f"Derived({self.variable!r}, {list(self.parts.values())!r})"


def _input_like(one: Variable) -> Variable:
    sizes = [size if isinstance(size, int) else None for size in one.shape]
    return inputs.variable(None, sizes, one.dtype)


class DataIndependent(AggregationScheme):
    """Scheme of a variable that does not depend on data and is computed once, at the end."""

    def get_aggregator(self) -> Aggregator:
        return Aggregator(self, readout_variable=self.variable)


def counted(scheme: Any) -> Any:
    """Return a scheme whose weights are one number for each batch.

    Otherwise a weight may be the number of targets, and the targets of all batches are kept. If a
    batch is divided among processes, only numbers can be combined.
    """
    return scheme.counted() if isinstance(scheme, (WeightedMean, Derived)) else scheme


def scheme_for(variable: Variable, use_take_last: bool) -> AggregationScheme:
    """Return the scheme of a variable.

    Without a tag, the scheme of a variable that does not depend on data is `TakeLast` if
    `use_take_last` is True, and `DataIndependent` otherwise.
    """
    if "aggregation_scheme" in vars(variable.tag) or _depends_on_data(variable):
        return scheme_of(variable)
    return TakeLast(variable) if use_take_last else DataIndependent(variable)


def _depends_on_data(variable: Variable) -> bool:
    return any(v.owner is None and not isinstance(v, SharedVariable) for v in ancestors([variable]))


def scheme_of(variable: Variable) -> AggregationScheme:
    """Return `tag.aggregation_scheme` of a variable, or a scheme inferred from its expression.

    If `workbench.monitoring.weights` can infer a scheme whose result does not depend on how the
    data are divided into batches, this scheme is returned. Otherwise values are averaged over
    batches, with a warning if there are several batches.
    """
    scheme: AggregationScheme | None = vars(variable.tag).get("aggregation_scheme")
    if scheme is not None and not isinstance(scheme, AggregationScheme):
        raise errors.MonitoringError(
            f"tag.aggregation_scheme of {variable!r} must be a scheme such as "
            f"Maximum({variable!r}), not {scheme!r}"
        )
    if scheme is not None:
        return scheme
    found = conclude(variable, own_part)
    if isinstance(found, Part):
        return _fold(variable, found)
    if isinstance(found, dict):
        return Derived(variable, {one: _fold(one, part) for one, part in found.items()})
    average = Mean(variable)
    average.doubt = found.reason if isinstance(found, Unknown) else None
    return average


def _fold(variable: Variable, part: Part) -> Fold:
    """Return the fold of a variable that is aggregated according to `part`."""
    if part.kind == "scheme":
        scheme: Fold = vars(variable.tag)["aggregation_scheme"]
        return scheme
    if part.kind == "mean":
        assert part.weight is not None
        return WeightedMean(variable, part.weight, part.doubtful)
    if part.kind == "constant" and not variable.dtype.is_floating_point:
        return TakeLast(variable)
    return FOLDS[part.kind](variable)


FOLDS: dict[str, Callable[[Variable], Fold]] = {
    "sum": Sum,
    "max": Maximum,
    "min": Minimum,
    "constant": Mean,
}


def own_part(variable: Variable) -> Part | None:
    """Return the aggregation that a variable's tag declares, or None if it declares nothing."""
    tag = vars(variable.tag)
    scheme: Any = tag.get("aggregation_scheme")
    if isinstance(scheme, Fold):
        number: Any = None
        if isinstance(scheme, Mean) and not isinstance(scheme, Perplexity):
            number = scheme.denominator
        weight = Weight((number,), product) if isinstance(number, Variable) else None
        return Part("scheme", weight)
    number = tag.get("n_examples")
    return Part("mean", Weight((number,), product)) if isinstance(number, Variable) else None
