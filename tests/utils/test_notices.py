"""Notices: plain output in a notebook, standard error and warnings elsewhere."""

import logging
import warnings

import pytest

from tests.support.fakes import make
from workbench.errors import SessionWarning
from workbench.extensions import FinishAfter
from workbench.extensions.saveload import Load
from workbench.utils import notices
from workbench.utils.notices import mention, remark, tell

logger = logging.getLogger(__name__)


@pytest.fixture
def notebook(monkeypatch):
    monkeypatch.setattr(notices, "in_notebook", lambda: True)


def test_outside_notebooks_they_are_not_output(capsys, caplog):
    tell("one")
    mention(logger, "two")
    with pytest.warns(SessionWarning, match="three") as caught:
        remark("three", SessionWarning, stacklevel=1)
    assert caught[0].filename == __file__
    assert capsys.readouterr() == ("", "one\n") and caplog.messages == ["two"]


def test_in_a_notebook_they_are_lines_of_output(notebook, capsys, caplog):
    warnings.simplefilter("default")
    tell("one")
    mention(logger, "two")
    for _ in range(2):  # a cell that runs again repeats it
        remark("three", SessionWarning)
    assert capsys.readouterr() == ("one\ntwo\nthree\nthree\n", "") and caplog.messages == []


@pytest.mark.parametrize(("action", "raised"), [("error", 1), ("ignore", 0)])
def test_filters_apply_in_a_notebook(notebook, capsys, action, raised):
    warnings.simplefilter(action, SessionWarning)
    try:
        remark("three", SessionWarning)
    except SessionWarning:
        raised -= 1
    assert raised == 0 and capsys.readouterr().out == ""


def test_notices_in_a_notebook_are_not_red(notebook, capsys, caplog, tmp_path):
    warnings.simplefilter("default")
    first = make().start()
    second = make(FinishAfter(after_n_batches=1), Load(tmp_path / "none.tar")).start()
    second.wait(20)
    assert first.main_loop.start() is first
    second.main_loop.start()
    first.stop()
    first.wait(20)
    out, err = capsys.readouterr()
    assert err == "" and caplog.messages == []
    assert [line.split(" ")[:2] for line in out.splitlines()][1:] == [
        ["there", "is"],
        ["<Session", f"{first.name}:"],
        ["Nothing", "was"],
    ]
