"""Quantities that the nodes of a board show while a session is training the model.

Each quantity is computed from copies of the parameters, on fixed examples, and in the mode of the
model on the board. If the value of a node is unknown, the node shows the reason instead.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Mapping
from statistics import median
from typing import Any

import torch

from extensions_live.distributions import dependent
from extensions_live.editor.known import Known
from extensions_live.editor.places import NO_VALUE, Place
from extensions_live.editor.times import Times
from extensions_live.layers import dead, norm
from workbench.monitoring.graph_copy import GraphCopy
from workbench.tensor import SharedVariable, Variable

RECENT = 9
"""Number of recent measurements used for a median time."""

GROUP = "this is a group; open the group to see the values of its nodes"
NO_PARAMETERS = "the node has no parameters"
NO_COST = "the model has no cost, so there are no gradients"
NOT_NEEDED = "the cost does not depend on the node's parameters"
WHOLE = "the output contains only integers"
NO_UNITS = "dead units require at least two examples and an output with several units"
DATA = "inputs of the model take no time"

Values = Mapping[str, torch.Tensor]
Batch = Mapping[str, Any]


class Measure:
    """Base class of quantities that are computed for some nodes.

    Parameters
    ----------
    known : Known
    places : dict of str to Place
        The places of the nodes.
    sources : iterable of str
        The sources of the examples.

    Attributes
    ----------
    names : list of str
        The names of the required session variables.
    reasons : dict of str to str
        The reasons why nodes have no value, keyed by node.
    details : dict of str to str
        Additional text about the value of a node, such as the name of the output.
    """

    def __init__(self, known: Known, places: Mapping[str, Place], sources: Iterable[str]) -> None:
        self.names: list[str] = []
        self.reasons: dict[str, str] = {}
        self.details: dict[str, str] = {}
        self._known, self._sources = known, list(sources)
        for node, place in places.items():
            reason = self._prepare(node, place)
            if reason:
                self.reasons[node] = reason
        self._prepared()

    def _prepare(self, node: str, place: Place) -> str:
        """Prepare the computation of a node's value, or return the reason why it has no value."""
        raise NotImplementedError

    def _prepared(self) -> None:
        """Copy the graph after all nodes have been prepared."""

    def __call__(self, values: Values, batch: Batch) -> dict[str, float]:
        """Return a dictionary that maps nodes to values; nodes without a value are omitted.

        Parameters
        ----------
        values : dict of str to torch.Tensor
            The values of the variables in `names`.
        batch : dict of str to array
            The examples, keyed by source.
        """
        raise NotImplementedError


class Activation(Measure):
    """The L2 norm of a node's first real-valued output."""

    def __init__(self, known: Known, places: Mapping[str, Place], sources: Iterable[str]) -> None:
        self._chosen: dict[str, Variable] = {}
        self._copy: GraphCopy | None = None
        super().__init__(known, places, sources)

    def _prepare(self, node: str, place: Place) -> str:
        if place.is_group:
            return GROUP
        if not place.outputs:
            return NO_VALUE
        real = [pair for pair in place.outputs.items() if _is_real(pair[1])]
        if not real:
            return WHOLE
        name, output = real[0]
        reason = self._known.reason(output, self._sources)
        if not reason:
            self._chosen[node] = output
            self.details[node] = f"of its output {name}" if len(place.outputs) > 1 else ""
        return reason

    def _prepared(self) -> None:
        if self._chosen:
            self._copy = self._known.copy(list(self._chosen.values()))
            self.names = self._copy.names

    def outputs(self, values: Values, batch: Batch) -> dict[str, torch.Tensor]:
        """Return a dictionary that maps each prepared node to its chosen output."""
        if self._copy is None:
            return {}
        return dict(zip(self._chosen, self._copy(values, batch), strict=True))

    def __call__(self, values: Values, batch: Batch) -> dict[str, float]:
        return {node: norm([output]) for node, output in self.outputs(values, batch).items()}


