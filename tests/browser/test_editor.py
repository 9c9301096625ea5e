"""The visual editor of models, in a real browser, by mouse and keyboard."""

import pytest

from .canvas import CELLS, Canvas, linear
from .lab import notebook_text, until

# Returns the distances from the ends of edges to the nearest handles, in pixels.
GAPS = """(box) => {
    const middles = (kind, side) => [...box.querySelectorAll(`.react-flow__handle.${kind}`)]
        .map((one) => one.getBoundingClientRect())
        .map((rect) => [rect.left + rect.width / 2, rect[side]]);
    const [from, to] = [middles('source', 'bottom'), middles('target', 'top')];
    const gap = (line, length, ends) => {
        const { x, y } = line.getPointAtLength(length).matrixTransform(line.getScreenCTM());
        return Math.min(...ends.map(([left, top]) => Math.hypot(left - x, top - y)));
    };
    return [...box.querySelectorAll('path.react-flow__edge-path')].flatMap((line) =>
        [gap(line, 0, from), gap(line, line.getTotalLength(), to)]);
}"""
# Python answers only after a second, once.
SLOW = """setattr(editor.drawing, "arrange", lambda board=editor.drawing: [
    __import__("time").sleep(1), delattr(board, "arrange"), board.arrange()])"""


def test_an_empty_canvas_offers_the_data_and_the_list_of_bricks(canvas):
    assert "Build a model" in canvas.find("empty").inner_text()
    canvas.find("begin").click()
    canvas.choose("linear")
    canvas.find("node-linear").wait_for()
    assert canvas.nodes() == ["linear"]
    canvas.find("empty").wait_for(state="detached")


def test_a_classifier_is_assembled_and_trained(canvas):
    canvas.find("stream-digits").click()
    canvas.find("node-features").wait_for()
    canvas.click("features")
    canvas.add("mlp", "mlp")
    canvas.set("dims", "784, 32, 10")
    for place, kind in enumerate(["Rectifier", "Softmax"]):
        while not canvas.find(f"field-activations-{place}").count():
            canvas.find("more-activations").click()
            canvas.find(f"field-activations-{place}").wait_for()
        canvas.find(f"field-activations-{place}").select_option(kind)
    until(lambda: canvas.shape("features", "mlp") == "batch × 784", what="the shape")
    canvas.click("mlp")
    canvas.add("cross entropy", "cost")
    until(lambda: canvas.shape("mlp", "cost") == "batch × 10", what="the prediction connected")
    canvas.press("f")
    canvas.drag("output-targets-targets", "input-cost-y")
    until(lambda: canvas.shape("targets", "cost") == "batch int64", what="the labels connected")
    canvas.find("train").click()
    canvas.find("start-training").click()
    batches = "0 if editor.session is None else editor.session.log.status['iterations_done']"
    until(lambda: int(canvas.ask(batches)) > 2, timeout=200, what="training")
    plot = canvas.page.locator('[data-testid="training"] [data-testid="plot"]')
    until(lambda: int(plot.get_attribute("data-points") or 0) > 1, timeout=100, what="curves")
    canvas.ask("editor.session.stop() and editor.session.wait(60)")


def test_a_fault_is_shown_in_words_and_its_fix_applied(canvas):
    linear(canvas, 10)
    canvas.click("linear")
    canvas.set("input_dim", 12)
    fault = canvas.find("settings").locator(".wbe-fault")
    sentence = "linear expects vectors of size 12, but gets size 784"
    until(lambda: sentence in " ".join(fault.all_inner_texts()), what="the fault")
    details = fault.locator("summary")
    assert "has shape" not in fault.inner_text()
    details.focus()
    canvas.press("Enter")
    text = canvas.ask("editor.drawing.fault('linear')")[1:-1]
    until(lambda: fault.locator("details p").inner_text() == text, what="the text of Python")
    canvas.find("fix-linear").click()
    until(lambda: not canvas.page.locator(".wbe-fault").count(), what="no fault")
    assert "784 → 10" in canvas.find("node-linear").inner_text()


