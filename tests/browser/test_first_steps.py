"""The first notebook as a new user goes through it: cell by cell, then steering by mouse."""

import pytest

from .conftest import endless_notebook
from .lab import until


@pytest.fixture(scope="module")
def notebook(open_notebook):
    """Return the notebook after the cell that shows the view; the run has no end."""
    notebook = open_notebook("01_first_steps.ipynb", endless_notebook())
    for index, kind in enumerate(notebook.kinds()):
        if kind == "code":
            notebook.run(index)
    assert notebook.errors() == []
    notebook.look_at("controls")
    return notebook


def in_state(notebook, name):
    until(lambda: notebook.find("state").inner_text() == name, what=f"the state {name}")


def done(notebook):
    return int(notebook.ask("session.log.status['iterations_done']"))


def points(notebook):
    return int(notebook.find("plot").get_attribute("data-points"))


def test_the_curve_moves(notebook):
    notebook.ask("session.resume()")
    in_state(notebook, "running")
    until(lambda: notebook.drawn(notebook.index("view(session)")), what="a drawn plot")
    first = points(notebook)
    until(lambda: points(notebook) > first, what="more points")


def test_the_learning_rate_is_changed_in_its_field(notebook):
    if notebook.find("steer").get_attribute("open") is None:
        notebook.find("steer").locator("> summary").click()
    notebook.type_rate("0.01")
    rate = "float(main_loop.algorithm.step_rule.learning_rate.get_value())"
    assert float(notebook.ask(rate)) == pytest.approx(0.01)


def test_it_pauses_and_resumes(notebook):
    notebook.find("pause").click()
    in_state(notebook, "paused")
    paused = done(notebook)
    assert notebook.find("iteration").inner_text().startswith(f"iteration {paused:,}")
    notebook.find("resume").click()
    in_state(notebook, "running")
    until(lambda: done(notebook) > paused, what="more iterations")


def test_it_goes_back_by_the_handle(notebook):
    until(lambda: done(notebook) > 300, what="iterations to go back")
    notebook.find("pause").click()
    in_state(notebook, "paused")
    before = done(notebook)
    handle = notebook.find("handle")
    handle.focus()
    handle.press("ArrowLeft")
    goal = int(handle.get_attribute("aria-valuenow"))
    assert goal < before
    notebook.find("rewind-here").click()
    answer = notebook.find("handle-answer")
    wanted = f"rewind to {goal:,}: applied at iteration"
    until(lambda: answer.inner_text().startswith(wanted), what="the receipt")
    assert done(notebook) == goal
    assert notebook.find("state").inner_text() == "paused"


def test_more_epochs_plan_the_end(notebook):
    epochs = int(notebook.ask("session.log.status['epochs_done']"))
    notebook.find("train").click()
    shown = notebook.find("command")
    wanted = "train 5 more epochs: applied at iteration"
    until(lambda: shown.inner_text().startswith(wanted), what="the receipt")
    if notebook.find("state").inner_text() == "paused":
        notebook.find("resume").click()
    until(lambda: notebook.find("state").inner_text() == "finished", timeout=300, what="the end")
    end = int(notebook.ask("session.log.status['epochs_done']"))
    assert epochs + 5 <= end <= epochs + 6  # the rest of an epoch counts as one
    assert notebook.find("epoch").inner_text() == f"epoch {end} of {end}"
    assert notebook.find("pause").is_disabled()
