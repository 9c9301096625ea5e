"""A model that is changed on the canvas in the middle of training, in a real browser."""

import pytest

from .canvas import Canvas
from .lab import notebook_text, until

CELLS = [
    "from extensions_live import Editor\n"
    "from workbench.builder import BLOCKS\n"
    "editor = Editor(BLOCKS['MLP'].spec)\n"
    "editor",
]
ITERATIONS = "editor.session.log.status['iterations_done']"


@pytest.fixture(scope="module")
def canvas(open_notebook):
    """Yield an editor with the MLP of the palette."""
    notebook = open_notebook("surgery.ipynb", notebook_text(*CELLS))
    notebook.run(0)
    assert notebook.errors() == []
    notebook.scroll_to(0)
    canvas = Canvas(notebook)
    canvas.find("node-mlp").wait_for()
    yield canvas
    canvas.ask("editor.session.stop() and editor.session.wait(60)")


def test_a_model_is_changed_while_its_training_is_paused(canvas):
    canvas.find("train").click()
    canvas.find("start-training").click()
    started = "0 if editor.session is None else " + ITERATIONS
    until(lambda: int(canvas.ask(started)) > 2, timeout=200, what="training")
    assert not canvas.find("surgery-text").count()

    canvas.click("mlp")
    canvas.find("field-activations-0").select_option("Tanh")
    canvas.find("pause-to-apply").wait_for()
    assert "Pause to apply your edits." in canvas.find("surgery-text").inner_text()
    canvas.find("pause-to-apply").click()
    canvas.find("apply").wait_for()
    until(lambda: "layers kept" in canvas.find("surgery-text").inner_text(), what="the plan")
    changes = canvas.find("surgery-changes").inner_text()
    assert changes == "mlp: activations [Rectifier, none] -> [Tanh, none]"

    before = int(canvas.ask(ITERATIONS))
    canvas.find("apply").click()
    until(lambda: not canvas.find("surgery-text").count(), timeout=100, what="no bar")
    until(lambda: canvas.find("said").inner_text().startswith("applied to "), what="the receipt")
    assert "Tanh" in canvas.ask("str(editor.session.main_loop.model.get_top_bricks())") or (
        "Tanh" in canvas.ask("str(editor.model.get_top_bricks()[0].children)")
    )
    canvas.ask("editor.session.resume()")
    until(lambda: int(canvas.ask(ITERATIONS)) > before + 3, timeout=200, what="more batches")
    costs = f"int(editor.session.log.frame['cost'].loc[{before} + 1:].notna().sum())"
    until(lambda: int(canvas.ask(costs)) > 2, what="the cost goes on")


def test_the_canvas_returns_to_the_trained_model(canvas):
    canvas.click("mlp")
    canvas.find("field-activations-0").select_option("Logistic")
    canvas.find("return-to-session").click()
    until(lambda: not canvas.find("surgery-text").count(), what="no bar")
    until(lambda: canvas.find("field-activations-0").input_value() == "Tanh", what="the activation")
