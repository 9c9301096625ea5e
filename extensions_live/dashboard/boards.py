"""Contents of a dashboard: sections with the widgets of sessions, or of runs in a database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from extensions_live.messages import RunList
from extensions_live.view import view
from extensions_live.widget import LiveWidget
from workbench.interfaces import Session


@dataclass(frozen=True)
class Section:
    """Section of a page.

    Attributes
    ----------
    title : str
        The heading; empty for none.
    subtitle : str
        A line below the heading.
    widgets : sequence of LiveWidget
        The widgets, from top to bottom.
    """

    title: str
    subtitle: str
    widgets: Sequence[LiveWidget[Any, Any]]


class Board(Protocol):
    """Contents of one tab."""

    @property
    def title(self) -> str:
        """The title of the page."""

    @property
    def place(self) -> str:
        """The path of the database that is shown; empty for sessions."""

    def sections(self) -> list[Section]:
        """Return the sections with new widgets, which the caller must close."""

    def runs(self) -> RunList | None:
        """Return the runs to choose from, or None if there is no choice."""

    def select(self, runs: Sequence[str]) -> None:
        """Choose the runs to show."""

    def stale(self) -> bool:
        """Return True if the runs or channels have changed, so that new sections are needed."""


class SessionBoard:
    """Contents of a dashboard for sessions: the views and controls of each session.

    Parameters
    ----------
    sessions : sequence of Session
    """

    place = ""

    def __init__(self, sessions: Sequence[Session]) -> None:
        self._sessions = tuple(sessions)

    @property
    def title(self) -> str:
        """The names of the sessions."""
        return ", ".join(session.name for session in self._sessions)

    def sections(self) -> list[Section]:
        return [
            Section(session.name if len(self._sessions) > 1 else "", "", view(session).widgets)
            for session in self._sessions
        ]

    def runs(self) -> None:
        return None

    def select(self, runs: Sequence[str]) -> None:
        """Do nothing, since all sessions are always shown."""

    def stale(self) -> bool:
        return False
