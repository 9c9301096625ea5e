"""Three tasks of a new user of the visual editor, from the first click to the exported code.

Everything is done by mouse and keyboard. The exported code then runs in a fresh kernel, where the
model must have the same parameters with the same values.
"""

import pytest

from extensions_live.editor.board import Board

from .canvas import CELLS, Canvas
from .lab import notebook_text, until

VALUES = """(lambda model: [brick.initialize() for brick in model.get_top_bricks()] and sorted(
    (name, tuple(value.shape),
     __import__("hashlib").sha256(value.numpy().tobytes()).hexdigest()[:16])
    for name, value in ((name, one.tensor.detach()) for name, one in
                        model.get_parameter_dict().items())))({})"""


@pytest.fixture(scope="module")
def notebook(open_notebook):
    return open_notebook("tasks.ipynb", notebook_text(*CELLS))


@pytest.fixture
def canvas(notebook):
    """Yield an empty editor in a kernel that was just started; nothing must be refused on it."""
    notebook.command("notebook:clear-all-cell-outputs")  # and the counts, which begin again
    until(lambda: notebook.count(0) is None, what="a cell that has not run")
    notebook.run(0)
    assert notebook.errors() == []
    notebook.scroll_to(0)
    canvas = Canvas(notebook)
    canvas.find("stream-digits").wait_for()
    yield canvas
    assert notebook.page.locator(".wbe-toast[data-kind=refused]").all_inner_texts() == []


def exported(canvas):
    """Insert the code as a cell, and return the parameters that it makes in a fresh kernel."""
    notebook = canvas.notebook
    notebook.scroll_to(0)
    cells = len(notebook.kinds())
    canvas.find("insert").click()
    until(lambda: len(notebook.kinds()) == cells + 1, what="a new cell")
    notebook.restart()
    notebook.run(1)
    assert notebook.errors() == []
    found = canvas.ask(VALUES.format("__import__('workbench.model').model.Model(cost)"))
    notebook.select(1)
    notebook.command("notebook:delete-cell")
    until(lambda: len(notebook.kinds()) == cells, what="the cell removed")
    return found


def values(canvas):
    """Return the parameters of the model on the canvas, with their initial values."""
    found = canvas.ask(VALUES.format("editor.model"))
    assert found.startswith("[('/"), found
    return found


def start_training(canvas):
    """Train until there are live curves in sight, and stop."""
    until(lambda: canvas.find("train").get_attribute("aria-disabled") == "false", what="a model")
    canvas.find("train").click()
    canvas.find("start-training").click()
    views = canvas.page.locator('[data-testid="training"]').first
    plot = views.locator('[data-testid="plot"]').first
    until(lambda: int(plot.get_attribute("data-points") or 0) > 2, timeout=200, what="curves")
    until(lambda: is_in_sight(canvas, plot), what="curves in sight")
    views.locator('[data-testid="stop"]').first.click()
    until(lambda: canvas.ask("editor.session.state.ended") == "True", what="the end")


def is_in_sight(canvas, element):
    box = element.bounding_box()
    room = canvas.page.locator(".jp-WindowedPanel-outer").first.bounding_box()
    return box and box["y"] + box["height"] <= room["y"] + room["height"] + 1


def test_a_classifier_is_assembled_mended_trained_and_exported(canvas):
    canvas.find("stream-digits").click()
    canvas.find("node-targets").wait_for()
    canvas.find("show-palette").click()
    canvas.find("palette-search").fill("mlp")
    item = canvas.page.locator('.wbe [data-testid="add-MLP"]').filter(has_text="Containers")
    item.drag_to(canvas.find("canvas"), target_position={"x": 420, "y": 400})
    canvas.find("node-mlp").wait_for()
    canvas.find("hide-palette").click()
    canvas.find("palette").wait_for(state="detached")
    canvas.drag("output-features-features", "input-mlp-input_")
    until(lambda: canvas.shape("features", "mlp") == "batch × 784", what="the shape")
    canvas.set("dims", "700, 32, 10")
    fault = canvas.find("settings").locator(".wbe-fault")
    sentence = "linear_0 in mlp expects vectors of size 700, but gets size 784"
    until(lambda: sentence in " ".join(fault.all_inner_texts()), what="the fault")
    assert "fault" in canvas.find("node-mlp").inner_text()
    canvas.find("fix-mlp").click()
    until(lambda: canvas.shape("features", "mlp") == "batch × 784", what="no fault")
    canvas.find("train").click(force=True)
    canvas.find("choose-cost").click()
    canvas.choose("categorical")
    canvas.find("connect-cost").click()
    canvas.choose("targets")
    until(lambda: canvas.shape("mlp", "cost") == "batch × 10", what="the prediction")
    until(lambda: canvas.shape("targets", "cost") == "batch int64", what="the labels")
    expected = values(canvas)
    assert "('/mlp/linear_0.W', (784, 32)," in expected
    start_training(canvas)
    assert exported(canvas) == expected


def test_a_convolutional_block_is_mended_trained_and_exported(canvas):
    canvas.find("block-LeNet").click()
    until(lambda: canvas.shape("flattener", "mlp") == "batch × 256", what="the shapes")
    until(lambda: not canvas.page.locator(".wbe .react-flow__minimap").count(), what="all in sight")
    canvas.click("mlp")
    canvas.set("dims", "200, 100, 10")
    canvas.press("Escape")
    train = canvas.find("train")
    until(lambda: train.get_attribute("aria-disabled") == "true", what="the fault")
    train.click(force=True)
    assert "vectors of size 200, but gets size 256" in canvas.find("why-not").inner_text()
    canvas.find("fix-missing").click()
    until(lambda: canvas.shape("flattener", "mlp") == "batch × 256", what="no fault")
    expected = values(canvas)
    assert "(8, 1, 5, 5)" in expected
    start_training(canvas)
    assert exported(canvas) == expected


def test_a_generator_is_loaded_from_code_changed_and_exported(canvas):
    block = Board()
    block.add_block("Sequence generator")
    canvas.find("code").fill(block.code)
    canvas.find("node-generator").wait_for()
    until(lambda: canvas.shape("lookuptable", "fork") == "time × batch × 32", what="the shapes")
    canvas.click("lookuptable")
    canvas.set("dim", 48)
    until(lambda: "fault" in canvas.find("node-fork").inner_text(), what="the fault")
    canvas.click("fork")
    canvas.find("fix-fork").click()
    until(lambda: canvas.shape("lookuptable", "fork") == "time × batch × 48", what="no fault")
    canvas.press("Escape", "Escape")
    until(canvas.is_still, what="a view that does not move")
    canvas.find("shape-fork.input_.0").click()
    canvas.find("between-fork.input_.0").click()
    canvas.choose("dropout")
    until(lambda: canvas.shape("dropout", "fork") == "time × batch × 48", what="the new brick")
    until(canvas.are_drawn, what="the nodes in their places")
    above, new, below = (canvas.places()[one] for one in ("lookuptable", "dropout", "fork"))
    assert above[1] + above[3] < new[1] and new[1] + new[3] < below[1]
    canvas.press("Control+z")
    canvas.find("node-dropout").wait_for(state="detached")
    canvas.press("Control+Shift+Z")
    canvas.find("node-dropout").wait_for()
    expected = values(canvas)
    assert "(48, 32)" in expected and "generator" in expected
    assert exported(canvas) == expected
