"""The live view of the first notebook in Jupyter Notebook 7: seen, steered, and loaded again."""

import pytest

from .conftest import endless_notebook
from .lab import Notebook7, until

DONE = "session.log.status['iterations_done']"


@pytest.fixture(scope="module")
def notebook(open_notebook):
    """Yield the notebook after Run All, with a run that has no end."""
    notebook = open_notebook("live7.ipynb", endless_notebook(), Notebook7)
    notebook.run_all()
    assert notebook.errors() == []
    notebook.scroll_to(notebook.index("view(session)"))
    yield notebook
    notebook.ask("session.stop() and session.wait(60)")


def state_becomes(notebook, state):
    until(lambda: notebook.find("state").inner_text() == state, what=f"{state} in the view")


def trains_on(notebook):
    before = int(notebook.ask(DONE))
    until(lambda: int(notebook.ask(DONE)) > before + 3, what="more batches")


def test_the_curves_of_a_running_session_are_drawn(notebook):
    index = notebook.index("view(session)")
    until(lambda: notebook.drawn(index), what="a drawn plot")
    state_becomes(notebook, "running")
    assert notebook.complaints(index) == ""


def test_the_learning_rate_is_changed_in_its_field(notebook):
    if notebook.find("steer").get_attribute("open") is None:
        notebook.find("steer").locator("> summary").click()
    notebook.type_rate("0.02")
    assert notebook.ask("session.interventions[-1]['text']") == "'set learning_rate = 0.02'"


def test_the_run_is_paused_and_resumed(notebook):
    notebook.find("pause").click()
    state_becomes(notebook, "paused")
    assert notebook.ask("session.state.value") == "'paused'"
    notebook.find("resume").click()
    state_becomes(notebook, "running")
    trains_on(notebook)


def test_the_view_is_there_again_after_a_reload(notebook):
    index = notebook.index("view(session)")
    notebook.save()
    notebook.reload()
    notebook.scroll_to(index)
    until(lambda: notebook.drawn(index), what="a drawn plot")
    state_becomes(notebook, "running")
    assert notebook.complaints(index) == ""
    notebook.find("pause").click()
    state_becomes(notebook, "paused")
