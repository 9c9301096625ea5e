"""Tools of a plot in a real browser: settings, marks, handle, table and comparison."""

import re

import pytest

from .conftest import endless_notebook
from .lab import notebook_text, until
from .runs import SMALL_RUN

COMPARE = 'Plot.compare({"first": short.log, "second": other.log.frame}, [["cost"]])'


@pytest.fixture(scope="module")
def shared(open_notebook):
    notebook = open_notebook(
        "tools.ipynb",
        notebook_text(
            SMALL_RUN,
            "short = start(3); short.wait(); other = start(2); other.wait()",
            "view(short)",
        ),
    )
    notebook.run_all()
    assert notebook.errors() == []
    return notebook


@pytest.fixture
def plot(shared):
    shared.look_at("plot")
    plot = shared.find("plot")
    plot.locator("canvas").first.wait_for()
    until(lambda: int(plot.get_attribute("data-points") or 0) > 0, what="points")
    plot.locator(".wb-card").first.hover()
    return plot


def pressed(plot, name):
    return plot.get_by_test_id(name).first.get_attribute("aria-pressed") == "true"


def setting(notebook, name):
    """Return a setting as Python knows it."""
    views = (
        "[v for v in __import__('extensions_live.pump').pump.pump.views if hasattr(v, 'settings')]"
    )
    return notebook.ask(f"{views}[0].settings[{name!r}]")


def test_the_tools_appear_with_the_pointer_or_the_focus(shared, plot):
    tools = plot.get_by_test_id("plot-tools").first
    opacity = "(el) => Number(getComputedStyle(el).opacity)"
    until(lambda: tools.evaluate(opacity) == 1, what="visible tools")
    shared.page.mouse.move(5, 5)
    shared.page.evaluate("document.activeElement.blur()")
    until(lambda: tools.evaluate(opacity) == 0, what="invisible tools")
    plot.get_by_test_id("log-y").first.focus()
    until(lambda: tools.evaluate(opacity) == 1, what="tools with the focus")


def test_settings_change_the_picture_and_survive_a_reload(shared, plot):
    before = shared.canvas()
    plot.get_by_test_id("log-y").first.click()
    until(lambda: shared.canvas() != before, what="a logarithmic axis")
    until(lambda: setting(shared, "log_y") == "[0]", what="the setting in Python")
    plot.get_by_test_id("x-axis").first.select_option("epoch")
    until(lambda: plot.get_attribute("data-last") == "3", what="epochs on the axis")
    shared.save()
    shared.reload()
    shared.look_at("plot")
    until(lambda: shared.find("plot").get_attribute("data-last") == "3", what="the same axis")
    plot = shared.find("plot")
    assert pressed(plot, "log-y")
    plot.locator(".wb-card").first.hover()
    plot.get_by_test_id("x-axis").first.select_option("iteration")
    plot.get_by_test_id("log-y").first.click()
    until(lambda: plot.get_attribute("data-last") == "150", what="iterations on the axis")


def numbers_in_the_image(notebook, plot):
    """Return the numbers that the saved figure contains, which are those at its axes."""
    plot.get_by_test_id("save-menu").first.locator("summary").click()
    with notebook.page.expect_download() as download:
        plot.get_by_test_id("save-SVG").first.click()
    content = download.value.path().read_text(encoding="utf-8")
    return {float(text.replace(",", "")) for text in re.findall(r">([\d.,]*\d)</", content)}


def highest(notebook, plot):
    """Return the highest number at the y axis, where values are at most 1."""
    return max(one for one in numbers_in_the_image(notebook, plot) if one <= 1)


def pointed_at(notebook, plot):
    """Move the pointer to the middle of a figure; return the iteration that it shows there."""
    canvas, place = plot.locator("canvas").first, plot.locator(".wb-at").first
    canvas.scroll_into_view_if_needed()
    notebook.page.mouse.move(5, 5)
    until(lambda: not place.inner_text(), what="no place while the pointer is elsewhere")
    box = canvas.bounding_box()
    notebook.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    until(lambda: place.inner_text().startswith("iteration "), what="the place of the pointer")
    return int(place.inner_text().split()[-1])


def test_the_x_axis_is_logarithmic(shared, plot):
    assert pointed_at(shared, plot) == pytest.approx(75, abs=15)
    plot.get_by_test_id("log-x").first.click()
    until(lambda: setting(shared, "log_x") == "True", what="the setting in Python")
    assert pressed(plot, "log-x")
    assert pointed_at(shared, plot) == pytest.approx(150**0.5, abs=5)
    plot.get_by_test_id("log-x").first.click()
    until(lambda: setting(shared, "log_x") == "False", what="a linear axis")


def test_an_outlier_does_not_flatten_the_curve_in_the_robust_range(shared, plot):
    whole = highest(shared, plot)
    plot.get_by_test_id("robust").first.click()
    until(lambda: setting(shared, "robust") == "[0]", what="the setting in Python")
    assert highest(shared, plot) < whole / 1.9
    plot.get_by_test_id("robust").first.click()
    until(lambda: setting(shared, "robust") == "[]", what="the whole range")


