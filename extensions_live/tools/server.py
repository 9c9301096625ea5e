"""`serve`, which gives agents, scripts and other programs access to sessions as JSON over HTTP.

By default the server listens on the loopback interface. In this case, or if `hosts` is given, the
server checks the host name in each request, so that a web page cannot reach the server under
another name (DNS rebinding). Every request must have a token in its header. The server sends no
CORS headers, so that web pages cannot read its responses.
"""

from __future__ import annotations

import hmac
import json
import logging
import secrets
import socket
import threading
import weakref
from collections.abc import Collection, Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

from extensions_live.loopback import LOOPBACK, check_port, exposure, is_loopback
from extensions_live.tools.api import Answer, Api
from workbench.errors import SessionError
from workbench.hints import Hinted, hinted
from workbench.interfaces import Session

logger = logging.getLogger(__name__)

LARGEST_BODY = 1 << 20
"""Maximum number of bytes in the body of a request."""

MOST_DROPPED = 16 << 20
"""Maximum number of bytes that are read and dropped from the body of a refused request."""

PATIENCE = 30.0
"""Maximum number of seconds to wait for the rest of a request."""

NOT_A_SESSION = (
    "the argument of serve() must be a session, as returned by main_loop.start(), or several "
    "sessions, not {given!r:.80}"
)
NO_PORT = (
    "the server for tools cannot listen on {address}:{port} ({error}); pass another port, or "
    "port=0 for any free port"
)
SHORTEST = 16
"""Minimum number of characters in a token; a shorter token could be guessed."""

BAD_TOKEN = (
    "token must be text of at least {least} characters, since other programs could guess a shorter "
    "token; omit token to use a random token"
)
NO_TOKEN = (
    "this server needs the header 'Authorization: Bearer TOKEN', where TOKEN is the token "
    "attribute of the object that serve() returned"
)
OTHER_HOST = (
    "this server answers requests to the hosts {known}, but not to the host {host!r}; to add "
    "hosts, call serve(session, hosts=[...])"
)

opened: weakref.WeakSet[ToolServer] = weakref.WeakSet()
"""The servers that are listening."""


