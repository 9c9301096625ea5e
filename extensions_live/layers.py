"""`Layers`, an overview of all layers in a network over the whole run."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from extensions_live.bounded_history import History
from extensions_live.distributions import (
    Distributions,
    activations,
    dependent,
    numbered,
    scalar_of,
)
from extensions_live.messages import ChooseMessage, LayersPayload
from extensions_live.picking import pick
from extensions_live.probe_view import ProbeView
from extensions_live.pump import pump
from extensions_live.widget import asset
from workbench.errors import SessionError
from workbench.filter import get_brick
from workbench.graph import ComputationGraph
from workbench.graph.hierarchy import Component
from workbench.graph.selection import chosen
from workbench.interfaces import Probe, Session
from workbench.monitoring.graph_copy import GraphCopy, names_of
from workbench.roles import OUTPUT, PARAMETER
from workbench.tensor import SharedVariable, Variable

METRICS = {
    "gradient": "gradient norm",
    "update": "update / weight",
    "dead": "dead units",
    "weight": "weight norm",
}
"""The quantities that are shown for a layer, with their names on the page."""

HEADS = ["layer", *METRICS.values()]

MOST_LAYERS = 64

NO_GRAPH = "the second argument of {view}() must be the model, such as Model(cost), not {given!r}"
TOO_MANY = "only the first {most} of {count} layers are shown; choose others with select=..."
NO_COST = "gradients require a cost; pass cost=..."


class Layers(ProbeView[LayersPayload]):
    """Overview of all layers as a heat map over layers and time; a click opens a histogram.

    The overview shows four quantities for bricks with parameters, and only the last of these
    quantities for activations:

    - the norm of the gradient of the parameters, on fixed examples;
    - the norm of one actual training step, divided by the norm of the parameters (about 0.001 is
      common);
    - the norm of the parameters;
    - the share of dead units, whose output is the same for all examples.

    Training is not affected, and nothing is computed while no page shows the view.

    Parameters
    ----------
    session : Session
        The run to watch.
    graph : ComputationGraph
        The model that is trained, such as ``Model(cost)``.
    select : criterion, optional
        The parameters whose bricks are shown; see `workbench.filter.as_predicate`.
    batch : mapping of str to array, optional
        The examples, keyed by source; by default the first batch of the training data.
    cost : Variable, optional
        The cost whose gradients are shown; by default the only scalar output of the graph.
    title : str, optional

    Raises
    ------
    SessionError
        If the session does not train the parameters of the graph.
    SelectionError
        If nothing is selected.

    Examples
    --------
    In a notebook, a cell that ends with ``Layers(session, model)`` shows the view.
    """

    _esm = asset("layers.js")

    def __init__(
        self,
        session: Session,
        graph: ComputationGraph,
        select: Any = None,
        *,
        batch: Mapping[str, Any] | None = None,
        cost: Variable | None = None,
        title: str = "",
    ) -> None:
        if not isinstance(graph, ComputationGraph):
            raise SessionError(NO_GRAPH.format(view="Layers", given=graph))
        self._graph = graph
        self._batch: Mapping[str, Any] | None = batch
        self._metric = "gradient"
        self._row = ""
        self._detail: Distributions | None = None
        self.note = ""
        cost = scalar_of(graph, cost)
        if isinstance(session, Session):
            self._prepare(session, select, cost)
        self.history: History[np.ndarray[Any, Any]] = History()
        super().__init__(session, title=title)

    def _prepare(self, session: Session, criterion: Any, cost: Variable | None) -> None:
        known = session.variables
        found = chosen(PARAMETER if criterion is None else criterion, self._graph, "Layers")
        parameters = [v for v in dict.fromkeys(found) if isinstance(v, SharedVariable)]
        named = names_of(parameters, known, session.name)
        by_brick: dict[Component | None, list[str]] = {}
        for name, variable in named.items():
            by_brick.setdefault(get_brick(variable), []).append(name)
        outputs: dict[Component | None, Variable] = {}
        try:
            candidates = activations(self._graph, OUTPUT, "Layers")
        except SessionError:
            candidates = []
        for output in candidates:
            brick = get_brick(output)
            if brick is None or brick.children:
                continue
            if brick in by_brick or (criterion is None and output.ndim > 1):
                outputs[brick] = output
        order = list(dict.fromkeys(_in_order(self._graph, by_brick, outputs)))
        while order[-1] not in by_brick:  # these bricks compute the cost
            order.pop()
        if len(order) > MOST_LAYERS:
            self.note = TOO_MANY.format(most=MOST_LAYERS, count=len(order))
            order = order[:MOST_LAYERS]
        if cost is None:
            self.note = "; ".join(filter(None, [self.note, NO_COST]))
        self.rows = numbered([_name(brick, by_brick) for brick in order])
        self._parameters = [by_brick.get(brick, []) for brick in order]
        self._with_parameters = [i for i, names in enumerate(self._parameters) if names]
        self._with_output = [i for i, brick in enumerate(order) if brick in outputs]
        self._named = {name: named[name] for names in self._parameters for name in names}
        inside = set(dependent(cost, self._named.values()))
        self._differentiated = {name: v for name, v in self._named.items() if v in inside}
        self._copy = GraphCopy(
            [outputs[order[i]] for i in self._with_output],
            cost=cost,
            wrt=list(self._differentiated.values()),
            known=known,
            session=session.name,
        )
        self._outputs = {self.rows[i]: outputs[order[i]] for i in self._with_output}
        self._cost = cost
        self._known, self._session_name = known, session.name

    def ask(self, session: Session) -> Probe:
        names = dict.fromkeys([*self._copy.names, *self._named])
        return session.probe(names, steps=True, batch=self._batch is None)

    def see(self, probe: Probe) -> None:
        if self._batch is None:
            self._batch = probe.batch
        results = self._copy(probe.values, self._batch)
        count = len(self._with_output)
        outputs = dict(zip(self._with_output, results[:count], strict=True))
        gradients = dict(zip(self._differentiated, results[count:], strict=True))
        found = np.full((len(METRICS), len(self.rows)), np.nan, np.float32)
        for i, names in enumerate(self._parameters):
            weight = norm(probe.values[name] for name in names) if names else math.nan
            found[3, i] = weight
            if any(name in gradients for name in names):
                found[0, i] = norm(gradients[name] for name in names if name in gradients)
            if names and probe.steps:
                step = norm(probe.steps[name] for name in names)
                found[1, i] = step / weight if weight else math.nan
            if i in outputs:
                found[2, i] = dead(outputs[i])
        assert probe.iteration is not None
        last = self.history
        if not probe.steps and len(last) and last.iterations[-1] == probe.iteration:
            found[1] = last.records[-1][1]  # the step that was seen at this iteration
        self.history.add(probe.iteration, found)
        if self._detail is not None:
            self._detail.see(probe, self._batch)

    def contents(self) -> LayersPayload | None:
        if not len(self.history):
            return None
        metric, detail = self._metric, self._detail
        index = list(METRICS).index(metric)
        kept = self._with_output if metric == "dead" else self._with_parameters
        values = np.stack([record[index, kept] for record in self.history.records], axis=1)
        usable = values[np.isfinite(values)]
        return {
            "metrics": [[name, text] for name, text in METRICS.items()],
            "metric": metric,
            "rows": [self.rows[i] for i in kept],
            "row": self._row,
            "iterations": np.array(self.history.iterations, np.float64).tobytes(),
            "values": np.ascontiguousarray(values, np.float32).tobytes(),
            "low": float(usable.min()) if usable.size else None,
            "high": float(usable.max()) if usable.size else None,
            "detail": detail.packed([detail.kind]) if detail and len(detail.history) else None,
            "note": "; ".join(filter(None, [self.note_of(self.history.iterations[-1]), self.note])),
        }

    def table(self) -> tuple[Sequence[str], Sequence[Sequence[str]]]:
        if not len(self.history):
            return HEADS, []
        last = self.history.records[-1]
        return HEADS, [
            [row, *("" if math.isnan(value) else f"{value:.3g}" for value in last[:, i])]
            for i, row in enumerate(self.rows)
        ]

    def choose(self, content: ChooseMessage) -> None:
        what, value = content["what"], content["value"]
        if what == "metric" and value in METRICS:
            self._metric = value
        elif what == "name" and self._detail is not None:
            self._detail.choose(value)
        elif what == "row":
            self._open(value)
            self._share(value)
        pump.nudge(self)

    def _share(self, row: str) -> None:
        """Make the other views of the session show the brick of a row."""
        session = self.subject
        if session is not None and row in self.rows and row.startswith("/"):
            path, _, number = row.partition(" (")
            place = int(number.removesuffix(")")) - 1 if number else 0
            self._followed = pick(session, path, place).number

    def show_brick(self, path: str, place: int) -> None:
        wanted = path if place == 0 else f"{path} ({place + 1})"
        inside = [row for row in self.rows if row.startswith(f"{path}/")]
        row = wanted if wanted in self.rows else next(iter(inside), "")
        if row and row != self._row:
            self._open(row)

    def _open(self, row: str) -> None:
        """Show the distributions of one layer's parameters, or of an activation's output."""
        session = self.subject
        if row not in self.rows or session is None:
            self._row, self._detail = "", None
            return
        names = self._parameters[self.rows.index(row)]
        kind: Any = "parameters" if names else "activations"
        parameters = [self._named[name] for name in names]
        criterion = parameters if names else [self._outputs[row]]
        self._detail = Distributions(
            session, self._graph, criterion, kind, cost=self._cost, user="Layers"
        )
        self._row = row
        self._moment = None


def norm(tensors: Any) -> float:
    """Return the L2 norm of all elements of some tensors, without intermediate overflow.

    Examples
    --------
    >>> norm([torch.tensor([3.0]), torch.tensor([[4.0]])])
    5.0
    """
    return math.hypot(*(float(torch.linalg.vector_norm(t.double())) for t in tensors))


def dead(output: torch.Tensor) -> float:
    """Return the share of units whose output is the same for all examples.

    Units are along the second axis of outputs with four axes, such as images, and along the last
    axis of all other outputs.

    Examples
    --------
    >>> dead(torch.tensor([[0.0, 1.0], [0.0, 2.0]]))
    0.5
    """
    axis = 1 if output.ndim in (2, 4) else output.ndim - 1
    rows = output.movedim(axis, 0).reshape(output.shape[axis], -1)
    if not rows.numel() or rows.shape[1] < 2:
        return math.nan
    return float((rows == rows[:, :1]).all(1).double().mean())


def _in_order(graph: ComputationGraph, *groups: Mapping[Component | None, Any]) -> Any:
    """Yield the bricks among the keys of `groups` in the graph's order, then all keys.

    Most bricks are therefore yielded more than once.
    """
    for variable in graph.variables:
        brick = get_brick(variable)
        if OUTPUT.selects(variable) and any(brick in group for group in groups):
            yield brick
    for group in groups:
        yield from group


def _name(brick: Component | None, by_brick: Mapping[Component | None, list[str]]) -> str:
    return f"/{brick.path()}" if brick is not None else ", ".join(by_brick[None])
