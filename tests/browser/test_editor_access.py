"""The visual editor for people who use the keyboard or a screen reader, checked by axe-core."""

import pytest

from tests.support import frontend

from .canvas import CELLS, Canvas, linear
from .lab import notebook_text, until

THEMES = "@jupyterlab/apputils-extension/themes"
AXE = frontend.FOLDER / "node_modules" / "axe-core" / "axe.min.js"
RUN = """async () => {
    const { violations } = await axe.run('.wbe', { resultTypes: ['violations'] });
    return violations
        .filter(({ impact }) => impact === 'serious' || impact === 'critical')
        .flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) =>
            `${id}: ${html.slice(0, 160)}: ${failureSummary.slice(0, 300)}`));
}"""


@pytest.fixture(scope="module")
def notebook(open_notebook):
    """Return a notebook that shows an editor."""
    reason = frontend.prepare()
    if reason is not None:
        pytest.skip(reason)
    notebook = open_notebook("access.ipynb", notebook_text(*CELLS))
    notebook.run(0)
    assert notebook.errors() == []
    notebook.save()
    return notebook


@pytest.fixture(
    scope="module",
    params=["JupyterLab Light", "JupyterLab Dark", "JupyterLab Dark High Contrast"],
)
def themed(request, notebook, lab):
    """Yield the editor in a page with a theme, and with axe-core."""
    lab.set(THEMES, {"theme": request.param})
    notebook.reload()
    notebook.scroll_to(0)
    canvas = Canvas(notebook)
    canvas.find("canvas").wait_for()
    canvas.page.add_script_tag(path=str(AXE))
    yield canvas
    lab.set(THEMES, {})


@pytest.fixture
def canvas(themed):
    """Yield the editor with an empty canvas, where nothing else is open."""
    themed.ask("editor.drawing.clear()")
    themed.find("empty").wait_for()
    yield themed
    for name in ("revert-code", "hide-palette"):
        if themed.find(name).count():
            themed.find(name).click()
    themed.press("Escape", "Escape")


def faults(canvas):
    """Return the serious faults that axe-core finds in what is shown."""
    until(canvas.is_still, what="a view that does not move")
    return canvas.page.evaluate(RUN)


def empty(canvas):
    """Show what stands on the empty canvas, which the fixture has cleared."""


def form(canvas):
    """Show the form of a node, with all its settings."""
    linear(canvas, 10)
    canvas.click("linear")
    canvas.find("more-settings").click()


def fault(canvas):
    """Show a fault, with its fix, on the node and in its form."""
    linear(canvas, 10)
    canvas.click("linear")
    canvas.set("input_dim", 12)
    canvas.find("fix-linear").wait_for()


def status(canvas):
    """Show a fault in the line below the canvas."""
    fault(canvas)
    canvas.press("Escape", "Escape")
    canvas.find("status-fix").wait_for()


def chooser(canvas):
    """Open the list of bricks at a node."""
    linear(canvas, 10)
    canvas.press("Escape", "a")
    canvas.find("chooser-field").wait_for()


def palette(canvas):
    """Search in the palette."""
    if not canvas.find("palette-search").is_visible():
        canvas.find("show-palette").click()
    canvas.find("palette-search").fill("conv")
    canvas.find("add-Convolutional").wait_for()


def code(canvas):
    """Edit the code until a mistake is shown."""
    linear(canvas, 10)
    until(lambda: "784, 10" in canvas.find("code").input_value(), what="the code")
    text = canvas.find("code").input_value()
    canvas.find("code").fill(text.replace("784, 10", "784, ("))
    canvas.find("code-fault").wait_for()


def menu(canvas):
    """Open the menu of images."""
    linear(canvas, 10)
    canvas.find("save-image").click()
    canvas.find("save-png").wait_for()


def keys(canvas):
    """Show the list of keys."""
    linear(canvas, 10)
    canvas.press("Escape", "?")
    canvas.find("keys").wait_for()


def train(canvas):
    """Show why the model cannot be trained."""
    linear(canvas, 10)
    canvas.find("train").click(force=True)
    canvas.find("train-form").wait_for()


STATES = [empty, form, status, chooser, palette, code, menu, keys, train]


@pytest.mark.parametrize("show", STATES, ids=lambda show: show.__name__)
def test_axe_finds_no_serious_fault(canvas, show):
    show(canvas)
    assert faults(canvas) == []


@pytest.fixture
def trained(canvas):
    """Yield the editor with a model in training, and an edit that is not applied."""
    canvas.ask("editor.add_stream('digit images'), editor.drawing.add_block('MLP')")
    assert "Error" not in canvas.ask("editor.train('digit images')")
    canvas.find("show-on-nodes").wait_for()
    yield canvas
    canvas.ask("editor.show_on_nodes('nothing'), editor.clear_example()")
    canvas.ask("editor.session.stop() and editor.session.wait(60)")


def test_axe_finds_no_serious_fault_in_live_values_and_changes_of_a_model(trained):
    trained.find("show-on-nodes").select_option("activation")
    value = trained.find("live-mlp")
    until(lambda: value.count() and any(c.isdigit() for c in value.inner_text()), what="a number")
    trained.find("push-example").click()
    trained.page.locator(".wbe .wbe-value").first.wait_for()
    trained.ask("editor.drawing.set('mlp', 'activations', [None, None])")
    trained.find("pause-to-apply").click()
    trained.find("apply").wait_for()
    assert faults(trained) == []


REACH = """() => {
    const root = document.querySelector('.wbe');
    const seen = (one) => one.checkVisibility({ visibilityProperty: true });
    const wanted = [...root.querySelectorAll('button, input, select, textarea, [role=button]')];
    return wanted
        .filter((one) => seen(one) && !one.disabled && one.tabIndex < 0
            && !one.closest('[aria-hidden=true]'))
        .map((one) => one.outerHTML.slice(0, 160));
}"""


def test_everything_can_be_reached_by_the_keyboard(canvas):
    linear(canvas, 10)
    canvas.click("linear")
    canvas.press("Control+g")
    assert canvas.page.evaluate(REACH) == []
    nodes = canvas.page.locator(".wbe .react-flow__node, .wbe .react-flow__edge")
    places = nodes.evaluate_all("(all) => all.map((one) => one.tabIndex)")
    assert places and set(places) == {0}