def test_the_y_axis_fits_the_visible_part_of_the_x_axis(shared, plot):
    whole = highest(shared, plot)
    box = plot.locator("canvas").first.bounding_box()
    shared.page.mouse.move(box["x"] + box["width"] - 20, box["y"] + box["height"] / 2)
    shared.page.keyboard.down("Control")
    shared.page.mouse.wheel(0, -600)
    shared.page.keyboard.up("Control")
    everything = plot.locator(".wb-reset").first
    until(everything.is_visible, what="a part of the x axis")
    assert highest(shared, plot) < whole / 5
    everything.click()
    until(everything.is_hidden, what="the whole x axis")
    assert highest(shared, plot) == whole


def test_the_legend_hides_a_curve_and_shows_it_again(shared, plot):
    key = plot.locator(".wb-key").first
    key.hover()
    images = [shared.canvas()]

    def is_still():
        shared.page.wait_for_timeout(200)
        images.append(shared.canvas())
        return images[-1] == images[-2]

    until(is_still, what="an image without what the pointer has drawn")
    before = images[-1]
    key.click()
    until(lambda: key.get_attribute("aria-pressed") == "false", what="a hidden curve")
    until(lambda: shared.canvas() != before, what="an image without the curve")
    until(lambda: setting(shared, "hidden") != "[]", what="the setting in Python")
    key.click()
    until(lambda: key.get_attribute("aria-pressed") == "true", what="the curve again")
    until(lambda: shared.canvas() == before, what="the same image as before")


def test_the_smoothing_slider_is_moved_by_keys(shared, plot):
    menu = plot.get_by_test_id("smooth-menu").first.locator("summary")
    menu.click()
    slider = plot.get_by_test_id("smoothing").first
    slider.focus()
    assert slider.bounding_box()["width"] > 200  # a mouse reaches its 100 steps
    updates = int(plot.get_attribute("data-updates"))
    for _ in range(30):
        slider.press("ArrowRight")
    until(lambda: int(plot.get_attribute("data-updates")) > updates, what="a smoothed curve")
    assert "mean over about" in slider.get_attribute("aria-valuetext")
    until(lambda: float(setting(shared, "smoothing")) > 10, what="the smoothing in Python")
    slider.press("Home")
    until(lambda: setting(shared, "smoothing") in ("0", "0.0"), what="no smoothing")
    slider.press("Escape")
    until(lambda: not slider.is_visible(), what="a closed menu")


def test_the_pointer_on_a_mark_shows_its_text(shared, plot):
    box = plot.locator("canvas").first.bounding_box()
    tip = plot.get_by_test_id("mark-text").first
    shown = ""
    for x in range(60, int(box["width"]), 4):
        shared.page.mouse.move(box["x"] + x, box["y"] + 40)
        if tip.is_visible():
            shown = tip.inner_text()
            break
    assert shown.startswith("end of epoch")


def test_the_table_has_the_values_and_a_button_shows_it(shared, plot):
    table = plot.get_by_test_id("plot-table").first
    assert table.evaluate("(el) => el.getBoundingClientRect().height") <= 1
    assert "iteration 150" in table.locator("tbody th").last.inner_text()
    plot.get_by_test_id("table").first.click()
    until(lambda: table.bounding_box()["height"] > 50, what="a visible table")
    plot.get_by_test_id("table").first.click()


@pytest.mark.parametrize(
    ("kind", "start"), [("CSV", b"iteration,cost"), ("PNG", b"\x89PNG"), ("SVG", b"<svg")]
)
def test_a_figure_is_saved(shared, plot, kind, start):
    plot.get_by_test_id("save-menu").first.locator("summary").click()
    with shared.page.expect_download() as download:
        plot.get_by_test_id(f"save-{kind}").first.click()
    content = download.value.path().read_bytes()
    assert content.startswith(start)
    assert len(content) > 500
    if kind == "PNG":
        assert int.from_bytes(content[16:20], "big") == 1600  # its width
    assert download.value.suggested_filename == f"cost.{kind.lower()}"


def test_the_key_l_of_another_part_of_the_output_changes_the_axis(shared, plot):
    assert not pressed(plot, "log-y")
    event = "new CustomEvent('wb-key', {detail: 'l', bubbles: true})"
    shared.find("controls").evaluate(f"(el) => el.dispatchEvent({event})")
    until(lambda: pressed(plot, "log-y"), what="a logarithmic axis")
    plot.get_by_test_id("log-y").first.press("l")
    until(lambda: not pressed(plot, "log-y"), what="a linear axis")


def test_a_way_back_that_is_refused_says_why(shared, plot):
    handle = plot.get_by_test_id("handle").first
    handle.focus()
    handle.press("ArrowLeft")
    plot.get_by_test_id("rewind-here").first.click()
    answer = plot.get_by_test_id("handle-answer").first
    until(lambda: "refused" in answer.inner_text(), what="the refusal")
    assert "is not a TrainingAlgorithm" in answer.inner_text()
    handle.press("Escape")
    assert plot.get_by_test_id("handle-panel").first.is_hidden()


