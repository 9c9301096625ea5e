"""The base class of the editor, which shows live values of a session on the canvas."""

from __future__ import annotations

from collections.abc import Mapping
from time import monotonic
from typing import Any

import torch
import traitlets

from extensions_live.editor.addresses import Address, address, node_at
from extensions_live.editor.board_state import BoardState
from extensions_live.editor.document import Document
from extensions_live.editor.live import LiveValues
from extensions_live.messages import BoardPayload, ChooseMessage, LivePayload, PickedNode
from extensions_live.picking import pick, picked
from extensions_live.pump import pause_after, pump
from extensions_live.transport import outbox
from extensions_live.widget import LiveWidget
from workbench.builder import Built
from workbench.data.streams import AbstractDataStream
from workbench.errors import WorkbenchError
from workbench.interfaces import Session

PERIOD, SOON = 0.5, 0.05
"""Usual refresh interval in seconds, and the interval while requested values are outstanding."""


class LiveCanvas(LiveWidget[BoardState, BoardPayload]):
    """Widget for a board whose nodes and edges can show values of a session.

    Parameters
    ----------
    drawing : BoardState
    period : float
        The minimum number of seconds between two checks for changes of the board.
    """

    live = traitlets.Dict(help="the values on nodes and edges").tag(sync=True)

    drawing: BoardState

    def __init__(self, drawing: BoardState, *, period: float, **traits: object) -> None:
        self._live = LiveValues(drawing)
        self._own_pick: PickedNode | None = None
        super().__init__(drawing, period=period, **traits)
        self._live_view = LiveView(self)
        self._is_carried = outbox() is not None
        if not self._is_carried:
            pump.attach(self._live_view)

    def watch(self, session: Session, *, batch: Mapping[str, Any] | None = None) -> None:
        """Show values of a session that trains the model on the canvas; `train` calls this method.

        Parameters
        ----------
        session : Session
            The session. Its parameters must have the same paths and shapes as the model's.
            Nodes that are changed later have no values.
        batch : mapping of str to array, optional
            The examples that the values of nodes are computed from, keyed by source; by default
            the first batch of the training data.

        Raises
        ------
        SessionError
            If `session` is not a session or has none of the model's parameters.
        BuilderError
            If the model has a fault.
        """
        self._watch(session, self.drawing.document, self.drawing.built, batch)

    def _watch(
        self,
        session: Session,
        document: Document,
        built: Built,
        batch: Mapping[str, Any] | None = None,
    ) -> None:
        self._live.watch(session, document, built, batch)
        own = self._own_pick
        if own is not None and own["node"] in document.ids():
            self.pick(own["node"])  # the views of this session do not show this brick yet
        pump.nudge(self._live_view)

    def show_on_nodes(self, what: str) -> None:
        """Choose the quantity that each node shows while a session is watched.

        Parameters
        ----------
        what : {'nothing', 'activation', 'gradient', 'dead', 'time', 'parameters'}
            The quantity: nothing, the L2 norm of the output, the L2 norm of the gradient of the
            parameters, the share of units whose output is the same for all examples, the time of
            one application, or the node's share of the model's parameters.

        Raises
        ------
        BuilderError
            If `what` is not one of these quantities.
        """
        self._live.choose(what)
        pump.nudge(self._live_view)

    def measure(self, what: str) -> dict[str, float]:
        """Return the value of a quantity for each node; times are in seconds.

        For the quantities, see `show_on_nodes`.

        Raises
        ------
        BuilderError
            If no session is watched, or if `what` is not one of these quantities.
        """
        return self._live.measure(what)

    def push(
        self,
        example: Mapping[str, Any] | AbstractDataStream | str | int | None = None,
        index: int | None = None,
    ) -> None:
        """Push an example through the model, so that each edge shows its value.

        Parameters
        ----------
        example : int, data stream, str or mapping of str to array, optional
            The index of a training example; a stream, or the name of a stream, with `index` to
            select an example; or a dictionary with an array for each input, where each array is a
            batch of one example. The default is the first training example.
        index : int, optional
            The index of the example in the dataset of the stream; by default the first index.

        Raises
        ------
        BuilderError, SessionError
            If no session is watched, or there is no such example.
        """
        given = self._stream(example) if isinstance(example, str) else example
        self._live.push(given, index)
        pump.nudge(self._live_view)

    def _stream(self, name: str) -> AbstractDataStream:
        raise NotImplementedError

    def step_example(self, by: int = 1) -> None:
        """Push the example `by` places after the current example, wrapping around at the end."""
        self._live.step(by)
        pump.nudge(self._live_view)

    def clear_example(self) -> None:
        """Stop pushing an example, so that the edges show their shapes again."""
        self._live.stop()
        pump.nudge(self._live_view)

    def pushed(self) -> dict[tuple[str, str], torch.Tensor]:
        """Return the values of the pushed example, keyed by node and output.

        Raises
        ------
        BuilderError
            If no session is watched, or no example is pushed.
        """
        return self._live.pushed()

    def address(self, node: str) -> Address:
        """Return the path of a node's brick, and code that selects the variables of the brick.

        Raises
        ------
        BuilderError
            If there is no such node.
        """
        return address(self.drawing.document, node)

    def pick(self, node: str) -> None:
        """Pick the brick of a node, so that the session's `Layers` and `Histogram` show the brick.

        Raises
        ------
        BuilderError
            If there is no such node.
        """
        found, session = self.address(node), self._live.session
        number = 0 if self._own_pick is None else self._own_pick["number"]
        if session is not None and found.path:
            number = pick(session, found.path, found.place).number
        self._own_pick = self._picked_node(node, found, number, followed=False)
        pump.nudge(self._live_view)

    def _picked_node(self, node: str, found: Address, number: int, *, followed: bool) -> PickedNode:
        return {
            "node": node,
            "path": found.path,
            "expression": found.expression,
            "number": number,
            "followed": followed,
        }

    def picked_node(self) -> PickedNode | None:
        """Return the node that was picked last, on the canvas or in a view of the session."""
        own, session = self._own_pick, self._live.session
        other = None if session is None else picked(session)
        if other is None or (own is not None and own["number"] >= other.number):
            return own
        document = self.drawing.document
        nodes = [one["id"] for one in self.drawing.payload(code=False)["nodes"]]
        node = node_at(document, nodes, other.path, other.place)
        if node is None:
            return own
        self._own_pick = self._picked_node(
            node, address(document, node), other.number, followed=True
        )
        return self._own_pick

    def choose(self, content: ChooseMessage) -> None:
        if content["what"] == "node":
            try:
                self.pick(content["value"])
            except WorkbenchError:  # the node was removed in the meantime
                return

    def close(self) -> None:
        if hasattr(self, "_live_view"):  # missing if the model was refused
            pump.detach(self._live_view)
        super().close()


