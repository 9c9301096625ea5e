"""Connections on this machine between a notebook and the processes that train for it.

Before a message is read, each end proves that it knows the secret of the run, which is in a file
that only the user can read. Messages are JSON; values that JSON cannot represent are pickled inside
a message. Because of the proof, this process never unpickles data from another user.
"""

from __future__ import annotations

import base64
import contextlib
import hmac
import json
import pickle
import secrets
import socket
import threading
from typing import Any

import cloudpickle

from workbench.errors import ProcessError

LOOPBACK = "127.0.0.1"
PATIENCE = 5.0
"""Time limit, in seconds, for the other end of a connection to prove that it knows the secret."""

NONCE = 32
LONGEST = 2**33
"""Maximum number of bytes in a message; a greater number indicates a communication error."""

PICKLED = "$pickled"
STRANGER = "the other end of the connection does not know the secret of the run"
CLIENT, SERVER = b"client", b"server"


class Pickled:
    """Value that is pickled inside a message.

    Parameters
    ----------
    value : object
    """

    def __init__(self, value: Any) -> None:
        self.data = cloudpickle.dumps(value)


class Unreadable:
    """Value in a message that this process cannot unpickle.

    Parameters
    ----------
    error : Exception
        The error that unpickling raised.
    """

    def __init__(self, error: Exception) -> None:
        self.error = error

    def __str__(self) -> str:
        return f"{type(self.error).__name__}: {self.error}"


def packed(value: Any) -> Any:
    """Return a value for a message: unchanged if JSON restores it exactly, otherwise pickled.

    Examples
    --------
    >>> decoded(encoded({"plain": packed([1, "a", None]), "other": packed((1, {2: 3}))}))
    {'plain': [1, 'a', None], 'other': (1, {2: 3})}
    """
    return value if isinstance(value, Pickled) or _is_plain(value) else Pickled(value)


def _is_plain(value: Any) -> bool:
    if value is None or type(value) in (bool, int, float, str):
        return True
    if type(value) is list:
        return all(map(_is_plain, value))
    if type(value) is dict:
        return all(type(key) is str and _is_plain(one) for key, one in value.items())
    return False


def encoded(message: Any) -> bytes:
    """Encode a message."""
    return json.dumps(message, default=_as_json).encode()


def decoded(data: bytes) -> Any:
    """Decode a message, whose sender must have proved that it knows the secret.

    A value that cannot be unpickled here becomes `Unreadable`, so that the rest can be read.
    """
    return json.loads(data, object_hook=_from_json)


def _as_json(value: Any) -> Any:
    if not isinstance(value, Pickled):
        value = Pickled(value)
    return {PICKLED: base64.b64encode(value.data).decode()}


def _from_json(found: dict[str, Any]) -> Any:
    if found.keys() == {PICKLED}:
        try:
            return pickle.loads(base64.b64decode(found[PICKLED]))
        except Exception as error:
            return Unreadable(error)
    return found


class Connection:
    """Connection that carries messages, once both ends have proved that they know the secret.

    Several threads can send messages while one thread receives messages.

    Parameters
    ----------
    link : socket.socket
        The connected socket.
    secret : bytes
        The secret of the run.
    is_server : bool
        True at the end that has accepted the connection.

    Raises
    ------
    ProcessError
        If the other end does not prove in time that it knows the secret.
    """

    def __init__(self, link: socket.socket, secret: bytes, *, is_server: bool) -> None:
        self._socket = link
        self._sending = threading.Lock()
        try:
            link.settimeout(PATIENCE)
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._authenticate(secret, is_server)
            link.settimeout(None)
        except (OSError, EOFError) as error:
            link.close()
            raise ProcessError(f"{STRANGER} ({error or type(error).__name__})") from error

    def _authenticate(self, secret: bytes, is_server: bool) -> None:
        own, role, other = secrets.token_bytes(NONCE), CLIENT, SERVER
        if is_server:
            role, other = other, role
        self._socket.sendall(own)
        theirs = self._exactly(NONCE)
        self._socket.sendall(_proof(secret, role, theirs + own))
        if not hmac.compare_digest(self._exactly(NONCE), _proof(secret, other, own + theirs)):
            raise OSError("its proof is wrong")

    def send(self, message: Any) -> None:
        """Send a message.

        Raises
        ------
        OSError
            If the connection is closed.
        """
        self.send_encoded(encoded(message))

    def send_encoded(self, data: bytes) -> None:
        """Send a message that `encoded` has encoded.

        Raises
        ------
        OSError
            If the connection is closed.
        """
        with self._sending:
            self._socket.sendall(len(data).to_bytes(8) + data)

    def receive(self) -> Any:
        """Wait for a message, and return it.

        Raises
        ------
        EOFError, OSError
            If the connection is closed.
        """
        size = int.from_bytes(self._exactly(8))
        if size > LONGEST:
            raise OSError("the connection is out of sync")
        return decoded(self._exactly(size))

    def _exactly(self, size: int) -> bytes:
        parts = []
        while size:
            part = self._socket.recv(min(size, 2**20))
            if not part:
                raise EOFError("the connection was closed")
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def close(self) -> None:
        """Close the connection; this makes pending `receive` calls fail at both ends."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


def _proof(secret: bytes, role: bytes, nonces: bytes) -> bytes:
    return hmac.digest(secret, role + nonces, "sha256")


def connect(port: int, secret: bytes) -> Connection:
    """Connect to a process on this machine.

    Raises
    ------
    ProcessError
        If no process is listening on the port, or if the process does not know the secret.
    """
    try:
        link = socket.create_connection((LOOPBACK, port), PATIENCE)
    except OSError as error:
        raise ProcessError(
            f"no process answers on port {port} of this machine ({error})"
        ) from error
    return Connection(link, secret, is_server=False)


def answers(port: int) -> bool:
    """Return False if no process on this machine is listening on the given port."""
    try:
        socket.create_connection((LOOPBACK, port), PATIENCE).close()
    except ConnectionRefusedError:
        return False
    except OSError:  # it is busy
        return True
    return True


def listener() -> socket.socket:
    """Return a socket that listens on a free port of the loopback interface."""
    return socket.create_server((LOOPBACK, 0))
