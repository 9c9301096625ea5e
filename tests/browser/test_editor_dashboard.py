"""The visual editor in a dashboard: the canvas, training from there, reload, and its two pages."""

import pytest
import torch

from extensions_live import Dashboard, Editor
from tests.browser.test_dashboard import background, find, page
from workbench.bricks import Linear
from workbench.bricks.cost import SquaredError
from workbench.data import DataStream, IndexableDataset, SequentialScheme
from workbench.initialization import Constant
from workbench.interfaces import State
from workbench.tensor import matrix

from .canvas import Canvas, linear
from .lab import PAINTED, guarded_page, until

__all__ = ["page"]


class Hosted(Canvas):
    """Editor on a page of a dashboard, which this process serves."""

    def __init__(self, page, editor):
        self.page, self.editor = page, editor

    def ask(self, expression):
        return repr(eval(expression, {"editor": self.editor}))


@pytest.fixture
def editor(no_session_is_left):
    editor = Editor()
    yield editor
    editor.close()


@pytest.fixture
def dashboard(editor):
    dashboard = Dashboard(editor).show()
    yield dashboard
    dashboard.close()


@pytest.fixture
def canvas(page, dashboard, editor):
    """Yield an empty canvas in a dashboard."""
    page.goto(dashboard.url)
    canvas = Hosted(page, editor)
    canvas.find("empty").wait_for()
    canvas.find("stream-digits").wait_for()  # the palette has arrived, too
    yield canvas
    assert page.locator(".wbe-toast[data-kind=refused]").all_inner_texts() == []


def model():
    """Return a cost that can be trained, and a stream for it."""
    linear = Linear(2, 1, weights_init=Constant(0.1), biases_init=Constant(0))
    cost = SquaredError().apply(matrix("y"), linear.apply(matrix("x")))
    cost.name = "cost"
    dataset = IndexableDataset({"x": torch.rand(8, 2).numpy(), "y": torch.rand(8, 1).numpy()})
    return cost, DataStream(dataset, iteration_scheme=SequentialScheme(8, 4))


def test_a_model_is_built_by_the_keyboard_and_its_fault_fixed(canvas, editor):
    linear(canvas, 10)
    canvas.click("linear")
    canvas.set("input_dim", 12)
    fault = canvas.find("settings").locator(".wbe-fault")
    until(lambda: "vectors of size 12" in fault.inner_text(), what="the fault")
    canvas.find("fix-linear").click()
    until(lambda: not canvas.page.locator(".wbe-fault").count(), what="no fault")
    assert "784 → 10" in canvas.find("node-linear").inner_text()
    until(lambda: "Linear(784, 10" in canvas.find("code").input_value(), what="the code")
    assert editor.drawing.fault("linear") is None
    assert not canvas.find("insert").count()  # no cell could be inserted here


def test_edges_are_drawn_and_edits_undone(canvas):
    linear(canvas, 10)
    canvas.drag("output-linear-output", (60, 50))
    canvas.choose("relu")
    until(lambda: "rectifier" in canvas.nodes(), what="a new node")
    canvas.press("Control+z")
    until(lambda: "rectifier" not in canvas.nodes(), what="the node undone")
    canvas.click("linear")
    canvas.press("Delete")
    until(lambda: canvas.nodes() == ["features"], what="the node removed")


def test_code_is_edited_and_copied(canvas, page):
    linear(canvas, 10)
    until(lambda: "784, 10" in canvas.find("code").input_value(), what="the code")
    code = canvas.find("code").input_value()
    canvas.find("code").fill(code.replace("784, 10", "784, 25"))
    until(lambda: "784 → 25" in canvas.find("node-linear").inner_text(), what="the new width")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    canvas.find("copy-code").click()
    copied = "navigator.clipboard.readText()"
    until(lambda: "Linear(784, 25" in page.evaluate(copied), what="the code on the clipboard")


def test_a_reloaded_tab_has_the_same_board(canvas, page, editor):
    linear(canvas, 10)
    canvas.find("node-linear").wait_for()
    editor.drawing.move({"features": [0, 0], "linear": [400, 300]})
    editor.drawing.group(["linear"], "part")
    canvas.find("node-group").wait_for()
    places = dict(editor.drawing.document.spec.positions)
    page.reload()
    canvas.find("node-linear").wait_for()
    assert canvas.find("node-group").count() == 1
    assert editor.drawing.document.spec.positions == places
    canvas.click("linear")
    canvas.press("Control+d")
    until(lambda: "linear_2" in canvas.nodes(), what="an edit after the reload")


def test_two_tabs_show_the_same_board(canvas, browser, dashboard, editor):
    linear(canvas, 10)
    with guarded_page(browser) as second:
        second.goto(dashboard.url)
        other = Hosted(second, editor)
        other.click("linear")
        other.press("Delete")
        canvas.find("node-linear").wait_for(state="detached")


def test_training_shows_its_curves_below_the_canvas(page, dashboard, editor):
    cost, stream = model()
    editor.show(cost)
    editor._streams.listed = lambda: [{"name": "mine", "note": "", "sources": [], "examples": {}}]
    editor._streams.found = lambda name: stream
    page.goto(dashboard.url)
    canvas = Hosted(page, editor)
    canvas.find("node-linear").wait_for()
    canvas.find("train").click()
    canvas.find("start-training").click()
    plot = page.locator('.wbe-training [data-testid="plot"].wb-drawn')
    until(lambda: plot.count() and int(plot.get_attribute("data-points") or 0), what="a curve")
    until(lambda: plot.locator("canvas").first.evaluate(PAINTED), what="a curve that is drawn")
    find(page, "pause").click()
    until(lambda: editor.session.state is State.PAUSED, what="the pause")
    assert editor.session.commands[-1].by == "dashboard"
    page.reload()  # the views are there again
    until(lambda: plot.count() and int(plot.get_attribute("data-points") or 0), what="the curve")


def test_a_session_has_its_model_on_a_page_of_its_own(page, editor):
    cost, stream = model()
    editor.show(cost)
    session = editor.train(stream)
    dashboard = Dashboard(session).show()
    page.goto(dashboard.url)
    canvas = Hosted(page, editor)
    find(page, "plot").wait_for()
    assert not find(page, "editor").is_visible()
    tabs = page.get_by_role("tab")
    assert tabs.all_inner_texts() == ["Run", "Model"]
    tabs.nth(0).press("ArrowRight")
    canvas.find("node-linear").wait_for()
    assert not find(page, "plot").is_visible()
    page.reload()  # the page that was chosen is in the address
    canvas.find("node-linear").wait_for()
    canvas.click("linear")
    canvas.find("field-name").fill("layer")
    canvas.find("field-name").press("Enter")
    until(lambda: "layer" in editor.code, what="the new name")
    tabs.nth(0).click()
    until(lambda: find(page, "plot").is_visible(), what="the curves")
    dashboard.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_follow_the_theme(page, dashboard, editor, scheme):
    page.emulate_media(color_scheme=scheme)
    page.goto(dashboard.url)
    Hosted(page, editor).find("empty").wait_for()
    of_canvas = "(one) => getComputedStyle(one).backgroundColor"
    colour = page.locator(".wbe").evaluate(of_canvas)
    assert colour == {"light": "rgb(255, 255, 255)", "dark": "rgb(27, 30, 35)"}[scheme]
    assert background(page) != colour


def test_the_end_of_the_server_is_said(canvas, dashboard, page):
    linear(canvas, 10)
    dashboard.close()
    until(find(page, "lost").is_visible, what="the loss of the connection")
