"""Gestures of the visual editor: bricks on edges, nodes in groups, and pasting with edges."""

import json

import pytest

from .lab import notebook_text, until
from .test_editor import CELLS, Canvas, linear

DROP_ITEM = """([type, testid]) => {
    const data = new DataTransfer();
    data.setData('application/x-workbench-item', JSON.stringify({ kind: 'brick', type }));
    const canvas = document.querySelector('.wbe [data-testid="canvas"]');
    const box = document.querySelector(`.wbe [data-testid="${testid}"]`).getBoundingClientRect();
    const at = { clientX: box.x + box.width / 2, clientY: box.y + box.height / 2 };
    for (const kind of ['dragover', 'drop']) {
        canvas.dispatchEvent(
            new DragEvent(kind, { bubbles: true, cancelable: true, dataTransfer: data, ...at }));
    }
}"""


@pytest.fixture(scope="module")
def notebook(open_notebook):
    """Yield a notebook that shows an editor."""
    notebook = open_notebook("gestures.ipynb", notebook_text(*CELLS))
    notebook.run(0)
    assert notebook.errors() == []
    notebook.scroll_to(0)
    return notebook


@pytest.fixture
def canvas(notebook):
    """Yield an editor with features and a linear brick."""
    notebook.ask("editor.drawing.clear()")
    canvas = Canvas(notebook)
    canvas.find("empty").wait_for()
    canvas.find("add-Linear").wait_for()
    linear(canvas, 10)
    until(canvas.is_still, what="a view that does not move")
    yield canvas
    assert notebook.page.locator(".wbe-toast[data-kind=refused]").all_inner_texts() == []


def inputs(canvas, node):
    """Return what is given to the inputs of a node."""
    return canvas.ask(f"dict(editor.drawing.document.calls['{node}'].inputs)")


def parent(canvas, node):
    """Return the group of a node."""
    return canvas.ask(f"editor.drawing.document.parent('{node}')").strip("'")


def test_an_item_dropped_on_an_edge_stands_between_its_ends(canvas):
    canvas.page.evaluate(DROP_ITEM, ["Tanh", "shape-linear.input_.0"])
    until(lambda: "tanh" in inputs(canvas, "linear"), what="the edge from the new node")
    assert "features" in inputs(canvas, "tanh")
    until(lambda: canvas.selected() == ["tanh"], what="the new node selected")


def test_a_free_node_dropped_on_an_edge_stands_between_its_ends(canvas):
    canvas.ask("editor.drawing.add('Tanh', [400, 40], name='free')")
    canvas.find("node-free").wait_for()
    canvas.press("f")
    canvas.drag("node-free", "shape-linear.input_.0")
    until(lambda: "free" in inputs(canvas, "linear"), what="the edge through the node")
    assert "features" in inputs(canvas, "free")


def test_a_brick_is_put_on_an_edge_by_the_keyboard(canvas):
    edge = canvas.page.locator('.wbe .react-flow__edge[data-id="linear.input_.0"]')
    edge.focus()
    canvas.press("Enter")
    until(lambda: canvas.page.locator(".wbe .react-flow__edge.selected").count(), what="selected")
    canvas.press("a")
    assert "Put on the edge to linear" in canvas.find("chooser").inner_text()
    canvas.choose("relu")
    until(lambda: "rectifier" in inputs(canvas, "linear"), what="the edge from the new node")
    until(lambda: canvas.selected() == ["rectifier"], what="the new node selected")


def test_a_node_is_dragged_into_an_open_group_and_out(canvas):
    canvas.ask("editor.drawing.group(['linear'], 'block')")
    canvas.ask("editor.drawing.add('Tanh', [-320, 20], name='free')")
    canvas.find("node-free").wait_for()
    canvas.press("f")
    canvas.drag("node-free", "node-linear")
    until(lambda: parent(canvas, "free") == "group", what="the node in the group")
    canvas.find("node-free").wait_for()
    canvas.press("f")
    until(canvas.is_still, what="a view that does not move")
    canvas.drag("node-free", (-360, 0))
    until(lambda: parent(canvas, "free") == "None", what="the node out of the group")


def test_a_node_is_moved_into_a_group_by_the_keyboard(canvas):
    canvas.ask("editor.drawing.group(['linear'], 'block')")
    canvas.find("node-group").wait_for()
    canvas.click("features")
    canvas.press("g")
    canvas.choose("block")
    until(lambda: parent(canvas, "features") == "group", what="the node in the group")
    canvas.press("g")
    canvas.choose("out")
    until(lambda: parent(canvas, "features") == "None", what="the node out of the group")


def test_nodes_are_pasted_with_the_edges_from_other_nodes(canvas):
    canvas.click("linear")
    canvas.press("Control+c")
    canvas.press("Control+Shift+V")
    until(lambda: "linear_2" in canvas.nodes(), what="a copy")
    assert "features" in inputs(canvas, "linear_2")
    until(lambda: canvas.selected() == ["linear_2"], what="the copy selected")
    canvas.press("Control+v")
    until(lambda: "linear_3" in canvas.nodes(), what="another copy")
    assert inputs(canvas, "linear_3") == "{}"


def test_data_that_does_not_fit_says_why(canvas):
    canvas.ask("editor.drawing.add_input('targets', [None], 'int64')")
    canvas.ask("editor.drawing.add('CategoricalCrossEntropy', name='entropy')")
    canvas.ask("editor.drawing.connect('targets', 'targets', 'entropy', 'y')")
    canvas.ask("editor.drawing.connect('linear', 'output', 'entropy', 'y_hat')")
    canvas.find("node-entropy").wait_for()
    canvas.find("train").click()
    reason = canvas.find("misfit-digit images")
    until(lambda: "has shape" in reason.inner_text(), what="the reason")
    disabled = canvas.find("stream").locator("option[disabled]").all_inner_texts()
    assert disabled == ["digit images"]
    until(canvas.find("start-training").is_enabled, what="a model that can be trained")
    canvas.press("Escape")


def test_a_size_that_follows_from_the_edge_is_shown_and_not_set(canvas):
    canvas.click("linear")
    field = canvas.find("field-input_dim")
    assert (field.input_value(), field.get_attribute("placeholder")) == ("", "784")
    shape = json.dumps([None, 30])
    canvas.ask(f"editor.drawing.set('features', 'shape', __import__('json').loads('{shape}'))")
    until(lambda: "30 → 10" in canvas.find("node-linear").inner_text(), what="the new size")
    assert not canvas.page.locator(".wbe-fault").count()
