"""The notebook about the visual editor, whose model is trained and changed by mouse.

The cells before the training are run one after the other. Instead of those after it, everything is
clicked, in the order of the notebook. Each test continues where the one before it has ended; a test
that runs alone first brings the editor there.
"""

import pytest

from tests.support.notebooks import FOLDER

from .canvas import Canvas
from .lab import until

PATH = FOLDER / "04_building_by_clicking.ipynb"
DONE = "editor.session.log.status['iterations_done']"
SHAPE = "editor.session.main_loop.model.get_parameter_values()['/linear.W'].shape"
"""The weights of the first layer that the session trains."""


@pytest.fixture(scope="module")
def canvas(open_notebook):
    """Yield the editor of the notebook, with the model that its cells have drawn."""
    notebook = open_notebook("building_by_mouse.ipynb", PATH.read_text("utf-8"))
    training = notebook.index("editor.train(")
    for index in (i for i, kind in enumerate(notebook.kinds()[:training]) if kind == "code"):
        notebook.run(index)
    assert notebook.errors() == []
    notebook.scroll_to(notebook.index("editor = Editor()"))
    canvas = Canvas(notebook)
    canvas.find("node-error_rate").wait_for()
    yield canvas
    canvas.ask("editor.session and editor.session.stop() and editor.session.wait(60)")


def button(canvas, name):
    """Return a part of the views of the training, which are below the canvas."""
    return canvas.page.locator('[data-testid="training"]').first.get_by_test_id(name).first


def state_becomes(canvas, state):
    until(lambda: button(canvas, "state").inner_text() == state, what=f"{state} in the view")


def trains_on(canvas):
    """Wait until the session has trained on more batches, and their cost is in the log."""
    before = int(canvas.ask(DONE))
    costs = f"int(editor.session.log.frame['cost'].loc[{before} + 1:].notna().sum())"
    until(lambda: int(canvas.ask(costs)) > 3, timeout=200, what="more batches")


def test_the_button_trains_and_the_cell_takes_its_session(canvas):
    until(lambda: canvas.find("train").get_attribute("aria-disabled") == "false", what="a model")
    canvas.find("train").click()
    assert canvas.find("stream").input_value() == "digits"
    canvas.find("start-training").click()
    until(lambda: canvas.ask("editor.session is None") == "False", timeout=200, what="a session")
    state_becomes(canvas, "running")
    trains_on(canvas)
    notebook = canvas.notebook
    notebook.run(notebook.index("editor.train("))
    assert notebook.errors() == []
    assert canvas.ask("session is editor.session") == "True"
    notebook.scroll_to(notebook.index("editor = Editor()"))


@pytest.fixture
def training(canvas):
    """Train the model of the canvas, unless a test has begun this."""
    notebook = canvas.notebook
    if canvas.ask("editor.session is None") == "True":
        notebook.run(notebook.index("editor.train("))
        notebook.scroll_to(notebook.index("editor = Editor()"))
    if button(canvas, "state").inner_text() == "paused":
        button(canvas, "resume").click()
        state_becomes(canvas, "running")


@pytest.fixture
def paused(canvas, training):
    button(canvas, "pause").click()
    state_becomes(canvas, "paused")


@pytest.fixture
def widened(canvas, request):
    """Widen the first layer of the session, unless a test has done this."""
    if canvas.ask(f"editor.session is not None and {SHAPE} == (784, 200)") == "False":
        request.getfixturevalue("paused")
        widen(canvas)


@pytest.mark.usefixtures("training")
def test_training_is_paused_below_the_canvas(canvas):
    button(canvas, "pause").click()
    state_becomes(canvas, "paused")
    assert canvas.ask("editor.session.state.value") == "'paused'"


def widen(canvas):
    """Widen the first layer of the paused session to 200 units."""
    done = int(canvas.ask(DONE))
    canvas.find("node-linear").scroll_into_view_if_needed()
    canvas.click("linear")
    canvas.find("widen-units").fill("200")
    canvas.find("widen").click()
    until(lambda: "linear widened" in canvas.find("surgery-text").inner_text(), what="the plan")
    assert canvas.find("copy-units").is_checked()
    canvas.find("apply").click()
    until(lambda: not canvas.find("surgery-text").count(), timeout=100, what="no bar")
    said = canvas.find("said")
    until(lambda: f"at iteration {done:,}: " in said.inner_text(), what="the receipt")


@pytest.mark.usefixtures("paused")
def test_a_wider_layer_is_applied_to_the_paused_session(canvas):
    widen(canvas)
    assert canvas.shape("linear", "rectifier") == "batch × 200"
    assert canvas.ask(SHAPE) == "(784, 200)"


@pytest.mark.usefixtures("widened")
def test_the_changed_model_trains_on(canvas):
    if button(canvas, "resume").count():
        button(canvas, "resume").click()
    state_becomes(canvas, "running")
    trains_on(canvas)


@pytest.mark.usefixtures("widened")
def test_the_change_is_undone_and_the_canvas_follows(canvas):
    for name in ("steer", "more"):
        if button(canvas, name).get_attribute("open") is None:
            button(canvas, name).locator("> summary").click()
    button(canvas, "undo").click()
    answer = button(canvas, "back-receipt")
    until(lambda: answer.inner_text().startswith("undo "), what="the receipt of the undo")
    assert ": applied at iteration" in answer.inner_text()
    state_becomes(canvas, "paused")
    assert canvas.ask(SHAPE) == "(784, 50)"
    until(lambda: canvas.shape("linear", "rectifier") == "batch × 50", what="the old layer")
    assert not canvas.find("surgery-text").count()
    assert canvas.page.locator(".wbe-toast[data-kind=refused]").all_inner_texts() == []
