"""Live values of a session on the canvas of the editor, in a real browser."""

import pytest

from .canvas import Canvas
from .lab import notebook_text, until

BUILD = """
from extensions_live import Editor, Histogram, Layers
editor = Editor()
editor.add_stream("digit images")
editor.drawing.add_block("MLP")
editor
"""
TRAIN = """
session = editor.train("digit images", step_rule="Adam")
model = editor.model
"""
CELLS = [BUILD, TRAIN, "Layers(session, model)", "Histogram(session, model)"]


@pytest.fixture(scope="module")
def notebook(open_notebook):
    """Yield a notebook with an editor whose model is trained."""
    notebook = open_notebook("editor_live.ipynb", notebook_text(*CELLS))
    for index in range(len(CELLS)):
        notebook.run(index)
    assert notebook.errors() == []
    notebook.scroll_to(0)
    yield notebook
    notebook.ask("session.stop() and session.wait(60)")


@pytest.fixture
def canvas(notebook):
    """Yield the editor, whose nodes and edges show no values."""
    notebook.ask("editor.show_on_nodes('nothing'), editor.clear_example()")
    notebook.scroll_to(0)
    canvas = Canvas(notebook)
    canvas.find("show-on-nodes").wait_for()
    canvas.find("example").wait_for(state="detached")
    yield canvas
    assert notebook.page.locator(".wbe-toast[data-kind=refused]").all_inner_texts() == []


def text(canvas, node):
    return canvas.find(f"live-{node}").inner_text()


def test_nodes_show_numbers_that_change(canvas):
    node = "mlp"
    assert canvas.find(f"live-{node}").count() == 0
    canvas.find("show-on-nodes").select_option("activation")
    canvas.find(f"live-{node}").wait_for()
    until(lambda: any(c.isdigit() for c in text(canvas, node)), what="a number")
    first = text(canvas, node)
    until(lambda: text(canvas, node) != first, what="another number")
    assert text(canvas, node).startswith("norm of activation")
    canvas.find("show-on-nodes").select_option("gradient")
    until(lambda: text(canvas, node).startswith("norm of gradient"), what="gradients")
    until(lambda: text(canvas, "features").endswith("\N{EN DASH}"), what="a dash")
    assert "the node has no parameters" in canvas.find("live-features").get_attribute("title")
    canvas.find("show-on-nodes").select_option("nothing")
    canvas.find(f"live-{node}").wait_for(state="detached")


def test_an_example_is_shown_on_the_edges_and_stepped(canvas):
    values = canvas.page.locator(".wbe .wbe-value")
    shapes = canvas.page.locator(".wbe .wbe-shape").all_inner_texts()
    canvas.find("push-example").click()
    canvas.find("example").wait_for()
    outputs = "len({(e['source'], e['output']) for e in editor.board['edges']})"
    until(lambda: values.count() == int(canvas.ask(outputs)), what="a value for every output")
    labels = canvas.page.locator(".wbe .wbe-shape").all_inner_texts()
    assert not set(filter(None, labels)) & set(shapes)
    assert canvas.find("example-index").input_value() == "0"
    first = values.all_inner_texts()
    assert any("mean" in one for one in first)
    canvas.find("next-example").click()
    until(lambda: canvas.find("example-index").input_value() == "1", what="the next example")
    until(lambda: values.count() and values.all_inner_texts() != first, what="other values")
    canvas.find("clear-example").click()
    canvas.find("example").wait_for(state="detached")
    until(
        lambda: canvas.page.locator(".wbe .wbe-shape").all_inner_texts() == shapes,
        what="the shapes",
    )


def test_examples_are_pushed_by_keys(canvas):
    canvas.click("features")
    canvas.press("t")
    canvas.find("example").wait_for()
    canvas.press(".")
    until(lambda: canvas.find("example-index").input_value() == "1", what="the next example")
    canvas.press(",", ",")
    until(lambda: canvas.find("example-index").input_value() not in "01", what="the last example")
    canvas.press("t")
    canvas.find("example").wait_for(state="detached")
    canvas.press("v")
    focused = "document.activeElement.dataset.testid"
    until(lambda: canvas.page.evaluate(focused) == "show-on-nodes", what="the focus")
    canvas.press("Escape")


def test_a_picked_node_is_picked_in_layers_and_histogram(canvas, notebook):
    brick = canvas.ask("editor.drawing.open('mlp')")
    assert brick
    canvas.find("node-mlp/linear_1").wait_for()
    canvas.press("f")
    canvas.click("mlp/linear_1")
    until(lambda: canvas.find("address-path").count(), what="the path")
    assert canvas.find("address-path").inner_text() == "/mlp/linear_1"
    assert canvas.find("address-select").inner_text() == 'model.select("/mlp/linear_1")'
    notebook.scroll_to(2)
    detail = notebook.find("layers-view").locator('[data-testid="variable"]')
    until(detail.is_visible, what="the histogram of the layer")
    assert detail.input_value() == "/mlp/linear_1.W"
    notebook.scroll_to(3)
    chosen = notebook.cell(3).locator("select").first
    until(lambda: chosen.count() and chosen.input_value() == "/mlp/linear_1.W", what="the variable")
    notebook.scroll_to(2)
    notebook.find("layers-view").locator('.wb-layer[data-row="/mlp/linear_0"]').click()
    notebook.scroll_to(0)
    until(lambda: canvas.selected() == ["mlp/linear_0"], what="the node selected")
    canvas.ask("editor.drawing.close('mlp')")
