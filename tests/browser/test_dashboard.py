"""The dashboard in a browser: figures and controls, tabs, themes, a busy kernel, and its proxy."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Page

from extensions_live import Dashboard
from tests.live.runs import make_loop
from workbench.extensions import TrainingExtension
from workbench.interfaces import State
from workbench.log import SQLiteLog

from .lab import PAINTED, busy, guarded_page, notebook_text, until


class Slowly(TrainingExtension):
    """Leaves time between two batches."""

    def after_batch(self, batch):
        time.sleep(0.01)


@pytest.fixture
def session():
    session = make_loop(Slowly(), epochs=2000, batches=50).start()
    yield session
    session.stop()
    assert session.wait(60)


@pytest.fixture
def dashboard(session):
    dashboard = Dashboard(session).show()
    yield dashboard
    dashboard.close()


@pytest.fixture
def page(browser: Browser):
    with guarded_page(browser) as page:
        yield page


def find(page: Page, name: str):
    return page.locator(f'[data-testid="{name}"]').first


def opened(page: Page, url: str) -> Page:
    """Open a dashboard; return its page when the curves are drawn."""
    page.goto(url)
    until(lambda: points(page) > 0, what="points of a curve")
    until(lambda: find(page, "plot").locator("canvas").first.evaluate(PAINTED), what="drawn curves")
    return page


def points(page: Page) -> int:
    plot = page.locator('[data-testid="plot"].wb-drawn')
    return int(plot.first.get_attribute("data-points") or 0) if plot.count() else 0


def last(page: Page) -> int:
    return int(find(page, "plot").get_attribute("data-last") or 0)


def acknowledged(page: Page, text: str) -> int:
    """Wait for the receipt of a command; return its iteration."""
    command = find(page, "command")
    answers = (f"{text}: applied", f"{text}: started")
    until(lambda: command.inner_text().startswith(answers), what=answers[0])
    return int(command.inner_text().rsplit(" ", 1)[1].replace(",", ""))


def background(page: Page) -> str:
    colour: str = page.evaluate("getComputedStyle(document.body).backgroundColor")
    return colour


def test_curves_move_and_buttons_have_receipts(page, dashboard, session):
    opened(page, dashboard.url)
    before = last(page)
    until(lambda: last(page) > before, what="a longer curve")
    find(page, "pause").click()
    count = acknowledged(page, "pause")
    assert count == session.log.status["iterations_done"]
    assert session.commands[-1].by == "dashboard"
    find(page, "step").click()
    assert acknowledged(page, "step 1") == count
    until(lambda: session.state is State.PAUSED, what="the pause after a step")
    find(page, "resume").click()
    acknowledged(page, "resume")
    until(lambda: session.log.status["iterations_done"] > count + 1, what="more iterations")


def test_a_reloaded_tab_shows_the_whole_run(page, dashboard, session):
    opened(page, dashboard.url)
    session.pause().wait(60)
    page.reload()
    done = session.log.status["iterations_done"]
    until(lambda: points(page) > 0 and last(page) == done, what="the whole curve")


def test_zooming_in_brings_finer_points(page, dashboard, session):
    opened(page, dashboard.url)
    session.pause().wait(60)
    plot = find(page, "plot")
    box = plot.locator("canvas").first.bounding_box()
    before = int(plot.get_attribute("data-updates"))
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2 + 60, box["y"] + box["height"] / 2 + 30, steps=4)
    page.mouse.up()
    until(lambda: int(plot.get_attribute("data-updates")) > before, what="finer points")


def test_without_the_token_there_is_nothing(page, dashboard):
    answer = page.goto(dashboard.url.partition("=")[0] + "=wrong")
    assert answer.status == 403
    assert "this page needs its token" in page.inner_text("body")


def test_closing_the_dashboard_is_said_and_training_continues(page, dashboard, session):
    opened(page, dashboard.url)
    dashboard.close()
    until(find(page, "lost").is_visible, what="the loss of the connection")
    before = session.log.status["iterations_done"]
    until(lambda: session.log.status["iterations_done"] > before, what="more iterations")


def test_twenty_closed_tabs_leave_no_document_and_no_thread(browser, dashboard):
    def threads():
        return {one.name for one in threading.enumerate()}

    with guarded_page(browser) as page:
        opened(page, dashboard.url)
    before = threads()
    for _ in range(20):
        with guarded_page(browser) as page:
            page.goto(dashboard.url)
            find(page, "dashboard").wait_for()
    until(lambda: dashboard.tabs == 0, what="the end of all documents")
    assert threads() <= before


@pytest.mark.parametrize("system", ["light", "dark"])
def test_the_theme_follows_the_system_until_one_is_chosen(page, dashboard, system):
    page.emulate_media(color_scheme=system)
    opened(page, dashboard.url)
    colours = {"light": "rgb(246, 247, 249)", "dark": "rgb(18, 20, 23)"}
    other = "dark" if system == "light" else "light"
    assert background(page) == colours[system]
    find(page, "theme").click()
    assert background(page) == colours[other]
    page.reload()
    until(lambda: points(page) > 0, what="points of a curve")
    assert background(page) == colours[other]


def test_everything_is_reached_by_keyboard(page, dashboard, session):
    opened(page, dashboard.url)
    page.keyboard.press("Tab")
    focus = "(() => { let at = document.activeElement; while (at.shadowRoot?.activeElement) {"
    focus += " at = at.shadowRoot.activeElement; } return at.dataset.testid ?? ''; })()"
    assert page.evaluate(focus) == "theme"
    page.keyboard.press("Tab")
    assert page.evaluate(focus) == "controls"  # where keys such as space act
    page.keyboard.press("Tab")
    assert page.evaluate(focus) == "pause"
    page.keyboard.press("Enter")
    acknowledged(page, "pause")
    assert session.state is State.PAUSED


def test_a_narrow_page_does_not_scroll_sideways(page, dashboard):
    page.set_viewport_size({"width": 380, "height": 700})
    opened(page, dashboard.url)
    assert page.evaluate("document.documentElement.scrollWidth") <= 380


def test_runs_are_listed_compared_and_followed(page, tmp_path):
    path = tmp_path / "runs.sqlite"
    logs = [SQLiteLog(path) for _ in range(2)]
    for log in logs:
        for iteration in range(5):
            log[iteration]["cost"] = 1.0 / (iteration + 1)
        log.flush()
    dashboard = Dashboard(path).show()
    opened(page, dashboard.url)
    boxes = page.locator(".wbd-box")
    assert [boxes.nth(i).is_checked() for i in range(2)] == [True, False]
    boxes.nth(1).click()
    until(lambda: page.locator(".wb-key").count() == 2, what="two curves")
    names = [log.h_uuid[:8] for log in reversed(logs)]
    assert find(page, "run-values").locator("thead th").all_inner_texts() == ["channel", *names]
    logs[1][5]["cost"] = 0.125
    logs[1].flush()
    until(lambda: last(page) == 5, what="the new point")
    page.locator(".wbd-name").nth(1).click()
    until(lambda: page.locator(".wb-key").count() == 1, what="one curve")
    ticked = [False, True]
    until(lambda: [boxes.nth(i).is_checked() for i in range(2)] == ticked, what="the other tick")
    SQLiteLog(path)[0]["cost"] = 1.0
    until(lambda: page.locator(".wbd-run").count() == 3, what="the new run")
    dashboard.close()


WRITER = """
import sys
from workbench.log import SQLiteLog
log = SQLiteLog(sys.argv[1])
log[0]["cost"] = 1.0
log.flush()
print("ready", flush=True)
for iteration, line in enumerate(sys.stdin, 1):
    log[iteration]["cost"] = float(line)
    log.flush()