@hinted
def serve(
    session: Session | Iterable[Session],
    *,
    port: int = 0,
    address: str = LOOPBACK,
    token: str | None = None,
    hosts: Collection[str] = (),
) -> ToolServer:
    """Let other programs read and control sessions with JSON over HTTP; return immediately.

    ``GET /`` lists all addresses and commands. A tool can send the same commands as the widgets of
    a page, and receives the same receipts. The log records ``tool`` as the origin of these
    commands.

    Parameters
    ----------
    session : Session or iterable of Session
        The sessions to serve. A session that a tool creates with ``fork`` is also served.
    port : int
        The port; 0 selects any free port.
    address : str
        The address of this machine to listen on. With the default, only programs on this
        machine can connect. With any other address, other machines can also connect, but without
        encryption.
    token : str, optional
        The token that requests must contain, with at least 16 characters; random by default.
    hosts : collection of str
        Additional host names that requests may use for this server, for example behind a proxy.

    Returns
    -------
    ToolServer
        The server, which runs until ``close()`` is called. A tool needs the attributes ``url`` and
        ``token`` of the server. The server is also a context manager.

    Raises
    ------
    SessionError
        If `session` is neither a session nor an iterable of sessions, if `token` is too short, or
        if the server cannot listen on the port.

    Notes
    -----
    =============================== =============================================================
    ``GET /state``                  state, counts, plan, newest values, error
    ``GET /log?since=0``            records since an iteration; ``channels=a,b``, ``limit=1000``
    ``GET /hyperparameters``        hyperparameters that can be changed, with their bounds
    ``GET /interventions``          commands that changed training
    ``GET /branches``               branches of the run; ``/snapshots``: states in memory
    ``GET /commands/ID?wait=10``    receipt of a command, once it is done or after 10 seconds
    ``POST /commands?wait=10``      a command: ``{"name": ..., "arguments": {...}}``
    =============================== =============================================================

    With several sessions, as after a fork, each address also needs ``session=NAME``; without
    it, the answer is an error that lists the names.

    JSON cannot represent NaN or infinities. They are replaced by the strings ``"NaN"``,
    ``"Infinity"`` and ``"-Infinity"``. An error has the form
    ``{"error": {"type": ..., "message": ...}}`` and a status of 400 or more: 403 without the
    token, 404 for an unknown address, session or command.

    Examples
    --------
    A session to serve:

    >>> from workbench.main_loop import MainLoop
    >>> class Nothing:
    ...     def initialize(self): pass
    ...     def process_batch(self, batch): pass
    >>> session = MainLoop(Nothing(), [{"x": [1]}]).start(paused=True, name="served")
    >>> server = serve(session)

    The script of a tool needs only the address and the token:

    >>> import json
    >>> from urllib.request import Request, urlopen
    >>> def ask(path, body=None):
    ...     data = None if body is None else json.dumps(body).encode()
    ...     headers = {"Authorization": f"Bearer {server.token}"}
    ...     with urlopen(Request(server.url + path, data, headers)) as answer:
    ...         return json.load(answer)
    >>> ask("/state")["state"]
    'paused'
    >>> receipt = ask("/commands?wait=10", {"name": "step", "arguments": {"n": 3}})
    >>> receipt["by"], receipt["state"]
    ('tool', 'started at iteration 0')
    >>> ask("/commands?wait=10", {"name": "stop"})["done"]
    True

    >>> server.close()
    """
    sessions = [session] if isinstance(session, Session) else session
    try:
        sessions = list(sessions)
    except TypeError:
        sessions = []
    if not sessions or not all(isinstance(one, Session) for one in sessions):
        raise SessionError(NOT_A_SESSION.format(given=session))
    server = ToolServer(Api(sessions), port=port, address=address, token=token, hosts=hosts)
    if text := exposure("This server for tools", address):
        print(text)
    return server


class ToolServer(Hinted):
    """HTTP server that gives access to an `Api` and runs in its own threads; `serve` creates it.

    Parameters
    ----------
    api : Api
    port : int
    address : str
    token : str or None
    hosts : collection of str

    Attributes
    ----------
    url : str
        The address, without a trailing slash.
    token : str
        The token that a request must contain.
    port : int

    Examples
    --------
    >>> from workbench.main_loop import MainLoop
    >>> class Nothing:
    ...     def initialize(self): pass
    ...     def process_batch(self, batch): pass
    >>> session = MainLoop(Nothing(), [{"x": [1]}]).start(paused=True, name="for a tool")
    >>> with serve(session) as server:
    ...     isinstance(server, ToolServer), server.url.startswith("http://127.0.0.1:")
    (True, True)
    >>> server
    <ToolServer of for a tool: closed>
    >>> session.stop().wait()
    """

    def __init__(
        self,
        api: Api,
        *,
        port: int = 0,
        address: str = LOOPBACK,
        token: str | None = None,
        hosts: Collection[str] = (),
    ) -> None:
        self.token = secrets.token_urlsafe(24) if token is None else token
        if not isinstance(self.token, str) or len(self.token) < SHORTEST:
            raise SessionError(BAD_TOKEN.format(least=SHORTEST))
        check_port(port)
        self._api = api
        self._address = address
        try:
            self._server = _Server(address, port, api, self.token, hosts)
        except OSError as error:
            text = NO_PORT.format(address=address, port=port, error=error.strerror or error)
            raise SessionError(text) from None
        self.port = int(self._server.server_address[1])
        host = {"0.0.0.0": LOOPBACK, "": LOOPBACK, "::": "::1"}.get(address, address)
        self.url = f"http://{f'[{host}]' if ':' in host else host}:{self.port}"
        self._thread: threading.Thread | None = threading.Thread(
            target=self._server.serve_forever, name="workbench-tools", daemon=True
        )
        self._thread.start()
        opened.add(self)

    def close(self) -> None:
        """Stop serving and free the port; the sessions are not affected."""
        thread, self._thread = self._thread, None
        opened.discard(self)
        if thread is not None:
            self._server.shutdown()
            self._server.server_close()
            thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        where = self.url if self._thread is not None else "closed"
        return f"<ToolServer of {', '.join(self._api.names)}: {where}>"


