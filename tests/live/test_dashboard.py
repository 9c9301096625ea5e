"""The dashboard without a browser: its server, its guard, and what one tab gets."""

import asyncio
import logging
import threading
import time
import urllib.error
import urllib.request

import pytest
from tornado.httputil import HTTPHeaders

from extensions_live import Dashboard
from extensions_live.dashboard.boards import SessionBoard
from extensions_live.dashboard.guard import refusal
from extensions_live.dashboard.server import THREAD, is_noteworthy
from extensions_live.dashboard.visit import Visit
from extensions_live.loopback import reachable
from tests.live.runs import Clock, make_loop
from workbench.errors import SessionError
from workbench.interfaces import State


@pytest.fixture
def session():
    """Return a paused session."""
    session = make_loop(epochs=50).start(paused=True)
    yield session
    session.stop()
    assert session.wait(60)


@pytest.fixture
def dashboard(session, capsys):
    """Return a dashboard that is served."""
    dashboard = Dashboard(session).show()
    yield dashboard
    dashboard.close()


def status(url, **headers):
    """Return the status of the answer to a request, and its text."""
    try:
        with urllib.request.urlopen(
            urllib.request.Request(url, headers=headers), timeout=60
        ) as found:
            return found.status, found.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


class Tab:
    """A tab whose messages a test reads, and whose clock it sets."""

    def __init__(self, board):
        self.sent = []
        self.clock = Clock()
        self.visit = Visit(board, self.sent.append, clock=self.clock)

    def tick(self, seconds=1.0):
        self.clock.now += seconds
        self.visit.tick()
        sent, self.sent[:] = list(self.sent), []
        return sent

    def open(self):
        """Send what a page sends first; return the contents."""
        self.visit.receive({"kind": "ready"})
        (contents, *_), self.sent[:] = list(self.sent), []
        return contents


def part(contents, module):
    """Return the identity of the widget of a class."""
    return next(k for k, one in contents["parts"].items() if one["module"] == module)


def click(tab, ident, name, **arguments):
    command = {"kind": "command", "name": name, "arguments": arguments, "id": name}
    tab.visit.receive({"kind": "part", "ident": ident, "content": command})


def train(session, batches):
    """Train on a few batches; return when the session is paused after them."""
    goal = session.log.status["iterations_done"] + batches
    session.step(batches).wait(60)
    end = time.monotonic() + 60
    while session.log.status["iterations_done"] < goal or session.state is not State.PAUSED:
        assert time.monotonic() < end
        time.sleep(0.01)


def test_show_prints_an_address_that_answers(session, capsys):
    dashboard = Dashboard(session).show()
    assert capsys.readouterr().out == f"Dashboard of {session.name}: {dashboard.url}\n"
    code, text = status(dashboard.url)
    assert code == 200 and f"<title>{session.name}</title>" in text
    dashboard.close()


@pytest.mark.parametrize("path", ["/", "/?dashboard_token=no", "/ws", "/metadata", "/components/a"])
def test_without_the_token_every_request_is_refused(dashboard, path):
    code, text = status(f"http://127.0.0.1:{dashboard.port}{path}")
    assert (code, text.partition(".")[0]) == (403, "403: this page needs its token")


@pytest.mark.parametrize(
    "origin, host, allowed",
    [
        ("http://127.0.0.1:80", "127.0.0.1:80", True),
        ("https://hub.org", "hub.org", True),  # a proxy keeps the name of the host
        ("https://evil.org", "127.0.0.1:80", False),
        ("https://known.org", "127.0.0.1:80", True),
        ("null", "127.0.0.1:80", False),
    ],
)
def test_only_pages_of_the_same_host_may_connect(origin, host, allowed):
    headers = HTTPHeaders({"Host": host, "Origin": origin})
    reason = refusal("/ws?dashboard_token=t", headers, "t", ["known.org"])
    assert (reason is None) == allowed
    if not allowed:
        assert f"does not accept connections from pages of {origin}" in reason


def test_showing_again_prints_the_same_address(dashboard, capsys):
    first = dashboard.url
    assert dashboard.show().url == first
    assert capsys.readouterr().out.strip().endswith(first)


def test_closing_frees_thread_and_port(session, capsys):
    dashboard = Dashboard(session).show()
    port = dashboard.port
    dashboard.close()
    assert "workbench-dashboard" not in {one.name for one in threading.enumerate()}
    again = Dashboard(session).show(port=port)
    assert again.port == port
    again.close()
    assert (again.url, again.port, again.tabs) == ("", None, 0)
    assert session.state is State.PAUSED


def test_a_port_in_use_is_an_error(session, dashboard):
    with pytest.raises(
        SessionError, match=rf"cannot listen on 127.0.0.1:{dashboard.port} .*port=0"
    ):
        Dashboard(session).show(port=dashboard.port)


