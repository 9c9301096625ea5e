"""Connections: messages keep their values, and a stranger is refused before any is read."""

import pickle
import socket
import threading

import numpy as np
import pytest

from workbench import errors
from workbench.session.remote.wire import Connection, connect, decoded, encoded, listener, packed

SECRET = b"a secret"


class Trap:
    """Object whose unpickling is noticed."""

    sprung = False

    def __reduce__(self):
        return _spring, ()


def _spring():
    Trap.sprung = True


def accepted(secret, work):
    """Accept one connection in a thread, and return the port and the list of outcomes."""
    server, found = listener(), []

    def serve():
        link, _ = server.accept()
        try:
            connection = Connection(link, secret, is_server=True)
            found.append(work(connection))
            connection.close()
        except (errors.ProcessError, EOFError) as error:
            found.append(error)
        server.close()

    thread = threading.Thread(target=serve)
    thread.start()
    return server.getsockname()[1], found, thread


def test_messages_keep_their_values():
    sent = {
        "numbers": [1, 2.5, float("nan")],
        "array": packed(np.eye(2)),
        "keys": packed({1: (2,)}),
    }
    port, found, thread = accepted(SECRET, lambda one: one.receive())
    connection = connect(port, SECRET)
    connection.send(sent)
    thread.join(20)
    assert found[0]["numbers"][:2] == [1, 2.5]
    assert found[0]["keys"] == {1: (2,)}
    np.testing.assert_array_equal(found[0]["array"], np.eye(2))
    connection.close()


@pytest.mark.parametrize("secret", [b"", b"another secret"])
def test_a_stranger_is_refused(secret):
    port, found, thread = accepted(SECRET, lambda one: one.receive())
    with pytest.raises(errors.ProcessError, match="does not know the secret of the run"):
        connect(port, secret)
    thread.join(20)
    assert isinstance(found[0], errors.ProcessError)


def test_nothing_of_a_stranger_is_unpickled():
    port, found, thread = accepted(SECRET, lambda one: one.receive())
    with socket.create_connection(("127.0.0.1", port)) as link:
        body = encoded({"trap": packed(Trap())})
        link.sendall(bytes(64) + len(body).to_bytes(8) + body + pickle.dumps(Trap()))
        thread.join(20)
    assert isinstance(found[0], errors.ProcessError)
    assert not Trap.sprung
    decoded(body)
    assert Trap.sprung


def test_a_proof_cannot_be_returned_to_its_sender():
    """A client that sends back what it receives does not pass."""
    port, found, thread = accepted(SECRET, lambda one: one.receive())
    with socket.create_connection(("127.0.0.1", port)) as link:
        for _ in range(2):
            link.sendall(link.recv(32))
        thread.join(20)
    assert isinstance(found[0], errors.ProcessError)


def test_only_the_loopback_interface_is_listened_on():
    with listener() as server:
        assert server.getsockname()[0] == "127.0.0.1"
