"""`Dashboard`, a page that shows sessions or the runs in a database, served by this process."""

from __future__ import annotations

import os
import secrets
import weakref
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Self

from extensions_live.dashboard.boards import Board, EditorBoard, SessionBoard
from extensions_live.dashboard.guard import PARAMETER
from extensions_live.dashboard.runs import RunsBoard
from extensions_live.dashboard.server import AppServer
from extensions_live.editor import Editor
from extensions_live.loopback import LOOPBACK, exposure, reachable
from workbench.errors import SessionError
from workbench.hints import Hinted
from workbench.interfaces import Session

NOTHING_TO_SHOW = (
    "the argument of Dashboard() must be a session, as returned by main_loop.start(), a list of "
    "sessions, an editor, or the path of a database of logs, not {given!r:.80}"
)

opened: weakref.WeakSet[Dashboard] = weakref.WeakSet()
"""The dashboards that are currently served."""


class Dashboard(Hinted):
    """Page with the figures and controls of sessions, or with the runs of a database.

    The page is served by this process, and its address contains a random token. The controls of the
    page work even while a notebook cell is running, and every tab that opens the address shows the
    whole run. Closing a tab or the dashboard does not affect training.

    Parameters
    ----------
    shown : Session, sequence of Session, Editor, or path
        Sessions of this process, to watch and control; an editor, to show its canvas; or a
        database of logs, to list, watch and compare its runs without controlling them. If an
        editor started a session, the model of the session is on a second page.

    Raises
    ------
    SessionError
        If `shown` is any other object.
    LogError
        If `shown` is the path of a missing, damaged or empty database.

    Notes
    -----
    To reach the page from another machine, call ``show(port=5006)`` and forward the port:
    ``ssh -L 5006:127.0.0.1:5006 HOST``. On JupyterHub and Binder, install the package
    `jupyter-server-proxy` in the environment of the notebook server, which then forwards the port.
    In these environments, `show` prints a path; append this path to the address of the hub.

    Examples
    --------
    >>> from workbench.main_loop import MainLoop
    >>> class Nothing:
    ...     def initialize(self): pass
    ...     def process_batch(self, batch): pass
    >>> session = MainLoop(Nothing(), [{"x": [1]}]).start(paused=True)
    >>> dashboard = Dashboard(session)
    >>> dashboard.show()
    Dashboard of session-...: http://127.0.0.1:.../?dashboard_token=...
    <Dashboard of session-...: served on 127.0.0.1:...>
    >>> dashboard.close()
    >>> session.stop().wait()
    """

    def __init__(
        self, shown: Session | Sequence[Session] | Editor | str | os.PathLike[str]
    ) -> None:
        self._make_board = board_maker(shown)
        self._title = self._make_board().title
        self._server: AppServer | None = None
        self._token = ""
        self._address = LOOPBACK

    def show(
        self,
        *,
        port: int = 0,
        address: str = LOOPBACK,
        origins: Collection[str] = (),
    ) -> Self:
        """Serve the page until `close` is called, print its address, and return immediately.

        Parameters
        ----------
        port : int
            The port; 0 selects any free port.
        address : str
            The address of this machine to listen on. By default, only programs on this machine can
            connect. To let other machines connect, use ``0.0.0.0``, which means all addresses. The
            connection is not encrypted, so use another address only in a network that you trust.
        origins : collection of str
            Additional hosts whose pages may connect; needed behind a proxy that changes the name of
            the host.

        Returns
        -------
        Dashboard
            This dashboard.

        Raises
        ------
        SessionError
            If the port is in use.
        """
        if self._server is None:
            board, notice = self._make_board, exposure("This dashboard", address)
            token = secrets.token_urlsafe(24)

            def app() -> object:
                from extensions_live.dashboard.page import open_page

                return open_page(board(), notice)

            self._server = AppServer(
                app,
                address=address,
                port=port,
                token=token,
                origins=origins,
                title=self._title,
            )
            self._token, self._address = token, address
            opened.add(self)
        print(f"Dashboard of {self._title}: {self.url}")
        if text := exposure("This dashboard", self._address):
            print(text)
        return self

    @property
    def url(self) -> str:
        """The address with the token; empty while the dashboard is not served."""
        if self._server is None:
            return ""
        return f"{reachable(self._address, self._server.port)}/?{PARAMETER}={self._token}"

    @property
    def port(self) -> int | None:
        """The port, or None while the dashboard is not served."""
        return None if self._server is None else self._server.port

    @property
    def tabs(self) -> int:
        """The number of tabs that show the page, including tabs closed in the last few seconds."""
        return 0 if self._server is None else self._server.documents

    def close(self) -> None:
        """Stop serving, and free the thread, port and documents. Training is not affected."""
        server, self._server = self._server, None
        opened.discard(self)
        if server is not None:
            server.close()

    def __repr__(self) -> str:
        if self._server is None:
            return f"<Dashboard of {self._title}: not served; call show()>"
        return f"<Dashboard of {self._title}: served on {self._address}:{self._server.port}>"


def board_maker(shown: object) -> Callable[[], Board]:
    """Return a function that creates the contents of one tab."""
    drawn: dict[Session, Editor | None] = {}
    if isinstance(shown, Session):
        return lambda: SessionBoard([shown], drawn)
    if isinstance(shown, Editor):
        return lambda: EditorBoard(shown)
    if isinstance(shown, (str, os.PathLike)):
        path = Path(shown)
        return lambda: RunsBoard(path)
    if isinstance(shown, Sequence) and shown and all(isinstance(one, Session) for one in shown):
        sessions = tuple(shown)
        return lambda: SessionBoard(sessions, drawn)
    raise SessionError(NOTHING_TO_SHOW.format(given=shown))
