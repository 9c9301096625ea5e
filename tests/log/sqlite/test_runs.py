"""Main loops whose log is in a database: training, resuming from a checkpoint, sessions."""

import subprocess
import sys

import pandas as pd
import pytest

from tests.support.runs import assert_same, build, lasting
from tests.support.tree import ROOT
from workbench.config import config
from workbench.extensions import SimpleExtension, Timestamp
from workbench.extensions.saveload import Checkpoint
from workbench.log import SQLiteLog
from workbench.main_loop import MainLoop


@pytest.fixture
def database(tmp_path):
    path = tmp_path / "runs.sqlite"
    with config.override(log_backend="sqlite", sqlite_database=str(path)):
        yield path


def read(main_loop):
    """Open the log of a main loop as another process would."""
    return SQLiteLog(main_loop.log.database, uuid=main_loop.log.uuid, trusted=True)


def test_a_run_is_in_the_database_when_it_ends(database):
    main_loop = build(7, Timestamp())
    main_loop.run()
    found = read(main_loop)
    pd.testing.assert_frame_equal(found.frame, main_loop.log.frame)
    pd.testing.assert_frame_equal(found.epochs, main_loop.log.epochs)
    assert dict(found.status) == dict(main_loop.status)


def test_resuming_from_a_checkpoint_gives_the_log_of_an_uninterrupted_run(database):
    whole, killed, again = build(13), build(13), build(13)
    whole.run()
    states = []
    killed.extensions.append(Saver(states, at=6))
    killed.run()
    again.load_state_dict(states[0])
    again.run()
    assert_same(again, whole)
    pd.testing.assert_frame_equal(lasting(build_with(read(again))), lasting(whole))
    assert again.status["resumed_from"] == killed.log.h_uuid
    assert 13 in read(killed)


class Saver(SimpleExtension):
    """Stores the state of a main loop at one iteration."""

    def __init__(self, states, at):
        super().__init__(every_n_batches=at)
        self.states = states

    def do(self, which_callback, *args):
        self.states.append(self.main_loop.state_dict())


def build_with(log):
    return MainLoop(None, None, log=log)


def test_a_session_is_watched_from_outside(database):
    session = build(None).start()
    while session.main_loop.status["iterations_done"] < 4:
        assert not session.state.ended
    session.log.flush()
    watching = SQLiteLog(database, read_only=True)
    while len(watching) < 4:
        assert not session.state.ended
    session.stop()
    assert session.wait(timeout=60)
    pd.testing.assert_frame_equal(watching.frame, session.log.frame)


RESUMED = """
import sys
from tests.support.runs import build
from workbench.extensions.saveload import Load
from workbench.log import SQLiteLog

main_loop = build(13, Load(sys.argv[2], True, True))
main_loop.log = SQLiteLog(sys.argv[1])
main_loop.run()
print(main_loop.log.h_uuid)
"""


@pytest.mark.slow
def test_two_processes_go_on_from_one_checkpoint_at_the_same_time(database, tmp_path):
    """Run twice from one checkpoint, for example by starting the second run by mistake."""
    path = str(tmp_path / "run.tar")
    session = build(None, Checkpoint(path, after_n_batches=6, after_training=False)).start()
    while session.main_loop.status["iterations_done"] < 8:
        assert not session.state.ended
    command = [sys.executable, "-W", "ignore", "-c", RESUMED, str(database), path]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    session.stop()
    assert session.wait(60) and done.returncode == 0, done.stderr
    second = SQLiteLog(database, uuid=done.stdout.strip())
    whole = build(13)
    whole.run()
    pd.testing.assert_frame_equal(lasting(build_with(second)), lasting(whole))
    assert second.status["resumed_from"] == session.log.h_uuid
    pd.testing.assert_frame_equal(read(session.main_loop).frame, session.log.frame)
