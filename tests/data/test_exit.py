"""Programs that end while other threads still work end at once."""

import subprocess
import sys

READING = """
import threading
from workbench.data import MNIST

digits = MNIST(("train",), full=False, load_in_memory=False)
begun = threading.Barrier(3)

def read():
    begun.wait()
    while True:
        digits.get_data(request=slice(0, 2000))

for _ in range(2):
    threading.Thread(target=read, daemon=True).start()
begun.wait()
"""

DRAWING = """
from extensions_live import Editor
from workbench import tensor
from workbench.bricks import MLP

editor = Editor(MLP([None], [3, 2]).apply(tensor.matrix("x")))
editor.audience.looking = lambda: True  # as if a page showed it
editor.drawing.set("mlp", "dims", [3, 4])
"""


def ended(program):
    return subprocess.run([sys.executable, "-c", program], timeout=60, check=False).returncode


def test_a_program_ends_while_threads_read_an_hdf5_file():
    assert ended(READING) == 0


def test_a_program_ends_while_an_editor_is_drawn():
    assert ended(DRAWING) == 0