log.close()
"""
"""A program that records every number that it reads."""


@contextmanager
def process(*arguments):
    """Run Python with these arguments; in the end, close its input and terminate it."""
    pipe = subprocess.PIPE
    options = {"stdin": pipe, "stdout": pipe, "text": True}
    with subprocess.Popen([sys.executable, *arguments], **options) as running:
        try:
            yield running
        finally:
            running.terminate()


def test_a_process_shows_the_run_that_another_process_is_writing(page, tmp_path):
    path = str(tmp_path / "runs.sqlite")
    with (
        process("-c", WRITER, path) as writer,
        process("-m", "extensions_live.dashboard", path) as server,
    ):
        assert writer.stdout.readline() == "ready\n"
        address = re.search(
            r"http://127\.0\.0\.1:\S+dashboard_token=\S+", server.stdout.readline()
        )[0]
        assert page.goto(address.partition("?")[0]).status == 403  # without the token
        opened(page, address)
        for iteration, value in enumerate([0.5, 0.25, 0.125], 1):
            writer.stdin.write(f"{value}\n")
            writer.stdin.flush()
            until(lambda i=iteration: last(page) == i, what="the new point")
        until(
            lambda: page.locator(".wb-key output").first.inner_text() == "0.125", what="its value"
        )
        assert writer.poll() is None
    assert server.returncode == 0


NOTEBOOK = (
    "from tests.browser.test_dashboard import Slowly\n"
    "from tests.live.runs import make_loop\n"
    "from extensions_live import Dashboard\n"
    "session = make_loop(Slowly(), epochs=2000, batches=50).start()",
    "dashboard = Dashboard(session).show()",
)


def test_from_a_notebook_it_stays_in_control_while_a_cell_is_busy(open_notebook, browser):
    notebook = open_notebook("dashboard.ipynb", notebook_text(*NOTEBOOK))
    notebook.run_all()
    address = re.search(r"http://\S+dashboard_token=\S+", notebook.text(1))[0]
    with guarded_page(browser) as page:
        opened(page, address)
        with busy(notebook):
            before = last(page)
            until(lambda: last(page) > before, what="a longer curve")
            find(page, "pause").click()
            acknowledged(page, "pause")
        assert notebook.ask("session.commands[-1].by") == "'dashboard'"
    notebook.ask("session.stop()")
    notebook.ask("dashboard.close()")
