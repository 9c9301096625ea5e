"""Gestures of the visual editor: bricks on edges, nodes in groups, and pasting with edges."""

import json

import pytest

from .canvas import linear
from .lab import until

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


@pytest.fixture
def canvas(canvas):
    """Return an editor with features and a linear brick."""
    linear(canvas, 10)
    until(canvas.is_still, what="a view that does not move")
    return canvas


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
    canvas.press("Escape", "f")  # without the settings, which lie over the canvas
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


FOCUSED = """() => {
    const part = document.activeElement.closest('.react-flow__node, .react-flow__edge');
    if (!part) return null;
    const drawn = part.querySelector('.wbe-node, .react-flow__edge-path');
    const style = getComputedStyle(drawn);
    const isSeen = style.outlineStyle === 'solid' || parseFloat(style.strokeWidth) === 4;
    return [part.dataset.id, part === document.activeElement ? isSeen : true];
}"""


def visited(canvas, key):
    """Press a key until the focus has left the nodes and edges; return their ids in order."""
    found = []
    canvas.press(key)
    while (focused := canvas.page.evaluate(FOCUSED)) is not None:
        node, is_seen = focused
        assert is_seen, node
        found += [node] * (found[-1:] != [node])
        assert len(found) < 20
        canvas.press(key)
    return found


def test_tab_follows_what_one_sees(canvas):
    canvas.ask("editor.drawing.add('Tanh', after='linear')")
    canvas.find("node-tanh").wait_for()
    before = canvas.page.locator(".wbe-canvas > span").first
    before.evaluate("(one) => one.focus()")
    order = ["features", "linear.input_.0", "linear", "tanh.input_.0", "tanh"]
    assert visited(canvas, "Tab") == order
    assert visited(canvas, "Shift+Tab") == order[::-1]


def test_a_node_is_dragged_into_an_open_group_and_out(canvas):
    canvas.ask("editor.drawing.group(['linear'], 'block')")
    canvas.ask("editor.drawing.add('Tanh', [-320, 20], name='free')")
    canvas.find("node-free").wait_for()
    canvas.press("Escape", "f")  # without the settings, which lie over the canvas
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
    canvas.page.locator(".wbe[data-waiting=false]").wait_for()
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


def test_train_says_why_the_model_cannot_be_trained_and_then_why_data_do_not_fit(canvas):
    train = canvas.find("train")
    assert train.get_attribute("aria-disabled") == "true"
    train.click(force=True)
    assert "choose what to minimise" in canvas.find("why-not").inner_text()
    canvas.press("Escape")
    canvas.ask("editor.drawing.add_input('targets', [None], 'int64')")
    canvas.ask("editor.drawing.add('CategoricalCrossEntropy', name='entropy')")
    canvas.ask("editor.drawing.connect('linear', 'output', 'entropy', 'y_hat')")
    canvas.find("node-entropy").wait_for()
    train.click(force=True)
    assert canvas.find("why-not").inner_text() == "First finish entropy: connect targets."
    canvas.find("show-missing").click()
    until(lambda: canvas.selected() == ["entropy"], what="the unfinished node selected")
    canvas.ask("editor.drawing.connect('targets', 'targets', 'entropy', 'y')")
    until(lambda: "must contain probabilities" in canvas.find("show-fault").get_attribute("title"),
          what="the fault of a cost of scores")  # fmt: skip
    canvas.ask("editor.drawing.apply_fix('entropy')")
    until(lambda: train.get_attribute("aria-disabled") == "false", what="a model that is ready")
    train.click()
    canvas.find("start-training").wait_for()
    assert not canvas.page.locator(".wbe-misfit").count()  # since the digits fit
    disabled = canvas.find("stream").locator("option[disabled]").all_inner_texts()
    assert disabled == ["digit images (does not fit)"]
    canvas.ask("editor.drawing.set('features', 'shape', [None, 700])")
    reason = canvas.find("misfit-digits")
    until(lambda: reason.count() and "has shape" in reason.inner_text(), what="the reason")
    canvas.press("Escape")


def test_what_was_removed_is_said_and_undone(canvas):
    canvas.click("linear")
    assert canvas.find("selection").inner_text() == "linear is selected"
    canvas.press("Delete")
    done = canvas.page.locator(".wbe-toast[data-kind=done]")
    done.wait_for()
    assert "removed linear and 1 edge: undo with Ctrl+Z" in done.inner_text()
    assert not canvas.find("selection").count()
    canvas.press("Control+z")
    canvas.find("node-linear").wait_for()
    assert canvas.shape("features", "linear") == "batch × 784"


