"""Live values on the canvas of an editor while a session is training the model.

Values are computed only while the user has chosen to show them. They are computed from copies of
the parameters, which a probe of the session returns, and from examples that are read once. The pump
computes the values through `LiveView`.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from extensions_live.editor.board_state import BoardState
from extensions_live.editor.document import Document
from extensions_live.editor.examples import Example, example_of
from extensions_live.editor.known import Known
from extensions_live.editor.measures import MEASURES, Measure
from extensions_live.editor.node_values import TITLES, node_values
from extensions_live.editor.places import NO_VALUE
from extensions_live.editor.pushed import Pushed
from extensions_live.messages import EdgeValue, LivePayload, NodeValue
from extensions_live.probe_view import moment_of
from workbench.builder import Built
from workbench.errors import BuilderError, nearest
from workbench.interfaces import Probe, Session

NO_SESSION = (
    "no session is watched; start training, or call editor.watch(session) with a session that "
    "trains the model on the canvas"
)
NO_METRIC = "nodes can show {known} or 'nothing', not {given!r:.60}{hint}"
NO_EXAMPLE = "no example has been pushed; call editor.push() first"

NOTHING = "nothing"

PATIENCE = 60.0
"""Maximum number of seconds to wait for a probe that is requested by Python code."""


class LiveValues:
    """The values of the nodes and edges of a board, for one session at a time.

    Parameters
    ----------
    board : BoardState

    Attributes
    ----------
    session : Session or None
    metric : str
        The quantity that the nodes show: one of `MEASURES`, or ``"nothing"``.
    example : Example or None
        The example that is pushed through the model.
    version : int
        A number that increases whenever the user's choice changes.
    """

    def __init__(self, board: BoardState) -> None:
        self._board = board
        self._lock = threading.RLock()  # used by the pump and the kernel's threads
        self.session: Session | None = None
        self.version = 0
        self.metric = NOTHING
        self.example: Example | None = None
        self._known: Known | None = None
        self._given: Mapping[str, Any] | None = None
        self._forget()

    def _forget(self) -> None:
        self._first: Probe | None = None
        self._measure: tuple[object, Measure] | None = None
        self._pushed: tuple[object, Pushed] | None = None
        self._again()

    def _again(self) -> None:
        """Request new values, even if the run has not advanced."""
        self.version += 1
        self._probe: Probe | None = None
        self._moment: object = None
        self._nodes: dict[str, NodeValue] = {}
        self._edges: dict[str, EdgeValue] = {}
        self._iteration: int | None = None

    # What the user chooses.

    def watch(
        self,
        session: Session,
        document: Document,
        built: Built,
        batch: Mapping[str, Any] | None = None,
    ) -> None:
        """Begin to show the values of a session; see `Editor.watch`.

        `built` is the model that the session trains, and `document` is its drawing.
        """
        known = Known(session, document, built)
        with self._lock:
            self.session, self._known, self._given = session, known, batch
            self.example = None
            self._forget()

    def choose(self, metric: object) -> None:
        """Choose the quantity that the nodes show.

        Raises
        ------
        BuilderError
            If `metric` is not a known quantity.
        """
        checked_metric(metric, (*MEASURES, NOTHING))
        with self._lock:
            self.metric = str(metric)
            self._again()

    def push(self, given: object, index: object) -> None:
        """Push an example through the model; see `Editor.push`."""
        known, session = self.watched()
        self._push(example_of(given, index, session, known.places.document.spec.inputs))

    def step(self, by: int) -> None:
        """Push the example that is `by` places after the current example."""
        _, session = self.watched()
        if self.example is None:
            raise BuilderError(NO_EXAMPLE)
        self._push(self.example.step(session, by))

    def stop(self) -> None:
        """Stop pushing an example, so that the edges show their shapes again."""
        self._push(None)

    def _push(self, example: Example | None) -> None:
        with self._lock:
            self.example = example
            nodes, iteration = self._nodes, self._iteration
            self._again()
            self._nodes, self._iteration = nodes, iteration

    def watched(self) -> tuple[Known, Session]:
        """Return the `Known` object for the watched session, and the session.

        Raises
        ------
        BuilderError
            If no session is watched.
        """
        if self._known is None or self.session is None:
            raise BuilderError(NO_SESSION)
        return self._known, self.session

    # What the page shows.

    @property
    def active(self) -> bool:
        """True if values must be computed when the run advances."""
        return self.session is not None and (self.metric != NOTHING or self.example is not None)

    @property
    def waiting(self) -> bool:
        """True if requested values have not arrived yet."""
        return self.active and (self._probe is not None or self._moment is None)

    def refresh(self) -> None:
        """Request values if the run has advanced, and process the values that have arrived."""
        with self._lock:
            if not self.active:
                return
            known, session = self._current()
            moment = moment_of(session), self._drawn()
            if self._probe is None and moment != self._moment and self._is_ready(session):
                parts = self._measuring(), self._pushing()
                names = [name for part in parts if part is not None for name in part.names]
                self._probe, self._moment = session.probe(dict.fromkeys(names)), moment
                self._asked = parts
            if self._probe is not None and self._probe.done:
                probe, self._probe = self._probe, None
                probe.wait()  # raises if it was refused
                self._see(known, probe, *self._asked)

    def payload(self) -> LivePayload:
        """Return the data that the page shows; the picked node is not included."""
        with self._lock:
            return {
                "session": "" if self.session is None else self.session.name,
                "metric": self.metric,
                "metrics": [[name, text] for name, text in TITLES.items()],
                "iteration": self._iteration,
                "nodes": self._nodes,
                "edges": self._edges,
                "example": None if self.example is None else self.example.data(),
                "picked": None,
                "problem": "",
            }

    # What a program asks for.

    def measure(self, metric: object) -> dict[str, float]:
        """Return the current values of a quantity for all nodes on the board that have it."""
        self.watched()
        checked_metric(metric, tuple(MEASURES))
        with self._lock:
            before, self.metric = self.metric, str(metric)
            try:
                _, session = self._current()
                if self._needs_batch():
                    self._first = self._first or session.probe((), batch=True)
                    self._first.wait(PATIENCE)
                measure = self._measuring()
                assert measure is not None
                values = session.probe(dict.fromkeys(measure.names)).wait(PATIENCE)
                return measure(values, self._batch())
            finally:
                self.metric = before

    def pushed(self) -> dict[tuple[str, str], torch.Tensor]:
        """Return the current values of the example, keyed by node and output."""
        self.watched()
        with self._lock:
            if self.example is None:
                raise BuilderError(NO_EXAMPLE)
            _, session = self._current()
            self.example.wait(PATIENCE)
            pushed = self._pushing()
            assert pushed is not None and self.example.values is not None
            values = session.probe(dict.fromkeys(pushed.names)).wait(PATIENCE)
            return pushed.outputs(pushed(values, self.example.values))

    # Parts.

    def _current(self) -> tuple[Known, Session]:
        """Return the result of `watched`, updated if the session's variables have changed."""
        known, session = self.watched()
        if session.variables != known.variables:
            example = self.example
            self.watch(session, known.places.document, known.places.built, self._given)
            self.example = example
        return self.watched()

    def _is_ready(self, session: Session) -> bool:
        """Return True if the examples have been read; otherwise request them."""
        if self._needs_batch():
            first = self._first = self._first or session.probe((), batch=True)
            if not first.done:
                return False
            if first.reason:
                self._first = None  # to ask again later
            first.wait()  # raises if it was refused
        return self.example is None or self.example.values is not None

    def _needs_batch(self) -> bool:
        return self._given is None and self.metric not in (NOTHING, "parameters")

    def _batch(self) -> Mapping[str, Any]:
        if self._given is not None:
            return self._given
        return {} if self._first is None else self._first.batch

    def _drawn(self) -> object:
        """Return a key that changes whenever different values must be computed."""
        drawn, spec = self._board.payload(code=False), self._board.document.spec
        nodes = [node["id"] for node in drawn["nodes"]]
        return nodes, [edge["id"] for edge in drawn["edges"]], spec.bricks, spec.calls

    def _measuring(self) -> Measure | None:
        if self.metric == NOTHING:
            return None
        known, _ = self.watched()
        key = self.metric, self._drawn()
        if self._measure is None or self._measure[0] != key:
            now = self._board.document
            ids = [node["id"] for node in self._board.payload(code=False)["nodes"]]
            places = {node: place for node in ids if (place := known.place(now, node)) is not None}
            self._measure = key, MEASURES[self.metric](known, places, self._batch())
        return self._measure[1]

    def _pushing(self) -> Pushed | None:
        if self.example is None or self.example.values is None:
            return None
        known, _ = self.watched()
        sources = sorted(self.example.values)
        key = sources, self._drawn()
        if self._pushed is None or self._pushed[0] != key:
            drawn, now = self._board.payload(code=False), self._board.document
            self._pushed = key, Pushed(known, drawn, now, sources)
        return self._pushed[1]

    def _see(
        self, known: Known, probe: Probe, measure: Measure | None, pushed: Pushed | None
    ) -> None:
        self._iteration = probe.iteration
        self._nodes, self._edges = {}, {}
        if measure is not None:
            values = measure(probe.values, self._batch())
            now, reasons = self._board.document, dict(measure.reasons)
            for node in self._board.payload(code=False)["nodes"]:
                if node["id"] not in values and node["id"] not in reasons:
                    reasons[node["id"]] = known.places.reason(node["id"], now) or NO_VALUE
            details = measure.details
            self._nodes = node_values(self.metric, values, reasons, details, self._where())
        if pushed is not None:
            assert self.example is not None and self.example.values is not None
            self._edges = pushed.edges(pushed(probe.values, self.example.values))

    def _where(self) -> str:
        if self.metric == "parameters":
            return ""
        count = len(next(iter(self._batch().values()), ()))
        return f"on {count:,} example{'s' * (count != 1)} at iteration {self._iteration:,}"


def checked_metric(given: object, known: Sequence[str]) -> None:
    """Raise `BuilderError` if `given` is not one of the quantities in `known`."""
    if given not in known:
        hint = nearest(str(given), known)
        names = ", ".join(repr(one) for one in MEASURES)
        raise BuilderError(NO_METRIC.format(known=names, given=given, hint=hint))
