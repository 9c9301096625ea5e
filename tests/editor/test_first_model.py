"""The first model of a kernel, which is built while a thread of the editor prepares checks."""

import subprocess
import sys

import pytest

TRAIN = """
from extensions_live import Editor

editor = Editor()
editor.add_stream("digit images")
editor.drawing.add_block("MLP")
session = editor.train("digit images", step_rule="Adam", epochs=1)
session.wait(60)
print(session.state)
"""


@pytest.mark.slow
def test_a_model_that_is_trained_at_once_has_neither_faults_nor_warnings():
    done = subprocess.run([sys.executable, "-c", TRAIN], capture_output=True, text=True)
    assert done.stderr == ""
    assert done.stdout.split()[-1] == "finished"