class _Server(ThreadingHTTPServer):
    """HTTP server that handles requests in threads, which end with the process."""

    daemon_threads = True
    block_on_close = False  # a request that waits must not delay `close`

    def __init__(
        self, address: str, port: int, api: Api, token: str, hosts: Collection[str]
    ) -> None:
        self.address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.api = api
        self.authorization = f"Bearer {token}".encode()
        # For any other address, only the user knows the names of this machine.
        own = {address, "127.0.0.1", "localhost", "::1"} if is_loopback(address) else set()
        self.hosts = {host.lower() for host in (*own, *hosts)}
        super().__init__((address, port), _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        logger.debug("a request from a tool ended early", exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    server_version = "workbench"
    sys_version = ""
    timeout = PATIENCE

    def do_GET(self) -> None:
        refused = self._refused()
        if refused is not None:
            self._drop_body()
            self._write(refused)
            return
        try:
            body = self._body()
            answer = body if isinstance(body, Answer) else self._api_answer(body)
        except Exception as error:
            logger.exception("a request from a tool failed")
            text = f"{type(error).__name__}: {error}"
            answer = Answer(500, {"error": {"type": "InternalError", "message": text}})
        self._write(answer)

    do_POST = do_HEAD = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = do_GET

    def _api_answer(self, body: bytes) -> Answer:
        return self.server.api.answer(self.command, self.path, body)

    def _refused(self) -> Answer | None:
        given = self.headers.get("Authorization", "").encode("utf-8", "surrogateescape")
        if not hmac.compare_digest(given, self.server.authorization):
            return _error(403, "Forbidden", NO_TOKEN)
        host = self.headers.get("Host", "").lower()
        name = host.rpartition(":")[0] if not host.endswith("]") and ":" in host else host
        known = self.server.hosts
        if known and name.strip("[]") not in known:
            return _error(403, "Forbidden", OTHER_HOST.format(known=sorted(known), host=host))
        return None

    def _body(self) -> bytes | Answer:
        if "Transfer-Encoding" in self.headers:
            return _error(411, "LengthRequired", "send the body with a Content-Length header")
        length = self.headers.get("Content-Length", "0")
        if not length.isdecimal():
            return _error(400, "BadRequest", f"Content-Length must be a number, not {length!r}")
        if int(length) > LARGEST_BODY:
            self._drop_body()
            text = f"the body has {int(length):,} bytes; the maximum is {LARGEST_BODY:,}"
            return _error(413, "TooLarge", text)
        return self.rfile.read(int(length))

    def _drop_body(self) -> None:
        """Read a refused request's body, so that a client that is still sending gets the answer."""
        length = self.headers.get("Content-Length", "0")
        left = min(int(length), MOST_DROPPED) if length.isdecimal() else 0
        while left > 0:
            chunk = self.rfile.read(min(left, 1 << 16))
            if not chunk:
                return
            left -= len(chunk)

    def _write(self, answer: Answer) -> None:
        data = json.dumps(answer.content, allow_nan=False).encode()
        self.send_response(answer.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        # Overridden, since the base class sends errors as HTML.
        self.close_connection = True
        self._write(_error(code, "BadRequest", explain or message or "this is not HTTP"))

    def log_message(self, format: str, *args: object) -> None:
        logger.debug(format, *args)


def _error(status: int, kind: str, message: str) -> Answer:
    return Answer(status, {"error": {"type": kind, "message": message}})
