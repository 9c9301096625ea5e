"""Evaluators: values of variables and quantities over a data set.

`AggregationBuffer` holds what batches have given so far for variables, `MonitoredQuantityBuffer`
for quantities that are not symbolic; `Aggregation` is both, for code that runs the batches itself,
such as a training step; `DatasetEvaluator` runs them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import torch

from workbench import errors
from workbench.algorithms.base import Batch, inputs_by_name, missing_source
from workbench.hints import Hinted
from workbench.monitoring.aggregation import (
    AggregationScheme,
    Fold,
    MonitoredQuantity,
    Running,
    TakeLast,
    _DataIndependent,
    check_names,
    scheme_of,
)
from workbench.names import explain_missing
from workbench.tensor import Function, SharedVariable, Variable, function, shared
from workbench.tensor.function import Updates
from workbench.tensor.traversal import ancestors, replace
from workbench.utils.values import to_python

__all__ = [
    "AggregationBuffer",
    "DatasetEvaluator",
    "MonitoredQuantityBuffer",
]

Monitored = Variable | MonitoredQuantity

NO_STREAM = (
    "monitoring of {names}: evaluate takes a data stream, got {given:.80}; "
    "workbench.data.as_stream(...) makes one of a DataLoader or of a list of batches"
)


@runtime_checkable
class Epochs(Protocol):
    """What evaluation needs of a data stream."""

    def get_epoch_iterator(self, as_dict: bool = False) -> Iterator[Any]:
        """Start an epoch."""


class AggregationBuffer(Hinted):
    """What batches have given so far for a list of variables.

    For every batch, compute `requires`, do `accumulation_updates`, and hand the values of the
    former to `aggregate`. Schemes that are folds, as all of the workbench are, keep their state
    here; others bring updates of shared variables.

    Parameters
    ----------
    variables : list of Variable
        Recorded under their names, which must be unique.
    use_take_last : bool, optional
        Compute variables that depend on no data for every batch too, and take the last value,
        instead of computing them once when asked.

    Attributes
    ----------
    initialization_updates, accumulation_updates : list of pairs
        Of the schemes that are no folds.
    readout_variables : dict of str to Variable
        Of the schemes that are no folds, and the variables that depend on no data.
    requires : list of Variable
        What `aggregate` needs of every batch.
    inputs : list of Variable
        What is needed to compute all this.

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

    def __init__(self, variables: Sequence[Variable], use_take_last: bool = False) -> None:
        check_names(variables)
        self.variables = list(variables)
        self.initialization_updates: list[tuple[SharedVariable, Any]] = []
        self.accumulation_updates: list[tuple[SharedVariable, Any]] = []
        self.readout_variables: dict[str, Variable] = {}
        self.running: dict[str, Running] = {}
        for variable in self.variables:
            self._add(variable, _scheme(variable, use_take_last))
        self.requires = _unique(v for run in self.running.values() for v in run.requires)
        self._places = _places(self.running.values(), self.requires)
        new_values = [new for _, new in self.accumulation_updates if isinstance(new, Variable)]
        self.inputs = list(inputs_by_name([*self.requires, *new_values], "monitoring").values())
        self._initialize: Function | None = None
        self._read: Function | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_initialize": None, "_read": None}

    def _add(self, variable: Variable, scheme: AggregationScheme) -> None:
        name = str(variable.name)
        # A subclass of a fold may make an aggregator of its own.
        if isinstance(scheme, Fold) and type(scheme).get_aggregator.__module__ == Fold.__module__:
            self.running[name] = Running(scheme, name)
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
        for run in self.running.values():
            run.initialize()
        if self.initialization_updates:
            if self._initialize is None:
                self._initialize = function([], [], updates=self.initialization_updates)
            self._initialize()

    def aggregate(self, values: Sequence[Any]) -> None:
        """Take in the values of `requires` for one batch."""
        for run, places in self._places:
            run.aggregate(*[values[i] for i in places])

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
        read: dict[str, Any] = {}
        if self.readout_variables:
            if self._read is None:
                self._read = function([], list(self.readout_variables.values()))
            read = dict(zip(self.readout_variables, map(to_python, self._read()), strict=True))
        return {
            name: self.running[name].get_aggregated_value() if name in self.running else read[name]
            for name in (str(variable.name) for variable in self.variables)
        }


