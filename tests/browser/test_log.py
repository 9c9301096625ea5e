"""The log in a real browser: its table, its figure, the progress line, and a report."""

import json

import pytest

from .lab import PAINTED, notebook_text, until
from .runs import SMALL_RUN

PARTS = """
from extensions_live import LogTable, Progress, to_html
session = start(10**6)
"""
OUTLIER = """
from workbench.log import TrainingLog
exploding = TrainingLog()
for i in range(200):
    exploding[i]["cost"] = 1e30 if i == 90 else i % 7
exploding.plot()
"""
TABLE, LINE, FIGURE, EXPLODING = 2, 3, 4, 5


@pytest.fixture(scope="module")
def notebook(open_notebook):
    """Yield a notebook with the parts of a long run."""
    cells = [
        SMALL_RUN,
        PARTS,
        "LogTable(session)",
        "Progress(session)",
        "while session.log.status['iterations_done'] < 60: time.sleep(0.01)\n"
        "session.log.plot('cost', smoothing=0.5)",
        OUTLIER,
    ]
    notebook = open_notebook("log.ipynb", notebook_text(*cells))
    notebook.run_all()
    assert notebook.errors() == []
    yield notebook
    notebook.ask("session.stop() and session.wait(60)")


def first_iteration(notebook):
    """Return the iteration in the first row of the table."""
    cell = notebook.find("log-table").locator("tbody td").first
    return int(cell.inner_text().replace(",", ""))


def choose(notebook, condition):
    field = notebook.find("condition")
    field.fill(condition)
    field.press("Enter")


def test_the_table_shows_new_rows_at_the_top(notebook):
    notebook.scroll_to(TABLE)
    notebook.find("log-table").locator("tbody td").first.wait_for()
    before = first_iteration(notebook)
    until(lambda: first_iteration(notebook) > before, what="a newer row")


def test_scrolling_holds_the_rows_until_the_newest_are_requested(notebook):
    notebook.scroll_to(TABLE)
    until(lambda: first_iteration(notebook) > 60, what="more rows than are visible")
    notebook.find("rows").evaluate("(pane) => { pane.scrollTop = 500; }")
    newest = notebook.find("newest")
    until(newest.is_visible, what="the button for the newest rows")
    until(lambda: "more row" in newest.inner_text(), what="the count of new rows")
    here = first_iteration(notebook)
    newest.click()
    until(lambda: first_iteration(notebook) > here + 20, what="the newest rows")


def test_rows_are_chosen_by_a_condition_and_sorted(notebook):
    notebook.scroll_to(TABLE)
    choose(notebook, "cost > 0.09")
    counts = notebook.find("counts")
    until(lambda: counts.inner_text().startswith("11 of"), what="the rows of the condition")
    heading = notebook.find("log-table").locator('[data-sort="cost"]')
    heading.focus()
    heading.press("Enter")
    until(lambda: first_iteration(notebook) == 1, what="the largest cost")
    choose(notebook, "csot > 1")
    error = notebook.find("condition-error")
    until(error.is_visible, what="the error of the condition")
    assert "did you mean 'cost'" in error.inner_text()
    choose(notebook, "")
    until(error.is_hidden, what="the end of the error")
    notebook.find("log-table").locator('[data-sort="iteration"]').click()


def test_rows_are_copied_as_csv(notebook):
    notebook.scroll_to(TABLE)
    notebook.page.evaluate(
        "() => { navigator.clipboard.writeText = async (text) => { window.copied = text; }; }"
    )
    choose(notebook, "iteration < 3")
    until(lambda: notebook.find("counts").inner_text().startswith("2 of"), what="two rows")
    notebook.find("copy").click()
    until(lambda: notebook.find("said").inner_text() == "copied 2 of 2 rows", what="the copy")
    lines = notebook.page.evaluate("window.copied").splitlines()
    assert lines[0].startswith("iteration,cost") and len(lines) == 3
    choose(notebook, "")


def test_the_progress_line_moves_without_buttons(notebook):
    notebook.scroll_to(LINE)
    line = notebook.cell(LINE).locator('[data-testid="progress-view"]')
    count = line.locator('[data-testid="iteration"]')
    count.wait_for()
    before = count.inner_text()
    until(lambda: count.inner_text() != before, what="progress")
    assert line.locator("button").count() == 0
    assert line.locator('[data-testid="state"]').inner_text() == "running"


def test_a_figure_is_drawn_without_a_network_and_saved_small(notebook):
    notebook.scroll_to(FIGURE)
    figure = notebook.cell(FIGURE).locator('[data-testid="figure"].wb-drawn canvas').first
    until(lambda: figure.count() and figure.evaluate(PAINTED), what="the figure")
    assert notebook.complaints(FIGURE) == ""
    saved = json.dumps(notebook.save()["cells"][FIGURE])
    assert '"image/png"' in saved and "wb-still" in saved and len(saved) < 150_000
    assert notebook.cell(FIGURE).locator("table.wb-still").is_hidden()


def test_a_figure_with_an_exploding_value_is_drawn_without_it(notebook):
    notebook.scroll_to(EXPLODING)
    figure = notebook.cell(EXPLODING).locator('[data-testid="figure"].wb-drawn canvas').first
    until(lambda: figure.count() and figure.evaluate(PAINTED), what="the figure")
    assert notebook.complaints(EXPLODING) == ""


def test_the_legend_of_a_figure_follows_the_theme_where_it_is(notebook):
    notebook.scroll_to(FIGURE)
    legend = notebook.cell(FIGURE).locator(".bk-Legend").first
    label = legend.locator(".bk-label").first
    colour = "(element) => getComputedStyle(element).color"
    place, before = "(element) => element.offsetTop", label.evaluate(colour)
    top = legend.evaluate(place)
    notebook.command("apputils:change-theme", theme="JupyterLab Dark")
    until(lambda: label.evaluate(colour) != before, what="another colour")
    notebook.page.wait_for_timeout(1000)  # the figure is painted again after 400 ms
    assert legend.evaluate(place) == top
    notebook.command("apputils:change-theme", theme="JupyterLab Light")
    until(lambda: label.evaluate(colour) == before, what="the first colour")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_report_opens_without_a_network(notebook, browser, tmp_path, scheme):
    path = tmp_path / "run.html"
    bad = "'</script><script>document.title = \"changed\"</script>'"
    notebook.ask(f"session.log.current_row.update({{{bad}: 1.0}})")
    assert str(path) in notebook.ask(f"session.to_html({str(path)!r}, title={bad})")
    context = browser.new_context(offline=True, color_scheme=scheme)
    page = context.new_page()
    problems, requests = [], []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(path.as_uri())
    page.wait_for_selector("body[data-drawn]")
    assert int(page.get_attribute("body", "data-drawn")) == page.locator(".figure").count()
    assert page.locator(".figure canvas").first.evaluate(PAINTED)
    assert page.title().startswith("</script>") and problems == []
    assert [url for url in requests if not url.startswith(("file:", "blob:", "data:"))] == []
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (background == "rgb(18, 22, 27)") is (scheme == "dark")
    context.close()
