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


@pytest.fixture
def training(canvas):
    """Let the session train; it begins with the first test that needs it."""
    if canvas.ask("editor.session is None") == "True":
        canvas.find("train").click()
        canvas.find("start-training").click()
        started = "0 if editor.session is None else " + ITERATIONS
        until(lambda: int(canvas.ask(started)) > 2, timeout=200, what="training")
    elif "paused" in canvas.ask("str(editor.session.state)"):  # views can lag behind
        train_on(canvas)


@pytest.mark.usefixtures("training")
def test_a_model_is_changed_while_its_training_is_paused(canvas):
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


@pytest.mark.usefixtures("training")
def test_the_canvas_returns_to_the_trained_model(canvas):
    canvas.click("mlp")
    trained = canvas.find("field-activations-0").input_value()
    canvas.find("field-activations-0").select_option("Logistic")
    canvas.find("return-to-session").click()
    until(lambda: not canvas.find("surgery-text").count(), what="no bar")
    field = canvas.find("field-activations-0")
    until(lambda: field.input_value() == trained, what="the activation")


def part(canvas, name):
    """Return a part of the views of the session below the canvas."""
    return canvas.page.locator(f'[data-testid="training"] [data-testid="{name}"]').first


def pause(canvas):
    part(canvas, "pause").click()
    until(lambda: part(canvas, "state").inner_text() == "paused", what="the pause")


def train_on(canvas):
    """Let the session train on some batches by a click."""
    before = int(canvas.ask(ITERATIONS))
    part(canvas, "resume").click()
    until(lambda: int(canvas.ask(ITERATIONS)) > before + 3, timeout=200, what="more batches")


def apply(canvas, changes):
    """Apply the edits on the canvas, which must be these."""
    shown = canvas.find("surgery-changes")
    until(lambda: shown.count() and shown.inner_text() == changes, what=changes)
    canvas.find("apply").click()
    until(lambda: not canvas.find("surgery-text").count(), timeout=100, what="the receipt")
    last = "editor.session.interventions[-1]"
    assert canvas.ask(f"({last}['command'], {last}['by'])") == "('rebuild', 'button')"


def weights(canvas):
    """Return the shape of the weights of the first layer, and a hash of their values."""
    parameters = "editor.session.main_loop.model.get_parameter_dict()"
    values = f"{parameters}['/mlp/linear_0.W'].tensor.detach().numpy()"
    return canvas.ask(f"({values}.shape, hash({values}.tobytes()))").rpartition(", ")[::2]


@pytest.fixture
def layer(canvas, training):
    """Open the MLP of the paused session, and select its first layer."""
    pause(canvas)
    if not canvas.find("node-mlp/linear_0").count():
        canvas.click("mlp")
        canvas.press("o")
        canvas.find("node-mlp/linear_0").wait_for()
        canvas.press("f")
    canvas.click("mlp/linear_0")


@pytest.mark.usefixtures("layer")
def test_a_layer_is_widened_and_the_training_goes_on(canvas):
    canvas.find("widen-units").fill("120")
    canvas.find("widen").click()
    apply(canvas, "mlp: dims [784, 100, 10] -> [784, 120, 10]")
    shape, values = weights(canvas)
    assert shape == "((784, 120)"
    train_on(canvas)
    assert weights(canvas)[1] != values


@pytest.mark.usefixtures("layer")
def test_a_brick_is_frozen_and_trained_again_and_the_last_edit_undone(canvas):
    freeze = canvas.find("freeze")
    freeze.click()
    apply(canvas, "freeze mlp/linear_0")
    frozen = weights(canvas)
    train_on(canvas)
    assert weights(canvas) == frozen

    pause(canvas)
    freeze.click()
    apply(canvas, "unfreeze mlp/linear_0")
    train_on(canvas)
    assert weights(canvas) != frozen

    for name in ("steer", "more"):
        if part(canvas, name).get_attribute("open") is None:
            part(canvas, name).locator("> summary").click()
    part(canvas, "undo").click()
    until(lambda: freeze.get_attribute("aria-pressed") == "true", timeout=100, what="frozen again")
    assert weights(canvas) == frozen
    train_on(canvas)
    assert weights(canvas) == frozen
