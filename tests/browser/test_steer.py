"""Steering in a real browser: numbers, the way back, files, keys, alerts."""

import re

import pytest

from .lab import notebook_text, until

RUN = """
import time
from extensions_live import Plot, view
from tests.support import runs
from workbench.extensions import SimpleExtension, TrainingExtension
from workbench.extensions.schedules import cosine
from workbench.extensions.variable_modifier import SharedVariableModifier

class Slow(TrainingExtension):
    def after_batch(self, batch):
        time.sleep(0.01)

loop = runs.build(100_000, Slow(), Plot(channels=[["cost"]]))
rate = loop.algorithm.step_rule.learning_rate
def warn(main_loop):
    main_loop.log.current_row["alerts"] = ({"level": "error", "text": "the cost explodes"},)
"""


@pytest.fixture(scope="module")
def shared(open_notebook):
    start = "session = loop.start(name='steered'); view(session)"
    notebook = open_notebook("steer.ipynb", notebook_text(RUN, start))
    notebook.run(0)
    notebook.run(1)
    assert notebook.errors() == []
    yield notebook
    notebook.ask("session.stop() and session.wait(60)")


@pytest.fixture
def notebook(shared):
    """Return the notebook with a running session, and a visible bar with all its parts open."""
    if shared.ask("session.state.value") == "'paused'":
        shared.ask("session.resume().wait(60)")
    shared.look_at("controls")
    until(lambda: shared.find("state").inner_text() == "running", what="a running session")
    for name in ("steer", "more"):
        if shared.find(name).get_attribute("open") is None:
            shared.find(name).locator("> summary").click()
    return shared


def number(notebook, path):
    return notebook.page.locator(f'[data-testid="number"][data-path="{path}"]').first


def paused(notebook):
    notebook.ask("session.pause().wait(60)")
    until(lambda: notebook.find("state").inner_text() == "paused", what="the pause")
    return int(notebook.ask("session.log.status['iterations_done']"))


def says(locator, start):
    """Wait until an element shows a text that begins like this; return the text."""
    until(lambda: locator.inner_text().startswith(start), what=f"{start!r}")
    return locator.inner_text()


def test_a_number_is_set_by_its_field_and_the_receipt_has_the_iteration(notebook):
    row = number(notebook, "learning_rate")
    row.get_by_test_id("value").fill("0.05")
    row.get_by_test_id("value").press("Enter")
    text = says(row.get_by_test_id("number-receipt"), "applied at iteration")
    assert float(notebook.ask("float(rate.get_value())")) == pytest.approx(0.05)
    last = "[i for i in session.interventions if i['command'] == 'set'][-1]"
    assert notebook.ask(f"{last}['iteration']") == text.rsplit(" ", 1)[1].replace(",", "")
    assert notebook.ask(f"{last}['by']") == "'button'"


def test_a_number_is_set_by_its_slider_with_mouse_and_keys(notebook):
    slider = number(notebook, "learning_rate").get_by_test_id("slider")
    box = slider.bounding_box()
    notebook.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    notebook.page.mouse.down()
    notebook.page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + 5, steps=5)
    notebook.page.mouse.up()
    count = "sum(i['command'] == 'set' for i in session.interventions)"
    before = float(notebook.ask("float(rate.get_value())"))
    field = number(notebook, "learning_rate").get_by_test_id("value")
    until(
        lambda: (
            notebook.ask("float(rate.get_value())") != repr(before)
            and float(notebook.ask("float(rate.get_value())"))
            == pytest.approx(float(field.input_value()), rel=1e-3)
        ),
        what="the value of the slider",
    )
    sets = int(notebook.ask(count))
    slider.press("ArrowRight")
    until(lambda: int(notebook.ask(count)) == sets + 1, what="one more value")


def test_a_refused_value_is_shown_in_red_and_nothing_is_changed(notebook):
    row = number(notebook, "momentum")
    row.get_by_test_id("value").fill("-3")
    row.get_by_test_id("value").press("Enter")
    receipt = row.get_by_test_id("number-receipt")
    assert says(receipt, "refused") == "refused: momentum must be 0 or more, not -3"
    colour = receipt.evaluate("(element) => getComputedStyle(element).color")
    red, green, blue = (float(part) for part in re.findall(r"[\d.]+", colour)[:3])
    assert red > 2 * green and red > 2 * blue
    assert row.get_by_test_id("value").input_value() == "-3"
    row.get_by_test_id("value").press("Escape")
    assert row.get_by_test_id("value").input_value() == "0.9"


def test_a_rewind_makes_a_branch_to_which_a_click_returns(notebook):
    done = paused(notebook)
    notebook.find("rewind-to").fill("20")
    notebook.find("rewind").click()
    says(notebook.find("back-receipt"), "rewind to 20: applied at iteration 20")
    assert notebook.find("state").inner_text() == "paused"
    branch = notebook.find("branch").locator("xpath=..").get_by_test_id("go-to-branch").first
    branch.click()
    says(notebook.find("branch-receipt"), f"rewind to {done:,} of main: applied")
    assert int(notebook.ask("session.log.status['iterations_done']")) == done


