"""The Python code of a document, which the page shows beside the canvas."""

from __future__ import annotations

import ast
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace

from extensions_live.editor.adoption import complete, finished
from extensions_live.editor.document import Document
from extensions_live.messages import CodeData, CodeFault
from workbench.builder import Spec, revise_code, to_code
from workbench.builder.parse import ReadCode, parsed, read_code
from workbench.builder.skipping import Skipped
from workbench.errors import BuilderError, WorkbenchError

UNFINISHED = "unfinished nodes are omitted from the code: {names}"


MOST_TEXTS = 50
"""Number of versions of the user's code that are kept."""

MOST_EDITS = 1000
"""Number of documents for which it is known which code of the user they come from."""

VALUES = (
    "values of parameters are not part of the canvas, so `{code:.60}` does not affect the model of "
    "the editor; it stays in the code"
)


@dataclass(frozen=True)
class UsersCode:
    """Code of a user, and what it contains besides a specification.

    Attributes
    ----------
    text : str
    default_seed : int or None
        The value that the code assigns to ``config.default_seed``.
    note : CodeFault or None
        A note about statements that do not affect the model of the editor.
    """

    text: str
    default_seed: int | None = None
    note: CodeFault | None = None


class Code:
    """The code of the current document; a user's own code is changed only where the model changes.

    The code of a document depends on the document and on the code of the user that it comes from,
    so to undo an edit also restores the code.
    """

    def __init__(self) -> None:
        self._document: Document | None = None
        self._model: Document | None = None
        self._data: CodeData = {"text": "", "fault": None}
        self._texts: deque[tuple[Document, UsersCode]] = deque(maxlen=MOST_TEXTS)
        self._origins: dict[int, tuple[Document, UsersCode]] = {}  # keyed by ``id(document)``

    def of(self, document: Document) -> CodeData:
        """Return the code of a document, and a note about omitted nodes."""
        if document is not self._document:
            model = without_drawing(document)
            if model != self._model:
                own = next((code for one, code in reversed(self._texts) if one == model), None)
                origin = self._origins.get(id(document), (document, None))[1]
                self._data = _code(document, origin) if own is None else _written(document, own)
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

    def default_seed(self, document: Document) -> int | None:
        """Return the ``config.default_seed`` in the code of a document, or None if it has none."""
        origin = self._origins.get(id(document))
        return None if origin is None else origin[1].default_seed

    def written(self, document: Document, code: UsersCode) -> None:
        """Store the code of the document that was read from it."""
        self._document, self._model = document, without_drawing(document)
        self._data = _written(document, code)
        self._texts.append((self._model, code))
        self._follow(document, code)

    def edited(self, before: Document, after: Document) -> None:
        """Record that a document comes from another, and therefore from the same code."""
        if id(before) in self._origins and id(after) not in self._origins:
            self._follow(after, self._origins[id(before)][1])

    def _follow(self, document: Document, code: UsersCode) -> None:
        self._origins.pop(id(document), None)
        self._origins[id(document)] = document, code
        if len(self._origins) > MOST_EDITS:
            del self._origins[next(iter(self._origins))]


def without_drawing(document: Document) -> Document:
    """Return the part of a document that determines its code, without positions and groups."""
    spec = replace(document.spec, positions={})
    return Document(spec, document.inputs, chosen=document.chosen)


def _written(document: Document, code: UsersCode) -> CodeData:
    return {"text": code.text, "fault": _unfinished(document) or code.note}


def _unfinished(document: Document) -> CodeFault | None:
    known = finished(document)
    names = [document.title(call.id) for call in document.spec.calls if call.id not in known]
    if not names:
        return None
    return {"line": 0, "text": UNFINISHED.format(names=", ".join(dict.fromkeys(names)))}


def _code(document: Document, origin: UsersCode | None) -> CodeData:
    """Return the code of a document, with as few changes to the code `origin` as possible."""
    try:
        spec = complete(document)
        if origin is None:
            return {"text": to_code(spec), "fault": _unfinished(document)}
        text, seed = revise_code(origin.text, spec), origin.default_seed
        if seed is not None and "default_seed" not in text:  # `to_code` wrote all of it
            text = _with_seed(text, seed)
        note = origin.note if origin.note and text != to_code(spec) else None
        return {"text": text, "fault": _unfinished(document) or note}
    except WorkbenchError as error:
        return {"text": "", "fault": {"line": 0, "text": str(error)}}


def _with_seed(text: str, seed: int) -> str:
    """Return generated code with an assignment to ``config.default_seed`` after its imports."""
    imports, _, rest = text.partition("\n\n")
    lines = ["from workbench.config import config", imports, "", f"config.default_seed = {seed}"]
    return "\n".join([*lines, "", rest])


def read(text: str) -> tuple[Spec, UsersCode]:
    """Return the specification of code, and what else the code contains; see `spec_of`."""
    spec, found = _read(text)
    changes = [one.sets_values for one in found.skipped if one.sets_values]
    note: CodeFault | None = None
    if changes:
        note = {"line": 0, "text": VALUES.format(code=changes[0])}
    return spec, UsersCode(text, found.default_seed, note)


def spec_of(text: str) -> Spec:
    """Return the specification of code; inputs are monitored only if the code assigns `monitored`.

    Variables with wrong shapes are not an error, because the canvas shows faults on the nodes.

    Raises
    ------
    BuilderError
        If the code cannot be read, if it has statements but describes no part of a model, or if it
        describes only inputs because the statements that create bricks cannot be read.
    """
    return _read(text)[0]


def _read(text: str) -> tuple[Spec, ReadCode]:
    found = read_code(text, faulty=True)
    spec, skipped = found.spec, found.skipped
    missing = any(one.creates_brick for one in skipped)
    if not (spec.bricks or spec.calls) and (missing or not spec.inputs) and parsed(text):
        raise BuilderError(_nothing(skipped))
    if "monitored" in assigned_names(text):
        return spec, found
    inputs = {given.name for given in spec.inputs}
    shown = tuple(wire for wire in spec.monitored if wire not in inputs)
    return replace(spec, monitored=shown), found


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