def test_other_machines_are_let_in_only_when_told(session, capsys):
    dashboard = Dashboard(session).show(address="0.0.0.0")
    text = capsys.readouterr().out
    dashboard.close()
    assert "listens on 0.0.0.0, so other machines can connect" in text


def test_the_address_on_a_hub_goes_through_its_proxy(monkeypatch):
    monkeypatch.setenv("JUPYTERHUB_SERVICE_PREFIX", "/user/ada/")
    assert reachable("127.0.0.1", 5006) == "/user/ada/proxy/5006"


def test_the_text_of_a_dashboard_has_no_token(dashboard):
    token = dashboard.url.partition("=")[2]
    assert len(token) >= 32 and token not in repr(dashboard)


def test_what_is_no_session_is_refused():
    with pytest.raises(SessionError, match="must be a session, .* not 3"):
        Dashboard(3)


def test_a_tab_gets_all_widgets_with_their_values(session):
    contents = Tab(SessionBoard([session])).open()
    (section,) = contents["sections"]
    modules = [contents["parts"][ident]["module"] for ident in section["parts"]]
    assert modules == ["Controls", "PlotView"]
    assert contents["parts"][section["parts"][0]]["state"]["payload"]["state"] == "paused"
    assert all("render" in one["esm"] for one in contents["modules"].values())


def test_a_click_is_carried_out_by_the_dashboard(session):
    tab = Tab(SessionBoard([session]))
    ident = part(tab.open(), "Controls")
    click(tab, ident, "step", n=2)
    session.commands[-1].wait(60)
    (change,) = tab.tick()
    assert session.commands[-1].by == "dashboard"
    assert change["parts"][ident]["payload"]["command"]["text"] == "step 2: started at iteration 0"


def test_a_tab_pulls_what_has_changed_and_nothing_else(session):
    tab = Tab(SessionBoard([session]))
    plot = part(tab.open(), "PlotView")
    assert tab.tick() == []
    train(session, 3)
    assert plot in tab.tick()[0]["parts"]
    assert tab.tick() == []


def test_a_hidden_widget_is_not_refreshed(session):
    tab = Tab(SessionBoard([session]))
    plot = part(tab.open(), "PlotView")
    hidden = {"kind": "visibility", "rendering": "a", "visible": False, "number": 1}
    tab.visit.receive({"kind": "part", "ident": plot, "content": hidden})
    train(session, 3)
    assert all(plot not in message["parts"] for message in tab.tick())


def test_a_widget_that_the_page_draws_slowly_is_refreshed_as_seldom(session):
    tab = Tab(SessionBoard([session]))
    plot = part(tab.open(), "PlotView")
    slow = {"kind": "pace", "seconds": 5.0}
    tab.visit.receive({"kind": "part", "ident": plot, "content": slow})
    tab.tick()
    train(session, 3)
    assert all(plot not in message["parts"] for message in tab.tick(seconds=4.0))
    assert plot in tab.tick(seconds=1.5)[0]["parts"]


def test_an_error_in_a_widget_is_shown_there_and_logged_once(session, monkeypatch, caplog):
    tab = Tab(SessionBoard([session]))
    contents = tab.open()
    plot = part(contents, "PlotView")

    def broken(source):
        raise ValueError("no ink")

    widget = next(one for one in tab.visit.widgets if one.ident == plot)
    monkeypatch.setattr(widget, "snapshot", broken)
    assert tab.tick()[0]["parts"][plot] == {"problem": "ValueError: no ink"}
    tab.tick()
    assert [record.message for record in caplog.records] == [
        "the widget PlotView of a dashboard cannot be drawn"
    ]
    assert session.state is State.PAUSED


def test_several_sessions_have_a_section_each():
    sessions = []
    for name in ("one", "other"):
        sessions.append(make_loop().start(name=name))
        sessions[-1].wait()
    titles = [one["title"] for one in Tab(SessionBoard(sessions)).open()["sections"]]
    assert titles == ["one", "other"]


def test_a_closed_tab_sends_nothing(session):
    tab = Tab(SessionBoard([session]))
    tab.open()
    tab.visit.close()
    assert tab.tick() == [] and tab.visit.widgets == ()


@pytest.mark.parametrize(
    ("thread", "text", "error", "shown"),
    [
        (THREAD, "Uncaught exception GET /ws", asyncio.CancelledError(), False),
        (THREAD, "Failed sending message as connection was closed", None, False),
        (THREAD, "Uncaught exception GET /ws", ValueError(), True),
        ("MainThread", "Uncaught exception GET /ws", asyncio.CancelledError(), True),
    ],
)
def test_only_the_end_of_a_connection_is_not_logged(thread, text, error, shown):
    about = None if error is None else (type(error), error, None)
    record = logging.LogRecord("tornado.application", logging.ERROR, "", 0, text, (), about)
    record.threadName = thread
    assert is_noteworthy(record) is shown