class Dead(Activation):
    """The share of a node's units whose output is the same for all examples."""

    def __call__(self, values: Values, batch: Batch) -> dict[str, float]:
        found = {}
        for node, output in self.outputs(values, batch).items():
            share = dead(output) if output.ndim > 1 else math.nan
            if math.isnan(share):
                self.reasons[node] = NO_UNITS
            else:
                found[node] = share
        return found


class Gradient(Measure):
    """The L2 norm of the cost's gradient with respect to all parameters of a node."""

    def __init__(self, known: Known, places: Mapping[str, Place], sources: Iterable[str]) -> None:
        self._wanted: dict[str, list[SharedVariable]] = {}
        self._wrt: list[SharedVariable] = []
        self._copy: GraphCopy | None = None
        self._cost = known.places.built.cost
        self._inside = set(dependent(self._cost, known.names))
        self._reason = NO_COST if self._cost is None else known.reason(self._cost, list(sources))
        super().__init__(known, places, sources)

    def _prepare(self, node: str, place: Place) -> str:
        if not place.parameters:
            return NO_PARAMETERS
        own = [parameter for parameter in place.parameters if parameter in self._inside]
        if not self._reason and own:
            self._wanted[node] = own
        return self._reason or ("" if own else NOT_NEEDED)

    def _prepared(self) -> None:
        every = [parameter for several in self._wanted.values() for parameter in several]
        self._wrt = list(dict.fromkeys(every))
        if self._wrt:
            self._copy = self._known.copy([], cost=self._cost, wrt=self._wrt)
            self.names = self._copy.names

    def __call__(self, values: Values, batch: Batch) -> dict[str, float]:
        if self._copy is None:
            return {}
        found = dict(zip(self._wrt, self._copy(values, batch), strict=True))
        return {node: norm(found[one] for one in several) for node, several in self._wanted.items()}


class Time(Measure):
    """The median time in seconds that a node's operations take on the examples."""

    def __init__(self, known: Known, places: Mapping[str, Place], sources: Iterable[str]) -> None:
        self._chosen: dict[str, Place] = {}
        self._times: Times | None = None
        self._recent: dict[str, deque[float]] = {}
        super().__init__(known, places, sources)

    def _prepare(self, node: str, place: Place) -> str:
        if place.is_group:
            return GROUP
        if not place.outputs:
            return NO_VALUE
        if not place.given:
            return DATA
        reasons = (self._known.reason(one, self._sources) for one in place.outputs.values())
        reason = next(filter(None, reasons), "")
        if not reason:
            self._chosen[node] = place
            self._recent[node] = deque(maxlen=RECENT)
        return reason

    def _prepared(self) -> None:
        if self._chosen:
            self._times = Times(self._known, self._chosen)
            self.names = self._times.names

    def __call__(self, values: Values, batch: Batch) -> dict[str, float]:
        if self._times is None:
            return {}
        if not any(self._recent.values()):
            self._times(values, batch)  # the first operations of a kind take longer
        for node, seconds in self._times(values, batch).items():
            self._recent[node].append(seconds)
        return {node: median(seconds) for node, seconds in self._recent.items()}


class Share(Measure):
    """A node's share of the model's parameters."""

    def __init__(self, known: Known, places: Mapping[str, Place], sources: Iterable[str]) -> None:
        self._total = _count(known.parameters)
        self._found: dict[str, float] = {}
        super().__init__(known, places, sources)

    def _prepare(self, node: str, place: Place) -> str:
        if not place.parameters:
            return NO_PARAMETERS
        number = _count(place.parameters)
        self._found[node] = number / self._total
        self.details[node] = f"{number:,} of {self._total:,}"
        return ""

    def __call__(self, values: Values, batch: Batch) -> dict[str, float]:
        return self._found


MEASURES: dict[str, type[Measure]] = {
    "activation": Activation,
    "gradient": Gradient,
    "dead": Dead,
    "time": Time,
    "parameters": Share,
}
"""The quantities, keyed by the names that Python and the page use."""


def _is_real(one: Variable) -> bool:
    return not one.is_number and one.dtype.is_floating_point


def _count(parameters: Iterable[SharedVariable]) -> int:
    return sum(parameter.tensor.numel() for parameter in parameters)
