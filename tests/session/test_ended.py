"""Sessions that have ended while another session trains their main loop."""

import inspect

import pytest

from tests.support import runs
from tests.support.waiting import SOON
from workbench.errors import WorkbenchError
from workbench.session import Command, Session

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


@pytest.mark.parametrize("name", METHODS)
def test_no_method_touches_what_another_session_trains(ended, name, tmp_path):
    given = ARGUMENTS.get(name, [])
    options = given if isinstance(given, dict) else {}
    values = [] if options else given
    filled = [one.format(folder=tmp_path) if isinstance(one, str) else one for one in values]
    with pytest.raises(WorkbenchError, match="."):
        found = getattr(ended, name)(*filled, **options)
        if isinstance(found, Command) or name == "probe":
            found.wait(SOON)
    assert [one.name for one in tmp_path.iterdir()] == ["saved.tar"]
