"""All views with the keyboard, a screen reader, high contrast, and a large zoom."""

import pytest

from .lab import NOTEBOOK, guarded_page, notebook_text, until
from .test_inside import RUN

CELLS = [
    RUN,
    "view(session)",
    "LogTable(session)",
    "Progress(session)",
    "Histogram(session, model)",
    "Layers(session, model)",
    "ConfusionMatrix(session, scores, examples())",
    "Mistakes(session, scores, examples())",
    'Plot.compare({"a": session}, ["cost"])',
]
MORE = "\nfrom extensions_live import LogTable, Plot, Progress, view"
VIEWS = range(1, len(CELLS))
THEMES = "@jupyterlab/apputils-extension/themes"
ROLES = {"button", "checkbox", "combobox", "progressbar", "searchbox", "slider", "textbox"}
# The texts in the views that differ too little from the colours behind them, with the ratios.
FAINT = """() => {
    const pen = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
    const over = (colours) => {
        for (const colour of ['white', ...colours]) {
            pen.fillStyle = colour;
            pen.fillRect(0, 0, 1, 1);
        }
        return [...pen.getImageData(0, 0, 1, 1).data].slice(0, 3).map((part) => part / 255);
    };
    const light = (rgb) => rgb
        .map((one) => one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4)
        .reduce((sum, one, i) => sum + one * [0.2126, 0.7152, 0.0722][i], 0);
    const faint = [];
    for (const one of document.querySelectorAll('.wb *')) {
        const own = [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
        const seen = one.checkVisibility({opacityProperty: true, visibilityProperty: true});
        if (!own || !seen || one.closest(':disabled, .wb-tools')) continue;
        const behind = [];
        for (let el = one; el; el = el.parentElement) {
            behind.unshift(getComputedStyle(el).backgroundColor);
        }
        const texts = over([...behind, getComputedStyle(one).color]);
        const [a, b] = [texts, over(behind)].map(light);
        const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        if (ratio < 4.5) faint.push(`${one.className} ${one.textContent}: ${ratio.toFixed(1)}`);
    }
    return faint;
}"""


@pytest.fixture(scope="module")
def notebook(open_notebook):
    """Yield a saved notebook with all views of a run that goes on."""
    notebook = open_notebook("accessible.ipynb", notebook_text(CELLS[0] + MORE, *CELLS[1:]))
    for index in range(len(CELLS)):
        notebook.run(index)
    assert notebook.errors() == []
    notebook.save()
    yield notebook
    notebook.ask("session.stop() and session.wait(60)")


@pytest.fixture
def another_page(browser, notebook):
    """Return a function that opens the notebook in a page with other options."""
    pages = []

    def another_page(**options):
        pages.append(browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options}))
        other = type(notebook)(pages[-1].new_page(), notebook.base, notebook.path)
        other.open()
        return other

    yield another_page
    for page in pages:
        page.close()


def look(notebook, index):
    """Scroll to a view, and wait until it shows something."""
    notebook.scroll_to(index)
    view = notebook.cell(index).locator(".wb.wb-drawn").first
    until(lambda: view.count() and len(view.inner_text()) > 20, what=f"view {index}")


def test_every_control_has_a_role_and_a_name(notebook):
    client = notebook.page.context.new_cdp_session(notebook.page)
    for index in VIEWS:
        look(notebook, index)
        views = notebook.cell(index).locator(".wb").all()
        for view in views:
            view.evaluate("(one) => { window.oneView = one; }")
            found = client.send("Runtime.evaluate", {"expression": "window.oneView"})["result"]
            nodes = client.send("Accessibility.queryAXTree", {"objectId": found["objectId"]})[
                "nodes"
            ]
            controls = [node for node in nodes if node.get("role", {}).get("value") in ROLES]
            names = [node.get("name", {}).get("value", "").strip() for node in controls]
            assert "" not in names, f"view {index}: {[c['role'] for c in controls]}"
            assert controls or not view.locator("button:visible").count()


