"""The base of aggregation schemes, and of those that take batches in one after the other.

A *fold* names what to compute for every batch, and how a state takes it in. That one definition
serves twice. Evaluators and training keep the state outside of the graph, in double precision, at
the cost of a few additions a batch (`workbench.monitoring.accumulate`); `get_aggregator` puts the
same into the graph as updates of shared variables, for functions of one's own.
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
"""The running state of a fold: numbers, tensors, or variables."""


class Aggregator(Hinted):
    """A scheme as updates of a graph: before the first, for every, and after the last batch.

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


class AggregationScheme(KnownAttributes, Hinted, ABC):
    """A rule by which the value of a variable over many batches is computed.

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

    grows: bool = False
    """Whether the state grows with the data, so that it has no form as updates."""

    doubt: str | None = None
    """Why the value over several batches may not be what is meant."""

    @abstractmethod
    def start(self) -> State:
        """Return the state before any batch: numbers."""

    @abstractmethod
    def take(self, state: State, *values: Any) -> State:
        """Return the state after one more batch, in which `requires` have `values`."""

    def admit(self, value: Any) -> Any:
        """Return a value of `requires` as `take` gets it, outside of a graph.

        Numbers are read at once where that costs nothing; others stay on their device, so that
        training does not wait for a GPU.
        """
        if isinstance(value, torch.Tensor) and value.is_cpu and value.dim() == 0:
            return value.item()
        return value

    @abstractmethod
    def result(self, state: State) -> Any:
        """Return the aggregated value."""

    def get_aggregator(self) -> Aggregator:
        """Make an aggregator, with shared variables of its own.

        Returns
        -------
        Aggregator

        Raises
        ------
        MonitoringError
            If the state grows, or its size is not known before there are values.
        """
        if self.grows:
            raise errors.MonitoringError(
                f"{self!r} has a state that grows, which a shared variable cannot hold; use "
                "DatasetEvaluator, or the monitoring extensions"
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
                f"{self!r} has a state of unknown size, which a shared variable cannot hold; use "
                "DatasetEvaluator, or the monitoring extensions"
            )
        dtype = torch.float64 if new.dtype.is_floating_point else new.dtype
        zeros = torch.zeros(tuple(new.shape), dtype=dtype)
        return shared(zeros, f"{self.variable!r}_{type(self).__name__.lower()}_{i}")
