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
    """Yield a notebook that shows an editor."""
    notebook = open_notebook("access.ipynb", notebook_text(*CELLS))
    notebook.run(0)
    assert notebook.errors() == []
    notebook.save()
    return notebook


@pytest.fixture(params=["JupyterLab Light", "JupyterLab Dark"])
def canvas(request, notebook, lab):
    """Yield the editor in a page with a theme, and with axe-core."""
    reason = frontend.prepare()
    if reason is not None:
        pytest.skip(reason)
    notebook.ask("editor.drawing.clear()")
    lab.set(THEMES, {"theme": request.param})
    notebook.reload()
    notebook.scroll_to(0)
    canvas = Canvas(notebook)
    canvas.find("empty").wait_for()
    canvas.page.add_script_tag(path=str(AXE))
    yield canvas
    lab.set(THEMES, {})


def faults(canvas):
    """Return the serious faults that axe-core finds in what is shown."""
    until(canvas.is_still, what="a view that does not move")
    return canvas.page.evaluate(RUN)


def test_axe_finds_no_serious_fault(canvas):
    assert faults(canvas) == []
    linear(canvas, 10)
    canvas.click("linear")
    assert faults(canvas) == []
    canvas.set("input_dim", 12)
    canvas.find("fix-linear").wait_for()
    assert faults(canvas) == []
    canvas.press("Escape", "Escape")
    canvas.find("status-fix").wait_for()
    assert faults(canvas) == []
    canvas.press("a")
    canvas.find("chooser-field").wait_for()
    assert faults(canvas) == []
    canvas.press("Escape")
    canvas.press("?")
    canvas.find("keys").wait_for()
    assert faults(canvas) == []
    canvas.press("Escape")
    canvas.find("train").click(force=True)  # it says why the model cannot be trained
    canvas.find("train-form").wait_for()
    assert faults(canvas) == []
    canvas.press("Escape")
    canvas.find("save-image").click()
    canvas.find("save-png").wait_for()
    assert faults(canvas) == []
    canvas.press("Escape")


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