def test_edits_are_undone_and_done_again(canvas):
    linear(canvas, 10)
    canvas.click("linear")
    canvas.press("Delete")
    until(lambda: canvas.nodes() == ["features"], what="the node removed")
    canvas.press("Control+z")
    canvas.find("node-linear").wait_for()
    canvas.press("Control+Shift+Z")
    until(lambda: canvas.nodes() == ["features"], what="the node removed again")


def test_edited_code_changes_the_canvas_and_a_mistake_names_its_line(canvas):
    linear(canvas, 10)
    until(lambda: "784, 10" in canvas.find("code").input_value(), what="the code")
    code = canvas.find("code").input_value()
    canvas.find("code").fill(code.replace("784, 10", "784, 25"))
    until(lambda: "784 → 25" in canvas.find("node-linear").inner_text(), what="the new width")
    canvas.find("code").fill(code.replace("784, 10", "784, ("))
    until(lambda: canvas.find("code-fault").count(), what="the fault")
    assert canvas.find("code-fault").inner_text().startswith("line ")
    canvas.find("revert-code").click()
    until(lambda: "784, 25" in canvas.find("code").input_value(), what="the last good code")


def test_an_edge_that_ends_on_the_empty_canvas_offers_what_fits(canvas):
    linear(canvas, 10)
    canvas.drag("output-linear-output", (60, 50))
    assert "What follows?" in canvas.find("chooser").inner_text()
    canvas.choose("relu")
    until(lambda: "rectifier" in canvas.nodes(), what="a new node")
    connected = "dict(editor.drawing.document.calls['rectifier'].inputs)"
    until(lambda: "linear" in canvas.ask(connected), what="the edge")


def test_nodes_are_connected_by_the_keyboard(canvas):
    linear(canvas, 10)
    canvas.press("Escape")
    canvas.add("rectifier", "rectifier")
    canvas.press("i")
    canvas.choose("linear")
    connected = "dict(editor.drawing.document.calls['rectifier'].inputs)"
    until(lambda: "linear" in canvas.ask(connected), what="the edge")
    assert "connected linear to rectifier" in canvas.find("said").inner_text()


def test_keys_do_not_reach_the_notebook(canvas):
    linear(canvas, 10)
    canvas.click("linear")
    notebook = canvas.notebook
    before = notebook.kinds(), notebook.count(0)
    pressed = (
        "d d x b 0 0 m Enter Escape y z Delete Escape Shift+Enter Escape j k ArrowDown a Escape"
    )
    for key in [*pressed.split(), "?", "Escape"]:
        canvas.press(key)
    assert (notebook.kinds(), notebook.count(0)) == before
    assert not canvas.page.locator(".jp-Dialog").count()
    focused = "document.querySelector('.wbe').contains(document.activeElement)"
    until(lambda: canvas.page.evaluate(focused), what="the focus in the editor")


def test_an_open_brick_pushes_its_neighbours_aside(canvas):
    canvas.ask("editor.drawing.add_block('MLP')")
    canvas.find("node-softmax").wait_for()
    canvas.page.locator(".wbe-shape").first.wait_for()  # nodes are larger then
    until(canvas.are_drawn, what="the nodes")
    before = canvas.places()
    canvas.find("toggle-mlp").click()
    until(lambda: len(canvas.places()) > len(before), what="the parts")
    until(canvas.are_drawn, what="the parts in their places")
    opened = canvas.places()
    assert opened["mlp"][:2] == before["mlp"][:2]
    assert opened["softmax"][1] >= opened["mlp"][1] + opened["mlp"][3]
    canvas.ask("editor.drawing.undo()")
    until(lambda: canvas.places() == before, what="everything as before")
    canvas.ask("editor.drawing.open('mlp')")
    until(lambda: canvas.places() == opened, what="everything as after the click")


