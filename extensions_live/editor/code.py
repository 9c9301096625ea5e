"""The Python code of a document, which the page shows beside the canvas."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import replace

from extensions_live.editor.adoption import complete, finished
from extensions_live.editor.document import Document
from extensions_live.messages import CodeData, CodeFault
from workbench.builder import Spec, to_code
from workbench.builder.parse import Skipped, parsed, read_code
from workbench.errors import BuilderError, WorkbenchError

UNFINISHED = "unfinished nodes are omitted from the code: {names}"


class Code:
    """The code of the current document; text that a user wrote is kept until the next edit."""

    def __init__(self) -> None:
        self._document: Document | None = None
        self._data: CodeData = {"text": "", "fault": None}

    def of(self, document: Document) -> CodeData:
        """Return the code of a document, and a note about omitted nodes."""
        if document is not self._document:
            self._data = _code(document)
            self._document = document
        return self._data

    def is_current(self, document: Document) -> bool:
        """Return True if the code of a document is cached."""
        return document is self._document

    def last(self) -> CodeData:
        """Return the code that was generated or written last."""
        return self._data

    def written(self, document: Document, text: str) -> None:
        """Record that a document was read from `text`, which is therefore its code."""
        self._document = document
        self._data = {"text": text, "fault": _unfinished(document)}


def _unfinished(document: Document) -> CodeFault | None:
    known = finished(document)
    names = [document.title(call.id) for call in document.spec.calls if call.id not in known]
    if not names:
        return None
    return {"line": 0, "text": UNFINISHED.format(names=", ".join(dict.fromkeys(names)))}


def _code(document: Document) -> CodeData:
    try:
        return {"text": to_code(complete(document)), "fault": _unfinished(document)}
    except WorkbenchError as error:
        return {"text": "", "fault": {"line": 0, "text": str(error)}}


def spec_of(text: str) -> Spec:
    """Return the specification that code describes; monitor inputs only if the code lists them.

    Raises
    ------
    BuilderError
        If the code cannot be read, if it has statements but describes no part of a model, or if it
        describes only inputs because the statements that create bricks cannot be read.
    """
    spec, skipped = read_code(text)
    missing = any(one.creates_brick for one in skipped)
    if not (spec.bricks or spec.calls) and (missing or not spec.inputs) and parsed(text):
        raise BuilderError(_nothing(skipped))
    if "monitored" in assigned_names(text):
        return spec
    inputs = {given.name for given in spec.inputs}
    shown = tuple(wire for wire in spec.monitored if wire not in inputs)
    return replace(spec, monitored=shown)


def _nothing(skipped: Sequence[Skipped]) -> str:
    """Return the error for code without a model, with the line that is the most likely cause."""
    text = "the code describes no model, so the canvas is unchanged"
    first = next((one for one in skipped if one.creates_brick), next(iter(skipped), None))
    if first is None:
        return f"{text}; create and apply bricks, or delete all of the code to clear the canvas"
    return f"line {first.line}: {text}; this line cannot be read ({first.reason})"


def assigned_names(text: str) -> set[str]:
    """Return all names that `text` assigns, and all strings in `text`, such as input names."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set()  # `from_code` reports it
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.add(node.value)
    return found
