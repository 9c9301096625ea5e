"""The notebook about steering, run cell by cell in a real browser, and steered by mouse."""

import pytest

from tests.support.notebooks import FOLDER, short_text

from .lab import until

PATH = FOLDER / "05_watching_and_steering.ipynb"


@pytest.fixture(scope="module")
def notebook(open_notebook):
    """Return the notebook after Shift+Enter in each cell; all of its sessions have been stopped."""
    notebook = open_notebook(PATH.name, short_text(PATH))

    def pause():
        notebook.look_at("controls")
        notebook.find("pause").click()
        until(lambda: notebook.find("state").inner_text() == "paused", what="the pause")

    notebook.walk({"session.wait(timeout": pause})
    return notebook


@pytest.fixture(scope="module")
def steered(notebook):
    """Return the notebook with a new run, as its first cell starts it again."""
    notebook.run(notebook.index("main_loop = build(slowly)"))
    notebook.look_at("controls")
    until(lambda: notebook.find("state").inner_text() == "running", what="a running session")
    if notebook.find("steer").get_attribute("open") is None:
        notebook.find("steer").locator("> summary").click()
    yield notebook
    notebook.ask("[one.stop() and one.wait(60) for one in __import__('workbench').sessions()]")


def receipt(notebook, name, start):
    shown = notebook.find(name)
    until(lambda: shown.inner_text().startswith(start), what=f"{name}: {start}")
    return shown.inner_text()


def test_it_runs_without_an_error(notebook):
    assert notebook.errors() == []
    assert notebook.text(notebook.index("pair[0] == pair[1]")).strip().endswith("True)")


@pytest.mark.parametrize("name", ["Layers(", "Histogram(", "Samples(", "ConfusionMatrix("])
def test_a_look_inside_the_network_is_drawn(notebook, name):
    index = notebook.index(f"{name}session")
    notebook.scroll_to(index)
    view = notebook.cell(index).locator(".wb-live").first
    until(lambda: view.is_visible() and view.bounding_box()["height"] > 100, what="a view")
    assert notebook.complaints(index) == ""


def test_the_learning_rate_is_changed_in_its_field(steered):
    steered.type_rate("0.02")
    assert steered.ask("session.interventions[-1]['text']") == "'set learning_rate = 0.02'"


def test_the_run_is_paused_and_rewound_by_the_handle(steered):
    steered.find("pause").click()
    until(lambda: steered.find("state").inner_text() == "paused", what="the pause")
    done = int(steered.ask("session.log.status['iterations_done']"))
    handle = steered.find("handle")
    handle.focus()
    handle.press("ArrowLeft")
    goal = int(handle.get_attribute("aria-valuenow"))
    assert goal < done
    steered.find("rewind-here").click()
    receipt(steered, "handle-answer", f"rewind to {goal:,}: applied at iteration")
    assert int(steered.ask("session.log.status['iterations_done']")) == goal
    until(lambda: steered.find("state").inner_text() == "paused", what="the pause after a rewind")
    assert int(steered.ask("len(session.branches)")) == 2


def test_a_fork_is_made_and_both_train_on(steered):
    more = steered.find("more")
    if more.get_attribute("open") is None:
        more.locator("> summary").click()
    steered.find("fork-name").fill("second try")
    steered.find("fork").click()
    receipt(steered, "fork-line-receipt", "fork: 'second try' is paused at iteration")
    code = steered.find("fork-line-receipt").locator("code").inner_text()
    index = steered.add_cell(f"wb.sessions()['second try'].resume(); {code}")
    assert "second try" in code
    steered.run(index)
    assert steered.errors() == []
