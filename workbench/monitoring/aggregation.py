"""Aggregation schemes: how the value of a variable over a data set follows from its batches.

A variable carries its scheme as ``tag.aggregation_scheme``. The schemes here are *folds*: they
name what to compute for every batch, and how a running state takes it in. That one definition
serves twice. Evaluators and training keep the state outside of the graph, in double precision, at
the cost of a few additions a batch (`Running`); `AggregationScheme.get_aggregator` puts the same
into the graph as updates of shared variables, for functions of one's own.

What is not symbolic is a `MonitoredQuantity`.
"""

from __future__ import annotations

import copy
import functools
import math
import operator
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch

from workbench import errors
from workbench.hints import Hinted, hinted
from workbench.monitoring.weights import Part, Unknown, Weight, conclude, product
from workbench.names import explain_missing
from workbench.tensor import (
    Function,
    SharedVariable,
    Variable,
    as_variable,
    function,
    inputs,
    shapes,
    shared,
)
from workbench.tensor.traversal import ancestors, replace
from workbench.utils.hooks import refuse_former_hooks
from workbench.utils.values import to_python

__all__ = [
    "AggregationScheme",
    "Aggregator",
    "Concatenate",
    "Maximum",
    "Mean",
    "Minimum",
    "MonitoredQuantity",
    "Perplexity",
    "Sum",
    "TakeLast",
    "mean",
    "perplexity",
]

OVER_BATCHES = (
    "{name!r} is averaged over batches, which is not its value for all of their data: {reason}. "
    "Say how it is to be aggregated: by monitoring mean(numerator, denominator), with the sum over "
    "a batch and the number of its examples, or by a scheme in its tag.aggregation_scheme, such as "
    "Sum, Minimum or Maximum; mean(variable) is the mean over batches without this warning"
)
DOUBTFUL = (
    "a function that is not linear is taken of what has been summed over a dimension, and whether "
    "that or the one which is left divides the data into batches cannot be told"
)
UNEQUAL = (
    "{name!r} has shape {new} for a batch after {old} for another, so that there is no mean of the "
    "two; reduce it, as in {name}.mean(), or give it the scheme Concatenate"
)

State = tuple[Any, ...]
"""The running state of a fold: numbers, tensors, or variables."""


FORMER_HOOKS = {
    "accumulate": "define aggregate(*values), which takes in a batch",
    "readout": "define get_aggregated_value(), which gives the value over all batches",
}