class LiveView:
    """View that lets the pump refresh the live values of a canvas, but not its board."""

    def __init__(self, canvas: LiveCanvas) -> None:
        self._canvas = canvas
        self._sent: object = None
        self._due = 0.0
        self.period = PERIOD
        self.pace = 0.0

    def _state(self) -> object:
        values, canvas = self._canvas._live, self._canvas
        session = values.session
        found = None if session is None else picked(session)
        return values.version, canvas._own_pick, found

    def watched(self) -> bool:
        changed = self._sent != self._state()
        return self._canvas.audience.looking() and (changed or self._canvas._live.active)

    def refresh(self) -> int:
        values, state = self._canvas._live, self._state()
        problem = ""
        try:
            values.refresh()
        except WorkbenchError as error:  # the picked node is sent nevertheless
            problem = str(error)
        self.period = SOON if values.waiting and not problem else PERIOD
        self.pace = self._canvas.pace
        return self._send(values.payload(), state, problem)

    def refresh_if_due(self) -> int:
        """Refresh the values if it is time to, for a canvas that the pump does not refresh."""
        now = monotonic()
        if now < self._due or not self.watched():
            return 0
        sent = self.refresh()
        self._due = now + pause_after(self, monotonic() - now)
        return sent

    def fail(self, error: Exception) -> None:
        text = f"{type(error).__name__}: {error}"
        self._send(self._canvas._live.payload(), self._state(), text)

    def _send(self, payload: LivePayload, state: object, problem: str) -> int:
        self._sent = state
        if problem:
            payload = {**payload, "nodes": {}, "edges": {}, "problem": problem}
        payload["picked"] = self._canvas.picked_node()
        if payload == self._canvas.live:
            return 0
        self._canvas.live = dict(payload)
        return 1
