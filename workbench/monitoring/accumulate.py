"""Accumulators, which compute values over several batches, one batch after the other.

An `Accumulator` computes one value: `FoldAccumulator` that of a scheme, every `MonitoredQuantity`
its own. `AggregationBuffer` holds everything that is monitored together, for code that processes
the batches itself, such as a training step.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from workbench import errors
from workbench.algorithms.base import inputs_by_name
from workbench.hints import Hinted
from workbench.monitoring.fold import AggregationScheme, Fold, State
from workbench.monitoring.inferred import DOUBTFUL, WeightedMean, scheme_for
from workbench.monitoring.quantity import MonitoredQuantity, check_names
from workbench.tensor import Function, SharedVariable, Variable, function
from workbench.utils.values import to_python

Monitored = Variable | MonitoredQuantity

OVER_BATCHES = (
    "{name!r} is averaged over batches, which is not its value for all of their data: {reason}. "
    "Choose how to aggregate it: monitor mean(numerator, denominator), with the sum over a batch "
    "and the number of its examples, or set its tag.aggregation_scheme to a scheme such as Sum, "
    "Minimum or Maximum; mean(variable) is the mean over batches without this warning"
)
UNEQUAL = (
    "{name!r} has shape {new} for a batch after {old} for another, so the two have no "
    "mean; reduce it, as in {name}.mean(), or give it the scheme Concatenate"
)


class Accumulator(Protocol):
    """Interface of an object that computes one value over several batches."""

    requires: list[Variable]
    name: str | None

    def initialize(self) -> None:
        """Forget all batches."""

    def aggregate(self, *args: Any) -> None:
        """Add a batch, given the values of `requires`."""

    def get_aggregated_value(self) -> Any:
        """Return the value over all batches since `initialize`."""

    def state_dict(self) -> dict[str, Any]:
        """Return the state after the batches so far."""

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore the state that `state_dict` returned."""