class MonitoredQuantity(Hinted, ABC):
    """A quantity computed by Python code from the values of variables, batch by batch.

    Parameters
    ----------
    requires : list of Variable, optional
        What it needs of every batch.
    name : str, optional
        Under which it is recorded.

    Examples
    --------
    >>> import numpy
    >>> from workbench import tensor
    >>> from workbench.monitoring.evaluators import DatasetEvaluator
    >>> class Median(MonitoredQuantity):
    ...     def initialize(self):
    ...         self.seen = []
    ...     def aggregate(self, values):
    ...         self.seen.extend(values)
    ...     def get_aggregated_value(self):
    ...         return float(numpy.median(self.seen))
    >>> x = tensor.vector("x")
    >>> evaluator = DatasetEvaluator([Median(requires=[x], name="median")])
    >>> evaluator.initialize_aggregators()
    >>> evaluator.process_batch({"x": [1.0, 2.0]})
    >>> evaluator.process_batch({"x": [7.0]})
    >>> evaluator.get_aggregated_values()
    {'median': 2.0}
    """

    def __init__(self, requires: Iterable[Variable] | None = None, name: str | None = None) -> None:
        self.requires = list(requires or ())
        self.name = name

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        refuse_former_hooks(cls, FORMER_HOOKS, errors.MonitoringError)

    @abstractmethod
    def initialize(self) -> None:
        """Forget all batches."""

    @abstractmethod
    def aggregate(self, *args: Any) -> None:
        """Take in a batch.

        Parameters
        ----------
        *args
            The values of `requires`: arrays, and plain numbers for those without dimensions.
        """

    @abstractmethod
    def get_aggregated_value(self) -> Any:
        """Give the value over all batches since `initialize`."""

    def state_dict(self) -> dict[str, Any]:
        """What has been taken in, to be given to `load_state_dict`: a copy of all attributes."""
        own = {key: value for key, value in vars(self).items() if key not in ("requires", "name")}
        return copy.deepcopy(own)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go back to where `state_dict` was called."""
        vars(self).update(copy.deepcopy(dict(state)))

    def __repr__(self) -> str:
        return self.name or type(self).__name__


class Aggregator(Hinted):
    """A scheme put into a graph: what to run before, for every, and after the last batch.

    Parameters
    ----------
    aggregation_scheme : AggregationScheme
    initialization_updates : list of pairs, optional
        Shared variables and the values to start from.
    accumulation_updates : list of pairs, optional
        Shared variables and their new values for every batch.
    readout_variable : Variable, optional
        The aggregated value.
    """

    def __init__(
        self,
        aggregation_scheme: AggregationScheme,
        initialization_updates: Iterable[tuple[SharedVariable, Any]] | None = None,
        accumulation_updates: Iterable[tuple[SharedVariable, Any]] | None = None,
        readout_variable: Variable | None = None,
    ) -> None:
        self.aggregation_scheme = aggregation_scheme
        self.initialization_updates = list(initialization_updates or ())
        self.accumulation_updates = list(accumulation_updates or ())
        self.readout_variable = readout_variable


class AggregationScheme(Hinted, ABC):
    """How the value of a variable over many batches is computed.

    Parameters
    ----------
    variable : Variable
        What is computed for every batch.
    """

    def __init__(self, variable: Variable) -> None:
        self.variable = variable

    @abstractmethod
    def get_aggregator(self) -> Aggregator:
        """Make an aggregator, with shared variables of its own.

        Returns
        -------
        Aggregator
        """

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.variable!r})"


class Fold(AggregationScheme):
    """A scheme that takes batches in one after the other.

    `start`, `take` and `result` must work on numbers, tensors and variables alike.

    Attributes
    ----------
    requires : list of Variable
        What to compute for every batch.
    """

    requires: list[Variable]

    def __init__(self, variable: Variable) -> None:
        super().__init__(variable)
        self.requires = [variable]

    keeps_single: bool = False
    """Whether what it makes of a single number is that number, the first of `requires`."""

    element_by_element: bool = True
    """Whether the values of all batches must have one shape."""

    doubt: str | None = None
    """Why the value over several batches may not be what is meant."""

    @abstractmethod
    def start(self) -> State:
        """The state before any batch: numbers."""

    @abstractmethod
    def take(self, state: State, *values: Any) -> State:
        """The state after one more batch, in which `requires` have `values`."""

    def admit(self, value: Any) -> Any:
        """A value of `requires` as `take` gets it, outside of a graph.

        Numbers are read at once where that costs nothing; others stay on their device, so that
        nobody has to wait for a GPU.
        """
        if isinstance(value, torch.Tensor) and value.is_cpu and value.dim() == 0:
            return value.item()
        return value

    @abstractmethod
    def result(self, state: State) -> Any:
        """The aggregated value."""

    def get_aggregator(self) -> Aggregator:
        """Make an aggregator, with shared variables of its own.

        Returns
        -------
        Aggregator

        Raises
        ------
        MonitoringError
            If the size of the state is not known before there are values.
        """
        after_one = self.take(self._constants(), *self.requires)
        state = tuple(self._accumulator(new, i) for i, new in enumerate(after_one))
        return Aggregator(
            self,
            initialization_updates=[
                (kept, torch.full(tuple(kept.shape), first, dtype=kept.dtype))
                for kept, first in zip(state, self.start(), strict=True)
            ],
            accumulation_updates=list(zip(state, self.take(state, *self.requires), strict=True)),
            readout_variable=self.result(state),
        )

    def _constants(self) -> State:
        return tuple(torch.tensor(first, dtype=torch.float64) for first in self.start())

    def _accumulator(self, new: Any, i: int) -> SharedVariable:
        new = as_variable(new)
        if not all(isinstance(size, int) for size in new.shape):
            raise errors.MonitoringError(
                f"{self!r} has a state of unknown size, which a shared variable cannot hold; use "
                "DatasetEvaluator, or the monitoring extensions"
            )
        dtype = torch.float64 if new.dtype.is_floating_point else new.dtype
        zeros = torch.zeros(tuple(new.shape), dtype=dtype)
        return shared(zeros, f"{self.variable!r}_{type(self).__name__.lower()}_{i}")


class Mean(Fold):
    r"""The sum of a numerator over all batches, divided by the sum of a denominator.

    With the sum over a batch as the numerator and the number of its examples as the denominator it
    is the mean over examples, however they are divided into batches.

    Parameters
    ----------
    numerator : Variable
    denominator : Variable or number, optional
        With 1, the default, it is the mean over batches.

    Examples
    --------
    >>> from workbench import tensor
    >>> x = tensor.matrix("x")
    >>> cost = (x ** 2).sum(1).mean()
    >>> cost.tag.aggregation_scheme = Mean((x ** 2).sum(), x.shape[0])
    """

    def __init__(self, numerator: Variable, denominator: Any = 1.0) -> None:
        for what, given, kinds in (
            ("numerator", numerator, Variable),
            ("denominator", denominator, (Variable, int, float)),
        ):
            if not isinstance(given, kinds):
                raise errors.MonitoringError(f"the {what} of a mean is a variable, got {given!r}")
        super().__init__(numerator)
        self.numerator = numerator
        self.denominator = denominator
        if isinstance(denominator, Variable):
            self.requires = [numerator, denominator]
        alone = not isinstance(denominator, Variable) and denominator == 1
        self.keeps_single = alone and type(self) is Mean and numerator.dtype.is_floating_point

    def start(self) -> State:
        return 0.0, 0.0

    def admit(self, value: Any) -> Any:
        if isinstance(value, torch.Tensor):
            return value.item() if value.is_cpu and value.dim() == 0 else value.double()
        return value

    def take(self, state: State, *values: Any) -> State:
        amount = values[1] if len(values) == 2 else self.denominator
        return state[0] + values[0], state[1] + amount

    def result(self, state: State) -> Any:
        return _ratio(*state)

    def __repr__(self) -> str:
        return f"Mean({self.numerator!r}, {self.denominator!r})"


class WeightedMean(Mean):
    """The mean over batches, each with its weight: the number of its examples, say.

    Parameters
    ----------
    variable : Variable
        A mean over the examples of the batch.
    weight : Variable or Weight
        Their number. Batches without weight do not count, whatever their value is.
    doubtful : bool, optional
        Whether the weight is sure to be right only if it varies.
    """

    def __init__(
        self, variable: Variable, weight: Variable | Weight, doubtful: bool = False
    ) -> None:
        self.weight = weight if isinstance(weight, Weight) else Weight((weight,), product)
        super().__init__(variable, self.weight.of[0])
        self.requires = [variable, *self.weight.of]
        self.doubtful = doubtful
        self.keeps_single = variable.dtype.is_floating_point

    def admit(self, value: Any) -> Any:
        return Fold.admit(self, value)

    def take(self, state: State, *values: Any) -> State:
        value, *counted = values
        weight: Any = self.weight.count(*counted)
        part: Any
        if isinstance(value, (torch.Tensor, Variable)):
            value = value.double()
        if isinstance(weight, (torch.Tensor, Variable)):
            none: Any = weight == 0
            part = torch.where(none, 0.0, value * weight)
        else:
            part = value * weight if weight else 0.0
        return state[0] + part, state[1] + weight

    def __repr__(self) -> str:
        counted = ", ".join(map(repr, self.weight.of))
        return f"WeightedMean({self.numerator!r}, {counted})"


class _Kept(Fold):
    """A scheme whose state is one value: the result."""

    keeps_single = True

    def result(self, state: State) -> Any:
        return state[0]


class Sum(_Kept):
    """The sum of the values of all batches.

    Parameters
    ----------
    variable : Variable

    Examples
    --------
    >>> from workbench import tensor
    >>> from workbench.data import as_stream
    >>> from workbench.monitoring.evaluators import DatasetEvaluator
    >>> x = tensor.vector("x")
    >>> total = x.sum().copy(name="total")
    >>> total.tag.aggregation_scheme = Sum(total)
    >>> DatasetEvaluator([total]).evaluate(as_stream([{"x": [1.0, 2.0]}, {"x": [4.0]}]))
    {'total': 7.0}
    """

    def start(self) -> State:
        return (0,)

    def admit(self, value: Any) -> Any:
        value = super().admit(value)
        floats = isinstance(value, torch.Tensor) and value.is_floating_point()
        return value.double() if floats else value

    def take(self, state: State, *values: Any) -> State:
        return (state[0] + values[0],)


class TakeLast(_Kept):
    """The value of the last batch.

    Parameters
    ----------
    variable : Variable
    """

    element_by_element = False

    def start(self) -> State:
        return (0.0,)

    def take(self, state: State, *values: Any) -> State:
        return values


class Minimum(_Kept):
    """The smallest value over all batches, element by element; not a number if one is not.

    Parameters
    ----------
    variable : Variable
    """

    def start(self) -> State:
        return (math.inf,)

    def take(self, state: State, *values: Any) -> State:
        return (_chosen(operator.lt, torch.minimum, state[0], values[0]),)


class Maximum(_Kept):
    """The largest value over all batches, element by element; not a number if one is not.

    Parameters
    ----------
    variable : Variable

    Examples
    --------
    >>> from workbench import tensor
    >>> from workbench.data import as_stream
    >>> from workbench.monitoring.evaluators import DatasetEvaluator
    >>> x = tensor.vector("x")
    >>> highest = x.max().copy(name="highest")
    >>> highest.tag.aggregation_scheme = Maximum(highest)
    >>> DatasetEvaluator([highest]).evaluate(as_stream([{"x": [1.0, 2.0]}, {"x": [4.0]}]))
    {'highest': 4.0}
    """

    def start(self) -> State:
        return (-math.inf,)

    def take(self, state: State, *values: Any) -> State:
        return (_chosen(operator.gt, torch.maximum, state[0], values[0]),)


class Concatenate(Fold):
    """The values of all batches one behind the other.

    Examples are joined: a variable whose first dimension is that of an input, or of a size that is
    computed from it, grows along it. Of one that has none, a sum over a batch say, the result has
    one row for each batch; one without dimensions makes a vector. Its state grows with the data,
    so it has no form as updates of shared variables.

    Parameters
    ----------
    variable : Variable

    Raises
    ------
    MonitoringError
        When values are read, if those of some batches do not fit together.

    Examples
    --------
    >>> from workbench import tensor
    >>> from workbench.data import as_stream
    >>> from workbench.monitoring.evaluators import DatasetEvaluator
    >>> x = tensor.matrix("x")
    >>> doubled, total = (x * 2).copy(name="doubled"), x.sum(0).copy(name="total")
    >>> for variable in (doubled, total):
    ...     variable.tag.aggregation_scheme = Concatenate(variable)
    >>> stream = as_stream([{"x": [[1.0, 2.0], [3.0, 4.0]]}, {"x": [[5.0, 6.0]]}])
    >>> values = DatasetEvaluator([doubled, total]).evaluate(stream)
    >>> values["doubled"]
    array([[ 2.,  4.],
           [ 6.,  8.],
           [10., 12.]], dtype=float32)
    >>> values["total"]
    array([[4., 6.],
           [5., 6.]], dtype=float32)
    """

    element_by_element = False

    def start(self) -> State:
        return ([],)

    def admit(self, value: Any) -> Any:
        tensor = torch.as_tensor(value)
        return tensor if self._joins_examples and tensor.ndim else tensor[None]

    def take(self, state: State, *values: Any) -> State:
        state[0].extend(values)  # not a new list every time: the work would grow with the square
        return state

    def result(self, state: State) -> Any:
        try:
            return torch.cat(state[0])
        except RuntimeError as error:  # as torch finds
            shapes_of = sorted({tuple(one.shape) for one in state[0]})
            raise errors.MonitoringError(
                f"{self!r}: the values of batches have the shapes {shapes_of}, which cannot stand "
                "one behind the other; monitor what has the same size in all of them"
            ) from error

    @functools.cached_property
    def _joins_examples(self) -> bool:
        """Whether the first dimension is one of data, and not one of another axis of an input."""
        fake = self.requires[0].fake
        size = shapes.symbol(fake.shape[0]) if self.requires[0].ndim else 0
        if isinstance(size, int):
            return False
        inputs = [v for v in ancestors(self.requires) if v.owner is None and not v.is_number]
        others = {shapes.symbol(n) for v in inputs for n in v.fake.shape[1:]}
        return size not in others and not others.intersection(shapes.equal_to(size))

    def get_aggregator(self) -> Aggregator:
        raise errors.MonitoringError(
            f"{self!r} has a state that grows, which a shared variable cannot hold; use "
            "DatasetEvaluator, or the monitoring extensions"
        )


class Perplexity(Mean):
    r"""The perplexity of a model: :math:`\exp(-\sum \ell / \sum n)`.

    Parameters
    ----------
    numerator : Variable
        The log-likelihood :math:`\ell` of a batch, a sum over its examples.
    denominator : Variable or number, optional
        Their number :math:`n`.
    """

    def result(self, state: State) -> Any:
        average = super().result(state)
        if isinstance(average, float):
            average = torch.tensor(average, dtype=torch.float64)
        return torch.exp(-average)

    def __repr__(self) -> str:
        return f"Perplexity({self.numerator!r}, {self.denominator!r})"


class Derived(Fold):
    """A function of values that are aggregated each in its own way.

    Parameters
    ----------
    variable : Variable
        What a batch alone would give.
    parts : dict of Variable to Fold
        What of its expression is aggregated, and how.
    """

    def __init__(self, variable: Variable, parts: Mapping[Variable, Fold]) -> None:
        super().__init__(variable)
        self.parts = dict(parts)
        self.requires = [variable, *[v for part in self.parts.values() for v in part.requires]]
        self.keeps_single = variable.dtype.is_floating_point
        if any(isinstance(part, WeightedMean) and part.doubtful for part in self.parts.values()):
            self.doubt = DOUBTFUL
        self._function: Function | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_function": None}

    def start(self) -> State:
        return tuple(number for part in self.parts.values() for number in part.start())

    def take(self, state: State, *values: Any) -> State:
        taken: list[Any] = []
        place = 1  # behind the value of the batch
        for part, own in self._divided(state):
            number = len(part.requires)
            taken += part.take(own, *map(part.admit, values[place : place + number]))
            place += number
        return tuple(taken)

    def admit(self, value: Any) -> Any:
        return value  # as its part will

    def result(self, state: State) -> Any:
        values = [part.result(own) for part, own in self._divided(state)]
        if any(isinstance(value, Variable) for value in values):
            return self._of([as_variable(value) for value in values])
        if self._function is None:
            places = [_input_like(one) for one in self.parts]
            self._function = function(places, self._of(places), execution="eager")
        dtypes = [one.dtype for one in self.parts]
        pairs = zip(values, dtypes, strict=True)
        return self._function(*[torch.as_tensor(value).to(dtype) for value, dtype in pairs])

    def _of(self, values: Sequence[Variable]) -> Variable:
        """The expression with other values in place of its parts."""
        pairs = zip(self.parts, values, strict=True)
        cast = {one: value.to(one.dtype) for one, value in pairs}
        return replace([self.variable], cast)[self.variable]

    def _divided(self, state: State) -> list[tuple[Fold, State]]:
        """Each part with its share of the state."""
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


class _DataIndependent(AggregationScheme):
    """A variable that depends on no data: its value is computed at the end, once."""

    def get_aggregator(self) -> Aggregator:
        return Aggregator(self, readout_variable=self.variable)


class Running(MonitoredQuantity):
    """A fold on its way through the batches, kept outside of the graph.

    Parameters
    ----------
    scheme : Fold
    name : str
    """

    def __init__(self, scheme: Fold, name: str | None) -> None:
        super().__init__(scheme.requires, name)
        self.scheme = scheme
        self.state: State | None = None
        self._shape: tuple[int, ...] | None = None
        self._several = False
        self._weights: set[Any] = set()
        self._warned = False

    def initialize(self) -> None:
        self.state = self._shape = None
        self._several = False
        self._weights.clear()

    def state_dict(self) -> dict[str, Any]:
        return {"state": copy.deepcopy(self.state)}

    def aggregate(self, *args: Any) -> None:
        scheme = self.scheme
        values = [*map(scheme.admit, args)]
        if isinstance(scheme, WeightedMean) and scheme.doubtful:
            self._weights.add(scheme.weight.count(*values[1:]))
        shape = tuple(getattr(values[0], "shape", ()))
        if self.state is None:
            self.state = scheme.take(scheme.start(), *values)
            self._shape = shape
            return
        if scheme.element_by_element and self._shape not in (None, shape):
            text = UNEQUAL.format(name=self.name, new=shape, old=self._shape)
            raise errors.MonitoringError(text)
        self._several = True
        self.state = scheme.take(self.state, *values)
        if scheme.doubt is not None:
            self._warn(scheme.doubt)

    def _warn(self, reason: str) -> None:
        """Say once that the value over several batches may not be what is meant."""
        if not self._warned:
            self._warned = True
            text = OVER_BATCHES.format(name=self.name, reason=reason)
            warnings.warn(text, errors.MonitoringWarning, stacklevel=7)

    def get_aggregated_value(self) -> Any:
        """Give the value over all batches since `initialize`.

        Raises
        ------
        MonitoringError
            If there was no batch.
        """
        if self.state is None:
            raise errors.MonitoringError(
                f"{self.name!r} has no value, because there was no batch to compute it from"
            )
        if self._several and len(self._weights) == 1:
            self._warn(DOUBTFUL)
        return to_python(self.scheme.result(self.state))


def _chosen(better: Callable[[Any, Any], bool], choose: Any, kept: Any, new: Any) -> Any:
    """The better of two, or what is not a number."""
    if isinstance(kept, (int, float)) and isinstance(new, (int, float)):
        return new if better(new, kept) or new != new else kept
    if isinstance(kept, (int, float)):
        kept = torch.full_like(new, kept, dtype=torch.float64)
    return choose(kept, new)


def _ratio(numerator: Any, denominator: Any) -> Any:
    """The quotient, as tensors give it: zero by zero is not a number."""
    try:
        return numerator / denominator
    except ZeroDivisionError:
        return numerator * math.inf if numerator else math.nan


def scheme_of(variable: Variable) -> AggregationScheme:
    """The scheme of a variable: `tag.aggregation_scheme`, or what follows from its expression.

    Without a tag it is chosen so that the value does not depend on how data are divided into
    batches, as far as that can be read off the expression; see `workbench.monitoring.weights`.
    What else there is is averaged over batches, with a warning as soon as there are several.
    """
    scheme: AggregationScheme | None = vars(variable.tag).get("aggregation_scheme")
    if scheme is not None and not isinstance(scheme, AggregationScheme):
        raise errors.MonitoringError(
            f"tag.aggregation_scheme of {variable!r} is a scheme such as Maximum({variable!r}), "
            f"got {scheme!r}"
        )
    if scheme is not None:
        return scheme
    found = conclude(variable, _own_part)
    if isinstance(found, Part):
        return _fold(variable, found)
    if isinstance(found, dict):
        return Derived(variable, {one: _fold(one, part) for one, part in found.items()})
    average = Mean(variable)
    average.doubt = found.reason if isinstance(found, Unknown) else None
    return average


def _fold(variable: Variable, part: Part) -> Fold:
    """How to aggregate a part of an expression."""
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


def _own_part(variable: Variable) -> Part | None:
    """What a variable says of itself."""
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


@hinted
def mean(numerator: Variable, denominator: Any = 1.0) -> Variable:
    """A ratio that is aggregated by adding up numerators and denominators over batches.

    Parameters
    ----------
    numerator : Variable
        A sum over the examples of a batch.
    denominator : Variable or number, optional
        The number of examples.

    Returns
    -------
    Variable
        Their ratio, with the name of `numerator` and the scheme `Mean`.

    Examples
    --------
    >>> from workbench import tensor
    >>> from workbench.data import as_stream
    >>> from workbench.monitoring.evaluators import DatasetEvaluator
    >>> x = tensor.vector("x")
    >>> average = mean(x.sum(), x.shape[0])
    >>> average.name = "average"
    >>> DatasetEvaluator([average]).evaluate(as_stream([{"x": [1.0, 2.0, 3.0]}, {"x": [6.0]}]))
    {'average': 3.0}
    """
    ratio: Variable = numerator / denominator
    ratio.name = numerator.name
    ratio.tag.aggregation_scheme = Mean(numerator, denominator)
    return ratio


@hinted
def perplexity(log_likelihood: Variable, n_examples: Any) -> Variable:
    """The perplexity of a model, aggregated as `Perplexity`.

    Parameters
    ----------
    log_likelihood : Variable
        Summed over the examples of a batch (symbols of a text, say).
    n_examples : Variable or number
        Their number.

    Returns
    -------
    Variable
        The perplexity on the batch, named ``perplexity``.

    Examples
    --------
    >>> import torch
    >>> from workbench import tensor
    >>> x = tensor.vector("x")
    >>> value = perplexity(torch.log(x).sum(), x.shape[0])
    >>> value.eval({x: [0.5, 0.125]})
    tensor(4.)
    """
    value: Variable = torch.exp(-log_likelihood / n_examples)  # type: ignore[assignment]
    value.name = "perplexity"
    value.tag.aggregation_scheme = Perplexity(log_likelihood, n_examples)
    return value


def check_names(variables: Sequence[Variable | MonitoredQuantity]) -> None:
    """Raise `MonitoringError` unless all have names and no two the same."""
    if isinstance(variables, (Variable, MonitoredQuantity, str)):
        raise errors.MonitoringError(f"what to monitor is a list, got {variables!r}; write [...]")
    seen: dict[str, Variable | MonitoredQuantity] = {}
    for variable in variables:
        if not isinstance(variable, (Variable, MonitoredQuantity)):
            raise errors.MonitoringError(
                f"only variables and monitored quantities can be monitored, got {variable!r}"
            )
        if variable.name is None:
            raise errors.MonitoringError(
                f"{variable!r} is to be recorded under its name, but has none; set variable.name"
            )
        if variable.name in seen:
            twice = " (it is listed twice)" if seen[variable.name] is variable else ""
            raise errors.MonitoringError(
                f"two monitored variables are named {variable.name!r}, so that one record would "
                f"overwrite the other{twice}; rename one with variable.name = ..."
            )
        seen[variable.name] = variable


explain_missing(__name__)