def test_edges_end_at_handles_that_were_not_measured(canvas):
    canvas.ask("editor.drawing.add_block('MLP')")
    canvas.ask("editor.drawing.open('mlp')")
    canvas.find("node-mlp").locator(".wbe-inner").first.wait_for()
    until(canvas.are_drawn, what="the nodes")
    before = canvas.places()["mlp"]
    canvas.ask("editor.drawing.move({'mlp': [90, 400]})")  # it keeps the size
    until(lambda: canvas.places()["mlp"][:2] != before[:2], what="the node at its new place")
    until(canvas.are_drawn, what="the edges")
    gaps = canvas.box.evaluate(GAPS)
    assert len(gaps) > 8 and max(gaps) < 1


def test_a_brick_is_opened_and_unpacked(canvas):
    canvas.ask("editor.drawing.add_input('features', [None, 784])")
    settings = "{'activations': [None, None], 'dims': [784, 20, 10]}"
    canvas.ask(f"editor.drawing.add('MLP', after='features', settings={settings})")
    canvas.click("mlp")
    canvas.press("o")
    canvas.find("node-mlp/linear_0").wait_for()
    until(lambda: canvas.shape("linear_0", "linear_1") == "batch × 20", what="the inner shape")
    canvas.press("o")
    canvas.find("node-mlp/linear_0").wait_for(state="detached")
    canvas.press("u")
    until(lambda: "mlp" not in canvas.nodes() and len(canvas.nodes()) > 2, what="the parts")


def test_nodes_are_copied_pasted_and_duplicated(canvas):
    linear(canvas, 10)
    canvas.click("linear")
    canvas.press("Control+c")
    canvas.press("Control+v")
    until(lambda: len(canvas.nodes()) == 3, what="a copy")
    until(lambda: canvas.selected() not in ([], ["linear"]), what="the copy selected")
    canvas.press("Control+d")
    until(lambda: len(canvas.nodes()) == 4, what="another copy")


def test_nodes_are_selected_one_after_another_and_grouped_where_they_are(canvas):
    canvas.ask("editor.drawing.add_block('MLP')")
    canvas.find("node-softmax").wait_for()
    canvas.page.locator(".wbe-shape").first.wait_for()
    until(canvas.are_drawn, what="the nodes")
    before = canvas.places()
    canvas.click("mlp")
    canvas.page.keyboard.down("Control")
    canvas.find("node-softmax").locator("b").first.click()
    canvas.page.keyboard.up("Control")
    until(lambda: sorted(canvas.selected()) == ["mlp", "softmax"], what="both selected")
    canvas.press("Control+g")
    canvas.find("node-group").wait_for()
    until(canvas.are_drawn, what="the group")
    assert canvas.places()["group"][1] == before["mlp"][1]
    assert canvas.places()["features"] == before["features"]


def test_nodes_are_grouped(canvas):
    linear(canvas, 10)
    canvas.click("linear")
    canvas.press("Control+a")
    until(lambda: len(canvas.selected()) == 2, what="both selected")
    canvas.press("Control+g")
    until(lambda: "1" in canvas.ask("len(editor.drawing.document.groups)"), what="a group")
    assert canvas.page.locator(".wbe .react-flow__node").count() <= 3


def test_code_is_inserted_as_a_cell(canvas):
    linear(canvas, 10)
    notebook = canvas.notebook
    cells = len(notebook.kinds())
    canvas.find("insert").click()
    until(lambda: len(notebook.kinds()) == cells + 1, what="a new cell")
    sources = "[...window.jupyterapp.shell.currentWidget.content.widgets].map((c) => "
    source = canvas.page.evaluate(f"{sources} c.model.sharedModel.getSource())[1]")
    assert "Linear(" in source
    active = "window.jupyterapp.shell.currentWidget.content.activeCellIndex"
    until(lambda: canvas.page.evaluate(active) == 1, what="the new cell selected")
    notebook.select(1)
    notebook.command("notebook:delete-cell")
    until(lambda: len(notebook.kinds()) == cells, what="the cell removed")


