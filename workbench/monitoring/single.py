"""Fast path for monitoring, which returns the values of a single batch without aggregation.

Values that are recorded after every batch need no aggregation. If no scheme changes the value of a
single batch, the last batch is only stored, and is aggregated when the next batch is added. If the
result is read before then, it consists of the stored values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from workbench.monitoring.accumulate import AggregationBuffer, Monitored
from workbench.utils.values import to_python


def buffer_of(
    monitored: Sequence[Monitored], use_take_last: bool = False, *, divided: bool = False
) -> AggregationBuffer | SingleBatchBuffer:
    """Return a buffer for the monitored variables that uses the fast path if possible."""
    buffer = AggregationBuffer(monitored, use_take_last, divided=divided)
    places = _places(buffer)
    return buffer if places is None else SingleBatchBuffer(buffer, places)


def _places(buffer: AggregationBuffer) -> list[tuple[str, int]] | None:
    """Return each name and the index of its value, or None if a scheme might change a value."""
    schemes = [one.scheme for one in buffer.folds.values()]
    if len(schemes) < len(buffer.names) or not all(
        scheme.keeps_single and scheme.requires[0].ndim == 0 for scheme in schemes
    ):
        return None
    places = {variable: i for i, variable in enumerate(buffer.requires)}
    return [(n, places[s.requires[0]]) for n, s in zip(buffer.names, schemes, strict=True)]


class SingleBatchBuffer:
    """Buffer that delays the aggregation of the last batch, which is often the only batch.

    Parameters
    ----------
    buffer : AggregationBuffer
        The buffer that aggregates batches if there are several.
    places : list of pairs
        The names of the values, each with the index of its variable in `requires`.

    Attributes
    ----------
    names, requires, accumulation_updates
        The attributes of `buffer` with the same names.
    """

    def __init__(self, buffer: AggregationBuffer, places: list[tuple[str, int]]) -> None:
        self.names = buffer.names
        self.variables, self.quantities = buffer.variables, buffer.quantities
        self.folds = buffer.folds
        self.requires = buffer.requires
        self.accumulation_updates = buffer.accumulation_updates
        self._buffer = buffer
        self._places = places
        self._waiting: Sequence[Any] | None = None
        self._used = True  # True if the buffer must be initialised

    def initialize_aggregators(self) -> None:
        """Discard all batches."""
        self._waiting = None
        if self._used:
            self._buffer.initialize_aggregators()
            self._used = False

    def aggregate(self, values: Sequence[Any]) -> None:
        """Add the values of `requires` for another batch."""
        if self._waiting is not None:
            self._take_waiting()
        self._waiting = values

    def _take_waiting(self) -> None:
        values, self._waiting = self._waiting, None
        if values is not None:
            self._used = True
            self._buffer.aggregate(values)

    def on_device(self) -> dict[str, torch.Tensor] | None:
        """Return a single batch's values by name, or None if some are not on an accelerator."""
        waiting = self._waiting
        if waiting is None or self._used or not self._places:
            return None
        for _, place in self._places:
            value = waiting[place]
            if not isinstance(value, torch.Tensor) or value.is_cpu:
                return None
        return {name: waiting[place] for name, place in self._places}

    def get_aggregated_values(self) -> dict[str, Any]:
        """Return the values aggregated since `initialize_aggregators` was called, keyed by name."""
        waiting = self._waiting
        if waiting is not None and not self._used:
            return {name: to_python(waiting[place]) for name, place in self._places}
        self._take_waiting()
        return self._buffer.get_aggregated_values()

    def state_dict(self) -> dict[str, Any]:
        """Return the state of the buffer, including the last batch, for `load_state_dict`."""
        self._take_waiting()
        return self._buffer.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore the state that `state_dict` returned."""
        self._buffer.load_state_dict(state)
        self._waiting, self._used = None, True
