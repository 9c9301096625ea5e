"""Sessions as JSON: what a tool reads, the commands it gives, and what the server refuses."""

import http.client
import json
import socket
import threading
from contextlib import closing

import pytest

from extensions_live import Dashboard, serve
from tests.live.runs import Idle, make_loop
from tests.support.runs import build
from tests.support.waiting import paused_at
from workbench.errors import SessionError
from workbench.extensions import TrainingExtension
from workbench.interfaces import State


class Unbounded(TrainingExtension):
    """Records numbers that JSON does not have."""

    def after_batch(self, batch):
        self.main_loop.log.current_row["odd"] = [float("nan"), float("inf"), -float("inf")]
        self.main_loop.log.current_row["gap"] = float("nan")


class Tool:
    """Program that asks a server."""

    def __init__(self, server):
        self.server = server

    def raw(self, method, path, body=None, **headers):
        """Return status and content of the answer, and its headers."""
        line = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=60)
        given = {"Authorization": f"Bearer {self.server.token}", **headers}
        with closing(line):
            line.request(method, path, body, {k: v for k, v in given.items() if v is not None})
            answer = line.getresponse()
            content, found = answer.read(), dict(answer.getheaders())
        return answer.status, json.loads(content, parse_constant=pytest.fail), found

    def get(self, path):
        status, content, _ = self.raw("GET", path)
        assert status == 200, content
        return content

    def give(self, command, /, wait=60, **arguments):
        body = json.dumps({"name": command, "arguments": arguments})
        return self.raw("POST", f"/commands?wait={wait}", body)[:2]

    def refused(self, method, path, body=None, **headers):
        """Return the status and the text of an error."""
        status, content, _ = self.raw(method, path, body, **headers)
        return status, content["error"]["message"]


@pytest.fixture
def session():
    session = paused_at(make_loop(Unbounded(), epochs=50).start(paused=True, name="alone"), 0)
    yield session
    session.stop()
    assert session.wait(60)


@pytest.fixture
def learner():
    """Return a paused session that learns, which can be forked and has hyper-parameters."""
    session = build(10).start(paused=True, name="trunk")
    yield session
    session.stop()
    assert session.wait(60)


@pytest.fixture
def tool(session):
    with serve(session) as server:
        yield Tool(server)


def test_the_state(tool, session):
    state = tool.get("/state")
    assert (state["session"], state["state"], state["iterations_done"]) == ("alone", "paused", 0)
    assert state["planned"] == {"epochs": 50, "batches": 200}
    assert state["exception"] is None


def test_a_command_has_a_receipt_and_is_recorded_as_the_tools(tool, session):
    status, receipt = tool.give("step", n=2)
    assert (status, receipt["state"], receipt["by"]) == (200, "started at iteration 0", "tool")
    assert tool.get(f"/commands/{receipt['id']}?wait=1") == receipt
    assert session.interventions[-1]["by"] == "tool"


def test_a_command_that_waits_has_a_receipt_that_says_so(monkeypatch):
    go, there = threading.Event(), threading.Event()

    def wait(self, batch):
        there.set()
        assert go.wait(60)

    monkeypatch.setattr(Idle, "process_batch", wait)
    session = make_loop().start()
    assert there.wait(60)
    with serve(session) as server:
        _, receipt = Tool(server).give("pause", wait=0)
        assert (receipt["state"], receipt["done"]) == ("queued", False)
        go.set()
        assert Tool(server).get(f"/commands/{receipt['id']}?wait=60")["done"]
    session.stop()
    assert session.wait(60)


def test_a_refused_command_says_why(tool):
    _, receipt = tool.give("undo")
    assert receipt["refused"] and "its state cannot be kept" in receipt["reason"]


def test_rows_since_an_iteration(tool, session):
    tool.give("train", batches=6)
    tool.give("resume")
    session.wait(60)
    first = tool.get("/log?channels=cost&limit=3")
    assert first["channels"]["cost"]["iterations"] == [1, 2]
    assert (first["next"], first["complete"]) == (3, False)
    rest = tool.get(f"/log?since={first['next']}")
    assert rest["channels"]["cost"]["iterations"][0] == 3
    assert rest["complete"] and rest["next"] == session.log.status["iterations_done"]


def test_a_rewind_changes_the_identity_of_the_log(learner):
    learner.step(3).wait(60)
    with serve(learner) as server:
        tool = Tool(server)
        first = tool.get("/log?channels=cost")
        assert tool.get("/state")["log"] == first["log"] == tool.get("/log")["log"]
        tool.give("rewind", iteration=0)
        again = tool.get(f"/log?since={first['next']}")
        assert again["log"] == tool.get("/state")["log"] != first["log"]


