"""The visual editor after a reload, a restart of the kernel, while a cell runs, and in the file."""

import pytest

from .canvas import linear
from .lab import NOTEBOOK, busy, notebook_text, until

BUSY = f"{NOTEBOOK}.sessionContext.session.kernel.status === 'busy'"
CELLS = [
    "from extensions_live import Editor\neditor = Editor()\neditor",
    "from extensions_live import control_channel\n"
    "import os, time\n"
    "control_channel._channel = None  # as in a front end that has none\n"
    "while not os.path.exists('reload.over'): time.sleep(0.01)",
]


@pytest.fixture
def notebook(open_notebook, request):
    """Yield a notebook that shows an editor, with a kernel of its own."""
    notebook = open_notebook(f"{request.function.__name__}.ipynb", notebook_text(*CELLS))
    (notebook.path.parent / "reload.over").unlink(missing_ok=True)
    notebook.run(0)
    assert notebook.errors() == []
    notebook.scroll_to(0)
    return notebook


def test_a_reload_keeps_positions_and_open_groups(notebook, canvas):
    linear(canvas, 10)
    canvas.ask("editor.drawing.group(['linear'], 'part')")
    canvas.find("node-group").wait_for()
    canvas.drag("node-features", (150, 60))
    moved = "editor.drawing.document.spec.positions.get('features')"
    until(lambda: canvas.ask(moved) != "None", what="the move")
    places = canvas.ask("editor.drawing.document.spec.positions")
    notebook.save()
    notebook.reload()
    canvas.find("node-linear").wait_for()  # the group is open
    assert canvas.ask("editor.drawing.document.spec.positions") == places
    canvas.find("node-group").wait_for()
    view = notebook.page.locator('.react-flow__node[data-id="features"]')
    assert "translate(" in view.get_attribute("style")
    canvas.ask("editor.drawing.close('group')")
    canvas.find("node-linear").wait_for(state="detached")
    notebook.save()
    notebook.reload()
    canvas.find("node-group").wait_for()
    assert not canvas.find("node-linear").count()


def test_a_reload_loses_no_intent_while_the_kernel_is_busy(notebook, canvas):
    linear(canvas, 10)
    notebook.save()
    notebook.run(1, wait=False)
    until(lambda: notebook.page.evaluate(BUSY), what="a busy kernel")
    canvas.click("linear")
    for name in ("tanh", "rectifier", "softmax"):
        canvas.press("a")
        canvas.choose(name)
    notebook.page.locator(".wbe[data-waiting=true]").wait_for()
    notebook.page.goto("about:blank")
    (notebook.path.parent / "reload.over").touch()  # only now, so that nothing was answered
    notebook.open()
    until(lambda: len(canvas.nodes()) == 5, what="all three nodes")
    assert canvas.nodes() == ["features", "linear", "tanh", "rectifier", "softmax"]
    notebook.scroll_to(0)
    canvas.find("node-softmax").wait_for()
    notebook.page.locator(".wbe[data-waiting=false]").wait_for()


def test_edits_are_answered_while_a_cell_runs(notebook, canvas):
    linear(canvas, 10)
    with busy(notebook):
        notebook.scroll_to(0)
        canvas.click("linear")
        canvas.add("tanh", "tanh")
        until(lambda: canvas.shape("linear", "tanh") == "batch × 10", what="the shape")
        canvas.click("linear")
        canvas.set("output_dim", 25)
        until(lambda: canvas.shape("linear", "tanh") == "batch × 25", what="the new shape")
        until(lambda: "784, 25" in canvas.find("code").input_value(), what="the code")
        canvas.press("Escape", "Control+z")
        until(lambda: canvas.shape("linear", "tanh") == "batch × 10", what="the edit undone")
        notebook.page.locator(".wbe[data-waiting=false]").wait_for()
    assert canvas.nodes() == ["features", "linear", "tanh"]


def test_a_restarted_kernel_is_said_and_the_cell_shows_an_editor_again(notebook, canvas):
    linear(canvas, 10)
    notebook.restart()
    notice = canvas.find("notice")
    notice.wait_for()
    assert "The kernel of this editor was stopped or restarted" in notice.inner_text()
    assert "Run its cell again." in notice.inner_text()
    assert canvas.find("node-linear").count() == 1  # the last state can still be read and copied
    notebook.run(0, wait=False)  # the count of a new kernel is the same as before
    canvas.find("empty").wait_for()
    assert not canvas.find("notice").count()
    linear(canvas, 5)


def test_the_banner_keeps_the_code_of_a_drawing_that_the_kernel_has_lost(notebook, canvas):
    linear(canvas, 10)
    until(lambda: "784, 10" in canvas.find("code").input_value(), what="the code")
    notebook.restart()
    canvas.find("keep-code").wait_for()
    canvas.find("keep-cell").click()

    def sources():
        return ["".join(cell["source"]) for cell in notebook.save()["cells"]]

    until(lambda: any("Linear(784, 10" in one for one in sources()), what="a cell with the code")


def test_the_saved_file_shows_the_board_and_its_code(notebook, canvas):
    linear(canvas, 10)

    def saved():
        outputs = [one for cell in notebook.save()["cells"] for one in cell.get("outputs", [])]
        texts = ["".join(one.get("data", {}).get("text/html", "")) for one in outputs]
        images = [one for one in outputs if "image/png" in one.get("data", {})]
        return images and any("Linear(784, 10" in text for text in texts)

    until(saved, what="an image and the code in the file")
    assert notebook.path.stat().st_size < 200_000


def test_a_block_of_ones_own_is_there_in_the_next_kernel(notebook, canvas):
    linear(canvas, 10)
    canvas.press("Control+a")
    until(lambda: len(canvas.selected()) == 2, what="both selected")
    canvas.press("Control+g")
    canvas.find("node-group").wait_for()
    canvas.click("group")
    canvas.set("name", "my_part")
    until(lambda: "my_part" in canvas.find("node-group").inner_text(), what="the new name")
    canvas.find("save-block").click()
    canvas.find("show-palette").click()
    canvas.find("add-my_part").wait_for()
    notebook.restart()
    canvas.find("notice").wait_for()
    notebook.run(0, wait=False)
    canvas.find("empty").wait_for()
    canvas.find("add-my_part").wait_for()
    canvas.find("rename-my_part").click()
    canvas.find("new-name-of-my_part").fill("half")
    canvas.press("Enter")
    canvas.find("add-half").wait_for()
    canvas.find("add-half").click()
    until(lambda: "linear" in canvas.nodes(), what="the nodes of the block")
    canvas.find("remove-half").click()
    canvas.find("really-remove-half").click()
    canvas.find("add-half").wait_for(state="detached")
