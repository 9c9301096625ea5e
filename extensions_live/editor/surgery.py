"""Surgery: replacing a session's model with the model on a board.

The page shows a bar that compares the two models. The buttons of the bar call methods of `Surgery`,
which are also methods of the editor.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from extensions_live.editor.adoption import adopted, complete
from extensions_live.editor.board_state import BoardState
from extensions_live.editor.document import Document
from extensions_live.editor.layers import moved_layers
from extensions_live.messages import SurgeryPayload
from workbench.builder import Plan, Spec, plan
from workbench.builder.described import built_of
from workbench.errors import BuilderError, SessionError, WorkbenchError
from workbench.interfaces import Command, Session, State

NOTHING: SurgeryPayload = {
    "differs": False,
    "paused": False,
    "session": "",
    "text": "",
    "changes": [],
    "problem": "",
    "widened": [],
    "reason": "",
    "receipt": {"number": 0, "text": ""},
}

MOST = 200
"""Maximum number of nodes; for larger boards, the page does not show the effects of the edits."""

NO_SESSION = "no session trains this model; call editor.train(stream) first"
NOT_PAUSED = (
    "the model of {name} can be changed only while the session is paused, but the session is "
    "{state}; call session.pause() first"
)
NO_CHANGE = "there is nothing to apply, because the canvas shows the model that {name} trains"

Pair = tuple[Spec, frozenset[str]]


class Surgery:
    """Comparison of a session's model with the model on a board.

    Parameters
    ----------
    drawing : BoardState

    Attributes
    ----------
    session : Session or None
        The session whose model is compared with the board.
    """

    def __init__(self, drawing: BoardState) -> None:
        self.session: Session | None = None
        self._drawing = drawing
        self._trained: Document | None = None
        self._known: list[Document] = []
        self._mark: object = None
        self._receipt = (0, "")

    def follow(self, session: Session, document: Document | None = None) -> None:
        """Start comparing the board with the model of a session.

        Parameters
        ----------
        session : Session
        document : Document, optional
            The document of the session's model. By default, the board is changed to show this
            model.

        Raises
        ------
        SessionError
            If the model of the session cannot be described.
        """
        if document is None:
            self._drawing.take(f"show the model of {session.name}", self._drawn(session))
            document = self._drawing.document
        self.session, self._trained, self._known = session, document, [document]
        self._mark = self._marked(session)

    @property
    def trained(self) -> Document | None:
        """The document of the model that the session trains."""
        return self._trained

    @property
    def alive(self) -> bool:
        """True while the session can be paused and resumed."""
        return self.session is not None and not self.session.state.ended

    def state(self) -> object:
        """Return a value that changes whenever the session or the receipt changes."""
        if self.session is None:
            return None
        return self.session.state, self._marked(self.session), self._receipt[0]

    def look(self) -> None:
        """Check whether a command such as `undo` has replaced the model of the session.

        If the canvas showed the previous model of the session, it is changed to show the new model.
        """
        session = self.session
        if session is None or self._mark == (mark := self._marked(session)):
            return
        self._mark = mark
        assert self._trained is not None
        try:
            now = Spec.from_dict(dict(session.spec())), frozenset(session.frozen())
        except SessionError:
            return
        if same(now, pair_of(self._trained)):
            return
        showed = same(pair_of(self._drawing.document), pair_of(self._trained))
        found = [one for one in self._known if same(pair_of(one), now)]
        self._trained = found[-1] if found else self._drawn(session)
        if not found:
            self._known.append(self._trained)
        if showed:
            self._drawing.take("follow the session", self._trained, built_of(session))

    def payload(self) -> SurgeryPayload:
        """Return the data for the bar that compares the two models."""
        number, text = self._receipt
        found: SurgeryPayload = {**NOTHING, "receipt": {"number": number, "text": text}}
        session = self.session
        if session is None or not self.alive:
            return found
        found |= {"session": session.name, "paused": session.state is State.PAUSED}
        document, trained = self._drawing.document, self._trained
        if trained is None or same(pair_of(document), pair_of(trained)):
            return found
        found["differs"] = True
        try:
            self._drawing.complete_spec()
            if len(document.ids()) > MOST:
                return found
            planned = self._plan()
        except WorkbenchError as error:
            return {**found, "problem": str(error)}
        return {
            **found,
            "differs": bool(planned.changes),
            "text": planned.text,
            "changes": list(planned.changes),
            "widened": list(planned.widened),
            "reason": planned.reason,
        }

    def apply(self, *, copy_units: bool = True) -> Command:
        """Replace the paused session's model with the model on the canvas; see `Editor.apply`."""
        session = self.session
        if session is None or self._trained is None:
            raise BuilderError(NO_SESSION)
        if session.state is not State.PAUSED:
            raise BuilderError(NOT_PAUSED.format(name=session.name, state=session.state))
        spec, document = self._drawing.complete_spec(), self._drawing.document
        planned = self._plan()
        if not planned.changes:
            raise BuilderError(NO_CHANGE.format(name=session.name))
        command = session.rebuild(
            spec.to_dict(),
            frozen=sorted(document.frozen),
            moved=moved(self._trained, document),
            widened=planned.widened if copy_units else (),
        )
        command.wait()
        self._trained = document
        self._known.append(document)
        self._mark = self._marked(session)
        self._drawing.adopt(document, built_of(session))
        kept = f": {planned.text}" if planned.text else ""
        self._receipt = (
            self._receipt[0] + 1,
            f"applied to {session.name} at iteration {command.iteration:,}{kept}",
        )
        return command

    def return_to_session(self) -> None:
        """Show the model that the session trains; see `Editor.return_to_session`."""
        if self.session is None or self._trained is None:
            raise BuilderError(NO_SESSION)
        self._drawing.take("return to the trained model", self._trained, built_of(self.session))

    def pause_session(self) -> Command:
        """Pause the session; see `Editor.pause_session`."""
        if self.session is None:
            raise BuilderError(NO_SESSION)
        return self.session.pause()

    def _plan(self) -> Plan:
        assert self._trained is not None
        return _planned(Compared(self._trained, self._drawing.document))

    def _drawn(self, session: Session) -> Document:
        spec, frozen = Spec.from_dict(dict(session.spec())), frozenset(session.frozen())
        return adopted(self._drawing.document, spec).with_frozen(frozen)

    def _marked(self, session: Session) -> object:
        commands = session.commands
        last = commands[-1].done if commands else True
        return session.log.h_uuid, len(commands), last


