"""The edge values of a board for one example."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch

from extensions_live.editor.document import Document
from extensions_live.editor.edge_values import edge_value
from extensions_live.editor.known import Known
from extensions_live.editor.node_values import DASH
from extensions_live.editor.places import NO_VALUE
from extensions_live.messages import BoardPayload, EdgeValue
from workbench.tensor import Variable


class Pushed:
    """The values of all edges and outputs that a board draws.

    Parameters
    ----------
    known : Known
    drawn : BoardPayload
    now : Document
        The document that is drawn.
    sources : iterable of str
        The sources of the example.

    Attributes
    ----------
    names : list of str
        The names of the required session variables.
    """

    def __init__(
        self, known: Known, drawn: BoardPayload, now: Document, sources: Iterable[str]
    ) -> None:
        sources = list(sources)
        self._edges: dict[str, Variable] = {}
        self._main: dict[tuple[str, str, bool], str] = {}
        self._outputs: dict[tuple[str, str], Variable] = {}
        self._reasons: dict[str, str] = {}
        for edge in drawn["edges"]:
            inner = edge["from_inside"]
            self._main[edge["source"], edge["output"], inner] = edge["id"]  # the last edge
            found = known.variable(now, edge["source"], edge["output"], from_inside=inner)
            reason = known.places.reason(edge["source"], now) or NO_VALUE
            if found is not None:
                reason = known.reason(found, sources)
            if found is None or reason:
                self._reasons[edge["id"]] = reason
            else:
                self._edges[edge["id"]] = found
        for node in drawn["nodes"]:
            for output in node["outputs"]:
                found = known.variable(now, node["id"], output["name"])
                if found is not None and not known.reason(found, sources):
                    self._outputs[node["id"], output["name"]] = found
        wanted = [*self._edges.values(), *self._outputs.values()]
        self._wanted = list(dict.fromkeys(v for v in wanted if not v.is_number))
        self._copy = known.copy(self._wanted) if self._wanted else None
        self.names = self._copy.names if self._copy else []

    def __call__(
        self, values: Mapping[str, torch.Tensor], example: Mapping[str, Any]
    ) -> dict[Variable, torch.Tensor]:
        """Compute all values from an example and the values of the variables in `names`."""
        if self._copy is None:
            return {}
        return dict(zip(self._wanted, self._copy(values, example), strict=True))

    def edges(self, found: Mapping[Variable, torch.Tensor]) -> dict[str, EdgeValue]:
        """Return the data that the page shows for the values of the edges."""
        shown = {variable: edge_value(value) for variable, value in found.items()}
        main = set(self._main.values())
        known: dict[str, EdgeValue] = {
            edge: {**shown[v], "main": edge in main}
            for edge, v in self._edges.items()
            if v in shown
        }
        numbers = {edge: NO_VALUE for edge in self._edges if edge not in known}
        reasons = {**self._reasons, **numbers}
        return {**known, **{edge: _unknown(reason) for edge, reason in reasons.items()}}

    def outputs(
        self, found: Mapping[Variable, torch.Tensor]
    ) -> dict[tuple[str, str], torch.Tensor]:
        """Return the values of the outputs, keyed by node and output."""
        return {port: found[v] for port, v in self._outputs.items() if v in found}


def _unknown(reason: str) -> EdgeValue:
    return {
        "text": DASH,
        "note": "",
        "title": f"not known; {reason}",
        "shape": "",
        "main": True,
        "image": None,
        "bars": [],
    }
