"""Views and files after the kernel, the page or the notebook is closed."""

import json
import subprocess
import sys

import pytest

from .lab import NOTEBOOK, notebook_text, until
from .runs import SMALL_RUN

VIEW = 1  # index of the cell with the view
KERNEL = f"{NOTEBOOK}.sessionContext.session.kernel"


@pytest.fixture
def notebook(open_notebook, request):
    """Return a notebook with a view of a long run, in a separate file and kernel."""
    name = f"{request.node.originalname}.ipynb"
    notebook = open_notebook(name, notebook_text(SMALL_RUN, "view(start(10**6))"))
    notebook.run_all()
    assert notebook.errors() == []
    until(lambda: notebook.drawn(VIEW), what="the view")
    return notebook


def image(notebook):
    """Return the still image in the notebook, or an empty text."""
    found = [output.get("data", {}).get("image/png") for output in notebook.outputs(VIEW)]
    return next((data for data in found if data), "")


def see_image(notebook):
    """Wait for the still image, and return the note next to it."""
    notebook.scroll_to(VIEW)
    cell = notebook.cell(VIEW)
    cell.locator(".jp-RenderedImage img").first.wait_for()
    assert cell.locator("table.wb-still").is_visible()
    dead = cell.get_by_text("Error displaying widget").locator("visible=true")
    assert dead.count() == 0
    return cell.locator(".wb-not-live").inner_text()


def kernel_notice(notebook):
    """Wait until the view shows that it is not live, and return its text."""
    line = notebook.cell(VIEW).locator(".wb-kernel-notice:visible")
    line.wait_for()
    text: str = line.inner_text()
    return text


def kill(notebook):
    notebook.page.evaluate(
        f"() => {{ {KERNEL}.requestExecute({{code: 'import os; os.kill(os.getpid(), 9)'}}); }}"
    )


def test_a_notebook_saved_while_training_runs_keeps_its_curve(notebook):
    until(lambda: image(notebook), what="an image during the run")
    assert notebook.complaints(VIEW) == ""
    saved = json.dumps(notebook.save())
    assert '"image/png"' in saved and '"running' not in saved.split('"text/html"')[0]
    assert len(saved) < 300_000
    kill(notebook)
    assert kernel_notice(notebook).startswith("The kernel of this run was stopped or restarted")
    notebook.reload()
    assert "reload the page" in see_image(notebook)


def test_a_reloaded_page_keeps_the_image_up_to_date(notebook):
    until(lambda: image(notebook), what="an image")
    notebook.save()
    notebook.reload()
    before = image(notebook)
    until(lambda: image(notebook) != before, timeout=120, what="a newer image")
    newer = image(notebook)
    assert newer[:5000] in json.dumps(notebook.save())
    # The widget may write the image into the cell before the live view is drawn.
    until(lambda: notebook.drawn(VIEW), what="the view after a reload")
    assert notebook.complaints(VIEW) == ""
    notebook.ask(
        "[one for one in __import__('gc').get_objects()"
        " if type(one).__name__ == 'Session'][0].stop().wait(60)"
    )
    until(lambda: image(notebook) != newer, what="the last image")


def test_a_restarted_kernel_is_shown_and_the_view_stays_readable(notebook):
    until(lambda: image(notebook), what="an image")
    notebook.page.evaluate(f"() => {{ {NOTEBOOK}.sessionContext.restartKernel(); }}")
    assert kernel_notice(notebook).startswith("The kernel of this run was stopped or restarted")
    assert notebook.drawn(VIEW)
    notebook.save()
    notebook.reload()
    assert "run the cells again" in see_image(notebook)


