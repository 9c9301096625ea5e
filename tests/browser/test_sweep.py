"""The live view of a sweep, in a real browser and in the saved notebook."""

import pytest

from .lab import PAINTED, notebook_text, until

START = """
import tempfile
import workbench as wb
from tests.sweep.runs import build

space = {"learning_rate": [0.01, 0.1, 0.2], "goal": [2.0, 3.0]}
path = tempfile.mkdtemp() + "/runs.sqlite"
sweep = wb.Sweep(build, space, record="cost", database=path)
"""


@pytest.fixture(scope="module")
def notebook(open_notebook):
    """Yield a notebook with a view that was shown before its sweep began."""
    notebook = open_notebook("sweep.ipynb", notebook_text(START, "sweep", "_ = sweep.start()"))
    for index in range(3):
        notebook.run(index)
    assert notebook.errors() == []
    return notebook


def test_the_table_and_the_lines_follow_the_sweep(notebook):
    notebook.scroll_to(1)
    table = notebook.find("sweep-table")
    until(lambda: "finished, 6 of 6 runs are over" in table.inner_text(), what="the end")
    best = table.locator('tr[aria-current="true"]')
    assert best.inner_text().split()[:3] == ["4", "0.2", "2"]
    view = notebook.find("sweep-view")
    canvas = view.locator("canvas").first
    until(lambda: canvas.evaluate(PAINTED), what="lines")
    assert notebook.complaints(1) == ""


def test_a_saved_notebook_keeps_the_table_and_an_image(notebook):
    until(lambda: "6 of 6 runs are over" in str(notebook.outputs(1)), what="the last table")
    assert "image/png" in notebook.mime_types(1)


def test_a_reloaded_page_shows_the_view_again(notebook):
    notebook.save()
    notebook.reload()
    notebook.scroll_to(1)
    table = notebook.find("sweep-table")
    until(lambda: "6 of 6 runs are over" in table.inner_text(), what="the table")
