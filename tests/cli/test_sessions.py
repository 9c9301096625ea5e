"""Sessions in other processes, listed and controlled from the command line."""

import json
from contextlib import suppress

import pytest

from tests.support.forked_runs import Forked, build
from tests.support.waiting import paused_at
from workbench.cli import main
from workbench.config import config
from workbench.errors import SessionError
from workbench.session.remote.lifecycle import SESSIONS


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    """Yield a paused run in another process, for tests that only move it on."""
    with config.override(runs_path=tmp_path_factory.mktemp("runs")):
        run = build().start(detached=True, launcher=Forked(), paused=True, name="digits")
        paused_at(run, 0)
        yield run
        run = SESSIONS[run.folder]
        with suppress(SessionError):  # the last test has stopped it, perhaps a moment ago
            run.stop().wait()
            run.wait()
        run.close(end=True)


def printed(capsys, *arguments, status=0):
    assert main(arguments) == status
    output = capsys.readouterr()
    return output.err if status else output.out


def test_sessions_are_listed(session, capsys):
    assert printed(capsys, "sessions").startswith("digits  paused  ")
    (facts,) = json.loads(printed(capsys, "sessions", "--json"))
    assert (facts["name"], facts["processes"]) == ("digits", list(session.processes))


def test_a_session_is_followed_until_it_pauses(session, capsys):
    assert printed(capsys, "attach", "digits").startswith("digits  paused  ")


def test_a_hyperparameter_is_set(session, capsys):
    shown = printed(capsys, "attach", "digits", "--set", "learning_rate", "0.25")
    assert "set learning_rate = 0.25: applied at iteration" in shown


def test_a_refused_command_is_an_error(session, capsys):
    shown = printed(capsys, "attach", "digits", "--set", "learning_rat", "0.25", status=1)
    assert shown.startswith("Error: ")
    assert "did you mean 'learning_rate'" in shown


def test_an_unknown_session_is_named(session, capsys):
    assert "did you mean 'digits'" in printed(capsys, "attach", "digit", status=1)


def test_only_one_command_moves_a_session(capsys):
    shown = printed(capsys, "attach", "x", "--pause", "--stop", status=2)
    assert "pass only one of --pause, --resume and --stop" in shown


def test_a_session_is_saved_and_stopped(session, tmp_path, capsys):
    shown = printed(capsys, "attach", "digits", "--save", str(tmp_path / "x.tar"), "--stop")
    assert "stop: applied" in shown
    assert (tmp_path / "x.tar").exists()
