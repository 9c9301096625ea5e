"""Guard that requires a token in requests to a tornado application.

The token is a query parameter of the address. The page and its websocket have the same parameters,
even behind a proxy that adds a prefix to the path. No cookies are used, because other servers on
the same host could read them. Files of installed libraries, which are served under ``/static/``,
need no token.

As in Jupyter, a websocket is refused if the page that opens it is from a different host. This check
works behind a proxy that preserves the host name, such as `jupyter-server-proxy`. Behind other
proxies, `origins` must list the hosts.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Collection
from urllib.parse import parse_qs, urlsplit

from tornado import httputil

PARAMETER = "dashboard_token"
"""The query parameter that contains the token; the name ``token`` is already used by Jupyter."""

LIBRARIES = ("/static/", "/favicon.ico")

NO_TOKEN = (
    "403: this page needs its token. Open the complete address that Dashboard.show() or "
    "python -m extensions_live.dashboard printed.\n"
)
OTHER_ORIGIN = (
    "403: this dashboard does not accept connections from pages of {origin}. If you trust that "
    "host, pass origins=[{host!r}].\n"
)


def refusal(
    target: str, headers: httputil.HTTPHeaders, token: str, origins: Collection[str]
) -> str | None:
    """Return the reason to refuse a request, or None to accept it.

    Parameters
    ----------
    target : str
        Path and parameters of the request.
    headers : HTTPHeaders
    token : str
    origins : collection of str
        Additional hosts whose pages may connect. A host includes its port, unless the port is the
        default.

    Examples
    --------
    >>> plain = httputil.HTTPHeaders({"Host": "localhost:5006"})
    >>> refusal("/?dashboard_token=abc", plain, "abc", [])
    >>> refusal("/?dashboard_token=no", plain, "abc", [])[:31]
    '403: this page needs its token.'
    >>> refusal("/static/js/bokeh.min.js", plain, "abc", [])
    """
    parts = urlsplit(target)
    if parts.path.startswith(LIBRARIES):
        return None
    given = parse_qs(parts.query).get(PARAMETER, [""])[0]
    if not hmac.compare_digest(given.encode(), token.encode()):
        return NO_TOKEN
    origin = headers.get("Origin") or headers.get("Sec-Websocket-Origin")
    if origin is not None:
        host = urlsplit(origin).netloc.lower()
        if host not in {headers.get("Host", "").lower(), *(one.lower() for one in origins)}:
            return OTHER_ORIGIN.format(origin=origin, host=host)
    return None


class Guard(httputil.HTTPServerConnectionDelegate):
    """Wrapper around a tornado application that forwards only requests with the token.

    Parameters
    ----------
    application : HTTPServerConnectionDelegate
    token : str
    origins : collection of str
        Additional hosts whose pages may open a websocket.
    """

    def __init__(
        self,
        application: httputil.HTTPServerConnectionDelegate,
        token: str,
        origins: Collection[str] = (),
    ) -> None:
        self.application = application
        self.token = token
        self.origins = tuple(origins)

    def start_request(
        self, server_conn: object, request_conn: httputil.HTTPConnection
    ) -> httputil.HTTPMessageDelegate:
        return _Request(self, server_conn, request_conn)

    def on_close(self, server_conn: object) -> None:
        self.application.on_close(server_conn)


class _Request(httputil.HTTPMessageDelegate):
    """One request, which is passed to the application or refused."""

    def __init__(
        self, guard: Guard, server_conn: object, request_conn: httputil.HTTPConnection
    ) -> None:
        self._guard = guard
        self._server, self._connection = server_conn, request_conn
        self._inner: httputil.HTTPMessageDelegate | None = None
        self._refusal = NO_TOKEN

    def headers_received(
        self,
        start_line: httputil.RequestStartLine | httputil.ResponseStartLine,
        headers: httputil.HTTPHeaders,
    ) -> Awaitable[None] | None:
        assert isinstance(start_line, httputil.RequestStartLine)
        guard = self._guard
        reason = refusal(start_line.path, headers, guard.token, guard.origins)
        if reason is not None:
            self._refusal = reason
            return None
        for name in ("Origin", "Sec-Websocket-Origin"):  # checked above; Bokeh ignores proxies
            if name in headers:
                del headers[name]
        self._inner = guard.application.start_request(self._server, self._connection)
        return self._inner.headers_received(start_line, headers)

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        return None if self._inner is None else self._inner.data_received(chunk)

    def finish(self) -> None:
        if self._inner is not None:
            self._inner.finish()
            return
        body = self._refusal.encode()
        headers = httputil.HTTPHeaders(
            {
                "Content-Type": "text/plain; charset=utf-8",
                "Content-Length": str(len(body)),
                "Cache-Control": "no-store",
                "X-Content-Type-Options": "nosniff",
            }
        )
        start_line = httputil.ResponseStartLine("", 403, "Forbidden")
        self._connection.write_headers(start_line, headers, body)
        self._connection.finish()

    def on_connection_close(self) -> None:
        if self._inner is not None:
            self._inner.on_connection_close()