class FoldAccumulator:
    """Accumulator of a fold, with its state outside the graph.

    Parameters
    ----------
    scheme : Fold
    name : str
    """

    def __init__(self, scheme: Fold, name: str | None) -> None:
        self.requires = scheme.requires
        self.name = name
        self.scheme = scheme
        self.state: State | None = None
        self._shape: tuple[int, ...] | None = None
        self._several = False
        self._weights: set[Any] = set()
        self._warned = False

    def initialize(self) -> None:
        """Forget all batches."""
        self.state = self._shape = None
        self._several = False
        self._weights.clear()

    def state_dict(self) -> dict[str, Any]:
        """Return a copy of the state, for `load_state_dict`."""
        return {"state": copy.deepcopy(self.state)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore the state that `state_dict` returned."""
        vars(self).update(copy.deepcopy(dict(state)))

    def aggregate(self, *args: Any) -> None:
        """Add a batch, given the values of `requires`."""
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
        """Warn once that the value over several batches can differ from that of all data."""
        if not self._warned:
            self._warned = True
            text = OVER_BATCHES.format(name=self.name, reason=reason)
            warnings.warn(text, errors.MonitoringWarning, stacklevel=7)

    def get_aggregated_value(self) -> Any:
        """Return the value over all batches since `initialize`.

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


class MonitoredQuantityBuffer(Hinted):
    """Buffer of monitored quantities over the batches so far.

    Parameters
    ----------
    quantities : list of MonitoredQuantity
        Recorded under their names, which must be unique.

    Attributes
    ----------
    requires : list of Variable
        The variables whose values they need for every batch.
    quantity_names : list of str
    inputs : list of Variable
        The inputs of `requires`.

    Raises
    ------
    MonitoringError
        If names are missing or not unique.
    """

    def __init__(self, quantities: Sequence[MonitoredQuantity]) -> None:
        check_names(quantities)
        self.quantities = list(quantities)
        self.quantity_names = [str(quantity.name) for quantity in self.quantities]
        self.requires = _unique(v for quantity in self.quantities for v in quantity.requires)
        self.inputs = list(inputs_by_name(self.requires, "monitoring").values())
        self._places = _places(self.quantities, self.requires)

    def initialize_quantities(self) -> None:
        """Forget all batches."""
        for quantity in self.quantities:
            quantity.initialize()

    def aggregate_quantities(self, numerical_values: Sequence[Any]) -> None:
        """Add one batch, given the values of `requires`."""
        values = [to_python(value) for value in numerical_values]
        for quantity, places in self._places:
            quantity.aggregate(*[values[i] for i in places])

    def get_aggregated_values(self) -> dict[str, Any]:
        """Read the values over all batches since `initialize_quantities`, by name."""
        return {name: one.get_aggregated_value() for name, one in self.by_name().items()}

    def by_name(self) -> dict[str, MonitoredQuantity]:
        """Return the quantities by the names under which they are recorded."""
        return dict(zip(self.quantity_names, self.quantities, strict=True))


class AggregationBuffer(Hinted):
    """Buffer of variables and monitored quantities over the batches so far.

    For every batch, compute `requires`, apply `accumulation_updates`, and pass the values of
    `requires` to `aggregate`. Schemes that are folds, as all schemes of the workbench are, keep
    their state here; other schemes have updates of shared variables.

    Parameters
    ----------
    variables : list of Variable or MonitoredQuantity
        Recorded under their names, which must be unique.
    use_take_last : bool, optional
        Compute variables that depend on no data for every batch, too, and take the last value,
        instead of computing them once at the end.

    Attributes
    ----------
    initialization_updates, accumulation_updates : list of pairs
        The updates of schemes that are not folds.
    readout_variables : dict of str to Variable
        The results of schemes that are not folds, and the variables that depend on no data.
    names : list of str
        In the order given.
    quantities : MonitoredQuantityBuffer
        The quantities among `variables`.
    requires : list of Variable
        The variables whose values `aggregate` needs for every batch.
    inputs : list of Variable
        The inputs of all these variables.

    Raises
    ------
    MonitoringError
        If names are missing or not unique.

    Examples
    --------
    >>> from workbench import function, tensor
    >>> x = tensor.vector("x")
    >>> average = x.mean().copy(name="average")
    >>> buffer = AggregationBuffer([average])
    >>> step = function(buffer.inputs, buffer.requires, updates=buffer.accumulation_updates)
    >>> buffer.initialize_aggregators()
    >>> for batch in [[1.0], [2.0, 3.0]]:
    ...     buffer.aggregate(step(batch))
    >>> buffer.get_aggregated_values()
    {'average': 2.0}
    """

    def __init__(self, variables: Sequence[Monitored], use_take_last: bool = False) -> None:
        check_names(variables)
        self.names = [str(one.name) for one in variables]
        self.variables = [one for one in variables if isinstance(one, Variable)]
        self.quantities = MonitoredQuantityBuffer(
            [one for one in variables if isinstance(one, MonitoredQuantity)]
        )
        self.initialization_updates: list[tuple[SharedVariable, Any]] = []
        self.accumulation_updates: list[tuple[SharedVariable, Any]] = []
        self.readout_variables: dict[str, Variable] = {}
        self.folds: dict[str, FoldAccumulator] = {}
        for variable in self.variables:
            self._add(variable, scheme_for(variable, use_take_last))
        of_folds = _unique(v for one in self.folds.values() for v in one.requires)
        self._places = _places(self.folds.values(), of_folds)
        self._split = len(of_folds)
        self.requires = [*of_folds, *self.quantities.requires]
        new_values = [new for _, new in self.accumulation_updates if isinstance(new, Variable)]
        self.inputs = list(inputs_by_name([*self.requires, *new_values], "monitoring").values())
        self._initialize: Function | None = None
        self._read: Function | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_initialize": None, "_read": None}

    def _add(self, variable: Variable, scheme: AggregationScheme) -> None:
        name = str(variable.name)
        # A subclass of a fold can define another aggregator.
        if isinstance(scheme, Fold) and type(scheme).get_aggregator is Fold.get_aggregator:
            self.folds[name] = FoldAccumulator(scheme, name)
            return
        aggregator = scheme.get_aggregator()
        if aggregator.readout_variable is None:
            raise errors.MonitoringError(
                f"the aggregator of {name!r}, made by {scheme!r}, has no readout_variable"
            )
        self.initialization_updates += aggregator.initialization_updates
        self.accumulation_updates += aggregator.accumulation_updates
        self.readout_variables[name] = aggregator.readout_variable

    def initialize_aggregators(self) -> None:
        """Forget all batches."""
        for one in self.folds.values():
            one.initialize()
        self.quantities.initialize_quantities()
        if self.initialization_updates:
            if self._initialize is None:
                self._initialize = function([], [], updates=self.initialization_updates)
            self._initialize()

    def aggregate(self, values: Sequence[Any]) -> None:
        """Add one batch, given the values of `requires`."""
        for fold, places in self._places:
            fold.aggregate(*[values[i] for i in places])
        if len(values) > self._split:
            self.quantities.aggregate_quantities(values[self._split :])

    def get_aggregated_values(self) -> dict[str, Any]:
        """Read the values over all batches since `initialize_aggregators`.

        Returns
        -------
        dict
            By name: Python numbers, and arrays for variables with dimensions.

        Raises
        ------
        MonitoringError
            If a variable depends on data, but there was no batch.
        """
        found = {name: one.get_aggregated_value() for name, one in self._accumulators().items()}
        if self.readout_variables:
            if self._read is None:
                self._read = function([], list(self.readout_variables.values()))
            found |= zip(self.readout_variables, map(to_python, self._read()), strict=True)
        return {name: found[name] for name in self.names}

    def state_dict(self) -> dict[str, Any]:
        """Return the state that is kept outside the graph, for `load_state_dict`."""
        return {name: one.state_dict() for name, one in self._accumulators().items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore the state that `state_dict` returned.

        Raises
        ------
        StateError
            If `state` belongs to other variables.
        """
        accumulators = self._accumulators()
        if set(state) != set(accumulators):
            raise errors.StateError(
                f"the state of monitoring must be of {_names(accumulators)}, not of {_names(state)}"
            )
        for name, saved in state.items():
            accumulators[name].load_state_dict(saved)

    def _accumulators(self) -> dict[str, Accumulator]:
        return {**self.folds, **self.quantities.by_name()}


def _names(names: Iterable[str]) -> str:
    return ", ".join(map(repr, names)) or "none"


def _unique(variables: Iterable[Variable]) -> list[Variable]:
    return list(dict.fromkeys(variables))


def _places(
    accumulators: Iterable[Accumulator], requires: Sequence[Variable]
) -> list[tuple[Accumulator, list[int]]]:
    """Return each accumulator with the indices of the variables that it requires."""
    index = {variable: i for i, variable in enumerate(requires)}
    return [(one, [index[v] for v in one.requires]) for one in accumulators]
