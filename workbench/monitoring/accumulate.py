"""Accumulators, which compute values over several batches.

An `Accumulator` computes one value. `FoldAccumulator` computes the value of an aggregation scheme;
a `MonitoredQuantity` is an accumulator too. `AggregationBuffer` combines several accumulators for
code that processes batches, such as a training step.
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
from workbench.monitoring.inferred import DOUBTFUL, WeightedMean, counted, scheme_for
from workbench.monitoring.quantity import MonitoredQuantity, check_names
from workbench.tensor import Function, SharedVariable, Variable, function
from workbench.utils.values import to_python

Monitored = Variable | MonitoredQuantity

OVER_BATCHES = (
    "{name!r} is averaged over batches, so it may differ from its value on the whole dataset: "
    "{reason}. Choose an aggregation: monitor mean(numerator, denominator) with the sum over a "
    "batch and the number of its examples, or set tag.aggregation_scheme to a scheme such as "
    "Sum, Minimum or Maximum; mean(variable) averages over batches without this warning"
)
UNEQUAL = (
    "{name!r} has shape {new} for a batch, but shape {old} for an earlier batch, so the values "
    "cannot be aggregated; reduce the variable, as in {name}.mean(), or set "
    "tag.aggregation_scheme to Concatenate(variable)"
)


class Accumulator(Protocol):
    """Interface of an object that computes one value over several batches."""

    requires: list[Variable]
    name: str | None

    def initialize(self) -> None:
        """Discard the results of all batches."""

    def aggregate(self, *args: Any) -> None:
        """Add a batch, given the values of `requires`."""

    def get_aggregated_value(self) -> Any:
        """Return the value over all batches since `initialize`."""

    def state_dict(self) -> dict[str, Any]:
        """Return the state after all added batches."""

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore the state that `state_dict` returned."""


