"""Edits of a document that remove or move edges, which are identified by their ends."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from extensions_live.editor.document import Document
from extensions_live.editor.wiring import connected, disconnected, endpoint
from workbench.errors import BuilderError

KEYS = ("target", "input", "index")


def end_of(edge: object) -> tuple[str, str, int | None]:
    """Return the node, the input and the index of an edge, or raise an error if it is not valid.

    Examples
    --------
    >>> end_of({"target": "cost", "input": "y"})
    ('cost', 'y', None)
    """
    if not isinstance(edge, Mapping) or not {"target", "input"} <= set(edge) <= set(KEYS):
        raise BuilderError(
            f"an edge must be a dictionary with the keys target and input, and index if several "
            f"edges end at the input, not {edge!r:.80}"
        )
    return edge["target"], edge["input"], edge.get("index")


def without_edges(document: Document, edges: Iterable[object]) -> Document:
    """Return a document without the given edges; all indices of edges refer to `document`."""
    ends = [end_of(edge) for edge in edges]
    # From the last to the first, so that no index changes before it is used.
    ends.sort(key=lambda end: -1 if end[2] is None else end[2], reverse=True)
    for target, input_, index in ends:
        document = disconnected(document, target, input_, index)
    return document


def moved_edge(
    document: Document, edge: object, source: object, output: object, target: object, input_: object
) -> Document:
    """Return a document with new ends for an edge.

    If the edge still ends at the same input, it keeps its index there.
    """
    old, old_input, index = end_of(edge)
    node, port = endpoint(document, target, input_)
    order = list(document.call(node).inputs)
    stays = (node, port) == endpoint(document, old, old_input)
    document = disconnected(document, old, old_input, index)
    document = connected(document, source, output, target, input_)
    if not stays:
        return document
    call = document.calls[node]
    given = call.inputs[port]
    if index is not None and isinstance(given, list):
        moved: list[Any] = given[:-1]
        moved.insert(index, given[-1])
        given = moved
    inputs = {**call.inputs, port: given}
    return document.with_call(replace(call, inputs={name: inputs[name] for name in order}))