@pytest.mark.parametrize("end", ["restart", "kill"])
def test_in_a_new_kernel_the_log_is_read_from_its_database(open_notebook, tmp_path, end):
    path = tmp_path / "runs.sqlite"
    run = f"""
from workbench.log import SQLiteLog
path = {str(path)!r}
loop = MainLoop(Slow(), [{{"x": [i]}} for i in range(50)], log=SQLiteLog(path), extensions=[
    Writer(), FinishAfter(after_n_epochs=10**6), Plot(channels=["cost"])])
session = loop.start()
view(session)
"""
    notebook = open_notebook(f"database_{end}.ipynb", notebook_text(SMALL_RUN, run))
    notebook.run_all()
    notebook.find("plot").scroll_into_view_if_needed()  # out of sight it is not drawn
    until(lambda: notebook.drawn(VIEW), what="the view")
    done = "session.log.status['iterations_done']"
    until(lambda: int(notebook.ask(done)) > 1000, what="more values than the last second has")
    before = int(notebook.ask(done))
    if end == "kill":
        kill(notebook)
        notebook.page.locator(".jp-Dialog .jp-mod-accept").click()  # "The kernel has died"
    else:
        notebook.page.evaluate(f"() => {{ {NOTEBOOK}.sessionContext.restartKernel(); }}")
    kernel_notice(notebook)
    until(lambda: notebook.ask("'session' in globals()") == "False", what="a new kernel")
    index = notebook.add_cell(
        f"from extensions_live import Plot\nPlot.compare({{'before': {str(path)!r}}})"
    )
    notebook.run(index)
    notebook.scroll_to(index)
    until(lambda: notebook.drawn(index), what="the curve of the database")
    points = notebook.cell(index).locator('[data-testid="plot"]').first.get_attribute("data-points")
    assert int(points) >= 0.9 * before
    assert notebook.complaints(index) == ""


def test_a_notebook_closed_and_opened_again_asks_for_a_reload(notebook):
    until(lambda: image(notebook), what="an image")
    notebook.save()
    notebook.close()
    notebook.reopen()
    assert "reload the page" in kernel_notice(notebook) and "stopped" not in kernel_notice(notebook)
    assert notebook.drawn(VIEW)
    notebook.reload()
    until(lambda: notebook.drawn(VIEW), what="the view after a reload")
    assert notebook.complaints(VIEW) == ""


def test_load_and_a_lost_connection_do_not_count_as_the_end_of_a_kernel(notebook):
    notebook.page.evaluate(
        """() => {
            window.wrong = 0;
            const wrong = '.wb-disconnected';
            const look = () => { window.wrong += document.querySelectorAll(wrong).length; };
            new MutationObserver(look).observe(document.body, {subtree: true, attributes: true});
        }"""
    )
    before = int(notebook.find("plot").get_attribute("data-last"))
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(4)]
    try:
        cell = "end = time.time() + 12\nwhile time.time() < end: pass\nopen('ended', 'w').close()"
        index = notebook.add_cell(cell)
        notebook.run(index, wait=False)
        for _ in range(3):
            notebook.page.wait_for_timeout(2000)
            notebook.page.evaluate(f"() => {{ {KERNEL}.reconnect(); }}")
        # JupyterLab can lose the reply to the cell while it connects again.
        until((notebook.path.parent / "ended").exists, timeout=120, what="the end of the cell")
    finally:
        for process in busy:
            process.kill()
            process.wait()
    notebook.scroll_to(VIEW)
    last = notebook.find("plot")
    # JupyterLab waits longer after each attempt to connect that fails, up to two minutes.
    newer = "newer points"
    until(lambda: int(last.get_attribute("data-last")) > before + 100, timeout=240, what=newer)
    assert notebook.page.evaluate("window.wrong") == 0


PARTS = """
from extensions_live import Controls, LogTable, Progress
session = start(10**6)
while session.log.status["iterations_done"] < 30: time.sleep(0.01)
"""


def test_a_saved_notebook_keeps_tables_of_the_views_without_curves(open_notebook):
    cells = ["LogTable(session)", "Progress(session)", "Controls(session)"]
    notebook = open_notebook("tables.ipynb", notebook_text(SMALL_RUN, PARTS, *cells))
    notebook.run_all()
    assert notebook.errors() == []
    for index in (2, 3, 4):
        table = notebook.cell(index).locator("table.wb-still")
        until(lambda i=index: "<td>" in str(notebook.outputs(i)), what="a table")
        until(table.is_hidden, what="the live view alone")
    assert len(json.dumps(notebook.save())) < 300_000
    kill(notebook)
    notebook.reload()
    for index in (2, 3, 4):
        notebook.scroll_to(index)
        cell = notebook.cell(index)
        cell.locator("table.wb-still").wait_for()
        assert cell.get_by_text("Error displaying widget").locator("visible=true").count() == 0
        cell.locator(".wb-not-live").wait_for()
    assert "cost" in notebook.cell(2).locator("table.wb-still").inner_text()