def test_arranged_nodes_are_in_sight_when_python_answers_late(canvas):
    linear(canvas, 10)
    canvas.ask("editor.drawing.move({'features': [4000, 4000], 'linear': [0, 0]})")
    canvas.press("f")
    canvas.ask(SLOW)
    canvas.find("arrange").click()
    until(canvas.are_drawn, what="the nodes arranged")
    room = canvas.find("canvas").bounding_box()
    bottom = room["y"] + room["height"]

    def is_inside(node):
        box = canvas.find(f"node-{node}").bounding_box()
        return box["y"] >= room["y"] and box["y"] + box["height"] <= bottom and box["width"] > 100

    until(lambda: is_inside("features") and is_inside("linear"), timeout=10, what="both in sight")


def test_letters_after_the_button_of_the_palette_are_typed_into_its_search(canvas):
    linear(canvas, 10)
    canvas.find("show-palette").click()
    until(lambda: canvas.page.locator(".wbe-palette input:focus").count(), what="the focus")
    canvas.page.keyboard.type("tanh")
    assert canvas.find("palette-search").input_value() == "tanh"
    canvas.find("show-palette").click()
    canvas.find("show-palette").focus()
    canvas.press("a", "e", "f")  # on the button, letters do nothing
    assert not canvas.find("chooser-field").count()
    canvas.find("fit").click()
    canvas.press("a")  # after a click, keys are for the canvas
    canvas.find("chooser-field").wait_for()
    canvas.press("Escape")


def test_a_click_on_a_node_of_a_narrow_editor_hides_the_palette(canvas):
    linear(canvas, 10)
    canvas.press("f")
    until(canvas.is_still, what="all nodes in sight")
    before = canvas.find("node-linear").bounding_box()
    canvas.find("show-palette").click()
    beside = canvas.find("palette").bounding_box()
    edge = beside["x"] + beside["width"]
    until(lambda: canvas.find("node-features").bounding_box()["x"] >= edge, what="room beside it")
    canvas.find("hide-palette").click()
    until(
        lambda: abs(canvas.find("node-linear").bounding_box()["x"] - before["x"]) < 2,
        what="the whole view again",
    )
    canvas.find("show-palette").click()
    canvas.click("linear")
    canvas.find("palette").wait_for(state="detached")
    until(
        lambda: (
            canvas.find("node-linear").bounding_box()["x"]
            + canvas.find("node-linear").bounding_box()["width"]
            <= canvas.find("settings").bounding_box()["x"]
        ),
        what="the node beside its settings",
    )


def test_the_digits_and_a_ready_block_can_be_trained(canvas):
    canvas.find("stream-digits").click()
    canvas.find("node-targets").wait_for()
    canvas.find("show-palette").click()
    canvas.find("palette-search").fill("lenet")
    canvas.press("Enter")
    until(lambda: "reshape" in canvas.nodes(), what="the block")
    train = canvas.find("train")
    until(lambda: train.get_attribute("aria-disabled") != "true", what="a model to train")
    assert not canvas.find("node-features_2").count()
    canvas.find("show-palette").click()


def test_the_hints_of_an_empty_canvas_stand_beside_the_palette(canvas):
    canvas.find("show-palette").click()
    palette = canvas.page.locator(".wbe-palette").first
    palette.wait_for()
    edge = palette.evaluate("(one) => one.getBoundingClientRect().right")
    assert canvas.find("begin").bounding_box()["x"] >= edge
    canvas.find("show-palette").click()


