"""Base classes of aggregation schemes.

A *fold* is a scheme with a state. It defines which variables are computed for every batch, and how
their values change the state. Evaluators and training keep the state outside the graph, in double
precision, at the cost of a few additions for each batch (`workbench.monitoring.accumulate`). For
custom functions, `get_aggregator` expresses the fold as updates of shared variables.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any

import torch

from workbench import errors
from workbench.attributes import KnownAttributes
from workbench.hints import Hinted
from workbench.tensor import SharedVariable, Variable, as_variable, shared

State = tuple[Any, ...]
"""The running state of a fold, a tuple of numbers, tensors or variables."""


class Aggregator(Hinted):
    """Aggregation scheme expressed as a result and updates of shared variables.

    Parameters
    ----------
    aggregation_scheme : AggregationScheme
    initialization_updates : list of pairs, optional
        Shared variables and their values before the first batch.
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


class AggregationScheme(KnownAttributes, Hinted, ABC):
    """Base class of rules that aggregate the values of a variable over many batches.

    Parameters
    ----------
    variable : Variable
        The variable, which is computed for every batch.

    Examples
    --------
    >>> from workbench import tensor
    >>> class First(AggregationScheme):
    ...     def get_aggregator(self):
    ...         value = shared(torch.tensor(float("nan")), "value")
    ...         kept = torch.where(torch.isnan(value), self.variable, value)
    ...         return Aggregator(
    ...             self,
    ...             initialization_updates=[(value, torch.tensor(float("nan")))],
    ...             accumulation_updates=[(value, kept)],
    ...             readout_variable=value,
    ...         )
    >>> x = tensor.vector("x")
    >>> first = x.sum().copy(name="first")
    >>> first.tag.aggregation_scheme = First(first)

    >>> from workbench.monitoring import DatasetEvaluator
    >>> from workbench.data import as_stream
    >>> DatasetEvaluator([first]).evaluate(as_stream([{"x": [1.0, 2.0]}, {"x": [5.0]}]))
    {'first': 3.0}
    """

    def __init__(self, variable: Variable) -> None:
        self.variable = variable

    @abstractmethod
    def get_aggregator(self) -> Aggregator:
        """Create an aggregator with new shared variables.

        Returns
        -------
        Aggregator
        """

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.variable!r})"


class Fold(AggregationScheme):
    """Base class of schemes that keep a state and update it with every batch.

    `start`, `take` and `result` must work for numbers, tensors and variables.

    Attributes
    ----------
    requires : list of Variable
        The variables to compute for every batch.
    """

    requires: list[Variable]

    def __init__(self, variable: Variable) -> None:
        super().__init__(variable)
        self.requires = [variable]

    keeps_single: bool = False
    """True if, for a scalar and a single batch, the result is the value of `requires[0]`."""

    element_by_element: bool = True
    """True if the values of all batches must have the same shape."""

    grows: bool = False
    """True if the state grows with the data and therefore cannot be a shared variable."""

    doubt: str | None = None
    """Reason why the result may differ from the value on the whole dataset; None if it cannot."""

    @abstractmethod
    def start(self) -> State:
        """Return the state before the first batch, as numbers."""

    @abstractmethod
    def take(self, state: State, *values: Any) -> State:
        """Return the state after one more batch; `values` are the values of `requires`."""

    def admit(self, value: Any) -> Any:
        """Convert the value of a variable before it is passed to `take`.

        A scalar on the CPU becomes a number. Other values stay on their device, so that training
        does not wait for a GPU.
        """
        if isinstance(value, torch.Tensor) and value.is_cpu and value.dim() == 0:
            return value.item()
        return value

    @abstractmethod
    def result(self, state: State) -> Any:
        """Return the aggregated value."""

    def get_aggregator(self) -> Aggregator:
        """Create an aggregator with new shared variables.

        Returns
        -------
        Aggregator

        Raises
        ------
        MonitoringError
            If the state grows with the data, or if its size is unknown.
        """
        if self.grows:
            raise errors.MonitoringError(
                f"the state of {self!r} grows with the data, so it cannot be a shared variable; "
                "use DatasetEvaluator, or the monitoring extensions"
            )
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
                f"the state of {self!r} has an unknown size, so it cannot be a shared variable; "
                "use DatasetEvaluator, or the monitoring extensions"
            )
        dtype = torch.float64 if new.dtype.is_floating_point else new.dtype
        zeros = torch.zeros(tuple(new.shape), dtype=dtype)
        return shared(zeros, f"{self.variable!r}_{type(self).__name__.lower()}_{i}")
