"""Tracebacks of uncaught errors: in Python, in IPython, and in full on request."""

import subprocess
import sys
import traceback

import pytest

from tests.support.tree import ROOT
from workbench import config, tensor
from workbench.data.table_files import advice_for_file
from workbench.errors import DataError, SessionError, ShapeError, WaitInterrupted
from workbench.tracebacks import OMITTED, shortened

REFUSED = """
import torch.nn.functional as F
from workbench import tensor

x, y = tensor.variable("x", (None, 3)), tensor.variable("y", (None, 4))


def mine():
    return F.mse_loss(x, y)


mine()
"""


def shown(path, *command, **environment):
    path.write_text(REFUSED)
    done = subprocess.run(
        [sys.executable, *command, str(path)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin", "HOME": str(path.parent), **environment},
        timeout=200,
    )
    return done.stdout + done.stderr


@pytest.mark.parametrize("command", [(), ("-m", "IPython", "--no-banner", "--colors=NoColor")])
def test_only_lines_of_the_person_are_shown(tmp_path, command):
    text = shown(tmp_path / "mine.py", *command)
    assert "return F.mse_loss(x, y)" in text and "ShapeError: " in text
    assert "workbench/tensor" not in text and "torch/nn" not in text
    assert text.count("in mine") == 1 and OMITTED in text


@pytest.mark.parametrize("command", [(), ("-m", "IPython", "--no-banner", "--colors=NoColor")])
def test_a_setting_shows_all_of_it(tmp_path, command):
    text = shown(tmp_path / "mine.py", *command, WORKBENCH_FULL_TRACEBACKS="1")
    assert "workbench/tensor" in text and OMITTED not in text


def test_context_managers_of_the_workbench_are_hidden():
    fault = DataError("a cell is missing")
    fault.changes_frame = True
    with pytest.raises(DataError) as caught, advice_for_file("table.csv"):
        raise fault
    whole = "".join(traceback.format_exception(caught.value))
    with shortened(caught.value):
        short = "".join(traceback.format_exception(caught.value))
    assert "contextlib" in whole and "contextlib" not in short


@pytest.fixture
def refusal():
    def refused():
        tensor.variable("x", (None, 3)) + tensor.variable("y", (None, 4))

    with pytest.raises(ShapeError) as caught:
        try:
            refused()
        except ShapeError as error:
            raise ShapeError("again") from error
    return caught.value


def test_the_whole_traceback_stays_with_the_error(refusal):
    before = traceback.extract_tb(refusal.__cause__.__traceback__)
    with shortened(refusal) as hidden:
        short = traceback.extract_tb(refusal.__cause__.__traceback__)
        assert hidden and [frame.name for frame in short] == ["refusal", "refused"]
    assert traceback.extract_tb(refusal.__cause__.__traceback__) == before


def test_nothing_is_left_out_where_all_was_asked_for(refusal):
    with config.config.override(full_tracebacks=True), shortened(refusal) as hidden:
        assert hidden == 0


def test_an_error_without_a_traceback_is_its_message():
    assert SessionError("no")._render_traceback_() == ["workbench.errors.SessionError: no\n"]


def test_an_interrupted_wait_is_still_a_keyboard_interrupt():
    assert issubclass(WaitInterrupted, KeyboardInterrupt)
    assert not issubclass(WaitInterrupted, Exception)
