"""`Known`, which determines the variables that can be computed with a session's values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from extensions_live.editor.document import Document
from extensions_live.editor.places import Place, Places
from workbench.builder import Built
from workbench.errors import SessionError
from workbench.graph.hierarchy import path_of
from workbench.interfaces import Session
from workbench.monitoring.graph_copy import GraphCopy, names_of
from workbench.tensor import SharedVariable, Variable

NOT_A_SESSION = (
    "the argument of watch() must be a session, as returned by main_loop.start(), not {given!r:.60}"
)
OTHER_MODEL = (
    "the session {session} does not train any parameters of the model on the canvas; show the "
    "session's model first, as in editor.show(model)"
)
MISSING = "the value requires {names}, which the example does not contain"
UNTRAINED = "the value depends on {names}, which the session does not have"


class Known:
    """A model, the places of its nodes on a board, and the session that trains it.

    Parameters
    ----------
    session : Session
    document : Document
    built : Built
        The model that was built from the document; its parameters have the same paths and
        shapes as the session's parameters.

    Raises
    ------
    SessionError
        If `session` is not a session or has none of the model's parameters.
    """

    def __init__(self, session: Session, document: Document, built: Built) -> None:
        if not isinstance(session, Session):
            raise SessionError(NOT_A_SESSION.format(given=session))
        self.places = Places(document, built)
        self.session = session.name
        self.variables = session.variables
        self.names: dict[SharedVariable, str] = {}
        self.parameters = self.places.parameters()
        for parameter in self.parameters:
            try:
                found = names_of([parameter], self.variables, session.name)
            except SessionError:
                continue  # nodes that depend on it show the reason
            self.names.update({variable: name for name, variable in found.items()})
        if self.parameters and not self.names:
            raise SessionError(OTHER_MODEL.format(session=session.name))
        self._unknown = {v for v in self.parameters if v not in self.names}
        self._needs: dict[Variable, frozenset[Variable]] = {}

    def reason(self, wanted: Variable, sources: Iterable[str]) -> str:
        """Return the reason why a variable cannot be computed from `sources`, or ``""``."""
        if wanted not in self._needs:
            every = [*self.places.built.variables.values(), wanted]
            self._needs.update(self.places.needs(every))
        needed, known = self._needs[wanted], set(sources)
        inputs = [v for v in needed if not isinstance(v, SharedVariable) and v.name not in known]
        if inputs:
            return MISSING.format(names=", ".join(sorted(str(v.name) for v in inputs)))
        unknown = self._unknown & needed
        if not unknown:
            return ""
        paths = sorted(map(path_of, unknown))
        return UNTRAINED.format(names=", ".join(paths))

    def place(self, now: Document, node: str) -> Place | None:
        """Return the place of a node of the current document, or None if the node has no place."""
        if self.places.reason(node, now):
            return None
        if node in now.groups:
            return self.places.group(now.inside([node]))
        return self.places.find(node)

    def variable(
        self, now: Document, node: str, port: str, *, from_inside: bool = False
    ) -> Variable | None:
        """Return the variable of a port of the current document, or None if it is missing."""
        if node in now.groups:
            node, _, port = port.partition("/")
        if self.places.reason(node, now):
            return None
        return self.places.variable(node, port, from_inside=from_inside)

    def copy(
        self,
        outputs: Sequence[Variable],
        *,
        cost: Variable | None = None,
        wrt: Sequence[SharedVariable] = (),
    ) -> GraphCopy:
        """Return a copy of the graph that computes `outputs` and the gradients of `cost`."""
        known, session = self.variables, self.session
        return GraphCopy(outputs, cost=cost, wrt=wrt, known=known, session=session)