def test_an_image_of_the_canvas_opens_it_again(canvas):
    linear(canvas, 10)
    canvas.find("save-image").click()
    with canvas.page.expect_download() as download:
        canvas.find("save-png").click()
    image = download.value.path().read_bytes()
    canvas.ask("editor.drawing.clear()")
    canvas.find("empty").wait_for()
    canvas.page.evaluate(DROP, [list(image), "image/png", "model.png"])
    canvas.find("node-linear").wait_for()
    assert sorted(canvas.nodes()) == ["features", "linear"]


def test_a_saved_image_is_opened_by_the_keyboard(canvas, tmp_path):
    linear(canvas, 10)
    canvas.find("save-image").press("Enter")
    with canvas.page.expect_download() as download:
        canvas.find("save-svg").press("Enter")
    path = tmp_path / "model.svg"
    download.value.save_as(path)
    canvas.ask("editor.drawing.clear()")
    canvas.find("empty").wait_for()
    canvas.find("save-image").press("Enter")
    with canvas.page.expect_file_chooser():
        canvas.find("open-image").press("Enter")
    canvas.find("image-file").set_input_files(path)
    canvas.find("node-linear").wait_for()
    assert sorted(canvas.nodes()) == ["features", "linear"]


def test_several_nodes_are_selected_one_by_one_by_the_keyboard(canvas):
    linear(canvas, 10)
    canvas.press("Escape")  # twice: a field has the focus
    for node, selected in (("features", ["features"]), ("linear", ["features", "linear"]),
                           ("features", ["linear"])):  # fmt: skip
        canvas.box.locator(f'.react-flow__node[data-id="{node}"]').press("Control+Enter")
        until(lambda wanted=selected: sorted(canvas.selected()) == wanted, what=str(selected))
    canvas.press("Escape")
    canvas.press("?")
    assert "Ctrl+Enter" in canvas.find("keys").inner_text()
    canvas.press("Escape")


def test_the_canvas_is_there_again_after_a_reload(canvas):
    linear(canvas, 10)
    canvas.notebook.save()
    canvas.notebook.reload()
    canvas.find("node-linear").wait_for()
    canvas.click("linear")
    canvas.press("Delete")
    until(lambda: canvas.nodes() == ["features"], what="an edit after the reload")


DROP = """([bytes, type, name]) => {
    const data = new DataTransfer();
    data.items.add(new File([new Uint8Array(bytes)], name, { type }));
    const canvas = document.querySelector('.wbe [data-testid="canvas"]');
    for (const kind of ['dragover', 'drop']) {
        canvas.dispatchEvent(new DragEvent(kind, { bubbles: true, dataTransfer: data }));
    }
}"""


def column(canvas, count=12):
    """Show inputs one below another, so near that not all of them are in sight."""
    canvas.ask(
        f"[editor.drawing.add_input(f'x{{i}}', position=[0, 120 * i]) for i in range({count})]"
    )
    canvas.find(f"node-x{count - 1}").wait_for()
    canvas.press("Escape", "f")
    until(canvas.is_still, what="a view that does not move")
    canvas.find("node-x0").wait_for()
    while not canvas.page.locator(".wbe .react-flow__minimap").count():
        canvas.press("+")
        until(canvas.is_still, what="a view that does not move")


def is_in_sight(canvas, node):
    """Return True if the middle of a node is on the part of the canvas that is shown."""
    box = canvas.find("canvas").bounding_box()
    x, y = canvas.middle(f"node-{node}")
    return 0 < x - box["x"] < box["width"] and 0 < y - box["y"] < box["height"]


