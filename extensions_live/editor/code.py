"""The Python code of a document, which the page shows beside the canvas."""

from __future__ import annotations

import ast
from collections import deque
from collections.abc import Sequence
from dataclasses import replace

from extensions_live.editor.adoption import complete, finished
from extensions_live.editor.document import Document
from extensions_live.messages import CodeData, CodeFault
from workbench.builder import Spec, revise_code, to_code
from workbench.builder.parse import parsed, read_code
from workbench.builder.skipping import Skipped
from workbench.errors import BuilderError, WorkbenchError

UNFINISHED = "unfinished nodes are omitted from the code: {names}"


MOST_TEXTS = 50
"""Number of versions of the user's code that are kept."""

MOST_EDITS = 1000
"""Number of documents for which it is known which code of the user they come from."""


class Code:
    """The code of the current document; a user's own code is changed only where the model changes.

    The code of a document depends on the document and on the code of the user that it comes from,
    so to undo an edit also restores the code.
    """

    def __init__(self) -> None:
        self._document: Document | None = None
        self._model: Document | None = None
        self._data: CodeData = {"text": "", "fault": None}
        self._texts: deque[tuple[Document, str]] = deque(maxlen=MOST_TEXTS)
        self._origins: dict[int, tuple[Document, str]] = {}  # the user's code, by ``id(document)``

    def of(self, document: Document) -> CodeData:
        """Return the code of a document, and a note about omitted nodes."""
        if document is not self._document:
            model = without_drawing(document)
            if model != self._model:
                text = next((text for one, text in reversed(self._texts) if one == model), None)
                origin = self._origins.get(id(document), (document, None))[1]
                self._data = _code(document, origin) if text is None else _written(document, text)
            self._document, self._model = document, model
        return self._data

    def is_current(self, document: Document) -> bool:
        """Return True if the code of a document is cached."""
        return document is self._document or without_drawing(document) == self._model

    def forget(self) -> None:
        """Discard the cached code, but keep the code that the user wrote."""
        self._document = self._model = None

    def last(self) -> CodeData:
        """Return the code that was generated or written last."""
        return self._data

    def written(self, document: Document, text: str) -> None:
        """Store `text` as the code of the document that was read from it."""
        self._document, self._model = document, without_drawing(document)
        self._data = _written(document, text)
        self._texts.append((self._model, text))
        self._follow(document, text)

    def edited(self, before: Document, after: Document) -> None:
        """Record that a document comes from another, and therefore from the same code."""
        if id(before) in self._origins and id(after) not in self._origins:
            self._follow(after, self._origins[id(before)][1])

    def _follow(self, document: Document, text: str) -> None:
        self._origins.pop(id(document), None)
        self._origins[id(document)] = document, text
        if len(self._origins) > MOST_EDITS:
            del self._origins[next(iter(self._origins))]


def without_drawing(document: Document) -> Document:
    """Return the part of a document that determines its code, without positions and groups."""
    spec = replace(document.spec, positions={})
    return Document(spec, document.inputs, chosen=document.chosen)


def _written(document: Document, text: str) -> CodeData:
    return {"text": text, "fault": _unfinished(document)}


def _unfinished(document: Document) -> CodeFault | None:
    known = finished(document)
    names = [document.title(call.id) for call in document.spec.calls if call.id not in known]
    if not names:
        return None
    return {"line": 0, "text": UNFINISHED.format(names=", ".join(dict.fromkeys(names)))}


def _code(document: Document, origin: str | None) -> CodeData:
    """Return the code of a document, with as few changes to the code `origin` as possible."""
    try:
        spec = complete(document)
        text = to_code(spec) if origin is None else revise_code(origin, spec)
        return {"text": text, "fault": _unfinished(document)}
    except WorkbenchError as error:
        return {"text": "", "fault": {"line": 0, "text": str(error)}}


def spec_of(text: str) -> Spec:
    """Return the specification of code; inputs are monitored only if the code assigns `monitored`.

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
    text = "the code does not describe a model, so the canvas is unchanged"
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
