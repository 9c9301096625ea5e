"""Sessions that have ended while another session trains their main loop."""

import inspect

import pytest

from tests.support import runs
from tests.support.waiting import SOON, paused_at
from workbench.errors import WorkbenchError
from workbench.session import Command, Session, sessions
from workbench.session.probe import Probe

READ_ONLY = {"alert", "best", "describe", "frozen", "prediction", "spec", "to_html"}
"""Methods that read only the log and single values, or that are tested elsewhere."""

ARGUMENTS = {
    "call": [print],
    "drop": [1],
    "evaluate": [runs.examples()],
    "hold": ["learning_rate"],
    "load": ["{folder}/saved.tar"],
    "predict": [runs.examples()],
    "rebuild": [{}],
    "relabel": [1, 2],
    "release": ["learning_rate"],
    "replay": [[]],
    "rewind": [2],
    "save": ["{folder}/new.tar"],
    "set": ["learning_rate", 0.5],
    "set_end": {"epochs": 9},
    "to_onnx": ["{folder}/new.onnx"],
    "train": [1],
}
METHODS = sorted(
    name
    for name, _ in inspect.getmembers(Session, inspect.isfunction)
    if not name.startswith("_") and name not in READ_ONLY | {"wait"}
)


@pytest.fixture
def ended(no_session_is_left, tmp_path):
    session = runs.build(4).start()
    assert session.wait(SOON)
    session.save(tmp_path / "saved.tar").wait(SOON)
    session.main_loop.start(paused=True, epochs=9)
    return session


def request(session, name, folder):
    given = ARGUMENTS.get(name, [])
    options = given if isinstance(given, dict) else {}
    values = [] if options else given
    filled = [one.format(folder=folder) if isinstance(one, str) else one for one in values]
    found = getattr(session, name)(*filled, **options)
    if isinstance(found, Command | Probe):
        found.wait(SOON)


def test_no_method_touches_what_another_session_trains(ended, tmp_path):
    for name in METHODS:
        with pytest.raises(WorkbenchError):
            request(ended, name, tmp_path)
            pytest.fail(f"{name} was not refused")
    assert [one.name for one in tmp_path.iterdir()] == ["saved.tar"]


def test_it_shows_its_own_end_and_who_continues(ended):
    other = ended.main_loop.session
    other.step(2).wait(SOON)
    assert repr(ended).startswith(f"<Session {ended.name}: finished, iteration 4, 0 epochs done,")
    assert repr(ended).endswith(f", {other.name} has continued this run>")
    text = f"<td>finished: {other.name} has continued this run</td><td>4</td>"
    assert text in sessions()._repr_html_()


def test_a_command_names_the_session_that_continues(ended):
    name = ended.main_loop.session.name
    assert ended.pause().reason.endswith(f"{name} has continued it; use {name} instead")


def test_a_session_that_trains_again_is_not_continued_by_another_one(ended):
    other = ended.main_loop.session
    other.stop()
    assert other.wait(SOON) and ended.train(batches=1).wait(SOON) is None
    assert ended.wait(SOON) and not ended.note and "iteration 5" in repr(ended)
    assert other.note == f"{ended.name} has continued this run"


def test_the_next_session_keeps_the_branches():
    first = runs.build(4).start()
    assert first.wait(SOON)
    first.rewind(2).wait(SOON)
    first.resume()
    assert first.wait(SOON)
    second = first.main_loop.start(paused=True, batches=3)
    assert [one.name for one in second.branches] == ["main", "branch 1"]
    paused_at(second.fork(3, branch="main"), 3)
    second.rewind(1).wait(SOON)
    assert second.branches[-1].start == second.log.status["iterations_done"] == 1


def test_a_loaded_state_has_no_branches_of_an_earlier_session():
    main_loop = runs.build(4)
    state = main_loop.state_dict()
    first = main_loop.start()
    assert first.wait(SOON)
    main_loop.load_state_dict(state)
    assert main_loop.start(paused=True).snapshots == []
