"""Requests for commands: names and arguments as plain values."""

import time

import pytest

from extensions_live.requests import NAMES, Requests, carry_out
from tests.support import runs
from workbench.errors import SessionError
from workbench.interfaces import State
from workbench.session import running_sessions
from workbench.utils.actors import acting_as

SOON = 20


@pytest.fixture
def session():
    session = runs.build(30).start(paused=True)
    yield session
    session.stop()
    session.wait(SOON)


def request(name, /, **arguments):
    return {"kind": "command", "name": name, "arguments": arguments}


@pytest.mark.parametrize("name", NAMES)
def test_every_command_refuses_unknown_arguments_by_name(name, session):
    with pytest.raises(SessionError, match=f"the command {name} does not accept .*'colour'"):
        carry_out(session, name, {"colour": 1}, by="tool")


def test_an_unknown_command_names_the_known_ones(session):
    with pytest.raises(SessionError, match=r"no command 'pauze'; the commands are .*mean 'pause'"):
        carry_out(session, "pauze", {}, by="tool")


def test_a_method_that_is_no_command_is_refused(session):
    with pytest.raises(SessionError, match="no command 'wait'"):
        carry_out(session, "wait", {}, by="tool")


def test_the_origin_is_recorded(session):
    carry_out(session, "step", {"n": 2}, by="tool").wait(SOON)
    assert session.commands[-1].by == "tool"


def test_a_request_acts_once_however_often_it_arrives(session):
    requests, message = Requests(), {**request("step"), "id": "a"}
    requests.handle(session, message)
    requests.handle(session, message)
    assert [command.kind for command in session.commands].count("step") == 1


def test_a_request_that_is_refused_at_once_says_why(session):
    requests = Requests()
    requests.handle(session, request("set", shared="nothing", value=1.0))
    assert "set: refused: this run has no variable 'nothing'" in requests.refusal
    requests.handle(session, request("step"))
    assert requests.refusal == ""


def test_a_fork_does_not_keep_its_caller_waiting(session):
    session.step(3).wait(SOON)
    Requests().handle(session, request("fork", name="second"))
    other = next(_named("second"))
    assert other.state is not State.FAILED
    other.stop()
    other.wait(SOON)


def settled(requests, id):
    """Return the receipt of a request once it has an outcome."""
    end = time.monotonic() + SOON
    while time.monotonic() < end:
        for receipt in requests.receipts:
            if receipt["request"] == id and receipt["state"] != "waiting":
                return receipt
        time.sleep(0.01)
    raise AssertionError(f"no outcome: {requests.receipts}")


def test_the_receipt_of_a_fork_tells_how_to_show_it(session):
    session.step(3).wait(SOON)
    requests = Requests()
    requests.handle(session, {**request("fork", name="second"), "id": "a"})
    receipt = settled(requests, "a")
    assert receipt["text"].startswith("fork: 'second' is paused at iteration ")
    assert receipt["code"].endswith("; view(sessions()['second'])")
    other = running_sessions.running()["second"]
    other.stop()
    other.wait(SOON)


def test_a_fork_that_is_refused_says_why(session):
    requests = Requests()
    requests.handle(session, {**request("fork", iteration=10**6), "id": "a"})
    receipt = settled(requests, "a")
    assert (receipt["state"], receipt["about"]) == ("refused", "fork")
    assert receipt["text"].startswith("fork: refused: iteration 1,000,000 has not been reached")


def test_a_file_that_is_missing_is_a_refusal(session):
    requests = Requests()
    requests.handle(session, {**request("load", path="nowhere.tar"), "id": "a"})
    assert settled(requests, "a")["text"].startswith("load: refused: there is no file /")


def test_receipts_have_the_ids_of_their_requests(session):
    requests = Requests()
    requests.handle(session, {**request("snapshot"), "id": "a"})
    requests.handle(session, {**request("set", shared="momentum", value=0.5), "id": "b"})
    assert settled(requests, "b")["about"] == "momentum"
    assert settled(requests, "a")["text"] == "snapshot: applied at iteration 0"


def _named(name):
    """Yield the running session of a name as soon as it exists."""
    end = time.monotonic() + SOON
    while time.monotonic() < end:
        if name in running_sessions.running():
            yield running_sessions.running()[name]
            return
        time.sleep(0.01)


def test_the_origin_of_the_context_comes_first(session):
    with acting_as("dashboard"):
        Requests().handle(session, request("step"))
        Requests().handle(session, request("fork", name="third"))  # in a thread of its own
    other = next(_named("third"))
    assert [command.by for command in session.commands[-2:]] == ["dashboard", "dashboard"]
    other.stop()
    other.wait(SOON)
