"""Fixtures: a folder of runs for each module, and sessions that end with their test."""

import pytest

from tests.support.forked_runs import Forked, build
from workbench.config import config
from workbench.session.remote.lifecycle import SESSIONS


@pytest.fixture(scope="module", autouse=True)
def folder_of_runs(tmp_path_factory):
    """Keep the runs of a module in a temporary folder; end those that are left."""
    config.runs_path = tmp_path_factory.mktemp("runs")
    yield config.runs_path
    for session in list(SESSIONS.values()):
        if session._link is not None:
            session._link.close(5)
    del config.runs_path


@pytest.fixture
def start():
    """Return a function that starts a run in forked processes, and ends it with the test."""
    started = []

    def begin(main_loop=None, *, processes=1, **options):
        loop = build() if main_loop is None else main_loop
        session = loop.start(processes=processes, launcher=Forked(), **options)
        started.append(session)
        return session

    yield begin
    for session in started:
        session.close()


@pytest.fixture(scope="module")
def shared_run(folder_of_runs):
    """Yield a paused run in another process, for tests that only move it on."""
    session = build().start(processes=1, launcher=Forked(), paused=True, name="shared run")
    yield session
    session.close()
