"""Server that runs a Panel app in a separate thread.

The port is bound before the constructor returns. Closing the server ends the thread and frees the
port and the Bokeh documents. The document of a closed tab is freed within seconds.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import threading
from collections.abc import Callable, Collection
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from extensions_live.dashboard.guard import Guard
from extensions_live.loopback import check_port
from workbench.errors import SessionError

if TYPE_CHECKING:
    from tornado.ioloop import IOLoop

UNUSED_AFTER, CHECK_EVERY = 10_000, 2_000
"""Milliseconds before a closed tab is freed, and milliseconds between checks for closed tabs."""

THREAD = "workbench-dashboard"
CLOSED = "Failed sending message as connection was closed"
LOGGERS = ("bokeh.server.views.ws", "tornado.application")

MOST_ROUNDS = 5
"""Maximum number of attempts to cancel the remaining tasks of a closed server."""

NO_PORT = (
    "the dashboard cannot listen on {address}:{port} ({error}); pass another port, or port=0 for "
    "any free port"
)


class AppServer:
    """Server that runs a Panel app in a separate thread.

    Parameters
    ----------
    app : callable
        A function that creates the app for one browser tab.
    address : str
    port : int
        The port; 0 selects any free port.
    token : str
    origins : collection of str
        Additional hosts whose pages may open a websocket.
    title : str
        The title of the page.

    Attributes
    ----------
    port : int

    Raises
    ------
    SessionError
        If the server cannot listen on this address and port.
    """

    def __init__(
        self,
        app: Callable[[], Any],
        *,
        address: str,
        port: int,
        token: str,
        origins: Collection[str] = (),
        title: str = "",
    ) -> None:
        import panel  # noqa: F401  # here, so that the caller sees import errors

        check_free(address, port)
        self._app, self._title = app, title
        self._address, self._token, self._origins = address, token, origins
        self._server: Any = None
        self._loop: IOLoop | None = None
        started: Future[int] = Future()
        self._thread = threading.Thread(
            target=self._run, args=(started, port), name=THREAD, daemon=True
        )
        for name in LOGGERS:
            logging.getLogger(name).addFilter(is_noteworthy)
        self._thread.start()
        self.port = started.result()

    @property
    def documents(self) -> int:
        """The number of tabs that are open or were closed in the last few seconds."""
        return 0 if self._server is None else len(self._server.get_sessions())

    def close(self) -> None:
        """Stop serving; return when the thread has ended."""
        loop, self._loop = self._loop, None
        if loop is not None:
            loop.add_callback(loop.stop)
        if self._thread is not threading.current_thread():
            self._thread.join()

    def _run(self, started: Future[int], port: int) -> None:
        from tornado.ioloop import IOLoop

        asyncio_loop = asyncio.new_event_loop()
        asyncio_loop.set_exception_handler(ignore_closed_tabs)
        asyncio.set_event_loop(asyncio_loop)
        loop = IOLoop.current()
        try:
            self._server = self._listen(loop, port)
        except BaseException as error:
            started.set_exception(error)
            loop.close(all_fds=True)
            return
        self._loop = loop
        started.set_result(self._server.port)
        try:
            loop.start()
        finally:
            self._end(loop)

    def _listen(self, loop: IOLoop, port: int) -> Any:
        from panel.io.server import get_server

        server = get_server(
            {"/": self._app},
            port=port,
            address=self._address,
            loop=loop,
            title=self._title,
            show=False,
            start=False,
            unused_session_lifetime_milliseconds=UNUSED_AFTER,
            check_unused_sessions_milliseconds=CHECK_EVERY,
            include_headers=[],
            include_cookies=[],
        )
        server._http.request_callback = Guard(server._tornado, self._token, self._origins)
        server.start()
        return server

    def _end(self, loop: IOLoop) -> None:
        from panel.io.state import state

        server, self._server = self._server, None
        server._http.stop()  # no further connections
        asyncio_loop = loop.asyncio_loop  # type: ignore[attr-defined]
        cancel_all(asyncio_loop)  # first, since websockets need their documents until they close
        for session in server.get_sessions():
            session.destroy()
        server.stop()
        cancel_all(asyncio_loop)
        for key in [key for key, value in state._servers.items() if value[0] is server]:
            del state._servers[key]
        state._server_config.pop(server._tornado, None)
        loop.close(all_fds=True)


def cancel_all(loop: asyncio.AbstractEventLoop) -> None:
    """Cancel the tasks of an event loop, including tasks that are started in the meantime."""
    for _ in range(MOST_ROUNDS):
        tasks = asyncio.all_tasks(loop)
        if not tasks:
            return
        for task in tasks:
            task.cancel()
        loop.run_until_complete(asyncio.wait(tasks, timeout=1.0))


def is_noteworthy(record: logging.LogRecord) -> bool:
    """Return False if `record` reports that a tab or the dashboard was closed during a transfer."""
    if record.threadName != THREAD:
        return True
    ended = record.exc_info is not None and isinstance(record.exc_info[1], asyncio.CancelledError)
    return not ended and not record.getMessage().startswith(CLOSED)


def ignore_closed_tabs(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Report an error of the event loop, unless it was caused by closing a tab."""
    from tornado.iostream import StreamClosedError
    from tornado.websocket import WebSocketClosedError

    if not isinstance(context.get("exception"), (StreamClosedError, WebSocketClosedError)):
        loop.default_exception_handler(context)


def check_free(address: str, port: int) -> None:
    """Raise `SessionError` unless a server can listen on this address and port."""
    check_port(port)
    try:
        family, *_, place = socket.getaddrinfo(address or None, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family) as probe:
            if os.name != "nt":
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as tornado does
            probe.bind(place)
            probe.listen()
    except OSError as error:
        text = NO_PORT.format(address=address, port=port, error=error.strerror or error)
        raise SessionError(text) from None