def test_runs_are_compared_hidden_hovered_and_renamed(shared):
    index = shared.add_cell(COMPARE)
    shared.run(index)
    shared.scroll_to(index)
    cell = shared.cell(index)
    table = cell.get_by_test_id("comparison")
    table.wait_for()
    until(lambda: "iterations" in table.inner_text(), what="the table")
    assert "150" in table.inner_text() and "100" in table.inner_text()
    keys = cell.locator(".wb-key")
    assert [text.split()[0] for text in keys.all_inner_texts()] == ["first", "second"]
    before = shared.canvas(index)
    cell.get_by_test_id("hide-run").first.click()
    until(lambda: shared.canvas(index) != before, what="a hidden run")
    cell.get_by_test_id("hide-run").first.click()
    values = [key.locator("output") for key in keys.all()]
    place = pointed_at(shared, cell)
    assert 20 < place < 100  # where both runs have values
    shown = [float(value.inner_text()) for value in values]
    assert shown == [pytest.approx(1 / place, rel=0.1)] * 2
    name = cell.get_by_test_id("run-name").last
    name.fill("mine")
    name.press("Enter")
    until(lambda: "mine" in keys.last.inner_text(), what="the new name")


def test_a_run_goes_back_by_the_handle_and_is_compared_with_its_branch(open_notebook):
    notebook = open_notebook("back.ipynb", endless_notebook())
    notebook.run_all()
    done = "session.log.status['iterations_done']"
    until(lambda: int(notebook.ask(done)) > 300, timeout=120, what="a run of some length")
    notebook.look_at("plot")
    plot = notebook.find("plot")
    handle = plot.get_by_test_id("handle").first
    until(lambda: int(handle.get_attribute("aria-valuenow")) > 300, what="a plot of that length")
    handle.scroll_into_view_if_needed()
    box = handle.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    notebook.page.mouse.move(x, y)
    notebook.page.mouse.down()
    notebook.page.mouse.move(x - 150, y, steps=4)
    notebook.page.mouse.up()
    goal = handle.get_attribute("aria-valuenow")
    plot.get_by_test_id("rewind-here").first.click()
    answer = plot.get_by_test_id("handle-answer").first
    until(lambda: f"applied at iteration {goal}" in answer.inner_text(), what="the rewind")
    assert notebook.ask(done) == goal
    until(plot.get_by_test_id("handle-panel").first.is_hidden, what="the closed panel")
    notebook.ask("session.set('learning_rate', 0.05).wait(60)")
    notebook.ask("session.resume().wait(60)")
    until(lambda: int(notebook.ask(done)) > int(goal) + 100, timeout=120, what="more training")
    notebook.ask("session.pause().wait(60)")
    find_mark(notebook, plot, f"learning_rate 0.1 → 0.05 at {int(goal):,}, by code")
    fork_at(notebook, plot, handle)
    plot.get_by_test_id("compare-here").first.click()
    table = plot.get_by_test_id("comparison")
    table.wait_for()
    names = table.get_by_test_id("run-name")
    until(lambda: names.count() == 3, what="the run, its branch and its fork")
    plot.get_by_test_id("leave-comparison").click()
    until(lambda: plot.get_by_test_id("comparison").count() == 0, what="the plot of one run")
    notebook.ask("session.stop() and session.wait(60)")
    notebook.ask(f"{FORK}.stop() and {FORK}.wait(60)")


FORK = "next(one for one in __import__('workbench').sessions() if 'fork of' in repr(one.branches))"


def fork_at(notebook, plot, handle):
    """Fork the run at another iteration by the handle, and check where the fork is."""
    handle.focus()
    handle.press("ArrowLeft")
    start = handle.get_attribute("aria-valuenow")
    plot.get_by_test_id("fork-here").first.click()
    answer = plot.get_by_test_id("handle-answer").first
    expected = f"is paused at iteration {int(start):,}"
    until(lambda: expected in answer.inner_text(), timeout=120, what="the fork")
    assert "view(sessions()[" in answer.inner_text()
    done = f"{FORK}.log.status['iterations_done']"  # the fork repeats batches up to its start
    until(lambda: notebook.ask(done) == start, what="the start of the fork")
    assert notebook.ask(f"str({FORK}.state)") == "'paused'"


def find_mark(notebook, plot, text):
    """Move the pointer over the figure until the text of a mark appears."""
    tip = plot.get_by_test_id("mark-text").first

    def found():
        box = plot.locator("canvas").first.bounding_box()
        for x in range(60, int(box["width"]), 4):
            notebook.page.mouse.move(box["x"] + x, box["y"] + 40)
            if tip.is_visible() and text in tip.inner_text():
                return True
        return False

    until(found, timeout=60, what=text)