@pytest.mark.parametrize(
    ("index", "control"),
    [
        (1, '[data-testid="pause"]'),
        (1, '[data-testid="slider"]'),
        (2, '[data-testid="rows"]'),
        (4, '[data-testid="scrubber"]'),
        (5, ".wb-layer"),
        (7, ".wb-flag"),
        (8, '[data-testid="log-x"]'),
    ],
)
def test_keys_in_a_view_leave_the_notebook_alone(notebook, index, control):
    look(notebook, index)
    notebook.select(0)
    focused = notebook.cell(index).locator(control).first
    until(focused.is_enabled, what="a control that can have the focus")
    focused.focus()
    notebook.page.wait_for_timeout(500)  # the notebook may make the focused cell the active one
    active = notebook.page.evaluate(f"{NOTEBOOK}.content.activeCellIndex")
    for key in ("ArrowDown", "b", "d", "d"):
        notebook.page.keyboard.press(key)
    notebook.page.wait_for_timeout(500)  # the time in which the notebook would act
    assert len(notebook.kinds()) == len(CELLS)
    assert notebook.page.evaluate(f"{NOTEBOOK}.content.activeCellIndex") == active
    assert focused.evaluate("(el) => el.matches(':focus')")


def test_pausing_with_the_keyboard_keeps_the_focus(notebook):
    look(notebook, 1)
    bar = notebook.cell(1)
    bar.get_by_test_id("pause").first.focus()
    notebook.page.keyboard.press("Space")
    focused = bar.locator('[data-testid="resume"]:focus')
    until(lambda: focused.count() == 1, what="the focus on Resume")
    notebook.page.keyboard.press("Space")
    focused = bar.locator('[data-testid="pause"]:focus')
    until(lambda: focused.count() == 1, what="the focus on Pause")


@pytest.mark.parametrize(
    "theme", ["JupyterLab Light", "JupyterLab Dark", "JupyterLab Dark High Contrast"]
)
def test_texts_are_readable_in_every_theme(notebook, another_page, lab, theme):
    lab.set(THEMES, {"theme": theme})
    try:
        other = another_page()
        for index in VIEWS:
            look(other, index)
            assert other.page.evaluate(FAINT) == []
    finally:
        lab.set(THEMES, {})


def test_forced_colours_keep_the_progress_and_the_pressed_buttons(another_page):
    other = another_page(forced_colors="active")
    look(other, 3)
    style = "(el, name) => getComputedStyle(el)[name]"
    assert other.cell(3).locator(".wb-bar").evaluate(style, "borderTopWidth") == "1px"
    done, bar = (other.cell(3).locator(name) for name in (".wb-done", ".wb-bar"))
    assert done.evaluate(style, "backgroundColor") != bar.evaluate(style, "backgroundColor")
    look(other, 5)
    pressed = other.cell(5).locator('.wb-segment[aria-pressed="true"]').first
    assert pressed.evaluate(style, "outlineStyle") == "solid"


def test_views_fit_a_page_of_half_the_width_without_motion(another_page):
    small = {"width": 640, "height": 450}
    other = another_page(viewport=small, device_scale_factor=2, reduced_motion="reduce")
    for index in VIEWS:
        look(other, index)
        for view in other.cell(index).locator(".wb").all():
            assert view.evaluate("(el) => el.scrollWidth <= el.clientWidth + 1"), index
    moving = other.page.locator(".wb").first.evaluate(
        "() => document.getAnimations().filter((one) => one.effect.target?.closest('.wb')).length"
    )
    assert moving == 0


@pytest.mark.parametrize(
    ("motion", "duration"), [("reduce", {"0s"}), ("no-preference", {"0s", "0.15s"})]
)
def test_changes_are_gradual_unless_motion_is_reduced(another_page, motion, duration):
    other = another_page(reduced_motion=motion)
    look(other, len(CELLS) - 1)  # its plot has a toolbar that fades in
    durations = """() => [...document.querySelectorAll('.wb, .wb *')]
        .flatMap((one) => getComputedStyle(one).transitionDuration.split(', '))"""
    until(
        lambda: set(other.page.evaluate(durations)) == duration, what="the views with their styles"
    )


def test_a_widget_that_starts_late_follows_the_run(browser, notebook):
    with guarded_page(browser) as page:
        # anywidget allows two seconds, which a busy page can exceed.
        page.add_init_script(
            "const timeout = AbortSignal.timeout;"
            "AbortSignal.timeout = (ms) => timeout.call(AbortSignal, ms === 2000 ? 1 : ms);"
        )
        other = type(notebook)(page, notebook.base, notebook.path)
        other.open()
        look(other, 3)
        count = other.cell(3).locator('[data-testid="iteration"]')
        before = count.inner_text()
        until(lambda: count.inner_text() != before, what="progress")