def test_the_end_is_changed_and_undone(notebook):
    paused(notebook)
    before = notebook.find("iteration").inner_text()
    notebook.find("end-unit").select_option("batches")
    notebook.find("end-total").fill("50000")
    notebook.find("set-end").click()
    says(notebook.find("end-receipt"), "end after 50,000 batches: applied")
    until(lambda: "of 50,000" in notebook.find("iteration").inner_text(), what="the new end")
    notebook.find("undo").click()
    says(notebook.find("back-receipt"), "undo end after 50,000 batches: applied")
    until(lambda: notebook.find("iteration").inner_text() == before, what="the old end")


def test_a_fork_tells_how_to_show_it_and_shows(notebook):
    paused(notebook)
    notebook.find("fork-name").fill("second")
    notebook.find("fork").click()
    says(notebook.find("fork-line-receipt"), "fork: 'second' is paused at iteration")
    code = notebook.find("fork-line-receipt").locator("code").inner_text()
    index = notebook.add_cell(code)
    notebook.run(index)
    assert notebook.errors() == []
    bar = notebook.cell(index).get_by_test_id("state").first
    notebook.cell(index).scroll_into_view_if_needed()  # a view out of sight is not updated
    until(lambda: bar.inner_text() == "paused", what="the view of the fork")
    notebook.ask("__import__('workbench.session').session.sessions()['second'].stop()")
    notebook.command("notebook:clear-cell-output")


def test_a_run_is_saved_and_loaded(notebook):
    done = paused(notebook)
    notebook.find("save").click()
    text = says(notebook.find("file-receipt"), "save …/")
    assert f"steered-{done}.tar: applied at iteration {done}" in text
    assert "save /" in notebook.find("file-receipt").get_attribute("title")
    notebook.find("step").click()
    until(
        lambda: int(notebook.ask("session.log.status['iterations_done']")) == done + 1,
        what="a step",
    )
    notebook.find("load").click()
    says(notebook.find("file-receipt"), "load …/")
    assert int(notebook.ask("session.log.status['iterations_done']")) == done


def test_keys_act_while_the_view_has_the_focus(notebook):
    page = notebook.page
    notebook.find("iteration").click()
    notebook.find("controls").focus()
    page.keyboard.press("Space")
    until(lambda: notebook.find("state").inner_text() == "paused", what="a pause by key")
    done = int(notebook.ask("session.log.status['iterations_done']"))
    page.keyboard.press(".")
    until(
        lambda: int(notebook.ask("session.log.status['iterations_done']")) == done + 1,
        what="a step by key",
    )
    before = f"max(s.iteration for s in session.snapshots if s.iteration < {done + 1})"
    there = int(notebook.ask(before))
    shown = f"iteration {done + 1:,}"
    until(lambda: shown in notebook.find("iteration").inner_text(), what="the step on the page")
    until(lambda: notebook.find("state").inner_text() == "paused", what="a pause after the step")
    page.keyboard.press("[")
    until(
        lambda: int(notebook.ask("session.log.status['iterations_done']")) == there,
        what="the snapshot before",
    )
    page.keyboard.press("?")
    assert notebook.find("keys").is_visible()
    page.keyboard.press("?")
    assert notebook.find("keys").is_hidden()
    page.keyboard.press("f")
    assert notebook.find("fork-name").evaluate("(field) => field === document.activeElement")


def test_keys_of_the_view_are_not_shortcuts_of_the_notebook(notebook):
    kinds = notebook.kinds()
    notebook.find("controls").focus()
    notebook.page.keyboard.press("l")  # line numbers, in the notebook
    notebook.page.keyboard.press("f")  # find and replace
    assert notebook.kinds() == kinds
    assert notebook.page.locator(".jp-DocumentSearch-overlay").count() == 0
    field = number(notebook, "momentum").get_by_test_id("value")
    field.fill("")
    field.press_sequentially("0.8")
    assert field.input_value() == "0.8"
    field.press("Escape")


def test_an_alert_is_shown_and_marks_the_title_until_it_is_read(notebook):
    notebook.find("iteration").click()
    notebook.ask("session.call(warn).wait(60)")
    until(lambda: notebook.page.title().startswith("(!) "), what="the mark in the title")
    assert "the cost explodes" in notebook.find("alerts").inner_text()
    notebook.find("dismiss").click()
    until(lambda: not notebook.page.title().startswith("(!) "), what="the title without mark")
    assert notebook.find("alerts").is_hidden()


DRIVEN = """
loop = runs.build(100_000, Slow())
rate = loop.algorithm.step_rule.learning_rate
loop.extensions.append(SharedVariableModifier(rate, cosine(0.1, 10**6)))
driven = loop.start(name="driven")
view(driven)
"""


def test_a_schedule_is_held_and_released(notebook):
    """Run last: another session trains then."""
    index = notebook.add_cell(DRIVEN)
    notebook.run(index)
    notebook.scroll_to(index)
    row = notebook.cell(index).locator('[data-path="learning_rate"]').first
    assert row.get_by_test_id("driver").inner_text() == "driven by SharedVariableModifier"
    row.get_by_test_id("value").fill("0.03")
    row.get_by_test_id("value").press("Enter")
    until(lambda: row.get_by_test_id("hold").inner_text() == "Release", what="the hold")
    assert float(notebook.ask("float(rate.get_value())")) == pytest.approx(0.03)
    row.get_by_test_id("hold").click()
    value = row.get_by_test_id("value")
    until(lambda: float(value.input_value()) > 0.09, what="the schedule's value")
    notebook.ask("driven.stop() and driven.wait(60)")
