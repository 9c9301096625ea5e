"""The notebook about the visual editor, run cell by cell in a real browser, and by mouse."""

import pytest

from tests.support.notebooks import FOLDER, short_text

from .canvas import Canvas
from .lab import until


@pytest.fixture(scope="module")
def notebook(open_notebook):
    """Return the notebook after Shift+Enter in each cell; some steps are done on the canvas."""
    path = FOLDER / "04_building_by_clicking.ipynb"
    notebook = open_notebook(path.name, short_text(path))
    canvas = Canvas(notebook)

    def look():
        notebook.scroll_to(notebook.index("editor = Editor()"))

    def set_units():
        look()
        canvas.click("linear")
        canvas.set("output_dim", 50)
        canvas.find("node-linear").locator(".wbe-fault").wait_for(state="detached")

    def make_the_mistake():
        look()
        canvas.click("scores")
        canvas.set("input_dim", 40)
        canvas.find("fix-scores").wait_for()

    def mend():
        look()
        canvas.find("fix-scores").click()
        canvas.find("fix-scores").wait_for(state="detached")
        return True

    def train():
        look()
        train = canvas.find("train")
        until(lambda: train.get_attribute("aria-disabled") == "false", what="a model")
        train.click()
        canvas.find("start-training").click()
        until(lambda: canvas.ask("editor.session is not None") == "True", what="a session")

    notebook.walk(
        {
            'drawing.set("linear", "output_dim", 50)': set_units,
            'drawing.set("scores", "input_dim", 40)': make_the_mistake,
            'drawing.apply_fix("scores")': mend,
            "editor.train(": train,
        }
    )
    return notebook


@pytest.fixture
def canvas(notebook):
    """Return the editor that the notebook shows first."""
    notebook.scroll_to(notebook.index("editor = Editor()"))
    canvas = Canvas(notebook)
    canvas.find("node-scores").wait_for()
    return canvas


def test_it_runs_without_an_error(notebook):
    assert notebook.errors() == []


def test_the_canvas_shows_what_the_cells_have_drawn(notebook, canvas):
    nodes = ["features", "targets", "linear", "rectifier", "scores", "softmax", "cost"]
    assert canvas.nodes() == [*nodes, "error_rate"]
    until(lambda: canvas.shape("linear", "rectifier") == "batch × 200", what="the wider layer")
    assert canvas.page.locator(".wbe-fault").count() == 0
    assert "requires output_dim" in notebook.text(notebook.index("print(drawing.fault"))


def test_training_below_the_canvas_has_ended_with_curves(canvas):
    training = canvas.page.locator('[data-testid="training"]').first
    training.scroll_into_view_if_needed()
    state = training.get_by_test_id("state").first
    until(lambda: state.inner_text() == "finished", what="the end in the view")
    plot = training.get_by_test_id("plot").first
    until(lambda: int(plot.get_attribute("data-points") or 0) > 2, what="curves")


def test_an_edit_by_mouse_follows_into_the_code(canvas):
    canvas.find("node-linear").scroll_into_view_if_needed()
    canvas.click("linear")
    canvas.set("output_dim", 30)
    until(lambda: canvas.shape("linear", "rectifier") == "batch × 30", what="the new shape")
    until(lambda: "784, 30" in canvas.find("code").input_value(), what="the new code")
    shown = canvas.find("code").input_value().strip()
    assert canvas.ask(f"editor.code.strip() == {shown!r}") == "True"


def test_a_drawn_model_is_shown_again_at_the_end(notebook):
    index = notebook.index("other = Editor(")
    notebook.scroll_to(index)
    notebook.cell(index).get_by_test_id("node-mlp").wait_for()
    assert "MLP" in notebook.text(notebook.index("other.model"))
