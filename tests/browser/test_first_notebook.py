"""The first notebook, run in a real browser cell by cell, and steered in its view as it says."""

import pytest

from tests.support.notebooks import short_text

from .conftest import FIRST
from .lab import until


@pytest.fixture(scope="module")
def notebook(open_notebook):
    """Return the notebook after Shift+Enter in each cell, or the same by the controls."""
    notebook = open_notebook("01_first_training.ipynb", short_text(FIRST))
    find = notebook.find

    def change_the_rate():
        notebook.look_at("controls")
        if find("steer").get_attribute("open") is None:
            find("steer").locator("> summary").click()
        notebook.type_rate("0.01")
        return True

    def pause():
        notebook.look_at("controls")
        find("pause").click()
        until(lambda: find("state").inner_text() == "paused", what="the pause")

    def rewind():
        notebook.look_at("plot")
        find("pause").click()
        until(lambda: find("state").inner_text() == "paused", what="the pause")
        grip = find("handle").bounding_box()
        area = find("plot").locator("canvas").first.bounding_box()
        x, y = grip["x"] + grip["width"] / 2, grip["y"] + grip["height"] / 2
        mouse = notebook.page.mouse
        mouse.move(x, y)
        mouse.down()
        mouse.move(area["x"] + area["width"] / 4, y, steps=4)
        mouse.up()
        find("rewind-here").click()
        answer = find("handle-answer")
        until(lambda: "applied at iteration" in answer.inner_text(), what="the rewind")
        return True

    notebook.walk(
        {
            'session.set("learning_rate", 0.01)': change_the_rate,
            "session.pause()": pause,
            "session.rewind(": rewind,
        }
    )
    return notebook


def test_it_runs_without_an_error(notebook):
    assert notebook.errors() == []


def done(notebook, unit):
    """Return the number of epochs or iterations done."""
    return int(notebook.ask(f"session.log.status['{unit}_done']"))


def test_five_epochs_bring_the_test_error_under_eight_percent(notebook):
    assert done(notebook, "epochs") >= 5
    assert 0.0 < float(notebook.ask("float(final)")) < 0.08
    assert "of the test digits are misread" in notebook.text(notebook.index("final ="))


def test_what_was_done_in_the_view_is_recorded(notebook):
    commands = notebook.ask("[command.text for command in session.commands]")
    assert "set learning_rate = 0.01" in commands and "rewind to" in commands
    assert "0.03" in notebook.ask("[one['text'] for one in session.interventions]")
    assert int(notebook.ask("len(session.branches)")) == 2


def test_it_starts_training_and_returns_at_once(notebook):
    started = notebook.index("main_loop.start()")
    assert notebook.outputs(started) == []
    rows = notebook.text(notebook.index("session.log.frame.tail()"))
    assert "cost" in rows


def test_the_view_shows_that_training_has_ended(notebook):
    notebook.look_at("controls")
    until(lambda: notebook.find("state").inner_text() == "finished", what="the end in the view")
    end = done(notebook, "iterations")
    assert notebook.find("iteration").inner_text() == f"iteration {end:,} of {end:,}"
    assert notebook.find("pause").is_disabled()
    assert notebook.find("error").is_hidden()


def test_every_point_is_on_the_screen(notebook):
    # the cost of each batch; cost and error rate of each test: before training and after epochs
    notebook.look_at("plot")
    points = str(done(notebook, "iterations") + 2 * (done(notebook, "epochs") + 1))
    until(lambda: notebook.find("plot").get_attribute("data-points") == points, what=points)


def test_it_shows_a_tree_of_bricks_and_digits(notebook):
    tree = notebook.outputs(notebook.index("mlp = MLP("))[0]["data"]["text/html"]
    assert "linear_0" in "".join(tree)
    digits = notebook.outputs(notebook.index("features, targets = train"))[0]["data"]
    assert "image/png" in digits