class MonitoredQuantityBuffer(Hinted):
    """What batches have given so far for a list of quantities.

    Parameters
    ----------
    quantities : list of MonitoredQuantity
        Recorded under their names, which must be unique.

    Attributes
    ----------
    requires : list of Variable
        What they need of every batch.
    quantity_names : list of str
    inputs : list of Variable
        What is needed to compute `requires`.

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
        """Take in the values of `requires` for one batch."""
        values = [to_python(value) for value in numerical_values]
        for quantity, places in self._places:
            quantity.aggregate(*[values[i] for i in places])

    def get_aggregated_values(self) -> dict[str, Any]:
        """Read the values over all batches since `initialize_quantities`, by name."""
        return {
            name: quantity.get_aggregated_value()
            for name, quantity in zip(self.quantity_names, self.quantities, strict=True)
        }


class Aggregation:
    """Variables and quantities together, in the order given.

    Parameters
    ----------
    monitored : list of Variable or MonitoredQuantity
    use_take_last : bool, optional
        As for `AggregationBuffer`.

    Attributes
    ----------
    variables : AggregationBuffer
    quantities : MonitoredQuantityBuffer
    requires : list of Variable
        What `aggregate` needs of every batch.
    updates : list of pairs
        To be done with every batch.
    """

    def __init__(self, monitored: Sequence[Monitored], use_take_last: bool = False) -> None:
        check_names(monitored)
        self.names = [str(one.name) for one in monitored]
        self.variables = AggregationBuffer(
            [one for one in monitored if isinstance(one, Variable)], use_take_last
        )
        self.quantities = MonitoredQuantityBuffer(
            [one for one in monitored if isinstance(one, MonitoredQuantity)]
        )
        self.requires = [*self.variables.requires, *self.quantities.requires]
        self.updates = self.variables.accumulation_updates
        self._single = self._singles(monitored)
        self._waiting: Sequence[Any] | None = None
        self._begun = True

    def _singles(self, monitored: Sequence[Monitored]) -> list[tuple[str, int]] | None:
        """Where to read each name if there is only one batch; None if that is not so simple."""
        schemes = [run.scheme for run in self.variables.running.values()]
        if len(schemes) < len(monitored) or not all(
            scheme.keeps_single and scheme.requires[0].ndim == 0 for scheme in schemes
        ):
            return None
        places = {variable: i for i, variable in enumerate(self.requires)}
        return [(n, places[s.requires[0]]) for n, s in zip(self.names, schemes, strict=True)]

    def initialize(self) -> None:
        """Forget all batches."""
        self._waiting = None
        if self._begun:
            self.variables.initialize_aggregators()
            self.quantities.initialize_quantities()
            self._begun = self._single is None

    def aggregate(self, values: Sequence[Any]) -> None:
        """Take in the values of `requires` for one batch."""
        # a batch waits for the next one: often it is read first, and there is nothing to add up
        if self._waiting is not None:
            self._take_waiting()
        self._waiting = values
        if self._single is None:
            self._take_waiting()

    def _take_waiting(self) -> None:
        values, self._waiting = self._waiting, None
        if values is None:
            return
        self._begun = True
        n = len(self.variables.requires)
        self.variables.aggregate(values)
        if len(values) > n:
            self.quantities.aggregate_quantities(values[n:])

    def state_dict(self) -> dict[str, Any]:
        """What has been taken in outside of the graph, to be given to `load_state_dict`."""
        self._take_waiting()
        return {name: one.state_dict() for name, one in self._holders().items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go back to where `state_dict` was called.

        Raises
        ------
        StateError
            If `state` is that of other variables.
        """
        holders = self._holders()
        if set(state) != set(holders):
            raise errors.StateError(
                f"the state of monitoring is of {_names(state)}, but monitored are "
                f"{_names(holders)}"
            )
        self._waiting, self._begun = None, True
        for name, saved in state.items():
            holders[name].load_state_dict(saved)

    def _holders(self) -> dict[str, MonitoredQuantity]:
        """Those who keep what batches have given."""
        quantities = {str(quantity.name): quantity for quantity in self.quantities.quantities}
        return {**self.variables.running, **quantities}

    def _alone(self) -> dict[str, Any]:
        """What a single batch gave, by name, if that is all there is to read; else nothing."""
        if self._waiting is None or self._single is None or self._begun:
            return {}
        return {name: self._waiting[place] for name, place in self._single}

    def unread(self) -> dict[str, torch.Tensor] | None:
        """The values of a single batch by name, if they are on an accelerator still; else None."""
        values = self._alone()
        for value in values.values():
            if not isinstance(value, torch.Tensor) or value.is_cpu:
                return None
        return values or None

    def read(self) -> dict[str, Any]:
        """Read the values over all batches since `initialize`, by name."""
        if values := self._alone():
            return {name: to_python(value) for name, value in values.items()}
        self._take_waiting()
        values = self.variables.get_aggregated_values() | self.quantities.get_aggregated_values()
        return {name: values[name] for name in self.names}