def test_the_small_map_shows_all_nodes_and_moves_the_view(canvas):
    canvas.box.focus()
    column(canvas)
    small = canvas.page.locator(".wbe .react-flow__minimap").first
    nodes = small.locator(".react-flow__minimap-node")
    assert nodes.count() == 12
    wide = canvas.find("node-x0").bounding_box()["width"]
    nodes.last.click()
    until(lambda: is_in_sight(canvas, "x11"), what="the last node in sight")
    assert canvas.find("node-x11").bounding_box()["width"] == pytest.approx(wide, abs=1)
    assert not is_in_sight(canvas, "x0")
    until(canvas.is_still, what="a view that does not move")
    box = small.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] - 4
    canvas.page.mouse.move(x, y)
    canvas.page.mouse.down()
    low = canvas.middle("node-x11")[1]
    canvas.page.mouse.move(x, y - 40, steps=10)
    canvas.page.mouse.up()
    until(lambda: canvas.middle("node-x11")[1] > low + 50, what="the view moved up")


def test_a_node_that_is_out_of_sight_is_found_by_its_name(canvas):
    canvas.box.focus()
    column(canvas)
    canvas.ask("editor.drawing.rename('x11', 'labels')")
    until(lambda: "labels" in canvas.find("node-x11").inner_text(), what="the name")
    for node, text in (("x0", "x0"), ("x11", "labe")):
        canvas.press("/")
        canvas.choose(text)
        until(lambda n=node: canvas.selected() == [n] and is_in_sight(canvas, n), what=node)
    assert not is_in_sight(canvas, "x0")
    canvas.find("search").click()
    assert "Find a node" in canvas.find("chooser").inner_text()
    canvas.press("Escape")


def test_the_menu_aligns_the_selected_nodes(canvas):
    linear(canvas, 10)
    canvas.ask("editor.drawing.rename('linear', 'a_name_that_makes_the_node_wider_than_the_other')")
    (_, _, *first), (_, _, *second) = canvas.places().values()
    assert first[1] > second[1]  # since it shows an example
    until(lambda: canvas.places()["linear"][2] > first[0], what="the other is wider")
    canvas.box.focus()
    for entry, along, part in [
        *(("align-left", 0, 0), ("align-centre", 0, 0.5)),
        *(("align-top", 1, 0), ("align-middle", 1, 0.5)),
    ]:
        canvas.ask("editor.drawing.move({'features': [0, 0], 'linear': [70, 240]})")
        until(lambda: canvas.places()["linear"][:2] == [70, 240], what="the nodes apart")
        before = canvas.places()
        canvas.press("Control+a")
        until(lambda: len(canvas.selected()) == 2, what="both selected")
        canvas.find("align").click()
        canvas.find(entry).click()

        def middles(along=along, part=part):
            return [at[along] + part * at[along + 2] for at in canvas.places().values()]

        until(lambda: abs(middles()[0] - middles()[1]) <= 1, what=entry)
        canvas.page.locator(".wbe[data-waiting=false]").wait_for()
        after = canvas.places()
        assert all(before[node][1 - along] == after[node][1 - along] for node in before)
        assert canvas.ask("editor.drawing.undo_name") == "'move 2 nodes'"


def test_nodes_are_pasted_into_the_editor_of_another_notebook(canvas, open_notebook):
    linear(canvas, 10)
    canvas.press("Control+a")
    until(lambda: len(canvas.selected()) == 2, what="both selected")
    canvas.press("Control+c")
    until(lambda: "copied 2 nodes" in canvas.find("said").inner_text(), what="the copy")
    other = open_notebook("another.ipynb", notebook_text(*CELLS))
    other.run(0)
    pasted = Canvas(other)
    pasted.find("empty").wait_for()
    pasted.box.focus()
    pasted.press("Control+v")
    pasted.find("node-linear").wait_for()
    assert pasted.nodes() == ["features", "linear"]
    until(lambda: pasted.shape("features", "linear") == "batch × 784", what="the edge")
    assert other.ask("editor.code") == canvas.ask("editor.code")


def test_a_click_on_one_of_several_selected_nodes_selects_it_alone(canvas):
    linear(canvas, 10)
    canvas.press("Control+a")
    until(lambda: len(canvas.selected()) == 2, what="both selected")
    canvas.click("linear")
