"""Addresses that a browser uses to reach the servers of this process."""

from __future__ import annotations

import ipaddress
import os

from workbench.errors import SessionError
from workbench.utils.numbers import is_whole

LOOPBACK = "127.0.0.1"

MOST_PORT = 65_535
NOT_A_PORT = (
    "port must be a whole number from 0 to {most}, not {given!r}; port=0 selects any free port"
)

EXPOSED = (
    "{what} listens on {address}, so other machines can connect. The token restricts access, but "
    "the connection is not encrypted."
)


def is_loopback(address: str) -> bool:
    """Return True if only programs on this machine can connect to `address`.

    Examples
    --------
    >>> [is_loopback(one) for one in ("127.0.0.1", "localhost", "::1", "0.0.0.0", "")]
    [True, True, True, False, False]
    """
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


def exposure(what: str, address: str) -> str:
    """Return a warning if other machines can connect to `address`, otherwise an empty string."""
    return "" if is_loopback(address) else EXPOSED.format(what=what, address=address)


def reachable(address: str, port: int) -> str:
    """Return the address that a browser uses to reach a port, without a trailing slash.

    On JupyterHub, a loopback address is replaced by a path of `jupyter-server-proxy`.
    """
    prefix = os.environ.get("JUPYTERHUB_SERVICE_PREFIX", "")
    if prefix and is_loopback(address):
        return f"{prefix.rstrip('/')}/proxy/{port}"
    host = {"0.0.0.0": LOOPBACK, "": LOOPBACK, "::": "::1"}.get(address, address)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def check_port(port: object) -> None:
    """Check that a port number is valid.

    Raises
    ------
    SessionError
        If `port` is not a whole number from 0 to 65535.

    Examples
    --------
    >>> check_port(70000)
    Traceback (most recent call last):
    ...
    workbench.errors.SessionError: port must be a whole number from 0 to 65535, not 70000; ...
    """
    if not is_whole(port) or not 0 <= port <= MOST_PORT:
        raise SessionError(NOT_A_PORT.format(most=MOST_PORT, given=port))
