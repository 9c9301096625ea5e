"""Errors as a user sees them in a notebook."""

import json

import pytest

from .lab import notebook_text, until
from .runs import SMALL_RUN


def prepared(open_notebook, name):
    """Open a notebook and define in it the function that starts a small run."""
    notebook = open_notebook(name, notebook_text(SMALL_RUN))
    notebook.run(0)
    assert notebook.errors() == []
    return notebook


@pytest.fixture(scope="module")
def shared(open_notebook):
    return prepared(open_notebook, "failures.ipynb")


@pytest.fixture
def notebook(shared):
    """Return a notebook in which a small run can be started, without older outputs."""
    shared.command("editmenu:clear-all")
    until(lambda: shared.page.locator(".wb").count() == 0, what="empty outputs")
    return shared


def run(notebook, source):
    """Append a cell, run it and scroll to it."""
    index = notebook.add_cell(source)
    notebook.run(index)
    notebook.scroll_to(index)
    return index


def test_an_error_in_training_is_red_in_the_view(notebook):
    run(notebook, "session = start(3, fail_at=30)\nview(session)")
    until(lambda: notebook.find("state").inner_text() == "failed", what="the failure")
    message = notebook.find("error-message")
    assert message.inner_text().startswith("ValueError: the weights ran away")
    message.click()
    assert "process_batch" in notebook.find("error-traceback").inner_text()
    index = run(notebook, "session.wait()")
    assert "the weights ran away" in notebook.text(index)
    assert notebook.ask("len(session.log.frame)") == "29"


def test_values_that_are_not_finite_are_marked(notebook):
    run(notebook, "session = start(2)\nview(session)")
    until(lambda: notebook.find("state").inner_text() == "finished", what="the end")
    notebook.find("plot").get_by_text("not finite").wait_for()
    assert notebook.find("values").inner_text() == ""


def test_a_misspelt_channel_is_explained(notebook):
    run(notebook, "session = start(2, channels=['csot'])\nview(session)")
    notebook.find("plot").get_by_text("did you mean 'cost'?").wait_for()
    assert notebook.find("values").inner_text().split()[0] == "cost"


def test_a_session_as_the_last_line_shows_its_view(notebook):
    run(notebook, "session = start(1)\nsession")
    until(lambda: notebook.find("state").inner_text() == "finished", what="the end")
    assert notebook.find("plot").is_visible()


def test_training_in_the_foreground_is_drawn_while_the_cell_runs(notebook):
    source = (
        "plot = Plot(channels=['cost'])\ndisplay(plot)\n"
        "MainLoop(Slow(), [{'x': [0]}] * 50,"
        " extensions=[Writer(), FinishAfter(after_n_epochs=8), plot]).run()"
    )
    index = notebook.add_cell(source)
    notebook.run(index, wait=False)
    notebook.find("plot").locator("canvas").first.wait_for()
    until(lambda: int(notebook.find("plot").get_attribute("data-points") or 0) > 0, what="points")
    assert notebook.count(index) is None
    until(lambda: notebook.count(index), what="the end of the cell")


def test_a_stopped_kernel_is_shown_and_the_image_stays(open_notebook):
    notebook = prepared(open_notebook, "stopped.ipynb")
    index = run(notebook, "session = start(3)\nsession.wait()\nview(session)")
    until(
        lambda: any("image/png" in output["data"] for output in notebook.outputs(index)),
        what="the still image",
    )
    saved = json.dumps(notebook.save())
    assert len(saved) < 200_000
    notebook.shut_down()
    notebook.page.locator(".wb-disconnected").first.wait_for()
    notebook.page.goto("about:blank")
    notebook.page.goto(f"{notebook.base}/lab/tree/{notebook.path.name}?reset")
    image = notebook.page.locator(".jp-OutputArea .jp-RenderedImage img").first
    image.wait_for()
    assert image.is_visible()
    assert notebook.page.locator("table.wb-still").first.inner_text().split()[:3] == [
        "state",
        "iterations",
        "epochs",
    ]
    dead = notebook.page.get_by_text("model not found")
    until(lambda: dead.count() == 2, what="the widgets without a kernel")
    assert not dead.nth(0).is_visible() and not dead.nth(1).is_visible()


def test_a_notebook_saved_before_the_first_value_shows_one_note(open_notebook):
    notebook = prepared(open_notebook, "early.ipynb")
    run(notebook, "Slow.process_batch = lambda *_: time.sleep(300)\nview(start(1))")
    note = notebook.page.locator(".wb-no-values")
    notebook.find("state").wait_for()
    assert not note.is_visible()
    notebook.save()
    notebook.shut_down()
    notebook.page.locator(".wb-disconnected").first.wait_for()
    notebook.page.goto("about:blank")
    notebook.page.goto(f"{notebook.base}/lab/tree/{notebook.path.name}?reset")
    note.wait_for(state="visible")
    assert note.inner_text().startswith("This live view of training had no values yet")
    dead = notebook.page.get_by_text("model not found")
    assert [dead.nth(i).is_visible() for i in range(2)] == [False, False]


def test_a_live_view_hides_the_still_output(notebook):
    run(notebook, "session = start(1)\nsession.wait()\nview(session)")
    until(lambda: notebook.page.locator(".jp-RenderedImage img").count() == 1, what="the image")
    notebook.page.locator(".wb-plot.wb-drawn").wait_for()
    assert notebook.page.locator(".jp-RenderedImage img").is_hidden()
    assert notebook.page.locator("table.wb-still").is_hidden()