class Compared:
    """Pair of immutable documents, compared and hashed by their identities."""

    def __init__(self, old: Document, new: Document) -> None:
        self.old, self.new = old, new

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Compared) and self.old is other.old and self.new is other.new

    def __hash__(self) -> int:
        return hash((id(self.old), id(self.new)))


@lru_cache(maxsize=4)
def _planned(both: Compared) -> Plan:
    (old, was), (new, now) = pair_of(both.old), pair_of(both.new)
    return plan(old, new, frozen=(was, now), moved=moved(both.old, both.new))


def pair_of(document: Document) -> Pair:
    """Return the specification of the finished part (without positions) and the frozen bricks."""
    return _pair_of(Compared(document, document))


@lru_cache(maxsize=16)
def _pair_of(both: Compared) -> Pair:
    spec = complete(both.old)
    return Spec.from_dict({**spec.to_dict(), "positions": {}}), both.old.frozen


def same(one: Pair, other: Pair) -> bool:
    """Return True if two models are equal and have the same frozen bricks."""
    return one[0].same_as(other[0]) and one[1] == other[1]


def moved(old: Document, new: Document) -> Mapping[str, str]:
    """Return the earlier paths of renamed bricks, and of layers whose places have changed.

    Examples
    --------
    >>> from extensions_live.editor import Board
    >>> board = Board()
    >>> node = board.add("Tanh")
    >>> before = board.document
    >>> board.rename(node, "squash")
    >>> moved(before, board.document)
    {'squash': 'tanh'}
    """
    found: dict[str, str] = {}
    for node in old.calls:
        one, other = old.brick_of(node), new.brick_of(node)
        if one is not None and other is not None and one != other and other not in old.bricks:
            found[other] = one
    return found | moved_layers(old, new, found)
