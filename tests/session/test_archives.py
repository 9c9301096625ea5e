"""Sessions saved to files and loaded again."""

import os

import pytest

from tests.support import runs
from workbench.errors import ArchiveError, ExtensionError, SessionError
from workbench.extensions.saveload import Checkpoint
from workbench.log import SQLiteLog
from workbench.main_loop import MainLoop
from workbench.serialization import continue_training, dump
from workbench.serialization.checkpoint import read_state
from workbench.session import State
from workbench.session import running_sessions as sessions

from .test_rewind import SOON, assert_at, go_to

pytestmark = pytest.mark.usefixtures("no_session_is_left")


@pytest.fixture
def session(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return runs.build(30).start(paused=True, name="digits/first")


def assert_saved(path, main_loop):
    """Assert that a file has the state of a main loop."""
    other = runs.build(30)
    other.load_state_dict(read_state(path))
    runs.assert_same(other, main_loop)


def another():
    """Return a second session, which has trained on nothing."""
    for one in sessions.running().values():
        one.stop()
        assert one.wait(SOON)
    return runs.build(30).start(paused=True)


def test_a_session_is_saved_and_loaded_to_the_same_numbers(session):
    go_to(session, 7)
    path = session.save("there.tar").wait(SOON)
    go_to(session, 15)
    session.load(path).wait(SOON)
    assert session.state is State.PAUSED
    assert_at(session, 7)


def test_it_continues_to_the_numbers_of_a_run_that_was_never_saved(session):
    go_to(session, 7)
    path = session.save("there.tar").wait(SOON)
    other = another()
    other.load(path).wait(SOON)
    other.resume()
    assert other.wait(SOON)
    whole = runs.build(30)
    whole.run()
    runs.assert_same(other.main_loop, whole)


def test_a_saved_session_continues_in_a_script(session):
    go_to(session, 7)
    path = session.save("there.tar").wait(SOON)
    assert continue_training(path, trusted=True).status["iterations_done"] == 30


def test_the_default_path_names_session_and_iteration(session):
    go_to(session, 7)
    assert session.default_path == "digits_first-{iterations_done}.tar"
    command = session.save()
    assert command.wait(SOON) == os.path.abspath("digits_first-7.tar")
    assert command.text.endswith("digits_first-7.tar")
    assert session.interventions[-1]["file"] == os.path.abspath("digits_first-7.tar")
    assert session.log.current_row["saved_to"] == (os.path.abspath("digits_first-7.tar"),)


def test_a_session_that_has_ended_is_saved_too(session):
    session.resume()
    assert session.wait(SOON)
    path = session.save().wait(SOON)
    assert_saved(path, session.main_loop)
    assert os.path.basename(path) == "digits_first-30.tar"


def test_a_session_that_has_ended_goes_back_to_a_file(session):
    go_to(session, 7)
    path = session.save().wait(SOON)
    session.resume()
    assert session.wait(SOON)
    session.load(path).wait(SOON)
    assert_at(session, 7)
    session.resume()
    assert session.wait(SOON)
    assert session.log.status["iterations_done"] == 30


def test_loading_is_an_intervention_that_is_undone(session):
    go_to(session, 7)
    path = session.save().wait(SOON)
    go_to(session, 12)
    session.load(path).wait(SOON)
    record = session.interventions[-1]
    assert (record["command"], record["iteration"], record["file"]) == ("load", 7, path)
    assert [branch.end for branch in session.branches] == [12, None]
    session.undo().wait(SOON)
    assert_at(session, 12)


def test_a_file_loaded_where_it_was_saved_makes_a_branch_too(session):
    go_to(session, 7)
    path = session.save().wait(SOON)
    session.load(path).wait(SOON)
    assert [branch.end for branch in session.branches] == [7, None]


def test_a_state_at_the_end_ends_when_the_pause_does(session):
    session.resume()
    assert session.wait(SOON)
    path = session.save().wait(SOON)
    other = another()
    other.load(path).wait(SOON)
    other.resume()
    assert other.wait(SOON)
    assert other.log.status["iterations_done"] == 30


def test_a_file_of_another_model_changes_nothing(session, tmp_path):
    go_to(session, 7)
    other = runs.build(30, Checkpoint("other.tar"), dropout=0)
    other.run(batches=1)
    with pytest.raises(SessionError, match="other.tar: nothing was loaded: "):
        session.load("other.tar").wait(SOON)
    assert_at(session, 7)
    assert len(session.branches) == 1


def test_a_file_that_would_have_to_be_executed_is_refused(session, tmp_path):
    with open("pickle.tar", "wb") as file:
        dump({"a": 1}, file)
    with pytest.raises(ArchiveError, match=r"no training state, only"):
        session.load("pickle.tar")


def test_a_missing_file_names_the_folder(session, tmp_path):
    with pytest.raises(
        ArchiveError, match=f"no file .*nowhere.tar; the working directory is {tmp_path}"
    ):
        session.load("nowhere.tar")


def test_an_unknown_placeholder_is_refused(session):
    with pytest.raises(ExtensionError, match="unknown placeholder {iteration}"):
        session.save("{iteration}.tar")


def test_a_file_that_cannot_be_written_is_a_refusal_and_training_continues(session, tmp_path):
    (tmp_path / "taken").write_text("")
    with pytest.raises(SessionError, match="refused: .*taken"):
        session.save("taken/run.tar").wait(SOON)
    session.resume()
    assert session.wait(SOON)
    assert session.log.current_row.get("saved_to") is None


def test_stop_saves_first(session):
    go_to(session, 7)
    session.stop(save="last.tar").wait(SOON)
    assert session.wait(SOON)
    other = another()
    other.load("last.tar").wait(SOON)
    assert_at(other, 7)


@pytest.mark.parametrize("state", [State.PAUSED, State.RUNNING])
def test_a_stop_that_cannot_save_does_not_stop(tmp_path, state):
    (tmp_path / "taken").write_text("")
    session = runs.build(None).start(paused=True)
    go_to(session, 2)
    if state is State.RUNNING:
        session.resume().wait(SOON)
    with pytest.raises(SessionError, match="and stop: refused: "):
        session.stop(save=tmp_path / "taken" / "run.tar").wait(SOON)
    assert session.state is state


def test_a_log_in_a_database_is_saved_and_loaded(tmp_path):
    loop = runs.build(30)
    loop = MainLoop(
        loop.algorithm, loop.data_stream, model=loop.model, extensions=loop.extensions,
        log=SQLiteLog(tmp_path / "runs.sqlite"),
    )  # fmt: skip
    session = loop.start(paused=True)
    go_to(session, 7)
    path = session.save(tmp_path / "a.tar").wait(SOON)
    go_to(session, 12)
    session.load(path).wait(SOON)
    assert session.log.status["iterations_done"] == 7
    session.resume()
    assert session.wait(SOON)
    assert session.save(tmp_path / "b.tar").wait(SOON)
    assert session.log.status["iterations_done"] == 30


def test_folders_that_do_not_exist_are_created(session, tmp_path):
    session.save(tmp_path / "not" / "yet" / "there.tar").wait(SOON)
    assert (tmp_path / "not" / "yet" / "there.tar").exists()