def test_numbers_that_json_lacks_are_strings(tool, session):
    tool.give("step", n=1)
    tool.give("resume")
    session.wait(60)
    odd = tool.get("/log?channels=odd,gap&limit=2")["channels"]
    assert odd["odd"]["values"][0] == ["NaN", "Infinity", "-Infinity"]
    assert odd["gap"]["values"][0] == "NaN"


def test_the_guide_lists_every_command(tool):
    guide = tool.get("/")
    assert guide["commands"]["set"]["arguments"].startswith("(shared: ")
    for address in guide["addresses"]:
        method, path = address.split()
        path = path.partition("?")[0].replace("ID", "1")
        if method == "GET":
            tool.get(path)


@pytest.mark.parametrize("part", ["hyperparameters", "interventions", "branches", "snapshots"])
def test_parts_are_lists(tool, part):
    assert isinstance(tool.get(f"/{part}"), list)


def test_a_forked_session_is_served_too(learner):
    with serve(learner) as server:
        tool = Tool(server)
        assert tool.give("fork", name="twig")[1]["session"] == "twig"
        assert tool.get("/")["sessions"] == ["trunk", "twig"]
        body = json.dumps({"name": "stop"})
        assert tool.raw("POST", "/commands?session=twig&wait=60", body)[1]["done"]
        assert learner.state is State.PAUSED


def test_with_several_sessions_a_request_must_name_one(session, learner):
    with serve([session, learner]) as server:
        tool = Tool(server)
        count = len(session.commands)
        for method, path in (("GET", "/state"), ("POST", "/commands")):
            status, text = tool.refused(method, path, json.dumps({"name": "stop"}))
            assert status == 400
            assert "has 2 sessions" in text and text.endswith("the names are alone, trunk")
        assert len(session.commands) == count
        assert tool.get("/state?session=trunk")["session"] == "trunk"


class Blocked(TrainingExtension):
    """Waits in the first batch until a test lets it continue."""

    gate = threading.Event()

    def before_batch(self, batch):
        assert self.gate.wait(60)


def test_a_fork_of_a_busy_run_has_a_receipt_at_once():
    Blocked.gate.clear()
    session = build(10, Blocked()).start(name="busy")
    with serve(session) as server:
        tool = Tool(server)
        try:
            status, receipt = tool.give("fork", wait=0, name="later")
            assert (status, receipt["done"], receipt["state"]) == (200, False, "queued")
            assert tool.get("/")["sessions"] == ["busy"]
        finally:
            Blocked.gate.set()
        receipt = tool.get(f"/commands/{receipt['id']}?wait=60")
        assert (receipt["done"], receipt["session"], receipt["by"]) == (True, "later", "tool")
        assert receipt["state"].startswith("applied at iteration")
        assert tool.get("/")["sessions"] == ["busy", "later"]
        for name in ("busy", "later"):
            body = json.dumps({"name": "stop"})
            assert tool.raw("POST", f"/commands?session={name}&wait=60", body)[1]["done"]


def test_a_fork_that_is_impossible_is_refused(learner):
    with serve(learner) as server:
        tool = Tool(server)
        receipt = tool.give("fork", iteration=999)[1]
        assert receipt["refused"] and receipt["session"] is None
        assert receipt["reason"] == "iteration 999 has not been reached; the last iteration is 0"
        assert tool.get(f"/commands/{receipt['id']}") == receipt
        status, wrong = tool.give("fork", iteraton=1)
        assert (status, "no argument 'iteraton'" in wrong["error"]["message"]) == (400, True)


def test_a_hyperparameter_is_set_with_a_receipt(learner):
    with serve(learner) as server:
        tool = Tool(server)
        path = tool.get("/hyperparameters")[0]["path"]
        receipt = tool.give("set", shared=path, value=0.5)[1]
        assert receipt["state"] == "applied at iteration 0"
        assert tool.get("/hyperparameters")[0]["value"] == 0.5
        status, refused = tool.give("set", shared=path, value="much")
        assert (status, "must be" in refused["error"]["message"]) == (400, True)


@pytest.mark.parametrize("header", [None, "Bearer no", "Basic x", "Bearer", "Bearer \xe9"])
def test_without_the_token_nothing_is_answered(tool, header):
    status, text = tool.refused("GET", "/state", Authorization=header)
    assert status == 403 and "needs the header" in text


@pytest.mark.parametrize("host", ["evil.org", "evil.org:80", "127.0.0.1.evil.org", ""])
def test_a_request_to_another_host_is_refused(tool, host):
    status, text = tool.refused("GET", "/state", Host=host)
    assert status == 403 and "not to the host" in text


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1", "[::1]:80"])
def test_names_of_this_machine_are_accepted(tool, host):
    assert tool.raw("GET", "/state", Host=host)[0] == 200


