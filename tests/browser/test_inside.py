"""Views that look inside a network, in a real browser."""

import pytest

from .lab import PAINTED, notebook_text, until

RUN = """
import time
from extensions_live import ConfusionMatrix, Histogram, Layers, Mistakes, Samples
from tests.support.runs import build, examples
from workbench.extensions import TrainingExtension
from workbench.graph.hierarchy import get_brick
from workbench.roles import OUTPUT

class Pace(TrainingExtension):
    def after_batch(self, batch):
        time.sleep(0.005)

main_loop = build(None, Pace(), dropout=0)
model = main_loop.model
scores = [v for v in model.variables if OUTPUT.selects(v) and get_brick(v).name == "mlp"][0]
session = main_loop.start()
"""
CELLS = [
    RUN,
    "Histogram(session, model)",
    "Layers(session, model)",
    "Samples(session, scores, examples(), shape=(2, 2))",
    "ConfusionMatrix(session, scores, examples())",
    "mistakes = Mistakes(session, scores, examples()); mistakes",
    "trained = Mistakes(session, scores, labels=['one', 'two', 'three']); trained",
]


@pytest.fixture(scope="module")
def notebook(open_notebook):
    """Yield a notebook with all views of a run that goes on."""
    notebook = open_notebook("inside.ipynb", notebook_text(*CELLS))
    for index in range(len(CELLS)):
        notebook.run(index)
    assert notebook.errors() == []
    yield notebook
    notebook.ask("session.stop() and session.wait(60)")


def records(notebook, view):
    return int(notebook.find(view).get_attribute("data-records") or 0)


def test_a_histogram_grows_and_its_slider_goes_back(notebook):
    notebook.scroll_to(1)
    view = notebook.find("distributions")
    until(lambda: int(view.get_attribute("data-records") or 0) > 3, what="a history")
    for name in ("over-time", "histogram"):
        assert notebook.find(name).evaluate(PAINTED.replace("> 5", "> 1"))
    slider = notebook.find("scrubber")
    slider.focus()
    notebook.page.keyboard.press("Home")
    until(lambda: slider.get_attribute("aria-valuetext") == "iteration " + first(view), what="back")
    before = view.get_attribute("data-records")
    until(lambda: view.get_attribute("data-records") != before, what="another record")
    assert slider.input_value() == "0"
    notebook.find("latest").click()
    until(lambda: slider.input_value() != "0", what="the latest record")


def first(view):
    return f"{int(view.get_attribute('data-iteration')):,}"


@pytest.mark.parametrize(
    ("cell", "view", "table", "row"),
    [
        (1, "distributions", "distributions-table", "iteration"),
        (2, "layers-view", "layers-table", "/"),
    ],
)
def test_a_view_has_a_table_of_its_values(notebook, cell, view, table, row):
    notebook.scroll_to(cell)
    place = notebook.find(view)
    found = place.get_by_test_id(table).first
    until(lambda: found.locator("tbody td").count() > 4, what="values")
    assert found.locator("tbody th").first.inner_text().startswith(row)
    assert found.evaluate("(el) => el.getBoundingClientRect().height") <= 1
    place.get_by_test_id("table").first.click()
    until(lambda: found.bounding_box()["height"] > 50, what="a visible table")
    place.get_by_test_id("table").first.click()


def test_gradients_are_a_click_away(notebook):
    notebook.scroll_to(1)
    view = notebook.find("histogram-view")
    view.locator('[data-value="gradients"]').click()
    pressed = view.locator('[data-value="gradients"][aria-pressed="true"]')
    until(pressed.count, what="gradients")
    assert "linear_1.W" in view.locator("select").inner_text()


def test_a_click_on_a_layer_opens_its_histogram(notebook):
    notebook.scroll_to(2)
    view = notebook.find("layers-view")
    until(lambda: records(notebook, "layers-view") > 1, what="a history")
    view.locator('.wb-layer[data-row="/mlp/linear_1"]').click()
    detail = view.locator('[data-testid="variable"]')
    until(detail.is_visible, what="the histogram of the layer")
    assert detail.input_value() == "/mlp/linear_1.W"
    view.locator('[data-value="dead"]').click()
    until(lambda: view.get_attribute("data-metric") == "dead", what="another metric")


