"""Views of a run in other processes, which cannot tell it from a run in a thread."""

import numpy as np
import pytest

from extensions_live import (
    ConfusionMatrix,
    Controls,
    Dashboard,
    Histogram,
    Layers,
    LogTable,
    Mistakes,
    Plot,
    Samples,
    to_html,
    view,
)
from extensions_live.dashboard.boards import SessionBoard
from tests.support.forked_runs import Forked, build, costs
from tests.support.waiting import paused_at
from workbench import attach
from workbench.config import config
from workbench.graph import ComputationGraph
from workbench.session.remote.lifecycle import SESSIONS

from . import test_dashboard as dashboards
from .inside import shown
from .test_other_sessions import click, served  # noqa: F401


@pytest.fixture(scope="module", params=[{"detached": True, "linger": 0}, {"processes": 2}], ids=str)
def detached(request, tmp_path_factory):
    """Yield a paused run of two epochs in one or two other processes, after three batches."""
    config.runs_path = tmp_path_factory.mktemp("runs")
    plot = Plot(channels=[["cost"]], title="far")
    session = build("momentum", 2, plot).start(launcher=Forked(), paused=True, **request.param)
    session.step(3).wait(60)
    yield paused_at(session, 3)
    session.close(end=True)
    del config.runs_path


def test_a_view_has_its_plots_and_progress(detached, hand_pump, wire):
    bar, plot = view(detached).widgets
    payload = served(bar, hand_pump)
    assert (payload["state"], payload["iteration"]) == ("paused", "iteration 3 of 10")
    curve = served(plot, hand_pump)["curves"]["cost"]
    assert plot.title == "far"
    np.testing.assert_array_equal(np.frombuffer(curve["y"]), costs(detached.log))


def test_buttons_control_it(detached, click, hand_pump, wire):  # noqa: F811
    controls = Controls(detached)
    assert click(controls, "step") == "ok"
    detached.commands[-1].wait(60)
    paused_at(detached, 4)
    payload = served(controls, hand_pump)
    assert payload["command"]["text"] == "step 1: started at iteration 3"
    assert "resume" in payload["possible"]
    assert detached.commands[-1].by == "button"


def test_a_dashboard_shows_and_steers_it(detached, capsys):
    dashboard = Dashboard(detached).show()
    code, text = dashboards.status(dashboard.url)
    dashboard.close()
    assert code == 200 and f"<title>{detached.name}</title>" in text
    tab = dashboards.Tab(SessionBoard([detached]))
    bar = dashboards.part(tab.open(), "Controls")
    done = detached.log.status["iterations_done"]
    dashboards.click(tab, bar, "step", n=2)
    detached.commands[-1].wait(60)
    paused_at(detached, done + 2)
    assert detached.commands[-1].by == "dashboard"
    (change,) = tab.tick()
    shown = change["parts"][bar]["payload"]
    assert shown["command"]["text"] == f"step 2: started at iteration {done}"


@pytest.fixture(params=["started", "attached"])
def either(request, detached):
    """Return the session, or the one that a notebook gets after a restart of its kernel."""
    if request.param == "attached":
        known = SESSIONS.pop(detached.folder)
        request.addfinalizer(lambda: SESSIONS.update({known.folder: known}))
        request.addfinalizer(lambda: SESSIONS.pop(known.folder).close())
        detached = attach(detached.name)
    return detached


@pytest.mark.parametrize("make", [Samples, ConfusionMatrix, Mistakes])
def test_views_of_examples_need_only_the_session(either, make, hand_pump, wire):
    done = either.log.status["iterations_done"]
    assert shown(make(either), hand_pump)["summary"].startswith(f"iteration {done}")


def test_a_histogram_shows_its_parameters(either, hand_pump, wire):
    assert shown(Histogram(either), hand_pump)


def test_layers_show_the_prediction(either, hand_pump, wire):
    layers = Layers(either, ComputationGraph(either.prediction()))
    assert shown(layers, hand_pump)["rows"] == ["/mlp/linear_0", "/mlp/linear_1"]


def test_a_table_shows_the_log(either, hand_pump, wire):
    assert served(LogTable(either), hand_pump)["total"] == len(either.log)


def test_it_has_a_report(detached, tmp_path):
    to_html(detached, tmp_path / "run.html")
    text = (tmp_path / "run.html").read_text()
    assert detached.name in text and "momentum" in text
