"""Contents of a dashboard: sections with the widgets of sessions, or of runs in a database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from extensions_live.editor import Editor
from extensions_live.editor.known_editors import editor_of
from extensions_live.messages import RunList
from extensions_live.transport import carried_by
from extensions_live.view import view
from extensions_live.widget import LiveWidget
from workbench.errors import SessionError
from workbench.interfaces import Session

RUN, MODEL = "Run", "Model"
"""The pages of a dashboard for sessions."""


@dataclass(frozen=True)
class Section:
    """Section of a page.

    Attributes
    ----------
    title : str
        The heading, or an empty string for no heading.
    subtitle : str
        A line below the heading.
    widgets : sequence of LiveWidget
        The widgets, from top to bottom.
    page : str
        The name of the page that shows this section; sections with the same name share a page.
    """

    title: str
    subtitle: str
    widgets: Sequence[LiveWidget[Any, Any]]
    page: str = ""


class Board(Protocol):
    """Contents of one tab."""

    @property
    def title(self) -> str:
        """The title of the page."""

    @property
    def place(self) -> str:
        """The path of the database that is shown, or an empty string if sessions are shown."""

    def sections(self) -> list[Section]:
        """Return the sections with new widgets, which the caller must close."""

    def runs(self) -> RunList | None:
        """Return the runs to choose from, or None if there is no choice."""

    def select(self, runs: Sequence[str]) -> None:
        """Choose the runs to show."""

    def stale(self) -> bool:
        """Return True if new sections are needed because the runs or channels have changed."""


class SessionBoard:
    """Contents of a dashboard for sessions: the views and controls of each session.

    A second page shows the models of the sessions, which can be edited there. Models that no
    specification can describe are omitted.

    Parameters
    ----------
    sessions : sequence of Session
    drawn : dict of Session to (Editor or None), optional
        The editors that were created for sessions without an editor in the notebook. All tabs of a
        dashboard share this dictionary.
    """

    place = ""

    def __init__(
        self, sessions: Sequence[Session], drawn: dict[Session, Editor | None] | None = None
    ) -> None:
        self._sessions = tuple(sessions)
        self._drawn = {} if drawn is None else drawn
        self._models: tuple[Editor, ...] = ()

    @property
    def title(self) -> str:
        """The names of the sessions."""
        return ", ".join(session.name for session in self._sessions)

    def sections(self) -> list[Section]:
        self._models = self._editors()
        several = len(self._sessions) > 1
        found = [
            Section(session.name if several else "", "", view(session).widgets, RUN)
            for session in self._sessions
        ]
        for editor in self._models:
            name = "" if editor.session is None else editor.session.name
            canvas = Editor(editor)
            canvas.elsewhere = self._sessions
            found.append(Section(name if several else "", "", [canvas], MODEL))
        return found

    def _editors(self) -> tuple[Editor, ...]:
        found = [editor_of(session) or self._editor(session) for session in self._sessions]
        return tuple(dict.fromkeys(one for one in found if isinstance(one, Editor)))

    def _editor(self, session: Session) -> Editor | None:
        """Return a new editor for a session without one, or None if the model cannot be described.

        No page shows this editor itself, but all tabs show its board.
        """
        if session not in self._drawn:
            with carried_by(lambda ident, traits: None):
                editor = Editor()
            editor.elsewhere = (session,)
            try:
                editor.follow(session)
            except SessionError:
                editor.close()
                self._drawn[session] = None
            else:
                self._drawn[session] = editor
        return self._drawn[session]

    def runs(self) -> None:
        return None

    def select(self, runs: Sequence[str]) -> None:
        """Do nothing, since all sessions are always shown."""

    def stale(self) -> bool:
        return self._models != self._editors()


class EditorBoard:
    """Contents of a dashboard for an editor: the canvas, and the views of the editor's session.

    Parameters
    ----------
    editor : Editor
        The editor whose board the page shows; every change appears both on the page and in the
        editor.
    """

    title = "Visual editor"
    place = ""

    def __init__(self, editor: Editor) -> None:
        self._editor = editor

    def sections(self) -> list[Section]:
        return [Section("", "", [Editor(self._editor)])]

    def runs(self) -> None:
        return None

    def select(self, runs: Sequence[str]) -> None:
        """Do nothing, since there is nothing to choose."""

    def stale(self) -> bool:
        return False
