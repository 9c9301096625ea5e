"""A long run in a real browser: plots move, buttons act, messages are few, views survive."""

import time

import pytest

from .conftest import endless_notebook
from .lab import busy, until


@pytest.fixture(scope="module")
def endless(open_notebook):
    """Yield the first notebook, which trains for the duration of the tests."""
    notebook = open_notebook("endless.ipynb", endless_notebook())
    notebook.run_all()
    yield notebook
    notebook.ask("session.stop() and session.wait(60)")


@pytest.fixture
def live(endless):
    """Return the same notebook with a running session, also after a test that paused it."""
    if endless.ask("session.state.value") == "'paused'":
        endless.ask("session.resume().wait(60)")
    endless.look_at("controls")
    until(lambda: endless.find("state").inner_text() == "running", what="a running session")
    return endless


def iterations(notebook):
    return int(notebook.ask("session.log.status['iterations_done']"))


def acknowledged(notebook, text):
    """Wait for the acknowledgement next to the buttons; return its iteration."""
    command = notebook.find("command")
    answers = (f"{text}: applied", f"{text}: started")
    until(lambda: command.inner_text().startswith(answers), what=answers[0])
    return int(command.inner_text().rsplit(" ", 1)[1].replace(",", ""))


def test_the_plot_moves_while_the_kernel_answers_another_cell(live):
    before = live.canvas()
    assert min(live.answer_time() for _ in range(5)) < 0.5
    until(lambda: live.canvas() != before, what="a change of the canvas")


def test_the_plot_moves_while_a_cell_is_busy(live):
    with busy(live):
        for _ in range(3):
            before = live.canvas()
            until(lambda before=before: live.canvas() != before, what="a change of the canvas")


def test_views_and_images_send_at_most_twelve_messages_a_second(live):
    live.run(live.add_cell("view(session)"))  # its first images follow each other closely
    live.look_at("controls")
    sent = sorted(live.display_messages(8.0))
    live.command("notebook:clear-cell-output")
    assert len(sent) > 6
    assert all(later - earlier >= 1.0 for earlier, later in zip(sent, sent[12:], strict=False))


def test_pause_stops_the_count(live):
    live.find("pause").click()
    count = acknowledged(live, "pause")
    assert iterations(live) == count
    time.sleep(1.0)
    assert iterations(live) == count
    assert live.find("state").inner_text() == "paused"


def test_resume_goes_on(live):
    live.ask("session.pause().wait(60)")
    until(lambda: live.find("resume").is_visible(), what="the button Resume")
    count = iterations(live)
    live.find("resume").click()
    assert acknowledged(live, "resume") == count
    until(lambda: iterations(live) > count, what="more iterations")


def test_step_trains_on_one_more_batch(live):
    live.ask("session.pause().wait(60)")
    until(lambda: live.find("step").is_enabled(), what="the button Step")
    count = iterations(live)
    live.find("step").click()
    acknowledged(live, "step 1")
    until(lambda: live.ask("session.state.value") == "'paused'", what="the pause after a step")
    assert iterations(live) == count + 1


def test_training_started_again_is_a_calm_line_and_nothing_is_lost(live):
    cell = live.index("main_loop.start()")
    count = iterations(live)
    live.run(cell)
    assert [output.get("name") for output in live.outputs(cell)] == ["stdout"]
    assert "is already training this main loop; start() returns" in live.text(cell)
    until(lambda: iterations(live) > count, what="more iterations of the same session")
    assert live.find("state").inner_text() == "running"


def test_building_everything_again_is_a_run_of_its_own(live):
    # The cells that build the model make new parameters, which must not affect the old run.
    count = iterations(live)
    for text in ("mlp = MLP(", "cost = ", "main_loop = MainLoop("):
        live.run(live.index(text))
    until(lambda: iterations(live) > count, what="more iterations of the old session")
    assert live.ask("session.main_loop is main_loop") == "False"


def test_a_reloaded_page_shows_the_whole_curve_at_once(live):
    live.ask("session.pause().wait(60)")
    until(lambda: live.find("state").inner_text() == "paused", what="the pause")
    live.save()
    live.reload()
    live.look_at("plot")
    live.find("plot").locator("canvas").first.wait_for()
    last = str(iterations(live))
    until(lambda: live.find("plot").get_attribute("data-last") == last, what="the curve")
    assert int(live.find("plot").get_attribute("data-points")) > min(1000, int(last))
    live.ask("session.resume()")
    before = live.canvas()
    until(lambda: live.canvas() != before, what="a change of the canvas after the reload")


def test_zooming_in_brings_finer_points(live):
    until(lambda: iterations(live) > 2500, timeout=120, what="a run longer than the screen")
    live.ask("session.pause().wait(60)")
    live.look_at("plot")
    plot = live.find("plot")
    box = plot.locator("canvas").first.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    before = int(plot.get_attribute("data-updates"))
    live.page.mouse.move(x, y)
    live.page.mouse.down()
    live.page.mouse.move(x + 30, y + 30, steps=4)
    live.page.mouse.up()
    until(lambda: int(plot.get_attribute("data-updates")) > before, what="finer points")
    reset = plot.get_by_text("show all").first
    reset.click()
    until(reset.is_hidden, what="the end of zooming")


def test_a_cell_run_again_closes_its_old_view(live):
    index = live.add_cell("view(session)")
    fed = "len(__import__('extensions_live.pump').pump.pump.views)"
    live.run(index)
    before = live.ask(fed)
    live.run(index)
    until(lambda: live.page.locator('[data-testid="plot"]').count() == 2, what="two plots")
    assert live.ask(fed) == before
    live.command("notebook:clear-cell-output")


def test_removing_a_view_does_not_affect_training(live):
    index = live.add_cell("view(session)")
    live.run(index)
    until(lambda: live.page.locator('[data-testid="plot"]').count() == 2, what="a second plot")
    live.command("notebook:clear-cell-output")
    until(lambda: live.page.locator('[data-testid="plot"]').count() == 1, what="one plot")
    live.look_at("plot")
    count, before = iterations(live), live.canvas()
    until(lambda: iterations(live) > count, what="more iterations")
    until(lambda: live.canvas() != before, what="a change of the first view")


def test_stop_ends_training_and_shows_the_iteration(live):
    """Run last: this test stops the session."""
    before = iterations(live)
    live.find("stop").click()
    stopped = acknowledged(live, "stop")
    until(lambda: live.find("state").inner_text() == "finished", what="the end in the view")
    assert before <= stopped == iterations(live)
    assert live.ask("session.wait(60)") == "True"
    assert live.find("stop").is_disabled() and live.find("resume").is_hidden()
    assert live.ask("len(session.log.frame)") == str(stopped + 1)
    assert live.ask("session.log.current_row['training_finished']") == "True"
