"""The operations of a board that change its edges, its cost and its monitored outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from extensions_live.editor import insertion, wiring
from extensions_live.editor.board_state import BoardState
from extensions_live.editor.edge_ends import moved_edge
from extensions_live.editor.fitting import fitting
from extensions_live.editor.nodes import all_placed, placed_at
from workbench.builder.fields import Json


class BoardEdges(BoardState):
    """Base class of boards that provides the operations on edges."""

    def connect(
        self,
        source: str,
        output: str,
        target: str,
        input: str,
        *,
        instead: Mapping[str, Any] | None = None,
    ) -> None:
        """Connect an output to an input; replace an earlier edge if only one edge is allowed.

        Parameters
        ----------
        source, output : str
        target, input : str
        instead : dict, optional
            An edge to remove in the same edit, in the form that `remove` accepts.
        """
        with self._lock:
            ends = source, output, target, input
            if instead is None:
                document = wiring.connected(self._document, *ends)
            else:
                document = moved_edge(self._document, instead, *ends)
            first, _ = wiring.endpoint(document, source, output)
            last, _ = wiring.endpoint(document, target, input)
            self._edit(f"connect {document.title(first)} to {document.title(last)}", document)

    def disconnect(self, target: str, input: str, *, index: int | None = None) -> None:
        """Remove the edges to an input, or only the edge that `index` selects."""
        with self._lock:
            document = wiring.disconnected(self._document, target, input, index)
            node, _ = wiring.endpoint(document, target, input)
            self._edit(f"disconnect {document.title(node)}", document)

    def insert(
        self,
        type: str,
        target: str,
        input: str,
        *,
        index: int | None = None,
        position: Sequence[float] | None = None,
        name: str | None = None,
        settings: Mapping[str, Json] | None = None,
        positions: Mapping[str, Sequence[float]] | None = None,
    ) -> str:
        """Insert a brick or an operation into the edge to an input, and return the id of its node.

        Parameters
        ----------
        type : str
            The type in the catalogue.
        target, input : str
            The node and the input where the edge ends.
        index : int, optional
            The index of the edge, if several edges end at the input.
        position : pair of float, optional
        name : str, optional
        settings : dict, optional
            The initial settings, in the JSON form that specifications use.
        positions : dict, optional
            The new positions of the nodes that are moved to make room, keyed by id.
        """
        with self._lock:
            end = (target, input, index)
            document, node = insertion.inserted(
                self._document, type, end, position, name, dict(settings or {})
            )
            document = placed_at(all_placed(document, positions), node, position)
            self._edit(f"insert {document.title(node)}", document)
            return node

    def insert_node(
        self,
        node: str,
        target: str,
        input: str,
        *,
        index: int | None = None,
        position: Sequence[float] | None = None,
        positions: Mapping[str, Sequence[float]] | None = None,
    ) -> None:
        """Insert an existing node with an unconnected input into an edge; see `insert`."""
        with self._lock:
            document = insertion.threaded(self._document, node, target, input, index)
            document = placed_at(all_placed(document, positions), node, position)
            self._edit(f"insert {document.title(node)}", document)

    def what_fits(self, node: str, output: str) -> list[str]:
        """Return the types of the bricks and operations that accept an output."""
        found, name = wiring.endpoint(self._document, node, output)
        wire = wiring.wire_of(self._document, found, name)
        return fitting(self._checked().wires.get(wire))

    def set_cost(self, node: str | None, output: str | None = None) -> None:
        """Make an output the cost that training minimises; if `node` is None, remove the cost.

        By default, the only output of the node becomes the cost.
        """
        with self._lock:
            document = wiring.with_cost(self._document, node, output)
            what = "no cost" if node is None else f"{document.title(str(node))} as the cost"
            self._edit(f"choose {what}", document)

    def monitor(self, node: str, output: str, on: bool = True) -> None:
        """Monitor an output during training, or stop monitoring it if `on` is False."""
        with self._lock:
            document = wiring.with_monitor(self._document, node, output, on)
            found, _ = wiring.endpoint(document, node, output)
            verb = "monitor" if on else "stop monitoring"
            self._edit(f"{verb} {document.title(found)}", document)