def test_no_page_of_a_browser_may_read(tool):
    status, _, headers = tool.raw("OPTIONS", "/state", Origin="https://evil.org")
    assert status == 405
    assert not [name for name in headers if name.lower().startswith("access-control")]


@pytest.mark.parametrize(
    "method, path, body, status, text",
    [
        ("GET", "/nothing", None, 404, "no address /nothing; GET / lists all addresses"),
        ("GET", "/commands/77", None, 404, "no command '77'; the number of commands so far is"),
        ("GET", "/state?session=alnoe", None, 404, "did you mean 'alone'?"),
        ("GET", "/log?channels=const", None, 400, "no channel 'const'"),
        ("GET", "/log?since=-1", None, 400, "since must be a whole number >= 0, not '-1'"),
        ("GET", "/state?sinc=1", None, 400, "no parameter 'sinc'"),
        ("GET", "/commands/1?wait=nan", None, 400, "wait must be a non-negative number of seconds"),
        ("DELETE", "/state", None, 405, "/state accepts GET, not DELETE"),
        ("POST", "/state", "{}", 405, "/state accepts GET, not POST"),
        ("POST", "/commands", "{", 400, "the body must be JSON"),
        ("POST", "/commands", "[" * 100_000, 400, "the body must be JSON"),
        ("POST", "/commands", '{"name": "set", "arguments": {"value": NaN}}', 400, "has no NaN"),
        ("POST", "/commands", "[]", 400, "the body must be a command such as"),
        ("POST", "/commands", '{"name": "stop", "arguments": []}', 400, "must be an object"),
        ("POST", "/commands", '{"name": "stop", "x": 1}', 400, "a name and arguments, not x"),
        ("POST", "/commands", '{"name": "puase"}', 400, "did you mean 'pause'?"),
        ("POST", "/commands", '{"name": "call"}', 400, "there is no command 'call'"),
        ("POST", "/commands", '{"name": "__init__"}', 400, "there is no command '__init__'"),
        ("POST", "/commands", '{"name": "step", "arguments": {"m": 1}}', 400, "no argument 'm'"),
        ("POST", "/commands", '{"name": "step", "arguments": {"n": "x"}}', 400, "'x'"),
        ("POST", "/commands", " " * (1 << 20) + " ", 413, "the maximum is 1,048,576"),
    ],
)
def test_a_wrong_request_is_an_error_in_json(tool, session, method, path, body, status, text):
    found, message = tool.refused(method, path, body)
    assert (found, text in message) == (status, True), message
    assert session.state is State.PAUSED


def test_what_is_not_http_is_refused_in_json(tool):
    with socket.create_connection(("127.0.0.1", tool.server.port), timeout=60) as line:
        line.sendall(b"nonsense\r\n\r\n")
        assert b'"BadRequest"' in line.makefile("rb").read()


def test_closing_ends_the_thread_and_frees_the_port(session):
    server = serve(session)
    server.close()
    server.close()
    assert "workbench-tools" not in {one.name for one in threading.enumerate()}
    serve(session, port=server.port).close()
    assert session.state is State.PAUSED


def test_a_port_in_use_is_an_error(tool, session):
    with pytest.raises(SessionError, match=rf"cannot listen on 127.0.0.1:{tool.server.port}"):
        serve(session, port=tool.server.port)


def test_other_machines_are_let_in_only_when_told(session, capsys):
    serve(session).close()
    assert capsys.readouterr().out == ""
    serve(session, address="0.0.0.0").close()
    assert "so other machines can connect" in capsys.readouterr().out


@pytest.mark.parametrize("given", [3, [], ["session"]])
def test_what_is_no_session_is_refused(given):
    with pytest.raises(SessionError, match=r"serve\(\) must be a session"):
        serve(given)


@pytest.mark.parametrize("token", ["", "a", "x" * 15, 3, b"x" * 20])
def test_a_token_that_could_be_guessed_is_refused_without_showing_it(session, token):
    with pytest.raises(SessionError, match="must be text of at least 16 characters") as caught:
        serve(session, token=token)
    assert not token or "xxx" not in str(caught.value)


def test_a_token_of_the_user_is_used(session):
    with serve(session, token="x" * 16) as server:
        assert Tool(server).get("/state")["state"] == session.state


def test_the_text_of_a_server_has_no_token(tool):
    assert tool.server.token not in repr(tool.server)


@pytest.mark.parametrize("port", [99999, -1, "80"])
def test_a_port_that_cannot_exist_is_refused(session, port):
    for start in (lambda: serve(session, port=port), lambda: Dashboard(session).show(port=port)):
        with pytest.raises(SessionError, match="port must be a whole number from 0 to 65535, not"):
            start()


def test_a_timeout_must_be_a_number(session):
    with pytest.raises(SessionError, match="timeout must be .*'x'"):
        session.wait("x")
