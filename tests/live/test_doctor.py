"""The output of `doctor`."""

import re

import pytest

from extensions_live import Dashboard, doctor, serve
from extensions_live.doctor import ADVICE, advice
from tests.live.runs import make_loop


def test_it_prints_versions_and_transport(capsys):
    doctor()
    text = capsys.readouterr().out
    for word in ("python", "torch", "bokeh", "anywidget", "ipykernel", "transport", "views"):
        assert f"\n{word} " in f"\n{text}"
    assert "no port, no network" in text


def test_a_silent_page_and_a_bad_kernel_come_first():
    lines = advice({"notebook": "Colab", "ipykernel": "7.0.0"}, silent=True)
    assert "7.0" in lines[0]
    assert "No page has answered" in lines[1]
    assert lines[2] == ADVICE["Colab"]


@pytest.fixture
def session():
    session = make_loop().start(paused=True)
    yield session
    session.stop()
    assert session.wait(60)


def test_it_lists_what_is_served_without_tokens(session, capsys):
    with serve(session) as server:
        dashboard = Dashboard(session).show()
        capsys.readouterr()
        doctor()
        dashboard.close()
    text = capsys.readouterr().out
    assert f"served on 127.0.0.1:{dashboard_port(text)}" in text and server.url in text
    assert server.token not in text and "token=" not in text
    doctor()
    assert "dashboards          none; Dashboard(session).show() and" in capsys.readouterr().out


def dashboard_port(text):
    return re.search(r"<Dashboard of .*served on 127.0.0.1:(\d+)>", text)[1]


@pytest.mark.parametrize("place", ["JupyterHub", "JupyterLab on Binder"])
def test_a_hub_needs_the_proxy_in_the_environment_of_its_server(place):
    text = advice({"notebook": place}, silent=False)[-1]
    assert "append the path printed by show() to the address of the hub" in text


def test_an_old_panel_is_named():
    lines = advice({"notebook": "VS Code", "panel": "1.9.2"}, silent=False)
    assert lines[0] == "panel 1.9.2 is too old for a dashboard: install 1.9.3 or newer."
    assert "too old" not in str(advice({"notebook": "VS Code", "panel": "1.10.0"}, silent=False))