class FoldAccumulator:
    """Accumulator that keeps the state of a fold outside the graph.

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
        """Discard the results of all batches."""
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
        """Warn once that the result may differ from the value on the whole dataset."""
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
                f"{self.name!r} has no value, because there was no batch; check that the data "
                "stream is not empty"
            )
        if self._several and len(self._weights) == 1:
            self._warn(DOUBTFUL)
        return to_python(self.scheme.result(self.state))


class MonitoredQuantityBuffer(Hinted):
    """Buffer that accumulates monitored quantities over batches.

    Parameters
    ----------
    quantities : list of MonitoredQuantity
        The quantities, with unique names.

    Attributes
    ----------
    requires : list of Variable
        The variables whose values must be passed to `aggregate_quantities` for every batch.
    quantity_names : list of str
    inputs : list of Variable
        The inputs of the variables in `requires`.

    Raises
    ------
    MonitoringError
        If names are missing or not unique.

    Examples
    --------
    >>> from workbench import tensor
    >>> from workbench.monitoring import MonitoredQuantity
    >>> import torch
    >>> class Total(MonitoredQuantity):
    ...     def initialize(self):
    ...         self.total = 0.0
    ...     def aggregate(self, value):
    ...         self.total += value.sum()
    ...     def get_aggregated_value(self):
    ...         return float(self.total)
    >>> buffer = MonitoredQuantityBuffer([Total(requires=[tensor.vector("x")], name="total")])
    >>> buffer.initialize_quantities()
    >>> for batch in ([1.0, 2.0], [3.0]):
    ...     buffer.aggregate_quantities([torch.tensor(batch)])
    >>> buffer.get_aggregated_values()
    {'total': 6.0}
    """

    def __init__(self, quantities: Sequence[MonitoredQuantity]) -> None:
        check_names(quantities)
        self.quantities = list(quantities)
        self.quantity_names = [str(quantity.name) for quantity in self.quantities]
        self.requires = _unique(v for quantity in self.quantities for v in quantity.requires)
        self.inputs = list(inputs_by_name(self.requires, "monitoring").values())
        self._places = _places(self.quantities, self.requires)

    def initialize_quantities(self) -> None:
        """Discard the results of all batches."""
        for quantity in self.quantities:
            quantity.initialize()

    def aggregate_quantities(self, numerical_values: Sequence[Any]) -> None:
        """Add a batch, given the values of `requires`."""
        values = [to_python(value) for value in numerical_values]
        for quantity, places in self._places:
            quantity.aggregate(*[values[i] for i in places])

    def get_aggregated_values(self) -> dict[str, Any]:
        """Return a dictionary of the values over all batches since `initialize_quantities`."""
        return {name: one.get_aggregated_value() for name, one in self.by_name().items()}

    def by_name(self) -> dict[str, MonitoredQuantity]:
        """Return a dictionary from names to quantities."""
        return dict(zip(self.quantity_names, self.quantities, strict=True))


class AggregationBuffer(Hinted):
    """Buffer that accumulates variables and monitored quantities over batches.

    For every batch, compute `requires`, apply `accumulation_updates`, and pass the values of
    `requires` to `aggregate`. The buffer keeps the state of schemes that are folds; all built-in
    schemes are folds. Other schemes keep their state in shared variables.

    Parameters
    ----------
    variables : list of Variable or MonitoredQuantity
        The variables and quantities, with unique names.
    use_take_last : bool, optional
        If True, variables that do not depend on data are computed for every batch, and the last
        value is kept. By default, these variables are computed once at the end.
    divided : bool, optional
        If True, batches are divided among processes, so that all weights must be numbers.

    Attributes
    ----------
    initialization_updates, accumulation_updates : list of pairs
        The updates of schemes that are not folds.
    readout_variables : dict of str to Variable
        The results of schemes that are not folds, and the variables that do not depend on data.
    names : list of str
        Names of variables and quantities, in the given order.
    quantities : MonitoredQuantityBuffer
        The buffer of the quantities among `variables`.
    requires : list of Variable
        The variables whose values must be passed to `aggregate` for every batch.
    inputs : list of Variable
        The inputs of all computed variables.

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

    def __init__(
        self,
        variables: Sequence[Monitored],
        use_take_last: bool = False,
        *,
        divided: bool = False,
    ) -> None:
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
            scheme = scheme_for(variable, use_take_last)
            self._add(variable, counted(scheme) if divided else scheme)
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
        # A subclass of a fold may define a different aggregator.
        if isinstance(scheme, Fold) and type(scheme).get_aggregator is Fold.get_aggregator:
            self.folds[name] = FoldAccumulator(scheme, name)
            return
        aggregator = scheme.get_aggregator()
        if aggregator.readout_variable is None:
            raise errors.MonitoringError(
                f"the aggregator of {name!r}, created by {scheme!r}, has no readout_variable; "
                "get_aggregator must pass a readout_variable to Aggregator"
            )
        self.initialization_updates += aggregator.initialization_updates
        self.accumulation_updates += aggregator.accumulation_updates
        self.readout_variables[name] = aggregator.readout_variable

    def initialize_aggregators(self) -> None:
        """Discard the results of all batches."""
        for one in self.folds.values():
            one.initialize()
        self.quantities.initialize_quantities()
        if self.initialization_updates:
            if self._initialize is None:
                self._initialize = function([], [], updates=self.initialization_updates)
            self._initialize()

    def aggregate(self, values: Sequence[Any]) -> None:
        """Add a batch, given the values of `requires`."""
        for fold, places in self._places:
            fold.aggregate(*[values[i] for i in places])
        if len(values) > self._split:
            self.quantities.aggregate_quantities(values[self._split :])

    def get_aggregated_values(self) -> dict[str, Any]:
        """Return the values over all batches since `initialize_aggregators`.

        Returns
        -------
        dict
            A dictionary from names to values, which are Python numbers for scalars and arrays for
            all other variables.

        Raises
        ------
        MonitoringError
            If a variable depends on data and there was no batch.
        """
        found = {name: one.get_aggregated_value() for name, one in self._accumulators().items()}
        if self.readout_variables:
            if self._read is None:
                self._read = function([], list(self.readout_variables.values()))
            found |= zip(self.readout_variables, map(to_python, self._read()), strict=True)
        return {name: found[name] for name in self.names}

    def state_dict(self) -> dict[str, Any]:
        """Return the state of folds and quantities, for `load_state_dict`."""
        return {name: one.state_dict() for name, one in self._accumulators().items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore the state that `state_dict` returned.

        Raises
        ------
        StateError
            If `state` was saved for other variables.
        """
        accumulators = self._accumulators()
        if set(state) != set(accumulators):
            raise errors.StateError(
                f"the monitoring state must contain {_names(accumulators)}, but contains "
                f"{_names(state)}; monitor the variables of the saved state"
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
