"""Buttons of the control bar while a cell runs, on every kernel, and after the end of a run."""

import time

import pytest

from .lab import NOTEBOOK, busy, notebook_text, until
from .runs import SMALL_RUN

STATUS = f"{NOTEBOOK}.sessionContext.session.kernel.status"
WITHOUT_CONTROL_CHANNEL = f"""() => {{
    const kernel = {NOTEBOOK}.sessionContext.session.kernel;
    kernel.sendControlMessage = undefined;
}}"""


@pytest.fixture(scope="module")
def shared(open_notebook):
    notebook = open_notebook(
        "buttons.ipynb", notebook_text(SMALL_RUN, "session = start(10**6); view(session)")
    )
    notebook.run(0)
    notebook.run(1)
    assert notebook.errors() == []
    return notebook


@pytest.fixture
def notebook(shared):
    """Yield a notebook with a running session and a visible control bar."""
    shared.ask("session.state == 'paused' and session.resume().wait(60)")
    shared.look_at("controls")
    until(lambda: shared.find("state").inner_text() == "running", what="a running session")
    yield shared
    shared.command("notebook:interrupt-kernel")
    last = len(shared.kinds()) - 1
    until(lambda: shared.count(last), what="the end of the cell")
    time.sleep(0.5)  # a request during an interrupt is dropped with the cell


def begin(notebook, cell):
    """Run a cell that does not end by itself; return its index."""
    index = notebook.add_cell(cell)
    notebook.run(index, wait=False)
    until(lambda: notebook.page.evaluate(STATUS) == "busy", what="a busy kernel")
    notebook.look_at("controls")
    return index


def click(notebook, name, answer):
    notebook.find(name).click()
    shown = notebook.find("command")
    until(lambda: shown.inner_text().startswith(answer), what=f"{name} acknowledged")


@pytest.mark.parametrize("cell", ["while True: pass", "time.sleep(1000)", "session.wait()"])
def test_a_click_acts_whatever_the_cell_does(notebook, cell):
    index = begin(notebook, cell)
    click(notebook, "pause", "pause: applied at iteration")
    assert notebook.find("state").inner_text() == "paused"
    click(notebook, "resume", "resume: applied at iteration")
    assert notebook.count(index) is None
    until(lambda: notebook.page.evaluate(STATUS) == "busy", timeout=10, what="a busy kernel")


def test_without_a_control_channel_a_waiting_cell_handles_the_click(notebook):
    notebook.page.evaluate(WITHOUT_CONTROL_CHANNEL)
    begin(notebook, "session.wait()")
    click(notebook, "pause", "pause: applied at iteration")


def test_the_bar_shows_at_once_that_a_click_waits_for_a_cell(notebook, setup):
    notebook.page.evaluate(WITHOUT_CONTROL_CHANNEL)
    with busy(notebook):
        notebook.look_at("controls")
        notebook.find("pause").click()
        if setup.kernel != "7.1":  # which handles widgets in a separate thread
            shown = notebook.find("command").inner_text()
            assert shown == "Pause sent; it takes effect when the running cell ends"
    until(lambda: notebook.find("command").inner_text().startswith("pause: applied"), what="it")


def test_a_run_that_has_ended_trains_on_to_a_new_end(notebook):
    index = notebook.add_cell("short = start(1); view(short)")
    notebook.run(index)
    bar = notebook.page.locator('.jp-OutputArea [data-testid="controls"]').last
    bar.scroll_into_view_if_needed()
    part = bar.get_by_test_id
    until(lambda: part("state").inner_text() == "finished", what="the end")
    assert part("iteration").inner_text() == "iteration 50 of 50"
    part("train").click()
    until(lambda: part("state").inner_text() == "running", what="more epochs")
    until(lambda: part("state").inner_text() == "finished", what="the new end")
    assert part("iteration").inner_text() == "iteration 300 of 300"
    assert part("epoch").inner_text() == "epoch 6 of 6"
    assert part("command").inner_text() == "train 5 more epochs: applied at iteration 50"
    index = notebook.add_cell("again = short.main_loop.start()")
    notebook.run(index)
    assert [output["name"] for output in notebook.outputs(index)] == ["stdout"]
    assert notebook.text(index).startswith("Nothing was trained: FinishAfter(after_n_epochs=1)")