class DatasetEvaluator(Hinted):
    """Computes the values of variables and quantities over a data set.

    Each variable is aggregated as its ``tag.aggregation_scheme`` says. Without one it gets the
    value of its expression on all data at once, however they are divided into batches, where that
    can be read off the expression: means, such as accuracies and the costs of bricks and of torch,
    ratios of sums, largest and smallest elements, and functions of these. What else depends on
    data, a sum over the batch for instance, is averaged over batches, with a warning if there are
    several. Variables that depend on no data are computed once.

    Parameters
    ----------
    variables : list of Variable or MonitoredQuantity
        Recorded under their names, which must be unique.
    updates : dict or pairs, optional
        Updates of shared variables to do with every batch, such as those of a random stream; not
        meant for parameters of the model.

    Raises
    ------
    MonitoringError
        If names are missing or not unique.

    Warns
    -----
    MonitoringWarning
        Of a variable that is averaged over several batches because nothing else follows.

    Examples
    --------
    >>> from workbench import tensor
    >>> from workbench.data import as_stream
    >>> x = tensor.vector("x")
    >>> average = x.mean().copy(name="average")
    >>> stream = as_stream([{"x": [1.0, 2.0]}, {"x": [6.0]}])
    >>> DatasetEvaluator([average]).evaluate(stream)
    {'average': 3.0}
    """

    def __init__(self, variables: Sequence[Monitored], updates: Updates | None = None) -> None:
        self._aggregation = Aggregation(variables)
        extra = updates.items() if isinstance(updates, Mapping) else updates or ()
        self.updates = [*self._aggregation.updates, *extra]
        new_values = [new for _, new in self.updates if isinstance(new, Variable)]
        roots = [*self._aggregation.requires, *new_values]
        inputs = inputs_by_name(roots, "monitoring")
        self._givens = _own_counters(roots, {target for target, _ in self.updates})
        self._inputs = inputs
        self._function = self._build()

    @property
    def names(self) -> list[str]:
        """The names of variables and quantities, in the order given."""
        return self._aggregation.names

    @property
    def changes(self) -> list[SharedVariable]:
        """The shared variables that evaluation changes, such as counters of random streams."""
        return [] if self._function is None else list(self._function.updates)

    def _build(self) -> Function | None:
        if not self._aggregation.requires and not self.updates:
            return None
        return function(
            list(self._inputs.values()),
            self._aggregation.requires,
            updates=self.updates,
            givens=self._givens,
            name=f"monitoring of {', '.join(self._aggregation.names)}",
        )

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_function": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._function = self._build()

    def initialize_aggregators(self) -> None:
        """Forget all batches."""
        self._aggregation.initialize()

    def process_batch(self, batch: Batch) -> None:
        """Take in a batch.

        Parameters
        ----------
        batch : dict
            An array for the name of each source; surplus ones are not looked at.

        Raises
        ------
        SourceError
            If a source is missing.
        """
        if self._function is None:
            return
        try:
            values = [batch[source] for source in self._inputs]
        except (LookupError, TypeError):
            raise missing_source(batch, list(self._inputs), self._users(batch)) from None
        self._aggregation.aggregate(self._function(*values))

    def _users(self, batch: Batch) -> str:
        """Whom a missing source concerns."""
        known = batch if isinstance(batch, Mapping) else ()
        missing = {source for source in self._inputs if source not in known}
        names = [
            str(one.name)
            for one in (
                *self._aggregation.variables.running.values(),
                *self._aggregation.quantities.quantities,
            )
            if missing & {v.name for v in ancestors(one.requires) if v.owner is None}
        ]
        return f"monitoring of {', '.join(map(repr, names or self._aggregation.names))}"

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
        return self._aggregation.read()

    def evaluate(
        self, data_stream: Any, between_batches: Callable[[], object] | None = None
    ) -> dict[str, Any]:
        """Compute the values over one epoch of a stream.

        Parameters
        ----------
        data_stream : AbstractDataStream
        between_batches : callable, optional
            Called after every batch; if it raises, evaluation ends.

        Returns
        -------
        dict
            As `get_aggregated_values`.

        Raises
        ------
        MonitoringError
            If `data_stream` is none.
        """
        if not isinstance(data_stream, Epochs):
            text = NO_STREAM.format(
                names=", ".join(self._aggregation.names), given=repr(data_stream)
            )
            raise errors.MonitoringError(text)
        self.initialize_aggregators()
        if self._function is not None:
            for batch in data_stream.get_epoch_iterator(as_dict=True):
                self.process_batch(batch)
                if between_batches is not None:
                    between_batches()
        return self.get_aggregated_values()