def test_samples_and_the_confusion_matrix_follow_training(notebook):
    for cell, name in ((3, "tiles-view"), (4, "confusion-view")):
        notebook.scroll_to(cell)
        summary = notebook.cell(cell).locator(f'[data-testid="{name}"] [data-testid="summary"]')
        until(summary.is_visible, what=name)
        before = summary.inner_text()
        until(lambda s=summary, b=before: s.inner_text() != b, what="a later iteration")
    assert notebook.cell(4).locator("td.wb-cell").count() == 9


def test_a_flag_is_set_while_the_list_is_live(notebook):
    notebook.scroll_to(5)
    flag = notebook.cell(5).locator(".wb-flag").first
    until(flag.is_visible, what="mistakes")
    label = flag.get_attribute("aria-label")
    flag.click()
    until(lambda: flag.get_attribute("aria-pressed") == "true", what="the flag")
    assert notebook.ask("mistakes.flagged") == f"[{label.split()[-1]}]"


def edit(notebook, button):
    """Flag the first training example, press a button, and return the index of the example."""
    cell = notebook.cell(6)
    flag = cell.locator(".wb-flag:visible").first
    until(flag.is_visible, what="training examples")
    index = flag.get_attribute("aria-label").split()[-1]
    flag.click()
    until(cell.locator('[data-testid="drop"]').is_enabled, what="the flag")
    if button == "relabel":
        cell.locator('[data-testid="edit-label"]').select_option("three")
    cell.locator(f'[data-testid="{button}"]').click()
    receipt = cell.locator('[data-testid="edit-receipt"]')
    until(lambda: f"{button} example {index}" in receipt.inner_text(), what="a receipt")
    until(lambda: "applied at iteration" in receipt.inner_text(), what="the edit")
    return index


def test_flagged_training_examples_are_relabelled(notebook):
    notebook.scroll_to(6)
    index = edit(notebook, "relabel")
    tile = notebook.cell(6).locator(f'.wb-tile[data-index="{index}"]')
    until(lambda: tile.get_attribute("data-edit") == "relabelled", what="the new class")
    assert "relabelled" in tile.inner_text()
    assert "truth three" in tile.inner_text()
    until(lambda: notebook.ask("trained.flagged") == "[]", what="no flag")
    found = notebook.ask(f"session.training_examples['relabelled']['targets'][{index}]")
    assert found == "2"


def test_flagged_training_examples_are_dropped(notebook):
    notebook.scroll_to(6)
    index = edit(notebook, "drop")
    assert notebook.ask(f"{index} in session.training_examples['dropped']") == "True"
    assert notebook.ask("session.interventions[-1]['by']") == "'button'"
    tile = notebook.cell(6).locator(f'.wb-tile[data-index="{index}"]')
    until(lambda: tile.get_attribute("data-edit") == "dropped", what="the drop")


def test_examples_that_are_not_training_examples_say_why(notebook):
    notebook.scroll_to(5)
    text = notebook.cell(5).locator('[data-testid="edit-text"]')
    until(text.is_visible, what="a reason")
    assert "only training examples can be relabelled" in text.inner_text()
    assert not notebook.cell(5).locator('[data-testid="drop"]').is_visible()


def test_no_view_complains(notebook):
    for index in range(1, len(CELLS)):
        notebook.scroll_to(index)
        assert notebook.complaints(index) == ""


def test_a_view_out_of_sight_asks_for_nothing(notebook):
    notebook.scroll_to(1)
    until(lambda: notebook.ask("mistakes.watched()") == "False", what="the view out of sight")
    done = "session.log.status['iterations_done']"

    def seen_in_the_next_batches():
        """Return how many answers arrive while the run goes on."""
        seen, before = (int(notebook.ask(one)) for one in ("mistakes.seen", done))
        until(lambda: int(notebook.ask(done)) > before + 200, what="more batches")
        return int(notebook.ask("mistakes.seen")) - seen

    until(lambda: seen_in_the_next_batches() == 0, what="the end of what was asked before")
    assert seen_in_the_next_batches() == 0
