"""`Histogram`: distributions of parameters, gradients and activations over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from extensions_live.distributions import KINDS, Distributions, Kind, checked, scalar_of
from extensions_live.layers import NO_GRAPH
from extensions_live.messages import ChooseMessage, DistributionsPayload
from extensions_live.picking import pick
from extensions_live.probe_view import ProbeView
from extensions_live.pump import pump
from extensions_live.widget import asset
from workbench.errors import SessionError, WorkbenchError
from workbench.graph import ComputationGraph
from workbench.interfaces import Probe, Session
from workbench.tensor import Variable

HEADS = ["variable", "mean", "deviation", "lowest", "highest", "zeros"]


class Histogram(ProbeView[DistributionsPayload]):
    """Histogram of values inside a network, with a slider that selects the iteration.

    Gradients and activations are computed on fixed examples, in the mode of the given graph, and
    with copies of the parameters, so training is not affected. The history begins when the view is
    first shown; nothing is computed while no page shows the view.

    Parameters
    ----------
    session : Session
        The run to watch.
    graph : ComputationGraph, optional
        The model that is trained, such as ``Model(cost)``. Without a graph, only parameters are
        shown.
    select : criterion, optional
        The variables to show: a role, a brick, a path, a pattern and so on; see
        `workbench.filter.as_predicate`. By default, all parameters are shown or, for activations,
        the outputs of all bricks. Without a graph, pass names of parameters.
    of : {'parameters', 'gradients', 'activations'}
        The kind of values to show first.
    batch : mapping of str to array, optional
        The examples for gradients and activations, keyed by source; by default the first batch of
        the training data.
    cost : Variable, optional
        The cost whose gradients are shown; by default the only scalar output of the graph.
    title : str, optional

    Raises
    ------
    SessionError
        If the session does not train the parameters of the graph, or if an option is not valid.
    SelectionError
        If nothing is selected.

    Examples
    --------
    In a notebook, ``Histogram(session, model)`` as the last line of a cell shows the view.

    >>> from workbench.main_loop import MainLoop
    >>> class Nothing:
    ...     def initialize(self): pass
    ...     def process_batch(self, batch): pass
    >>> session = MainLoop(Nothing(), [{"x": [1]}]).start(paused=True)
    >>> Histogram(session, of="weights")
    Traceback (most recent call last):
        ...
    workbench.errors.SessionError: of must be one of 'parameters', ... not 'weights'...
    >>> session.stop().wait()
    """

    _esm = asset("histogram.js")

    def __init__(
        self,
        session: Session,
        graph: ComputationGraph | None = None,
        select: Any = None,
        *,
        of: Kind = "parameters",
        batch: Mapping[str, Any] | None = None,
        cost: Variable | None = None,
        title: str = "",
    ) -> None:
        if graph is not None and not isinstance(graph, ComputationGraph):
            raise SessionError(NO_GRAPH.format(view="Histogram", given=graph))
        checked("of", of, KINDS)
        self._graph, self._criterion, self._cost = graph, select, cost
        self._batch: Mapping[str, Any] | None = batch
        self._kind: Kind = of
        self.kinds: list[Kind] = ["parameters"]
        if graph is not None:
            differentiable = scalar_of(graph, cost) is not None
            self.kinds = [kind for kind in KINDS if differentiable or kind != "gradients"]
            if select is not None:
                self.kinds = [of]  # a criterion selects variables of one kind
        self._parts: dict[Kind, Distributions] = {}
        if isinstance(session, Session):
            self._parts[of] = self._make(session, of)
        super().__init__(session, title=title)

    def _make(self, session: Session, kind: Kind) -> Distributions:
        return Distributions(
            session, self._graph, self._criterion, kind, cost=self._cost, user="Histogram"
        )

    @property
    def copies_graph(self) -> bool:
        part = self._parts.get(self._kind)
        return part is not None and part.needs_batch

    def ask(self, session: Session) -> Probe:
        if self._kind not in self._parts:
            self._parts[self._kind] = self._make(session, self._kind)
        part = self._parts[self._kind]
        batch = part.needs_batch and self._batch is None
        return session.probe(part.needs, batch=batch)

    def see(self, probe: Probe) -> None:
        if self._batch is None and probe.batch:
            self._batch = probe.batch
        part = self._parts.get(self._kind)
        if part is not None and set(part.needs) <= set(probe.values):
            if part.needs_batch and self._batch is None:
                return  # the probe was for another kind
            part.see(probe, self._batch or {})

    def contents(self) -> DistributionsPayload | None:
        part = self._parts.get(self._kind)
        if part is None or not len(part.history):
            return None
        return part.packed(self.kinds)

    def table(self) -> tuple[Sequence[str], Sequence[Sequence[str]]]:
        part = self._parts.get(self._kind)
        return HEADS, [] if part is None else part.rows()

    def choose(self, content: ChooseMessage) -> None:
        if content["what"] == "kind" and content["value"] in self.kinds:
            self._kind = next(kind for kind in self.kinds if kind == content["value"])
            self.ask_again()
        elif content["what"] == "name":
            self._parts[self._kind].choose(content["value"])
            pump.nudge(self)
            self._share(content["value"])

    def _share(self, name: str) -> None:
        """Make the other views of the session show the brick of a variable."""
        session, path = self.subject, name.rpartition(".")[0]
        if session is not None and path.startswith("/"):
            self._followed = pick(session, path).number

    def show_brick(self, path: str, place: int) -> None:
        session = self.subject
        if session is None:
            return
        first = self._kind
        for kind in dict.fromkeys([first, *self.kinds]):
            if kind not in self._parts:
                try:
                    self._parts[kind] = self._make(session, kind)
                except WorkbenchError:  # there are no variables of this kind
                    continue
            part = self._parts[kind]
            own = [name for name in part.names if name.startswith(f"{path}.")]
            own = own or [name for name in part.names if name.startswith(f"{path}/")]
            if own:
                several = len(own) > place and kind == "activations"
                part.choose(own[place] if several else own[0])
                self._kind = kind
                if kind != first:
                    self._moment = None
                return