def _own_counters(
    variables: Iterable[Variable], updated: set[SharedVariable]
) -> dict[Variable, Variable]:
    """Shared variables that a call would change by itself, and others to change in their place.

    Such as the counters of random streams: to evaluate is not to change what is trained next.
    """
    own: dict[Variable, Variable] = {}
    for variable in ancestors(variables):
        if not isinstance(variable, SharedVariable) or variable in updated:
            continue
        if variable.default_update is not None:
            mine = shared(variable.tensor.clone(), variable.name, dtype=variable.dtype)
            mine.tag = variable.tag.copy()
            news = replace([variable.default_update], {variable: mine})
            mine.default_update = news[variable.default_update]
            own[variable] = mine
    return own


def _scheme(variable: Variable, use_take_last: bool) -> AggregationScheme:
    if "aggregation_scheme" in vars(variable.tag) or _depends_on_data(variable):
        return scheme_of(variable)
    return TakeLast(variable) if use_take_last else _DataIndependent(variable)


def _depends_on_data(variable: Variable) -> bool:
    return any(v.owner is None and not isinstance(v, SharedVariable) for v in ancestors([variable]))


def _names(names: Iterable[str]) -> str:
    return ", ".join(map(repr, names)) or "none"


def _unique(variables: Iterable[Variable]) -> list[Variable]:
    return list(dict.fromkeys(variables))


def _places(
    quantities: Iterable[MonitoredQuantity], requires: Sequence[Variable]
) -> list[tuple[Any, list[int]]]:
    """Each quantity with the indices of what it needs."""
    index = {variable: i for i, variable in enumerate(requires)}
    return [(one, [index[v] for v in one.requires]) for one in quantities]


explain_missing(__name__)
