"""Views stay complete when a notebook is scrolled, reloaded, split or shown in a tab."""

import pytest

from .lab import notebook_text, until
from .runs import SMALL_RUN

VIEWS = 6
TALL = "print('\\n' * 60)"  # more than a screen of text between two views
START = f"{SMALL_RUN}\nsession = start(10**6)"


@pytest.fixture(scope="module")
def notebook(open_notebook):
    """Return a notebook with many views of one running session, far apart."""
    notebook = open_notebook("many.ipynb", notebook_text(START, *[TALL, "view(session)"] * VIEWS))
    notebook.run_all()
    assert notebook.errors() == []
    return notebook


@pytest.fixture
def running(notebook):
    """Return the same notebook, saved and reloaded."""
    notebook.save()
    notebook.reload()
    return notebook


def cells(notebook):
    """Return the indices of the cells with a view."""
    return [i for i, kind in enumerate(notebook.kinds()) if i and kind == "code" and i % 2 == 0]


def whole(notebook, index, panel=0):
    """Wait until the view of a cell is drawn; return its problems as text."""

    def drawn():
        notebook.scroll_to(index, panel=panel)  # a drawn view is higher than before
        return notebook.drawn(index, panel=panel)

    try:
        until(drawn, what="a drawn view")
    except AssertionError:
        return f"cell {index}: not drawn"
    return notebook.complaints(index, panel=panel)


def broken(notebook, indices=None, panel=0):
    """Return the problems of all views, from the top."""
    found = [whole(notebook, i, panel) for i in indices or cells(notebook)]
    return [text for text in found if text]


def test_all_views_are_drawn_while_training_runs(notebook):
    assert broken(notebook) == []


def test_a_page_reloaded_while_training_runs_draws_all_views(running):
    assert broken(running) == []


def test_views_seen_from_the_bottom_up_after_a_reload(running):
    assert broken(running, cells(running)[::-1]) == []


def test_a_view_scrolled_far_away_and_back_continues(running):
    first, last = cells(running)[0], cells(running)[-1]
    for index in (first, last, first, last, first):
        assert whole(running, index) == ""
    before = running.canvas(first)
    until(lambda: running.canvas(first) != before, what="a change of the canvas")


def test_fast_scrolling_right_after_a_reload_breaks_nothing(running):
    for distance in [900] * 12 + [-1500] * 8:
        running.turn_wheel(distance)
        running.page.wait_for_timeout(40)
    assert broken(running) == []


def test_a_second_view_of_the_notebook_is_whole_and_the_first_stays(running):
    running.command("docmanager:clone")
    until(lambda: running.page.locator(".jp-NotebookPanel").count() == 2, what="two panels")
    running.page.wait_for_timeout(1000)
    assert broken(running, panel=1) == []
    assert broken(running, panel=0) == []


def test_an_output_in_a_tab_of_its_own_is_whole(running):
    index = cells(running)[0]
    running.select(index)
    running.command("notebook:create-output-view")
    tab = running.page.locator(".jp-LinkedOutputView")
    tab.locator('[data-testid="plot"].wb-drawn canvas').first.wait_for()
    assert tab.locator(".wb-problem:visible").count() == 0
    assert whole(running, index) == ""


def test_a_page_that_was_frozen_while_it_loaded_draws_all_views(running):
    # The widget manager gives up after two seconds.
    freeze = """(() => {
        const create = URL.createObjectURL;
        URL.createObjectURL = (blob) => {
            const end = performance.now() + 2500;
            if (!window.frozen) while (performance.now() < end);
            window.frozen = true;
            return create.call(URL, blob);
        };
    })()"""
    running.page.add_init_script(freeze)
    running.reload()
    running.page.wait_for_function("window.frozen")
    assert broken(running) == []
    first = cells(running)[0]
    running.scroll_to(first)
    before = running.canvas(first)
    until(lambda: running.canvas(first) != before, what="a change of the canvas")


def test_a_page_reloaded_after_the_run_draws_all_views(running):
    """Run last: this test stops the session."""
    running.ask("session.stop().wait(60)")
    running.ask("session.wait(60)")
    running.save()
    running.reload()
    assert broken(running) == []