def test_an_edge_is_hit_beside_its_line_and_only_it_is_removed(canvas):
    canvas.click("linear")
    path = canvas.page.locator(".wbe .react-flow__edge-path").first
    x, y = path.evaluate(ON_EDGE)
    canvas.page.mouse.click(x + 9, y)
    until(lambda: canvas.page.locator(".wbe .react-flow__edge.selected").count(), what="the edge")
    assert canvas.selected() == []
    canvas.press("Delete")
    done = canvas.page.locator(".wbe-toast[data-kind=done]")
    done.filter(has_text="removed the edge from features to linear").wait_for()
    assert canvas.nodes() == ["features", "linear"] and inputs(canvas, "linear") == "{}"


def test_a_click_on_a_shape_selects_its_edge(canvas):
    canvas.find("shape-linear.input_.0").click()
    until(lambda: canvas.page.locator(".wbe .react-flow__edge.selected").count(), what="the edge")


def test_shapes_lie_neither_on_each_other_nor_on_nodes(canvas):
    canvas.ask("editor.drawing.clear()")
    canvas.ask("editor.drawing.add_block('Sequence generator')")
    canvas.page.locator(".wbe-shape").nth(5).wait_for()
    canvas.press("f")
    until(lambda: canvas.page.evaluate(OVERLAPS) == [], what="shapes beside each other")


def test_a_size_that_follows_from_the_edge_is_shown_and_not_set(canvas):
    canvas.click("linear")
    field = canvas.find("field-input_dim")
    assert (field.input_value(), field.get_attribute("placeholder")) == ("", "784")
    shape = json.dumps([None, 30])
    canvas.ask(f"editor.drawing.set('features', 'shape', __import__('json').loads('{shape}'))")
    until(lambda: "30 → 10" in canvas.find("node-linear").inner_text(), what="the new size")
    assert not canvas.page.locator(".wbe-fault").count()


def test_the_parts_of_a_narrow_editor_lie_over_the_canvas_and_are_remembered(canvas):
    width = canvas.notebook.find("editor").bounding_box()["width"]
    assert canvas.find("canvas").bounding_box()["width"] > width - 4
    assert not canvas.find("palette").count()
    canvas.find("show-palette").click()
    canvas.find("add-Tanh").click()
    canvas.find("node-tanh").wait_for()
    assert canvas.find("canvas").bounding_box()["width"] > width - 4
    canvas.find("hide-settings").click()
    canvas.notebook.save()
    canvas.notebook.reload()
    canvas.notebook.scroll_to(0)
    canvas.find("palette").wait_for()
    canvas.click("tanh")
    assert not canvas.find("settings").count()
    canvas.press("Enter")  # the key for the settings shows them again
    canvas.find("settings").wait_for()


def test_a_node_under_the_settings_moves_out_when_it_is_selected(canvas):
    canvas.ask("editor.drawing.move({'features': [0, 0], 'linear': [900, 300]})")
    canvas.press("Escape", "f")
    canvas.click("linear")
    canvas.find("settings").wait_for()

    def free():
        node = canvas.find("node-linear").bounding_box()
        return node["x"] + node["width"] < canvas.find("settings").bounding_box()["x"]

    until(free, what="the node beside the settings")


def test_an_unfinished_brick_is_amber_and_its_button_connects_it(canvas):
    canvas.press("Escape")
    canvas.add("softmax", "softmax")
    node = canvas.find("node-softmax")
    assert "connect an input" in node.inner_text()
    assert "wbe-faulty" not in node.get_attribute("class")
    assert not canvas.page.locator(".wbe-faulty").count()
    canvas.find("connect-softmax").click()
    canvas.choose("linear")
    until(lambda: "connect an input" not in node.inner_text(), what="a finished brick")


ON_EDGE = """(path) => {
    const { x, y } = path.getPointAtLength(path.getTotalLength() * 0.2);
    const at = new DOMPoint(x, y).matrixTransform(path.getScreenCTM());
    return [at.x, at.y];
}"""
OVERLAPS = """() => {
    const seen = (one) => one.checkVisibility({ visibilityProperty: true }) && one.textContent;
    const boxes = (name) => [...document.querySelectorAll(name)].filter(seen)
        .map((one) => [one.textContent, one.getBoundingClientRect()]);
    const meet = (a, b) => a.left < b.right && b.left < a.right
        && a.top < b.bottom && b.top < a.bottom;
    const labels = boxes('.wbe .wbe-shape');
    const nodes = boxes('.wbe .wbe-node:not(.wbe-opened)');
    return labels.flatMap(([text, box], place) => [...labels.slice(place + 1), ...nodes]
        .filter(([, other]) => meet(box, other)).map(([other]) => `${text} on ${other}`));
}"""
